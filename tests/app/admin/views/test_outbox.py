"""The outbox as it is shown."""

import pytest

from app.admin.views.outbox import decisions_on, meaning_of, show_outbox
from app.outbox.entries import Entry, State, Summary


def test_ages_meanings_and_what_is_left_out() -> None:
    entry = Entry(7, "Open_Day", State.PARKED, 1_000.0, 1_050.0, 2, "Interrupted", 500)
    summary = Summary(dict.fromkeys(State, 2), 900.0, {})
    shown = show_outbox([entry], summary, (), 1_100.0)
    assert (shown.more, shown.oldest) == (7, 200.0)
    (row,) = shown.rows
    assert (row.age, row.decisions) == (100.0, ("retry", "drop"))
    assert row.meaning is not None
    assert "may have arrived" in row.meaning


@pytest.mark.parametrize(
    ("state", "found"),
    [(State.WAITING, ("drop",)), (State.SENDING, ()), (State.PARKED, ("retry", "drop")), (State.DEAD, ("retry", "drop"))],
)
def test_what_can_be_decided_depends_on_where_it_stands(state: State, found: tuple[str, ...]) -> None:
    assert decisions_on(state) == found


def test_codes_of_the_list_have_their_titles() -> None:
    assert meaning_of("UpstreamRejected") == "Dynamics rejected the request."
    assert (meaning_of(None), meaning_of("Unheard")) == (None, None)
