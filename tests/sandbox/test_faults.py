import re

import pytest

from sandbox.fault_kinds import CHANGERS, INSTEAD, PLAYERS
from sandbox.faults import KINDS, Fault, FaultBoard
from sandbox.recorder import Record
from sandbox.wire import Request

RECORD = Record(1, Request("GET", b"/api/x?y=1"), "realtime", "event")


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({}, True),
        ({"operation": "event", "backend": "realtime", "method": "GET"}, True),
        ({"operation": "passes"}, False),
        ({"backend": "outbound"}, False),
        ({"method": "POST"}, False),
        ({"path": r"x\?y=\d$"}, True),
        ({"path": "^x"}, False),
    ],
)
def test_matching(values: dict[str, str], fits: bool) -> None:
    assert Fault("hang", **values).fits(RECORD) is fits  # type: ignore[arg-type]


def test_times_and_skip() -> None:
    board = FaultBoard()
    board.add("reset", skip=1, times=2)
    assert [len(board.take(RECORD)) for _ in range(4)] == [0, 1, 1, 0]
    assert board.all() == []


def test_always_until_cleared() -> None:
    board = FaultBoard()
    first, second = board.add("reset", times=None), board.add("hang", times=None)
    assert [item.kind for _ in range(3) for item in board.take(RECORD)] == ["reset"] * 3
    board.clear(first.number)
    assert board.take(RECORD) == [second]
    board.clear()
    assert board.take(RECORD) == []


def test_latency_goes_with_another_fault() -> None:
    board = FaultBoard()
    board.add("html")
    board.add("latency")
    board.add("reset")
    assert [item.kind for item in board.take(RECORD)] == ["latency", "html"]
    assert [item.kind for item in board.take(RECORD)] == ["reset"]


def test_mistakes_are_refused() -> None:
    board = FaultBoard()
    with pytest.raises(ValueError, match="unknown kind"):
        board.add("explode")
    with pytest.raises(ValueError, match="unknown ending"):
        board.add("raw", ending="well")
    with pytest.raises(TypeError):
        board.add("hang", tmies=1)
    with pytest.raises(re.error):
        board.add("hang", path="(")


def test_every_kind_is_implemented_once() -> None:
    assert {"hold", "latency"} | set(CHANGERS) | set(PLAYERS) == KINDS
    assert not set(CHANGERS) & set(PLAYERS)
    assert INSTEAD < KINDS
