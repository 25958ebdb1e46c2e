"""What replicas have of each other's answers: looked for in Redis before Dynamics is asked, asked for by one of them.

An answer in Redis says when Dynamics gave it, by the clock of Redis: machines' own clocks play no part. One replica asks for a
key while the others wait: it holds a short lock, which it renews while its call is under way, and which ends by itself when it
dies. Whatever Redis does not answer at once is done as if there were no Redis (``app/shared/line.py``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from secrets import token_hex
from time import monotonic, perf_counter
from typing import Any, Final

from redis.asyncio import Redis

from app.background import tell_defect
from app.caching.cache import ANY_SESSION, Entry, Key, tags_of
from app.caching.registrations import Registrations
from app.caching.sealed import Seal, SharedAnswer
from app.caching.space import Space
from app.calls import Header
from app.metrics import Metrics
from app.shared.line import Line

LOCK_SECONDS: Final = 1.5
"""How long a replica is believed to ask Dynamics that does not say so again."""
RENEW_SECONDS: Final = 0.5
MOST_WAIT: Final = 5.0
"""Longest wait for another replica's call; then this one asks as well."""
FIRST_POLL: Final = 0.01
LONGEST_POLL: Final = 0.1
AHEAD_SECONDS: Final = 2.0
"""An answer from so far in the future is from a Redis whose clock was another: nobody knows how old it is."""
_CACHE: Final = "cache"
_PUT: Final = """
local done = 1
if ARGV[3] == '0' then redis.pcall('DEL', KEYS[1]) else done = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if type(done) == 'table' and done.err then return done end
return 1
"""
_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"
_RENEW: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 1"


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of another replica.

    Attributes:
        answer: The same.
        age: Seconds since Dynamics gave it.
        expired: Whether a registration came after it.
    """

    answer: SharedAnswer
    age: float
    expired: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    """What Redis has of a key: its time less that of this process, the last registration, the answer, who has the lock."""

    offset: float
    version: int
    found: Found | None
    locked: bool = False
    refused: bool = False


class Turn:
    """A replica's turn to ask Dynamics, or what another one brought. It is ended, whatever comes of it.

    Attributes:
        found: What another replica brought.
    """

    def __init__(self, level: "SecondLevel", key: Key, seen: _Seen | None = None, token: str = "") -> None:
        self.found: Found | None = None
        self._level = level
        self._key = key
        self._seen = seen
        self._token = token
        self._renewing = asyncio.create_task(level.renew(key, token)) if token else None

    def keep(self, entry: Entry, headers: list[Header], fresh: float, seconds: float) -> None:
        """Share what Dynamics just answered.

        Args:
            entry: The finished answer.
            headers: Its headers beside those that every kept answer has.
            fresh: Seconds that it may be given without asking.
            seconds: How long it serves for anything.
        """
        self._stop()
        if self._seen is not None and not self._seen.refused:
            answer = SharedAnswer(self._now(), self._seen.version, fresh, entry.content_type, tuple(headers), entry.body)
            self._level.put_entry(self._key, self._token, answer, entry, seconds)

    def keep_missing(self, seconds: float) -> None:
        """Share that Dynamics does not know it; with 0 seconds, that nothing is known."""
        self._stop()
        if self._seen is not None and not self._seen.refused:
            self._level.put(self._key, self._token, SharedAnswer(self._now(), self._seen.version, seconds), seconds)

    def end(self) -> None:
        """Let others ask, where nothing was kept."""
        if self._stop():
            self._level.release(self._key, self._token)

    def _now(self) -> float:
        assert self._seen is not None  # noqa: S101 - the callers looked
        return self._seen.offset + self._level.clock()

    def _stop(self) -> bool:
        """Renew the lock no more; whether there was one."""
        renewing, self._renewing = self._renewing, None
        if renewing is not None:
            renewing.cancel()
        return renewing is not None


class SecondLevel:
    """Answers in Redis.

    Args:
        line: The way there.
        space: The names of things.
        registrations: What became stale.
        pack: The compressed form of an answer.
        metrics: Counts what was found.
        ahead: The part of its fresh time after which an answer in demand is fetched anew.
        most: Bytes of the largest body that is shared.
        clock: A monotonic clock, in seconds.

    Attributes:
        registrations: The same.
        clock: The same.
        hearers: By who gave an answer, what is told of each body that another replica brought, with its key.
    """

    def __init__(
        self,
        line: Line,
        space: Space,
        registrations: Registrations,
        pack: Callable[[Entry], Awaitable[bytes]],
        metrics: Metrics,
        ahead: float,
        most: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.registrations = registrations
        self.clock = clock
        self.hearers: Mapping[str, Callable[[Key, bytes], None]] = {}
        self._line = line
        self._space = space
        self._seal = Seal(space.secret, most)
        self._pack = pack
        self._metrics = metrics
        self._ahead = ahead
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    async def recall(self, key: Key) -> Found | None:
        """What replicas know of a key, however old; None when it is nothing, or Redis does not say."""
        seen = await self._line.ask(_CACHE, partial(self._look, key, ""))
        if seen is None or seen.found is None:
            return None
        self._brought(key, seen.found, "found")
        return seen.found

    async def turn(self, key: Key, until: float | None = None) -> Turn:
        """The turn to ask Dynamics; or an answer that makes that needless, waited for while another replica asks.

        Args:
            key: What is asked for.
            until: When the request has to be answered, on the clock of ``perf_counter``; None when nobody waits for it.
        """
        began = self.clock()
        patience = MOST_WAIT if until is None else min(MOST_WAIT, until - perf_counter())
        token = token_hex(8)
        waited = False
        while True:
            seen = await self._line.ask(_CACHE, partial(self._look, key, token), counts=not waited)
            if seen is None:
                self._count(key, "alone")
                return Turn(self, key)
            turn = Turn(self, key, seen, token if seen.locked else "")
            if seen.found is not None and self._serves(seen.found, self.clock() - began):
                turn.end()
                turn.found = seen.found
                self._brought(key, seen.found, "waited" if waited else "found")
                return turn
            if seen.locked or seen.refused:
                self._count(key, "asked" if seen.locked else "alone")
                return turn
            waited = True
            if not await self._landed(key, began + patience):
                self._count(key, "alone")
                return turn

    def put_entry(self, key: Key, token: str, answer: SharedAnswer, entry: Entry, seconds: float) -> None:
        """Share an answer, packed, and give the lock back. Nobody waits for it."""
        if len(answer.body) > self._most:
            self.release(key, token)
            return

        async def put() -> None:
            self.put(key, token, replace(answer, packed=await self._pack(entry)), seconds)

        task = asyncio.create_task(put())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(tell_defect)

    def put(self, key: Key, token: str, answer: SharedAnswer, seconds: float) -> None:
        """Share an answer, and give the lock back; with 0 seconds, forget the one there was."""
        name, lock = self._space.names(key)
        value = self._seal.close(name, answer)
        milliseconds = max(0, int(seconds * 1_000))

        def ask(redis: Redis) -> Awaitable[Any]:
            return redis.eval(_PUT, 2, name, lock, token, value, milliseconds)

        self._line.tell(_CACHE, ask)

    def release(self, key: Key, token: str) -> None:
        """Give the lock back."""
        lock = self._space.names(key)[1]
        self._line.tell(_CACHE, lambda redis: redis.eval(_RELEASE, 1, lock, token))

    async def renew(self, key: Key, token: str) -> None:
        """Keep the lock, for ever."""
        lock = self._space.names(key)[1]
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            self._line.tell(_CACHE, lambda redis: redis.eval(_RENEW, 1, lock, token, int(LOCK_SECONDS * 1_000)))

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _serves(self, found: Found, waited: float) -> bool:
        """Whether an answer makes a call needless: it is young, or was brought while this replica waited."""
        if found.answer.content_type is None:
            return found.age < found.answer.fresh
        return not found.expired and found.age < max(found.answer.fresh * self._ahead, waited)

    async def _look(self, key: Key, token: str, redis: Redis) -> _Seen:
        """What Redis has of a key. With a token, the lock is tried for first: who had it has put its answer there before."""
        name, lock = self._space.names(key)
        tags = _versions_of(key)
        pipeline = redis.pipeline(transaction=False)
        if token:
            pipeline.set(lock, token, nx=True, px=int(LOCK_SECONDS * 1_000))
        pipeline.time()
        pipeline.get(name)
        for tag in tags:
            pipeline.zscore(self._space.log, tag)
        told = await pipeline.execute(raise_on_error=False)
        locked = told.pop(0) if token else None
        refusal = next((part for part in told if isinstance(part, Exception)), None)
        if refusal is not None:
            raise refusal
        refused = False
        if isinstance(locked, Exception):
            refused = True
            self._line.refused(locked)
        (seconds, microseconds), value, *scores = told
        now = seconds + microseconds / 1e6
        version = max((int(score) for score in scores if score is not None), default=0)
        answer = None if value is None else self._seal.open(name, value)
        found = None
        if answer is not None and answer.at <= now + AHEAD_SECONDS:
            expired = answer.version < version or self.registrations.is_pending(tags)
            found = Found(answer, max(0.0, now - answer.at), expired)
        return _Seen(now - self.clock(), version, found, locked=bool(locked) and not refused, refused=refused)

    async def _landed(self, key: Key, until: float) -> bool:
        """Whether another replica's call came to its end in time."""
        lock = self._space.names(key)[1]
        poll = FIRST_POLL
        while self.clock() < until:
            await asyncio.sleep(poll)
            poll = min(LONGEST_POLL, poll * 1.5)
            held = await self._line.ask(_CACHE, lambda redis: redis.exists(lock), counts=False)
            if held is None:
                return False
            if not held:
                return True
        return False

    def _brought(self, key: Key, found: Found, outcome: str) -> None:
        """Whoever learns from what passes learns from this as well."""
        self._count(key, outcome)
        hearer = self.hearers.get(key.source)
        if hearer is not None and found.answer.content_type is not None:
            hearer(key, found.answer.body)

    def _count(self, key: Key, outcome: str) -> None:
        self._metrics.second_level.labels(key.operation, outcome).inc()


def _versions_of(key: Key) -> tuple[str, ...]:
    """The tags whose last registration decides on an answer."""
    tags = tags_of(key)
    return (*tags, ANY_SESSION) if any(name.startswith("session ") for name in tags) else tags
