"""Tests of app/admin/views/operations.py."""

import pytest

from app.admin.views.operations import OperationRow, figures_of, served, show_operations
from app.cutover.state import CutoverState, Latch, Stage, Switch
from app.cutover.traffic import Traffic
from tests.app.admin.rig import NOW, invented_parity
from translation.operations import BY_NAME, OPERATIONS
from translation.parity import Parity

LATCH = Latch(at=1, reason="it failed")
SPLIT = CutoverState(stage=Stage.SPLIT, percent=25)


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("get_event", CutoverState(), "realtime"),
        ("get_event", CutoverState(stage=Stage.OUTBOUND), "outbound"),
        ("get_event", CutoverState(stage=Stage.SHADOW), "outbound"),
        ("get_event", SPLIT, "real-time for 25 %"),
        ("get_session", SPLIT, "realtime"),
        ("get_user", SPLIT, "outbound"),
        ("get_event", SPLIT.model_copy(update={"percent": 0.0}), "outbound"),
        ("get_event", SPLIT.model_copy(update={"percent": 100.0}), "realtime"),
        ("list_events", SPLIT.model_copy(update={"percent": 100.0}), "both, one list"),
        ("get_event", SPLIT.model_copy(update={"operations": {"get_event": Switch.OFF}}), "nobody: switched off"),
        ("get_event", SPLIT.model_copy(update={"latches": {"get_event": LATCH}}), "outbound"),
        ("get_event", SPLIT.model_copy(update={"events": {"*": Switch.OFF}}), "real-time for 25 %"),
    ],
)
def test_who_serves_is_told_as_the_rules_decide(name: str, state: CutoverState, words: str) -> None:
    assert served(state, BY_NAME[name]) == words


def rows(state: CutoverState, traffic: Traffic, parity: Parity) -> dict[str, OperationRow]:
    return {row.name: row for row in show_operations(state, traffic, parity).operations}


def test_all_operations_are_told() -> None:
    shown = show_operations(SPLIT, Traffic(lambda: NOW), Parity())
    assert [row.name for row in shown.operations] == [operation.name for operation in OPERATIONS]
    assert {row.parity_percent for row in shown.operations} == {None}


def test_figures_and_likeness_are_those_of_the_operation() -> None:
    traffic = Traffic(lambda: NOW)
    for number in range(10):
        traffic.observe("realtime", "get_event", number == 0, 0.1)
    traffic.observe("outbound", "get_event", False, 0.2)
    row = rows(SPLIT, traffic, invented_parity())["get_event"]
    assert (row.realtime.calls, row.realtime.failures, row.realtime.error_percent) == (10, 1, 10.0)
    assert row.outbound.calls == 1
    assert row.realtime.p95 is not None
    assert row.parity_percent is not None
    assert 90 < row.parity_percent < 91
    assert figures_of(0, 0).error_percent is None


def test_the_latch_of_the_stage_is_that_of_all_that_outbound_has() -> None:
    shown = rows(SPLIT.model_copy(update={"latches": {"*": LATCH}}), Traffic(lambda: NOW), Parity())
    assert shown["get_event"].latch == LATCH
    assert shown["get_session"].latch is None
