"""How a read is answered: from the cache, from a call that is under way, or from Dynamics.

Fresh answers are given at once, and fetched anew shortly before they expire while somebody asks for them. Stale ones are given
while they are fetched in the background (RFC 5861). Older ones are given when Dynamics fails, longest when it cannot be
reached; nobody waits longer than ``stale_wait`` while there is an answer to give.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from time import monotonic
from typing import Any, Final, TypeVar

import orjson
import structlog

from app.budget import Need
from app.caching.cache import Cache, Entry, Key, key_of, tag, tags_of
from app.caching.finishing import Finisher
from app.caching.flights import Flights
from app.caching.outage import Outage, backoff
from app.caching.settings import CacheSettings
from app.calls import Call, Reply
from app.metrics import Metrics
from translation import errors
from translation.errors import ProxyError
from translation.operations import BY_NAME, Answer, Operation
from translation.query import EMPTY, Query

log = structlog.get_logger("evtmgmt.reading")

Handler = Callable[[Call], Coroutine[Any, Any, Reply]]
K = TypeVar("K")
V = TypeVar("V")

_AWAY: Final = frozenset({errors.UPSTREAM_UNREACHABLE, errors.UPSTREAM_TIMEOUT, errors.BREAKER_OPEN})
"""Failures that say nothing of what was asked for: Dynamics is not there."""
_FAILED: Final = frozenset(
    {
        errors.UPSTREAM_FAILED,
        errors.UPSTREAM_ANSWER_INVALID,
        errors.UPSTREAM_ANSWER_TOO_LARGE,
        errors.UPSTREAM_REFUSED_PROXY,
        errors.TOO_MANY_REQUESTS,
        errors.ARCHIVE_UNREADABLE,
    }
)
"""Failures that an older answer is better than. All others are answers: the event is gone, the request was wrong."""
_MOST_SHORTCUTS: Final = 8_192
_LONGEST_SHORTCUT: Final = 512
_MOST_MARKS: Final = 8_192
_LARGE_SECONDS: Final = 60.0
"""How long an image is remembered as too large, at least: finding out costs a call."""


class Outcome(StrEnum):
    """What the cache did for a read: ``X-EvtMgmt-Cache``, and the label of the metric."""

    HIT = "hit"
    STALE = "stale"
    MISS = "miss"


class _Mark(StrEnum):
    """What is known of an answer that is not kept."""

    MISSING = "Dynamics does not know it"
    LARGE = "it is too large"


@dataclass(frozen=True, slots=True)
class Served:
    """A finished answer, how it was come by, and the seconds since Dynamics gave it."""

    entry: Entry
    outcome: Outcome
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What is known of a request target that was answered before: a hit needs no more than this."""

    key: Key
    dropped: int


class Memory:
    """What is known of reads beside their answers: it goes on when settings are read anew.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.flights: Flights[Key, Entry | None] = Flights()
        self.shared: Flights[Key, Reply] = Flights()
        self.outage = Outage(clock)
        self.marks: OrderedDict[Key, tuple[float, _Mark]] = OrderedDict()
        self.shortcuts: OrderedDict[tuple[bytes, bytes], Shortcut] = OrderedDict()

    async def close(self) -> None:
        """Cancel what is under way."""
        await asyncio.gather(self.flights.close(), self.shared.close())


class Reading:
    """Answers reads.

    Args:
        settings: Times and bounds.
        cache: The finished answers.
        finisher: Makes them.
        metrics: Counts what is read in the background.
        clock: A monotonic clock, in seconds.
        source: Whose answers these are.
        memory: What is known of them; by default nothing yet.
    """

    def __init__(
        self,
        settings: CacheSettings,
        cache: Cache,
        finisher: Finisher,
        metrics: Metrics,
        clock: Callable[[], float] = monotonic,
        source: str = "realtime",
        memory: Memory | None = None,
    ) -> None:
        self._source = source
        self._settings = settings
        self._lifetimes = settings.lifetimes()
        self._cache = cache
        self._finisher = finisher
        self._metrics = metrics
        self._clock = clock
        self._handlers: dict[str, Handler] = {}
        self.memory = memory or Memory(clock)
        self._flights = self.memory.flights
        self._shared = self.memory.shared
        self._outage = self.memory.outage
        self._marks = self.memory.marks
        self._shortcuts = self.memory.shortcuts

    def through(self, operation: Operation, handler: Handler) -> Callable[[Call], Awaitable[Reply | Served]]:
        """A handler that answers by all ways there are, and asks ``handler`` when it has to."""
        self._handlers[operation.name] = handler
        if operation.name in self._lifetimes:
            return self._answer
        return handler if operation.answer is Answer.IMAGE else self._share

    def keeps(self, operation: Operation) -> bool:
        """Whether answers of an operation are kept."""
        return operation.name in self._lifetimes

    def shortcut(self, raw_path: bytes, query: bytes) -> Shortcut | None:
        """What is known of a request target, if it was answered before."""
        return self._shortcuts.get((raw_path, query))

    def remember(self, raw_path: bytes, query: bytes, entry: Entry, dropped: int) -> None:
        """Find the answer at once when the same request target comes again. Bounded; the oldest is forgotten."""
        if len(raw_path) + len(query) <= _LONGEST_SHORTCUT:
            _keep(self._shortcuts, (raw_path, query), Shortcut(entry.key, dropped), _MOST_SHORTCUTS)

    async def value(
        self,
        name: str,
        parameters: Mapping[str, str],
        trace: tuple[tuple[str, str], ...] = (),
        need: Need = Need.READ,
        query: Query = EMPTY,
        until: float | None = None,
    ) -> Any:
        """The value of a read that something else is made of, by operation name; parameters are today's ids.

        All that one answer is made of shares the time that its request has (``Call.until``).

        Raises:
            ProxyError: A row of the closed list.
        """
        call = Call(BY_NAME[name], parameters, parameters, query, trace, need=need, source=self._source, until=until)
        answer = await (self._answer if name in self._lifetimes else self._share)(call)
        body = answer.entry.body if isinstance(answer, Served) else answer.body
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))  # what is handed through may have a byte order mark

    def registered(self, event: str) -> None:
        """Have everything fetched anew that a registration may have changed.

        Args:
            event: Today's readable id of the event.
        """
        tags = {tag("event", event)}
        lists = [entry for entry in self._cache.tagged(tags) if entry.key.operation == "list_sessions"]
        if lists:
            tags.update(tag("session", str(session["id"])) for entry in lists for session in orjson.loads(entry.body))
        else:  # nobody knows which sessions are this event's
            tags.update(name for name in self._cache.tags() if name.startswith(tag("session", "")))
        now = self._clock()
        for entry in self._cache.tagged(tags):
            entry.expire(now)

        # What is under way was perhaps answered before the registration: nobody else may join it, and it is not kept.
        def concerned(key: Key) -> bool:
            return any(name in tags or (not lists and name.startswith(tag("session", ""))) for name in tags_of(key))

        self._flights.part(concerned)
        self._shared.part(concerned)

    def leave(self, task: asyncio.Task[Any]) -> bool:
        """The visitor for whom a task reads left. Returns whether it may be cancelled: nobody else waits for what it reads."""
        return self._flights.leave(task) and self._shared.leave(task)

    async def _share(self, call: Call) -> Reply:
        """Answer a read that is not kept: identical ones at the same moment share it."""
        key = key_of(call)
        if key in self._shared:
            self._metrics.shared_reads.labels(call.operation.name).inc()
        share = self._shared.lead if call.leads else self._shared.join
        return await share(key, lambda: self._handlers[call.operation.name](call))

    async def _answer(self, call: Call) -> Reply | Served:
        key = key_of(call)
        served = None if call.anew else self.kept(key)
        if served is not None:
            return served
        entry = self._cache.get(key)
        if entry is not None and self._clock() < entry.kept_until:
            return await self._anew_or_kept(entry, call)
        return await self._fetched(key, call)

    def kept(self, key: Key) -> Served | None:
        """The answer that may be given without waiting. It is asked for in the background when it is time."""
        entry = self._cache.get(key)
        if entry is None:
            return None
        now = self._clock()
        if now < entry.fresh_until:
            if now >= entry.refresh_at:
                self._refresh(entry, now)
            return Served(entry, Outcome.HIT, now - entry.stored)
        if (
            now < entry.stale_until
            or (entry.failures and now < min(entry.retry_at, entry.error_until))
            or (self._outage.on and now < entry.kept_until)
        ):
            self._refresh(entry, now)
            return Served(entry, Outcome.STALE, now - entry.stored)
        return None

    async def _anew_or_kept(self, entry: Entry, call: Call) -> Reply | Served:
        """A new answer; the old one when Dynamics fails, or lets a visitor wait longer than ``stale_wait``."""
        now = self._clock()
        old = Served(entry, Outcome.STALE, now - entry.stored)
        for_errors = now < entry.error_until
        flight = self._flights.launch(entry.key, lambda: self._bring(entry.key, call))
        patience = max(0.0, flight.started + self._settings.stale_wait - monotonic())
        await asyncio.wait((flight.landing,), timeout=patience)
        if not flight.landing.done():
            return old
        try:
            found = flight.landing.result()
        except ProxyError as error:
            if error.kind in _AWAY or (error.kind in _FAILED and for_errors):
                return old
            raise
        return Served(found, Outcome.MISS) if found is not None else await self._handlers[call.operation.name](call)

    async def _fetched(self, key: Key, call: Call) -> Reply | Served:
        """An answer of Dynamics, by the call that is under way or by one that is made now."""
        mark = self._mark(key)
        if mark is _Mark.MISSING and not call.anew:
            raise ProxyError(errors.NOT_FOUND, cause="answered so shortly before", kept=True)
        if mark is not _Mark.LARGE:
            if key in self._flights:
                self._metrics.shared_reads.labels(call.operation.name).inc()
            share = self._flights.lead if call.leads else self._flights.join
            entry = await share(key, lambda: self._bring(key, call))
            if entry is not None:
                return Served(entry, Outcome.MISS)
        return await self._handlers[call.operation.name](call)

    def _refresh(self, entry: Entry, now: float) -> None:
        """Fetch an answer anew in the background, unless that is under way, failed lately, or Dynamics is away."""
        if now >= entry.retry_at and entry.key not in self._flights and self._outage.may_try():
            self._flights.launch(entry.key, lambda: self._bring(entry.key, entry.call))

    async def _bring(self, key: Key, call: Call) -> Entry | None:
        """Ask the handler, and keep what it answers. None for an image that is too large to be held."""
        operation = call.operation
        lifetime = self._lifetimes[operation.name]
        again = Call(operation, call.asked, call.sent, call.query, need=Need.REFRESH, source=call.source)
        try:
            reply = await self._handlers[operation.name](call)
            if reply.brief is not None:
                lifetime = replace(lifetime, fresh=min(lifetime.fresh, reply.brief))
            entry = await self._finisher.finish(key, again, reply, lifetime, call.until)
        except ProxyError as error:
            self._failed(key, error)
            self._count(call, error.kind.code)
            raise
        except Exception:
            self._leave_alone(key)
            raise
        self._count(call, "answered")
        self._outage.worked()
        self._marks.pop(key, None)
        if entry is None:
            self._cache.remove(key)
            self._set_mark(key, max(lifetime.fresh, _LARGE_SECONDS), _Mark.LARGE)
            return None
        entry.begin(self._clock(), lifetime, self._settings.refresh_ahead, self._settings.when_unreachable)
        if len(entry.body) > self._settings.max_entry_bytes:
            self._cache.remove(key)
        elif self._flights.carries(key, asyncio.current_task()):
            self._cache.put(entry)
        return entry

    def _failed(self, key: Key, error: ProxyError) -> None:
        if error.kind in _AWAY | _FAILED and self._cache.peek(key) is not None:
            # The visitor sees nothing of it, so there is no other line.
            log.warning("read failed", operation=key.operation, code=error.kind.code, cause=error.cause)
        if error.kind in _AWAY:
            self._outage.failed()
            return
        if error.kind is not errors.TOO_MANY_REQUESTS:  # which may be the proxy's own budget
            self._outage.worked()
        if error.kind is errors.NOT_FOUND:
            self._cache.remove(key)
            self._set_mark(key, self._settings.not_found, _Mark.MISSING)
        else:
            self._leave_alone(key, error)

    def _leave_alone(self, key: Key, error: ProxyError | None = None) -> None:
        """Have an answer not asked for again for a while, as the last attempt gave none."""
        entry = self._cache.peek(key)
        if entry is not None:
            if error is not None and error.kind in _FAILED:
                entry.failures += 1
            asked = 0 if error is None or error.retry_after is None else error.retry_after
            entry.retry_at = self._clock() + max(backoff(max(1, entry.failures)), asked)

    def _count(self, call: Call, outcome: str) -> None:
        if call.need is Need.REFRESH:
            self._metrics.refreshes.labels(call.operation.name, outcome).inc()

    def _mark(self, key: Key) -> _Mark | None:
        until, mark = self._marks.get(key, (0.0, None))
        return mark if self._clock() < until else None

    def _set_mark(self, key: Key, seconds: float, mark: _Mark) -> None:
        if seconds:
            _keep(self._marks, key, (self._clock() + seconds, mark), _MOST_MARKS)


def _keep(table: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """Put a value in a bounded table; the oldest is forgotten."""
    table[key] = value
    if len(table) > most:
        table.popitem(last=False)
