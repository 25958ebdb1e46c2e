"""Tests of app/admin/changes.py."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.admin.changes import MOST_EVENTS, NoOutboundError, Order, RefusedError, Wish, apply, mistakes
from app.cutover.state import STAGE_LATCH, CutoverState, Latch, Stage, Switch

LATCH = Latch(at=1.0, reason="it failed")
STATE = CutoverState(
    stage=Stage.SPLIT,
    percent=10,
    operations={"get_event": Switch.OUTBOUND, "register": Switch.OFF},
    events={"contoso_*": Switch.REALTIME},
    latches={"list_events": LATCH, STAGE_LATCH: LATCH},
)


def wished(**parts: Any) -> CutoverState:
    return apply(STATE, Wish.model_validate(parts), both=True)


def test_what_is_not_wished_stays() -> None:
    assert wished() == STATE
    assert Wish().empty
    assert wished(stage="realtime") == STATE.model_copy(update={"stage": Stage.REALTIME})
    assert wished(percent=0).percent == 0
    assert not Wish(percent=0).empty


def test_switches_are_laid_over_and_taken_away() -> None:
    after = wished(operations={"get_event": None, "list_events": "off"}, events={"Contoso_*": None, "Other": "outbound"})
    assert after.operations == {"register": Switch.OFF, "list_events": Switch.OFF}
    assert after.events == {"other": Switch.OUTBOUND}


def test_latches_are_cleared_by_name_or_all() -> None:
    assert wished(clear_latches=["list_events"]).latches == {STAGE_LATCH: LATCH}
    assert wished(clear_latches="all").latches == {}
    with pytest.raises(RefusedError, match="Nothing is latched under register"):
        wished(clear_latches=["register"])


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"operations": {"nonsense": "off"}}, "no such operation: nonsense"),
        ({"operations": {"create_checkin": "outbound"}}, "outbound cannot serve it"),
        ({"events": {"a/b": "off"}}, "is no readable event id or pattern"),
        ({"events": {f"event_{number}": "off" for number in range(MOST_EVENTS)}}, "There may be 1,000 switches"),
    ],
)
def test_what_cannot_be_is_refused_in_words(parts: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        wished(**parts)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"stage": "half"}, "stage: "),
        ({"percent": 101}, "percent: "),
        ({"percent": True}, "percent: "),
        ({"percent": "10"}, "percent: "),
        ({"percent": float("nan")}, "percent: "),
        ({"operations": {"get_event": "yes"}}, "operations.get_event: "),
        ({"stages": "split"}, "stages: Extra inputs"),
        ({"clear_latches": "some"}, "clear_latches: "),
        ({"stage": "split", "why": ""}, "why: "),
        ({"stage": "split"}, "why: Field required"),
        ({"why": "x" * 501}, "why: "),
        ({"why": "x", "who": "x" * 101}, "who: "),
        ([], ""),
    ],
)
def test_an_order_that_is_none_is_told_in_words_without_its_values(parts: Any, words: str) -> None:
    with pytest.raises(ValidationError) as invalid:
        Order.model_validate(parts)
    told = mistakes(invalid.value)
    assert words in told
    assert "xxxx" not in told


@pytest.mark.parametrize(
    "parts", [{"stage": "outbound"}, {"stage": "shadow"}, {"stage": "split"}, {"events": {"a": "outbound"}},
              {"operations": {"get_event": "outbound"}}]
)  # fmt: skip
def test_without_outbound_nothing_can_be_sent_there(parts: dict[str, Any]) -> None:
    with pytest.raises(NoOutboundError, match=r"no(ne)? (outbound organisation )?is configured"):
        apply(CutoverState(), Wish.model_validate(parts), both=False)


def test_without_outbound_the_rest_can_be_changed() -> None:
    after = apply(CutoverState(), Wish.model_validate({"operations": {"get_event": "off"}, "stage": "realtime"}), both=False)
    assert after.operations == {"get_event": Switch.OFF}
