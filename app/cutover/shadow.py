"""The shadow: reads that outbound answered are sent to real-time as well, and both answers are compared.

It happens after the visitor's answer is on its way, out of a bounded queue, with connections and time-outs of its own, out of
what the budget leaves over. Whatever becomes of it, the visitor's answer is what it would have been.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import random
from time import time
from typing import Final

import structlog

from app.backend import Backend
from app.budget import Need
from app.calls import Call
from app.cutover.decision import Source
from app.cutover.settings import Shadow as ShadowSettings
from app.cutover.state import CutoverState, Stage
from app.metrics import Metrics
from app.outbound import Outbound, normal_form
from translation.aliases import Aliases
from translation.comparison import Comparison, Rules, compare_in_steps, only_one
from translation.errors import NOT_FOUND, TOO_MANY_REQUESTS, ProxyError
from translation.operations import BY_NAME, Answer, Operation, Serving
from translation.parity import Parity

log = structlog.get_logger("evtmgmt.shadow")

_COMPARED: Final = frozenset({Answer.EVENT_LIST, Answer.EVENT, Answer.LIST})
"""Kinds of answers that are compared: counts differ by nature."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A read that was answered, and the answer."""

    call: Call
    body: bytes


class Shadow:
    """Compares a sample of the reads.

    Args:
        settings: How many, how fast.
        state: Gives the cutover's state of this moment.
        realtime: The new side, over connections of the shadow's own.
        outbound: The old side, likewise: for measuring what differs without any migration.
        aliases: Ids changed by the migration.
        parity: Where results are added up.
        metrics: Where comparisons are counted.
        chance: A number from 0 to below 1.
    """

    def __init__(
        self,
        settings: ShadowSettings,
        state: Callable[[], CutoverState],
        realtime: Backend,
        outbound: Outbound,
        aliases: Aliases,
        parity: Parity,
        metrics: Metrics,
        chance: Callable[[], float] = random,
    ) -> None:
        self._settings = settings
        self._sample = settings.sample / 100
        self._state = state
        self._realtime = realtime
        self._outbound = outbound
        self._aliases = aliases
        self._rules = Rules.of(settings.ignore, aliases)
        self._parity = parity
        self._metrics = metrics
        self._chance = chance
        self._queue: asyncio.Queue[_Pair] = asyncio.Queue(settings.queue)

    def offer(self, call: Call, body: bytes) -> None:
        """Perhaps compare an answer that is on its way. Does not wait, and does not raise.

        Args:
            call: What outbound was asked.
            body: What it answered.
        """
        operation = call.operation
        if call.source != Source.OUTBOUND or self._state().stage is not Stage.SHADOW or not comparable(operation):
            return
        if call.authorization is not None or self._chance() >= self._sample:
            return
        if len(body) > self._settings.max_answer_bytes:
            self._count(operation, "too_large")
            return
        try:
            self._queue.put_nowait(_Pair(replace(call, trace=(), need=Need.REFRESH), body))
        except asyncio.QueueFull:
            self._count(operation, "dropped")

    async def run(self) -> None:
        """Compare for ever, several at once."""
        await asyncio.gather(*(self._work() for _ in range(self._settings.connections)))

    async def idle(self) -> None:
        """Wait until all that was offered is compared."""
        await self._queue.join()

    async def _work(self) -> None:
        while True:
            pair = await self._queue.get()
            try:
                async with asyncio.timeout(self._settings.timeout):
                    await self._compare(pair)
            except ProxyError as error:
                self._count(pair.call.operation, "held_back" if error.kind is TOO_MANY_REQUESTS else "failed")
            except TimeoutError:
                self._count(pair.call.operation, "failed")
            except Exception as defect:
                # A comparison is no reason for anything to end. The answers are not logged: they may hold names.
                self._count(pair.call.operation, "defect")
                log.error("defect", operation=pair.call.operation.name, error=type(defect).__name__)
            finally:
                self._queue.task_done()

    async def _compare(self, pair: _Pair) -> None:
        call = pair.call
        event = call.asked.get("event")
        if self._chance() * 100 < self._settings.noise:
            again = await self._outbound.value(call)
            left = normal_form(call, pair.body)
            found = await _patiently(compare_in_steps(call.operation, left, again, self._rules.within_one(), event))
            self._parity.add(found, time(), noise=True)
            self._count(call.operation, "noise")
        try:
            right = await self._realtime.read(replace(call, sent=self._aliases.parameters(call.asked), source="shadow"))
        except ProxyError as error:
            if error.kind is not NOT_FOUND:
                raise
            self._parity.add(only_one(call.operation, left=True, event=event), time())
            self._count(call.operation, "only_outbound")
            return
        left = normal_form(call, pair.body)
        self._parity.add(await _patiently(compare_in_steps(call.operation, left, right, self._rules, event)), time())
        self._count(call.operation, "compared")

    def _count(self, operation: Operation, outcome: str) -> None:
        self._metrics.shadow.labels(operation.name, outcome).inc()


def comparable(operation: Operation) -> bool:
    """Whether both organisations answer an operation with things that can be compared."""
    return operation.serving is Serving.MAPPED and operation.row is not None and operation.answer in _COMPARED


COMPARABLE: Final = tuple(operation.name for operation in BY_NAME.values() if comparable(operation))
"""The operations that are compared."""


async def _patiently(steps: Iterator[Comparison]) -> Comparison:
    """The end of a comparison that lets visitors' requests pass at each step."""
    comparison = next(steps)  # each step gives the same
    for _ in steps:
        await asyncio.sleep(0)
    return comparison
