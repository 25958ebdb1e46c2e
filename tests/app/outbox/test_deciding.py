"""What people decide: what can be, and that it is recorded."""

import pytest

from app.outbox import delivering
from app.outbox.deciding import decisions, drop, looked, retry
from app.outbox.entries import State
from app.outbox.store import Store
from tests.app.outbox.material import EVENT, put


def in_each_state(store: Store) -> dict[State, int]:
    numbers = {state: put(store, f"{state}@example.com") for state in State}
    for state, number in numbers.items():
        if state is not State.WAITING:
            claimed = delivering.claim(store, number)
            assert claimed is not None
            delivering.settle(store, claimed, state, "Code")
    return numbers


def test_dead_and_parked_ones_are_sent_again_and_no_others(store: Store) -> None:
    numbers = in_each_state(store)
    done = retry(store, [*numbers.values(), 4_711], "Ida", "mended")
    assert done == [numbers[State.PARKED], numbers[State.DEAD]]
    assert store.summary().states[State.WAITING] == 3
    assert [(line.what, line.entry, line.event, line.who, line.why) for line in decisions(store, 10)] == [
        ("retry", numbers[State.DEAD], EVENT, "Ida", "mended"),
        ("retry", numbers[State.PARKED], EVENT, "Ida", "mended"),
    ]


def test_all_but_what_is_being_sent_can_be_dropped(store: Store) -> None:
    numbers = in_each_state(store)
    assert len(drop(store, list(numbers.values()), "Ida", "asked to")) == 3
    assert [entry.id for entry in store.entries()] == [numbers[State.SENDING]]
    assert store.summary().totals["dropped"] == 3


def test_nothing_is_done_without_a_name_and_a_reason(store: Store) -> None:
    number = put(store)
    for decide in (retry, drop):
        for who, why in (("", "why"), ("who", " \n")):
            with pytest.raises(ValueError, match="is missing"):
                decide(store, [number], who, why)
    with pytest.raises(ValueError, match="is missing"):
        looked(store, "show", number, EVENT, "who", "")
    assert (len(store.entries()), decisions(store, 10)) == (1, [])


def test_that_somebody_looked_is_recorded(store: Store) -> None:
    looked(store, "export", None, None, "Ida", "request of a visitor")
    (line,) = decisions(store, 10)
    assert (line.what, line.entry, line.event, line.who, line.why) == ("export", None, None, "Ida", "request of a visitor")
