"""The shadow: reads that outbound answered are sent to real-time as well, and both answers are compared.

It happens after the visitor's answer is on its way, out of a bounded queue, with connections and time-outs of its own, out of
what the budget leaves over. Whatever becomes of it, the visitor's answer is what it would have been. When the stage is left,
what waits is forgotten; when an organisation or the budget asks to wait, the shadow alone does.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import random
from time import monotonic, time
from typing import Final

import structlog

from app.backend import Backend
from app.budget import Need
from app.calls import Call
from app.cutover.decision import Source
from app.cutover.settings import Shadow as ShadowSettings
from app.cutover.state import CutoverState, Stage
from app.metrics import Metrics
from app.organisation import SHADOW
from app.outbound import Outbound, normal_form
from app.telemetry.current import current, inner, resumed, tell
from app.telemetry.spans import Span
from translation.aliases import Aliases
from translation.comparison import Comparison, Rules, compare_in_steps, only_one
from translation.errors import NOT_FOUND, TOO_MANY_REQUESTS, ProxyError
from translation.operations import Answer, Operation, Serving
from translation.parity import Parity

log = structlog.get_logger("evtmgmt.shadow")

_COMPARED: Final = frozenset({Answer.EVENT_LIST, Answer.EVENT, Answer.LIST})
"""Kinds of answers that are compared: counts differ by nature."""
MOST_BYTES: Final = 2**26
"""Bytes of all answers that wait, however many may: one can have megabytes."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A read that was answered, the answer, and the span of its request where that was traced."""

    call: Call
    body: bytes
    span: Span | None


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
        clock: A monotonic clock, in seconds.
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
        clock: Callable[[], float] = monotonic,
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
        self._clock = clock
        self._queue: asyncio.Queue[_Pair] = asyncio.Queue(settings.queue)
        self._waiting = 0
        self._rest_until = clock()
        self._comparing = asyncio.Lock()

    def offer(self, call: Call, body: bytes) -> None:
        """Perhaps compare an answer that is on its way. Does not wait, and does not raise.

        Args:
            call: What outbound was asked.
            body: What it answered.
        """
        operation = call.operation
        if call.source != Source.OUTBOUND or self._left or not comparable(operation):
            return
        if call.authorization is not None or self._chance() >= self._sample:
            return
        if len(body) > self._settings.max_answer_bytes:
            self._count(operation, "too_large")
            return
        if self._queue.full() or self._waiting + len(body) > MOST_BYTES:
            self._count(operation, "dropped")
            return
        self._waiting += len(body)
        asked = replace(call, trace=(), need=Need.REFRESH, source=SHADOW, until=None)
        self._queue.put_nowait(_Pair(asked, body, current.get()))

    async def run(self) -> None:
        """Compare for ever, several at once."""
        await asyncio.gather(*(self._work() for _ in range(self._settings.connections)))

    async def idle(self) -> None:
        """Wait until all that was offered is compared."""
        await self._queue.join()

    async def _work(self) -> None:
        while True:
            pair = await self._queue.get()
            self._waiting -= len(pair.body)
            try:
                outcome = await self._traced(pair) if pair.span is not None else await self._outcome(pair)
                self._count(pair.call.operation, outcome)
            finally:
                self._queue.task_done()

    async def _traced(self, pair: _Pair) -> str:
        """What becomes of one comparison, as a part of the trace of the request that was answered."""
        with resumed(pair.span), inner("shadow"):
            outcome = await self._outcome(pair)
            tell(operation=pair.call.operation.name, outcome=outcome)
        return outcome

    async def _outcome(self, pair: _Pair) -> str:
        """What becomes of one comparison."""
        if self._left:
            return "left"
        if self._clock() < self._rest_until:
            return "held_back"
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await self._compare(pair)
        except ProxyError as error:
            if error.kind is not TOO_MANY_REQUESTS:
                return "failed"
            self._rest_until = max(self._rest_until, self._clock() + (error.retry_after or 0))
            return "held_back"
        except TimeoutError:
            return "failed"
        except Exception as defect:
            # A comparison is no reason for anything to end. The answers are not logged: they may hold names.
            log.error("defect", operation=pair.call.operation.name, error=type(defect).__name__)
            return "defect"

    async def _compare(self, pair: _Pair) -> str:
        call = pair.call
        event = call.asked.get("event")
        left = normal_form(call, pair.body)
        if self._chance() * 100 < self._settings.noise:
            again = await self._outbound.value(call)
            found = await self._patiently(compare_in_steps(call.operation, left, again, self._rules.within_one(), event))
            self._parity.add(found, time(), noise=True)
            self._count(call.operation, "noise")
            if self._left:
                return "left"
        try:
            right = await self._realtime.read(replace(call, sent=self._aliases.parameters(call.asked)))
        except ProxyError as error:
            if error.kind is not NOT_FOUND:
                raise
            self._parity.add(only_one(call.operation, left=True, event=event), time())
            return "only_outbound"
        found = await self._patiently(compare_in_steps(call.operation, left, right, self._rules, event))
        self._parity.add(found, time())
        return "compared"

    @property
    def _left(self) -> bool:
        """Whether the stage in which this is done is left, or not yet reached."""
        return self._state().stage is not Stage.SHADOW

    async def _patiently(self, steps: Iterator[Comparison]) -> Comparison:
        """The end of a comparison that lets visitors' requests pass at each step; one at a time, for the same reason."""
        async with self._comparing:
            comparison = next(steps)  # each step gives the same
            await asyncio.sleep(0)
            for _ in steps:
                await asyncio.sleep(0)
        return comparison

    def _count(self, operation: Operation, outcome: str) -> None:
        self._metrics.shadow.labels(operation.name, outcome).inc()


def comparable(operation: Operation) -> bool:
    """Whether both organisations answer an operation with things that can be compared."""
    return operation.serving is Serving.MAPPED and operation.row is not None and operation.answer in _COMPARED
