"""The outbox of one process: stores registrations that could not be sent, and has its courier deliver them."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar

import orjson
import structlog
from opentelemetry.trace import SpanKind

from app.background import tell_defect
from app.calls import JSON, Call, Reply
from app.metrics import Metrics
from app.outbox.accepting import NOT_SENT, Obstacle, are_paid, obstacle
from app.outbox.courier import Courier, Send
from app.outbox.entries import Entry, State, Summary
from app.outbox.lock import Lock
from app.outbox.sealing import Letter, Sealing
from app.outbox.settings import OutboxSettings
from app.outbox.store import Put, Store
from app.readiness import Readiness
from app.sqlite_files import StoreAwayError
from app.telemetry.current import current, inner, tell
from app.telemetry.traces import Traces
from translation.errors import ProxyError
from translation.registration import read_result

log = structlog.get_logger("evtmgmt.outbox")
_Result = TypeVar("_Result")

OUTBOX: Final = "outbox"
"""What is said to have answered a registration that was stored."""
_STORED: Final = [(b"x-evtmgmt-outbox", b"stored"), (b"cache-control", b"no-store")]
LEARN_AGAIN_SECONDS: Final = 600.0
FINISH_SECONDS: Final = 5.0
SUMMARY_SECONDS: Final = 2.0
REFUSAL_SECONDS: Final = 300.0
"""How long it is told that a registration could not be stored, if none was since."""
_MOST_EVENTS: Final = 10_000


class Outbox:
    """Stores registrations, and delivers them.

    Args:
        settings: Times and bounds.
        store: Where they are kept; used in a thread of this outbox only.
        lock: Which of all processes delivers.
        send: Sends a registration to the real-time organisation.
        registered: Is told of the event of each that was delivered.
        metrics: Where they are counted.
        readiness: Is told when the oldest one is too old.
        traces: Which deliveries are traced; None where none are.
    """

    def __init__(
        self,
        settings: OutboxSettings,
        store: Store,
        lock: Lock,
        send: Send,
        registered: Callable[[str], None],
        metrics: Metrics,
        readiness: Readiness,
        traces: Traces | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._sealing = Sealing(settings.keys)
        self._registered = registered
        self._metrics = metrics
        self._readiness = readiness
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._courier = Courier(store, self.do, lock, self._sealing, settings, send, self._became, traces)
        self._delivering: asyncio.Task[None] | None = None
        self._refusal: tuple[str, float] | None = None
        self._learned: dict[str, tuple[bool, float]] = {}
        self._learning: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Deliver what waits, beside the loop's other work."""
        self._delivering = asyncio.create_task(self._courier.run())
        self._delivering.add_done_callback(tell_defect)

    async def run(self) -> None:
        """Show how many wait until settings are read anew: from then on the next outbox shows it, and delivers.

        What is under way then is finished. Nothing more is begun: it would be sent with what a token was before.
        """
        try:
            await self._watch()
        except asyncio.CancelledError:
            self._courier.stop()
            self._readiness.degraded(OUTBOX, None, fails=False)
            self._show({}, 0.0)  # when there is no next one, nobody is called for what is told no more
            raise

    async def close(self) -> None:
        """Finish the deliveries under way, and let go of the file.

        What is still under way after ``FINISH_SECONDS`` is parked.
        """
        self._courier.stop()
        delivering = [] if self._delivering is None else [self._delivering]
        if delivering:
            await asyncio.wait(delivering, timeout=FINISH_SECONDS)
        for task in (*delivering, *self._learning):
            task.cancel()
        await asyncio.gather(*delivering, *self._learning, return_exceptions=True)
        await self.do(self._store.close)
        self._thread.shutdown(wait=False)

    async def holds(self, call: Call, body: bytes) -> Reply | None:
        """The answer to a registration that is stored already, or was delivered from here shortly before.

        Args:
            call: The visitor's.
            body: The translated body.
        """
        letter = _letter(call, body)
        digests = self._sealing.digests(letter.event, body)
        try:
            held = await self.do(lambda: self._store.repeat(digests, lambda: self._sealing.seal(letter)))
        except StoreAwayError as away:
            # It is sent, as it would be without an outbox.
            log.error("the outbox cannot be read now", cause=str(away), request_id=letter.request_id)
            return None
        if not held:
            return None
        self._metrics.outbox.labels("repeated").inc()
        log.info("registration is stored already", about=letter.event, request_id=letter.request_id)
        return _answer()

    async def take(self, call: Call, body: bytes, error: ProxyError) -> Reply | None:
        """Store a registration that failed, if that may be done. It is on the disk when there is an answer.

        The event's cached answers stay: nobody was registered yet, and Dynamics could not be asked anew.

        Args:
            call: The visitor's.
            body: The translated body.
            error: How it failed.

        Returns:
            The answer to the visitor; None when the failure is to be answered.
        """
        if error.kind not in NOT_SENT:
            return None
        with inner("outbox store", SpanKind.PRODUCER):
            return await self._take(call, body, error)

    async def _take(self, call: Call, body: bytes, error: ProxyError) -> Reply | None:
        letter = _letter(call, body)
        against = obstacle(call.body)
        number = 0
        if against is None:
            digests, sealed = self._sealing.digests(letter.event, body), self._sealing.seal(letter)
            try:
                put = await self.do(lambda: self._put(letter.event, digests, sealed, error.retry_after or 0))
            except StoreAwayError as away:
                against = Obstacle.STORE
                self._refusal = str(away), monotonic()
                log.error("a registration could not be stored", cause=str(away), request_id=letter.request_id)
            else:
                against, number = put
                self._refusal = None if against is None else self._refusal
        if against is not None:
            self._metrics.outbox_refused.labels(against).inc()
            tell(outcome="refused", reason=against.value)
            log.warning("registration not stored", about=letter.event, reason=against, request_id=letter.request_id)
            return None
        code = error.kind.code
        tell(outcome="stored")
        log.warning(
            "registration stored", entry=number, about=letter.event, code=code, cause=error.cause, request_id=letter.request_id
        )
        return _answer()

    def learn(self, event: str, passes: Any) -> None:
        """Remember whether an event's passes cost something: when Dynamics is away nobody can ask.

        Args:
            event: Today's readable id.
            passes: The answer to ``list_passes``.
        """
        paid = are_paid(passes)
        known, at = self._learned.get(event, (None, 0.0))
        if paid is None or (known is paid and monotonic() - at < LEARN_AGAIN_SECONDS):
            return
        if len(self._learned) >= _MOST_EVENTS:
            self._learned.clear()
        self._learned[event] = paid, monotonic()
        task = asyncio.create_task(self._learn(event, paid=paid))
        self._learning.add(task)
        task.add_done_callback(self._learning.discard)
        task.add_done_callback(tell_defect)

    async def summary(self) -> Summary:
        """All entries together.

        Raises:
            StoreAwayError: They cannot be read.
        """
        return await self.do(self._store.summary)

    async def entries(self, limit: int) -> list[Entry]:
        """Those that somebody must look at first, then the others, each the oldest first.

        Raises:
            StoreAwayError: They cannot be read.
        """
        found: list[Entry] = []
        for state in (State.PARKED, State.DEAD, State.SENDING, State.WAITING):
            found += await self.do(partial(self._store.entries, state, limit))
        return found[:limit]

    async def decide(self, decision: Callable[[Store], _Result]) -> _Result:
        """Run one of ``app/outbox/deciding.py`` on the store.

        Raises:
            StoreAwayError: The file cannot be used.
            ValueError: The reason is missing.
        """
        return await self.do(lambda: decision(self._store))

    async def do(self, work: Callable[[], _Result]) -> _Result:
        """Run work on the store away from the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _put(self, event: str, digests: Any, sealed: bytes, hold: float) -> tuple[Obstacle | None, int]:
        paid = self._store.is_paid(event)
        if paid:
            return Obstacle.PAID, 0
        if paid is None and self._settings.unknown_passes == "refuse":
            return Obstacle.UNKNOWN_PASSES, 0
        most = self._settings.max_entries, self._settings.max_bytes
        put, number = self._store.put(event, digests, sealed, most, hold)
        if put is Put.FULL:
            return Obstacle.FULL, 0
        self._metrics.outbox.labels("accepted" if put is Put.STORED else "repeated").inc()
        return None, number

    async def _learn(self, event: str, *, paid: bool) -> None:
        try:
            await self.do(lambda: self._store.learn_passes(event, paid=paid))
        except StoreAwayError as away:
            self._learned.pop(event, None)
            log.warning("what an event's passes cost could not be kept", about=event, cause=str(away))

    async def _watch(self) -> None:
        """Run for ever: show how many wait, and for how long."""
        while True:
            try:
                found = await self.summary()
            except StoreAwayError as away:
                self._readiness.degraded(OUTBOX, f"the outbox cannot be used: {away}", fails=self._fails)
            else:
                age = 0.0 if found.oldest is None else max(0.0, self._store.clock() - found.oldest)
                self._show(found.states, age)
                self._readiness.degraded(OUTBOX, self._trouble(age), fails=self._fails)
            await asyncio.sleep(SUMMARY_SECONDS)

    def _show(self, states: Mapping[State, int], age: float) -> None:
        for state in State:
            self._metrics.outbox_entries.labels(state).set(states.get(state, 0))
        self._metrics.outbox_oldest.set(age)

    def _trouble(self, age: float) -> str | None:
        """What the readiness says of it.

        Args:
            age: Of the oldest registration that waits, in seconds.
        """
        if self._refusal is not None and monotonic() - self._refusal[1] < REFUSAL_SECONDS:
            return f"a registration could not be stored: {self._refusal[0]}"
        return f"a registration waits in the outbox for {age:.0f} s" if age > self._settings.oldest_ready else None

    @property
    def _fails(self) -> bool:
        return self._settings.when_degraded == "fail"

    def _became(self, event: str | None, state: State | None, number: int) -> None:
        if number:
            self._metrics.outbox.labels("delivered" if state is None else state.value).inc(number)
        if state is None and event is not None:
            self._registered(event)


def _letter(call: Call, body: bytes) -> Letter:
    span = current.get()
    request_id = dict(call.trace).get("x-request-id", "")
    return Letter(call.sent["event"], body, request_id, None if span is None else span.traceparent)


def _answer() -> Reply:
    """What Dynamics answers to a registration that it accepted, and will process later (CONTRACT 2)."""
    return Reply(200, JSON, orjson.dumps(read_result(None)), list(_STORED), backend=OUTBOX)
