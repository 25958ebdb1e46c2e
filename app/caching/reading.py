"""How a read is answered: from the cache, from a call that is under way, or from Dynamics.

Fresh answers are given at once, and fetched anew shortly before they expire while somebody asks for them. Stale ones are given
while they are fetched in the background (RFC 5861). Older ones are given when Dynamics fails, longest when it cannot be
reached; nobody waits longer than ``stale_wait`` while there is an answer to give.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog

from app.budget import Need
from app.caching.cache import ANY_SESSION, Cache, Entry, Key, key_of, tag, tags_of
from app.caching.finishing import Finisher
from app.caching.flights import Flights
from app.caching.memory import Mark, Memory, Shortcut
from app.caching.outage import backoff
from app.caching.served import Outcome, Served
from app.caching.settings import CacheSettings
from app.calls import Call, Reply
from app.metrics import Metrics
from app.telemetry.current import note
from app.telemetry.vocabulary import SHARED
from translation import errors
from translation.errors import ProxyError
from translation.operations import BY_NAME, Answer, Operation
from translation.query import EMPTY, Query

if TYPE_CHECKING:  # the client of Redis is large, and most do without
    from app.caching.second_level import Found, SecondLevel, Turn

log = structlog.get_logger("evtmgmt.reading")

Handler = Callable[[Call], Coroutine[Any, Any, Reply]]

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
_LARGE_SECONDS: Final = 60.0
"""How long an image is remembered as too large, at least: finding out costs a call."""


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
        second: What other replicas have, where they share it.
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
        second: "SecondLevel | None" = None,
    ) -> None:
        self._source = source
        self._second = second
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
        """Find the answer at once when the same request target comes again."""
        self.memory.remember((raw_path, query), Shortcut(entry.key, dropped))

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
            tags.add(ANY_SESSION)
        self.expire(tags)
        if self._second is not None:
            self._second.registrations.tell(tags)

    def expire(self, tags: Collection[str]) -> None:
        """Have everything fetched anew that bears one of these tags."""
        of_any = ANY_SESSION in tags
        if of_any:
            tags = {*tags, *(name for name in self._cache.tags() if name.startswith(tag("session", "")))}
        now = self._clock()
        for entry in self._cache.tagged(tags):
            entry.expire(now)

        # What is under way was perhaps answered before the registration: nobody else may join it, and it is not kept.
        def concerned(key: Key) -> bool:
            return any(name in tags or (of_any and name.startswith(tag("session", ""))) for name in tags_of(key))

        self._flights.part(concerned)
        self._shared.part(concerned)
        self.memory.recalls.part(concerned)

    def leave(self, task: asyncio.Task[Any]) -> bool:
        """The visitor for whom a task reads left. Returns whether it may be cancelled: nobody else waits for what it reads."""
        return self._flights.leave(task) and self._shared.leave(task)

    async def _share(self, call: Call) -> Reply:
        """Answer a read that is not kept: identical ones at the same moment share it."""
        key = key_of(call)
        if key in self._shared:
            self._metrics.shared_reads.labels(call.operation.name).inc()
            note(SHARED)
        share = self._shared.lead if call.leads else self._shared.join
        return await share(key, lambda: self._handlers[call.operation.name](call))

    async def _answer(self, call: Call) -> Reply | Served:
        key = key_of(call)
        served = None if call.anew else self.kept(key)
        if served is not None:
            return served
        entry = self._cache.get(key)
        if entry is None and self._second is not None and not call.anew and self.memory.mark(key) is None:
            await self.memory.recalls.join(key, partial(self._recall, self._second, key, call))
            served = self.kept(key)
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
        return self._brought(found) if found is not None else await self._handlers[call.operation.name](call)

    async def _fetched(self, key: Key, call: Call) -> Reply | Served:
        """An answer of Dynamics, by the call that is under way or by one that is made now."""
        mark = self.memory.mark(key)
        if mark is Mark.MISSING and not call.anew:
            raise ProxyError(errors.NOT_FOUND, cause="answered so shortly before", kept=True)
        if mark is not Mark.LARGE:
            if key in self._flights:
                self._metrics.shared_reads.labels(call.operation.name).inc()
                note(SHARED)
            share = self._flights.lead if call.leads else self._flights.join
            entry = await share(key, lambda: self._bring(key, call))
            if entry is not None:
                return self._brought(entry)
        return await self._handlers[call.operation.name](call)

    def _brought(self, entry: Entry) -> Served:
        """An answer that was waited for. Another replica may have had it for a while."""
        return Served(entry, Outcome.MISS, max(0.0, self._clock() - entry.stored))

    def _refresh(self, entry: Entry, now: float) -> None:
        """Fetch an answer anew in the background, unless that is under way, failed lately, or Dynamics is away."""
        if now >= entry.retry_at and entry.key not in self._flights and self._outage.may_try():
            self._flights.launch(entry.key, lambda: self._bring(entry.key, entry.call))

    async def _recall(self, second: "SecondLevel", key: Key, call: Call) -> None:
        """Take into memory what another replica has, however old: ``kept`` says what it is still good for."""
        found = await second.recall(key)
        if found is not None:
            await self._take_in(key, call, found, self.memory.recalls)

    async def _take_in(self, key: Key, call: Call, found: "Found", flights: Flights[Key, Any]) -> Entry | None:
        """Keep what another replica brought. None when Dynamics does not know the thing."""
        answer = found.answer
        if answer.content_type is None:
            self.memory.set_mark(key, max(0.0, answer.fresh - found.age), Mark.MISSING)
            return None
        lifetime = replace(self._lifetimes[key.operation], fresh=answer.fresh)
        reply = Reply(200, answer.content_type, answer.body, list(answer.headers))
        entry = await self._finisher.finish(key, _again(call), reply, lifetime)
        assert entry is not None  # noqa: S101 - only of a stream may there be too much
        entry.packed = entry.packed if answer.packed is None else answer.packed
        now = self._clock()
        entry.begin(now - found.age, lifetime, self._settings.refresh_ahead, self._settings.when_unreachable)
        if found.expired:
            entry.expire(now)
        if flights.carries(key, asyncio.current_task()):
            self._cache.put(entry)
        return entry

    async def _bring(self, key: Key, call: Call) -> Entry | None:
        """Have it from another replica, or from Dynamics. None for an image that is too large to be held."""
        if self._second is None or call.anew:
            return await self._ask(key, call)
        turn = await self._second.turn(key, call.until)
        try:
            if turn.found is None:
                return await self._ask(key, call, turn)
            entry = await self._take_in(key, call, turn.found, self._flights)
        finally:
            turn.end()
        if entry is None:
            self._cache.remove(key)
            raise ProxyError(errors.NOT_FOUND, cause="answered so to another replica", kept=True)
        return entry

    async def _ask(self, key: Key, call: Call, turn: "Turn | None" = None) -> Entry | None:
        """Ask the handler, and keep what it answers."""
        operation = call.operation
        lifetime = self._lifetimes[operation.name]
        try:
            reply = await self._handlers[operation.name](call)
            if reply.brief is not None:
                lifetime = replace(lifetime, fresh=min(lifetime.fresh, reply.brief))
            entry = await self._finisher.finish(key, _again(call), reply, lifetime, call.until)
        except ProxyError as error:
            if turn is not None and error.kind is errors.NOT_FOUND:
                turn.keep_missing(self._settings.not_found)
            self._failed(key, error)
            self._count(call, error.kind.code)
            raise
        except Exception:
            self._leave_alone(key)
            raise
        self._count(call, "answered")
        self._outage.worked()
        self.memory.unmark(key)
        if entry is None:
            self._cache.remove(key)
            self.memory.set_mark(key, max(lifetime.fresh, _LARGE_SECONDS), Mark.LARGE)
            return None
        entry.begin(self._clock(), lifetime, self._settings.refresh_ahead, self._settings.when_unreachable)
        if len(entry.body) > self._settings.max_entry_bytes:
            self._cache.remove(key)
        elif self._flights.carries(key, asyncio.current_task()):
            self._cache.put(entry)
            if turn is not None:
                turn.keep(entry, reply.headers, lifetime.fresh, entry.kept_until - entry.stored)
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
            self.memory.set_mark(key, self._settings.not_found, Mark.MISSING)
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


def _again(call: Call) -> Call:
    """The call that brings an answer again, which no visitor waits for."""
    return Call(call.operation, call.asked, call.sent, call.query, need=Need.REFRESH, source=call.source)
