"""Tests of app/admin/words.py."""

import pytest

from app.admin.words import NOTHING, duration, machine_moment, moment, number, percent, share, size, span, steps
from app.cutover.state import CutoverState, Latch, Stage, Switch
from app.cutover.store import difference


def test_numbers_and_times() -> None:
    assert moment(1_795_449_600.4) == "2026-11-23 16:00:00 UTC"
    assert moment(None) == NOTHING
    assert machine_moment(1_795_449_600.4) == "2026-11-23T16:00:00Z"
    assert [span(value) for value in (0, 59.9, 60, 7_300, 86_400, 900_000)] == [
        "0 s", "59 s", "1 minute", "2 hours", "1 day", "10 days",
    ]  # fmt: skip
    assert number(1_234_567) == "1\u202f234\u202f567"
    assert [duration(value) for value in (None, 0.1234, 1.26)] == [NOTHING, "123\u00a0ms", "1.3\u00a0s"]
    assert [size(value) for value in (0, 1_500, 2_500_000)] == ["0 kB", "2 kB", "2.5 MB"]
    assert share(12.5) == "12.5 %"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, NOTHING), (0, "0 %"), (0.01, "< 0.1 %"), (0.14, "0.1 %"), (50, "50 %"), (99.94, "> 99.9 %"), (100, "100 %")],
)
def test_percentages_do_not_flatter(value: float | None, shown: str) -> None:
    assert percent(value) == shown


def test_a_change_in_words() -> None:
    before = CutoverState(
        stage=Stage.SHADOW, percent=0, operations={"get_event": Switch.OFF}, latches={"register": Latch(at=1, reason="it failed")}
    )
    after = CutoverState(stage=Stage.SPLIT, percent=12.5, events={"a_*": Switch.REALTIME})
    assert [str(step) for step in steps(*difference(before, after))] == [
        "Stage: shadow → split",
        "Percentage: 0 % → 12.5 %",
        "Switch of get_event: off → none",
        "Switch of event a_*: none → realtime",
        "Latch of register: moved back to outbound (it failed) → cleared",
    ]
    assert steps(*difference(after, after)) == []


def test_the_first_state_and_the_stages_latch() -> None:
    state = CutoverState(latches={"*": Latch(at=1, reason="all failed")})
    told = [str(step) for step in steps(*difference(None, state))]
    assert told == [
        f"Stage: {NOTHING} → realtime",
        f"Percentage: {NOTHING} → 100 %",
        "Latch of the whole stage: none → moved back to outbound (all failed)",
    ]
