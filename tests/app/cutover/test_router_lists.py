"""Requests and the lists of events: who waits for them, who does not, and when they are read."""

import asyncio
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest

from app.cutover import router as module
from app.cutover.decision import Rule, Source
from app.cutover.state import CutoverState, Stage
from tests.app.cutover.routing import (
    BOTH,
    OUTBOUND,
    REALTIME,
    Desk,
    published,
)
from translation.errors import UPSTREAM_FAILED, ErrorKind, ProxyError

pytestmark = pytest.mark.anyio


class Lists:
    """What is read of both organisations; each waits until it is let go."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.gates = {REALTIME: asyncio.Event(), OUTBOUND: asyncio.Event()}
        self.errors: dict[Source, ErrorKind] = {}
        self.asked = {REALTIME: asyncio.Event(), OUTBOUND: asyncio.Event()}
        self.reads = dict.fromkeys(self.gates, 0)

    async def read(self, source: Source) -> None:
        self.reads[source] += 1
        self.asked[source].set()
        await self.gates[source].wait()
        if source in self.errors:
            raise ProxyError(self.errors[source])
        self.desk.places.learn(source, "list_events", {}, published("Gala"))

    def follow(self) -> "asyncio.Task[None]":
        return asyncio.create_task(
            self.desk.router.follow_lists({REALTIME: lambda: self.read(REALTIME), OUTBOUND: lambda: self.read(OUTBOUND)})
        )

    async def turn(self) -> None:
        """Let the loop run until nothing but waiting is left to do."""
        for _ in range(20):
            await asyncio.sleep(0)


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_request_waits_for_the_first_lists_of_both() -> None:
    """With one list alone, visitors beyond the percentage would be served by real-time."""
    desk = Desk(CutoverState(stage=Stage.SPLIT, percent=0))
    lists = Lists(desk)
    following = lists.follow()
    waiting = asyncio.create_task(desk.choose("get_event"))
    await lists.asked[OUTBOUND].wait()
    lists.gates[REALTIME].set()
    await lists.turn()
    assert not waiting.done()
    assert desk.at_once("get_event", "Gala") is None
    lists.gates[OUTBOUND].set()
    assert ((await waiting).source, (await desk.choose("get_event")).rule) == (OUTBOUND, Rule.PERCENT)
    assert desk.at_once("get_event", "Gala") is OUTBOUND
    await ended(following)


@pytest.mark.parametrize("failing", [(REALTIME,), (OUTBOUND,), (REALTIME, OUTBOUND)])
async def test_nobody_waits_for_an_organisation_that_is_down(failing: tuple[Source, ...]) -> None:
    desk = Desk(CutoverState(stage=Stage.SPLIT, percent=0))
    lists = Lists(desk)
    lists.errors = dict.fromkeys(failing, UPSTREAM_FAILED)
    for gate in lists.gates.values():
        gate.set()
    following = lists.follow()
    with patch.object(module, "FIRST_LISTS_SECONDS", 3_600):
        route = await desk.choose("get_event")
        # What real-time publishes is known, or may be asked for there after outbound.
        assert (route.source, route.otherwise) == ((OUTBOUND, REALTIME) if REALTIME in failing else (REALTIME, None))
        await desk.choose("get_event")  # and does not wait either
    await ended(following)


async def test_when_real_time_comes_back_it_is_seen() -> None:
    desk = Desk(CutoverState(stage=Stage.SPLIT))
    lists = Lists(desk)
    lists.errors = {REALTIME: UPSTREAM_FAILED}
    for gate in lists.gates.values():
        gate.set()
    pauses: list[float] = []
    next_round = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await next_round.wait()
        next_round.clear()

    with patch.object(module.asyncio, "sleep", sleep):
        following = lists.follow()
        with pytest.raises(ProxyError):
            await desk.choose("register")
        lists.errors.clear()
        next_round.set()
        lists.asked[REALTIME].clear()
        await lists.asked[REALTIME].wait()
        while len(pauses) < 2:
            await asyncio.wait({following}, timeout=0)
    assert (await desk.choose("register")).source is REALTIME
    assert pauses == [1.0, module.LISTS_SECONDS]
    await ended(following)


async def test_a_request_waits_once_and_no_other_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_LISTS_SECONDS", 0.01)
    desk = Desk(CutoverState(stage=Stage.SPLIT))
    route = await desk.choose("get_event")  # nobody reads lists
    assert (route.source, route.otherwise) == (OUTBOUND, REALTIME)
    monkeypatch.setattr(module, "FIRST_LISTS_SECONDS", 3_600)
    async with asyncio.timeout(60):
        assert (await desk.choose("get_event")).source is OUTBOUND


@pytest.mark.parametrize(
    ("parts", "read"),
    [
        ({"stage": "outbound"}, False),
        ({"stage": "shadow"}, False),
        ({"stage": "split"}, True),
        ({"stage": "realtime"}, False),
        ({"stage": "realtime", "latches": {"register": {"at": 1, "reason": "x"}}}, True),
        ({"stage": "outbound", "latches": {"register": {"at": 1, "reason": "x"}}}, False),
    ],
    ids=str,
)
async def test_lists_are_read_while_they_decide(parts: dict[str, Any], read: bool) -> None:
    desk = Desk(CutoverState.model_validate(parts))
    lists = Lists(desk)
    following = lists.follow()
    await lists.turn()
    assert (desk.router.needs_lists(), lists.reads) == (read, {REALTIME: int(read), OUTBOUND: int(read)})
    if not read:
        assert (await desk.choose("get_event")).source in BOTH
    await ended(following)
