"""Tests of app/admin/confirming.py."""

from typing import Any

import pytest

from app.admin.changes import RefusedError, Wish, apply
from app.admin.confirming import Confirmation, confirm, read_wish
from app.cutover.state import CutoverState, Latch, Stage, Switch

STATE = CutoverState(
    stage=Stage.SHADOW, percent=5, operations={"get_event": Switch.OFF}, latches={"register": Latch(at=1, reason="x")}
)


def confirmed(state: CutoverState = STATE, durable: bool = True, **parts: Any) -> Confirmation:
    wish = Wish.model_validate(parts)
    return confirm(state, apply(state, wish, both=True), wish, durable=durable)


@pytest.mark.parametrize(
    ("fields", "wish"),
    [
        ({"stage": "split"}, {"stage": "split"}),
        ({"percent": " 12,5 ", "stage": ""}, {"percent": 12.5}),
        ({"operation": "get_event", "switch": "off"}, {"operations": {"get_event": "off"}}),
        ({"operation": "get_event", "switch": "none"}, {"operations": {"get_event": None}}),
        ({"event": " Contoso_* ", "switch": "realtime"}, {"events": {"Contoso_*": "realtime"}}),
        ({"clear": "*", "back": "audit"}, {"clear_latches": ["*"]}),
        ({"clear": "all"}, {"clear_latches": "all"}),
    ],
)
def test_forms_are_read(fields: dict[str, str], wish: dict[str, Any]) -> None:
    assert read_wish(fields) == Wish.model_validate(wish)


@pytest.mark.parametrize(
    "fields",
    [{}, {"percent": "many"}, {"percent": "nan"}, {"percent": "-1"}, {"stage": "x"}, {"operation": "get_event", "switch": ""},
     {"switch": "off"}],
)  # fmt: skip
def test_forms_that_wish_nothing_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(RefusedError):
        read_wish(fields)


def test_a_step_forward() -> None:
    found = confirmed(stage="split")
    assert [str(step) for step in found.steps] == ["Stage: shadow → split"]
    assert "real-time serves 5 % of the visitors" in found.effects[0]
    assert found.forward
    assert [caution[:9] for caution in found.cautions] == ["Something"]  # is latched


def test_a_leap_and_a_step_back() -> None:
    leap = confirmed(stage="realtime", clear_latches="all")
    assert leap.cautions == ["This leaves out split: what was not tried there is tried on all visitors at once."]
    back = confirmed(stage="outbound", clear_latches="all")
    assert not back.forward
    assert back.cautions == []


def test_percentages() -> None:
    split = CutoverState(stage=Stage.SPLIT, percent=5)
    assert "more of the others join" in confirmed(split, percent=6).effects[0]
    assert "go back to outbound" in confirmed(split, percent=4).effects[0]
    assert "Visitors notice nothing" in confirmed(percent=50).effects[0]


def test_switches_and_latches() -> None:
    assert confirmed(operations={"get_event": None}).effects == ["The stage decides again who serves it."]
    assert "switched off" in confirmed(events={"A": "off"}).effects[0]
    assert "may move it back again" in confirmed(clear_latches=["register"]).effects[0]


def test_what_changes_nothing_says_nothing() -> None:
    found = confirmed(stage="shadow", percent=5, operations={"get_event": "off"})
    assert (found.steps, found.effects, found.forward) == ([], [], False)


def test_a_state_that_is_not_kept_is_told() -> None:
    assert "memory only" in confirmed(durable=False, percent=6).cautions[0]
