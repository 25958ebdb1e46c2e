"""Delivers what waits: in order per event, one failure after another at growing distances, never twice what may have arrived.

One of all processes of a host does it. It says on the disk that it is about to send before it sends, and what became of it
after: what stands as ``sending`` when its process is gone is parked, as nobody knows whether it arrived.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from math import inf
from random import uniform
from typing import Any, Final

import structlog

from app.background import tell_defect
from app.outbox import delivering
from app.outbox.entries import KEY_UNKNOWN, Claimed, Head, State
from app.outbox.lock import Lock
from app.outbox.sealing import Letter, SealError, Sealing
from app.outbox.settings import OutboxSettings
from app.outbox.store import Store
from app.outbox.verdict import of_failure, of_result
from app.rates import read_rate
from app.sqlite_files import StoreAwayError
from app.telemetry.current import tell, within
from app.telemetry.traces import Traces
from translation.errors import INTERNAL_ERROR, ProxyError

log = structlog.get_logger("evtmgmt.outbox")

Send = Callable[[Letter], Awaitable[Mapping[str, Any]]]
"""Sends a registration, and gives its result in the old form."""
Tell = Callable[[str | None, State | None, int], None]
"""Is told what became of entries: their event where it is one, their state, or None for delivered, and how many."""

LOOK_SECONDS: Final = 0.5
"""Time between two looks at what waits, and at the lock of another courier."""
TIDY_SECONDS: Final = 5.0
CLOCK_JUMP: Final = 60.0
"""Seconds by which the clock may differ from what has passed since the last look."""
CLOCK_DOUBT: Final = 3_600.0
"""How long it is not believed then."""
AT_ONCE: Final = 4
"""Deliveries at once, of different events."""


class Courier:
    """The one that delivers, once it holds the lock.

    Args:
        store: What waits.
        do: Runs work on the store, away from the loop.
        lock: Which of all couriers delivers.
        sealing: Opens contents.
        settings: Times and bounds.
        send: Sends a registration.
        told: Is told what became of entries.
        traces: Which deliveries are traced; None where none are.
    """

    def __init__(
        self,
        store: Store,
        do: Callable[[Callable[[], Any]], Awaitable[Any]],
        lock: Lock,
        sealing: Sealing,
        settings: OutboxSettings,
        send: Send,
        told: Tell,
        traces: Traces | None = None,
    ) -> None:
        self._store = store
        self._do = do
        self._lock = lock
        self._sealing = sealing
        self._settings = settings
        self._send = send
        self._tell = told
        self._traces = traces
        rate = read_rate(settings.rate)
        self._gap = 0.0 if rate is None else 1 / rate.per_second
        self._turn = -inf
        self._failures = 0
        self._held_until = -inf
        self._heard = 0.0
        self._time: tuple[float, float] | None = None
        self._doubts_until = -inf
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self._stopping = False
        self._away: str | None = None
        self._dirty = True

    async def run(self) -> None:
        """Wait for the lock, then deliver until ``stop``; deliveries under way are finished."""
        try:
            while not self._stopping:
                try:
                    if self._lock.take():
                        await self._work()
                    else:
                        await self._rest(LOOK_SECONDS)
                except (StoreAwayError, OSError) as away:
                    self._trouble(str(away))
                    await self._rest(1.0)
                except Exception as defect:  # what waits must not wait for ever
                    log.error("defect", exc_info=defect)
                    await self._rest(1.0)
            if self._busy:
                await asyncio.wait(self._busy.values())
        finally:
            # Only when the time to finish is over: what is cut off here is parked by the next courier.
            under_way = list(self._busy.values())
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            self._lock.release()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True
        self._news.set()

    async def _work(self) -> None:
        """Deliver, as the one who holds the lock."""
        await self._take_over()
        loop = asyncio.get_running_loop()
        tidy_at = loop.time()
        while not self._stopping:
            if loop.time() >= tidy_at:
                tidy_at = loop.time() + TIDY_SECONDS
                await self._tidy()
            if loop.time() >= self._held_until:
                # In this order: what was stored together with a hold is not seen without it.
                heads, (until, seconds) = await self._do(lambda: (delivering.heads(self._store), delivering.held(self._store)))
                self._away = None
                if until != self._heard:  # each is heeded once, whatever the clock does then
                    self._heard = until
                    self._hold(seconds)
            if loop.time() >= self._held_until:
                # After a failure one tries for all.
                most = 1 if self._failures else AT_ONCE
                free = [head for head in heads if head.line not in self._busy]
                for head in free[: max(0, most - len(self._busy))]:
                    self._begin(head)
            await self._rest(LOOK_SECONDS)

    async def _take_over(self) -> None:
        if not self._busy:  # else they are this courier's own, from before a trouble with the file
            parked = await self._do(lambda: delivering.recover(self._store))
            self._tell(None, State.PARKED, parked)
            if parked:
                log.error("registrations were being sent when a process ended: parked, somebody must look", number=parked)
        log.info("this process delivers what is in the outbox")

    def _begin(self, head: Head) -> None:
        task = asyncio.create_task(self._deliver(head))
        self._busy[head.line] = task

        def ended(task: asyncio.Task[None]) -> None:
            self._busy.pop(head.line, None)
            self._news.set()
            tell_defect(task)

        task.add_done_callback(ended)

    async def _deliver(self, head: Head) -> None:
        await self._wait_turn()
        if self._stopping or asyncio.get_running_loop().time() < self._held_until:
            return
        claimed: Claimed | None = None
        try:
            claimed = await self._do(lambda: delivering.claim(self._store, head.id))
        except StoreAwayError as away:
            self._trouble(str(away))
            self._hold(1.0)
        if claimed is None:
            return
        try:
            letter = self._sealing.open(claimed.sealed, claimed.event)
        except SealError:
            await self._settle(claimed, State.DEAD, KEY_UNKNOWN)
            return
        span = None if self._traces is None else self._traces.begin("outbox deliver", letter.traceparent)
        with within(span):
            await self._carry(claimed, letter)

    async def _carry(self, claimed: Claimed, letter: Letter) -> None:
        """Send a registration that is claimed, and write down what became of it."""
        try:
            result = await self._send(letter)
        except ProxyError as error:
            await self._failed(claimed, error)
            return
        except Exception as defect:
            log.error("defect", request_id=letter.request_id, exc_info=defect)
            await self._failed(claimed, ProxyError(INTERNAL_ERROR))
            return
        self._failures = 0
        code = of_result(result)
        if code is not None:
            await self._settle(claimed, State.DEAD, code)
        elif await self._surely(lambda: delivering.delivered(self._store, claimed, self._settings.window)):
            self._dirty = True
            tell(outcome="delivered")
            log.info("registration delivered", entry=claimed.id, request_id=letter.request_id, attempts=claimed.attempts)
            self._tell(claimed.event, None, 1)

    async def _failed(self, claimed: Claimed, error: ProxyError) -> None:
        state, code = of_failure(error.kind), error.kind.code
        if state is not State.WAITING:
            self._failures = self._failures if state is State.PARKED else 0
            await self._settle(claimed, state, code)
            return
        self._failures += 1
        settings = self._settings
        wait = min(settings.backoff_most, settings.backoff_first * 2 ** min(self._failures - 1, 20)) * uniform(0.5, 1)
        wait = max(wait, error.retry_after or 0)
        self._hold(wait)
        log.warning("not delivered yet", entry=claimed.id, code=code, cause=error.cause, again_in=round(wait, 1))
        await self._settle(claimed, state, code, wait)

    async def _settle(self, claimed: Claimed, state: State, code: str, hold: float = 0.0) -> None:
        tell(outcome=state.value, error=code)
        settled = await self._surely(lambda: delivering.settle(self._store, claimed, state, code, hold))
        if settled and state is not State.WAITING:
            log.error("not delivered: somebody must look", entry=claimed.id, about=claimed.event, state=state, code=code)
            self._tell(claimed.event, state, 1)

    async def _surely(self, work: Callable[[], bool]) -> bool:
        """Write what became of a delivery, however long the disk refuses: else it would be parked for nothing at the start."""
        while True:
            try:
                done: bool = await self._do(work)
            except StoreAwayError as away:
                self._trouble(str(away))
                if self._stopping:
                    return False
                await asyncio.sleep(1.0)
            else:
                return done

    async def _tidy(self) -> None:
        if not self._can_tell_ages():
            return
        settings = self._settings
        dead, expired = await self._do(lambda: delivering.tidy(self._store, settings.max_age, settings.retention))
        self._tell(None, State.DEAD, dead)
        if dead:
            log.error("registrations could not be delivered in time: somebody must look", number=dead)
        if expired:
            log.error("dead or parked registrations were deleted, as nobody decided in time", number=expired)
        if (self._dirty or expired) and not self._busy:
            await self._do(lambda: delivering.wipe(self._store))
            self._dirty = False

    def _can_tell_ages(self) -> bool:
        """Whether the machine's clock can be believed: what is given up by a wrong one is not to be had back.

        One that was just put on or back may be put right again soon.
        """
        now = asyncio.get_running_loop().time(), self._store.clock()
        before, self._time = self._time or now, now
        jump = (now[1] - before[1]) - (now[0] - before[0])
        if abs(jump) > CLOCK_JUMP:
            self._doubts_until = now[0] + CLOCK_DOUBT
            log.error("the clock was changed: nothing in the outbox is given up as too old for a while", seconds=round(jump))
        return now[0] >= self._doubts_until

    async def _wait_turn(self) -> None:
        """Keep the distance between deliveries that the rate asks for."""
        now = asyncio.get_running_loop().time()
        self._turn = max(now, self._turn + self._gap)
        if self._turn > now:
            await asyncio.sleep(self._turn - now)

    def _hold(self, seconds: float) -> None:
        self._held_until = max(self._held_until, asyncio.get_running_loop().time() + seconds)

    async def _rest(self, seconds: float) -> None:
        """Wait, or be woken by what ended."""
        self._news.clear()
        if self._stopping:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def _trouble(self, sentence: str) -> None:
        if self._away is None:
            log.error("the outbox cannot be used now", cause=sentence)
        self._away = sentence
