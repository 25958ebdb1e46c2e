"""Registrations that any replica sent: what they make stale is told to all, and no lost message leaves it fresh.

What is stale is a member of a sorted set in Redis; its score is the time of the last registration, by the clock of Redis, made
never to go back. An answer in Redis says which was the last one when Dynamics was asked, so it is known for itself whether it is
from before. A replica that missed messages reads all members since the last that it knows.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from itertools import count
from typing import Final

import structlog
from redis.asyncio import Redis

from app.metrics import Metrics
from app.shared.redis_connection import asking
from app.shared.redis_news import RedisNews
from app.sqlite_files import StoreAwayError

log = structlog.get_logger("evtmgmt.shared")

LEAST_RETENTION: Final = 86_400.0
"""Seconds for which a registration is remembered, at least."""
MICROSECONDS: Final = 1_000_000
_TELL: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last and tonumber(last) >= now then now = tonumber(last) + 1 end
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[2])))
redis.pcall('PUBLISH', ARGV[1], '')
return 1
"""


class Registrations:
    """Tells other replicas of registrations, and hears of theirs.

    Args:
        redis: The connections; answers are bytes.
        log_name: The name of the set.
        channel: Where it is said that there is something new.
        metrics: Counts what was heard.
        retention: Seconds for which a registration is remembered: as long as an answer may be given without asking.

    Attributes:
        hearers: Are told the tags that became stale.
    """

    def __init__(self, redis: Redis, log_name: str, channel: str, metrics: Metrics, retention: float = LEAST_RETENTION) -> None:
        self._redis = redis
        self._log_name = log_name
        self._channel = channel
        self._metrics = metrics
        self._retention = max(LEAST_RETENTION, retention)
        self._news = RedisNews(redis, channel)
        self._pending: dict[str, int] = {}
        self._numbers = count()
        self._sending: asyncio.Task[None] | None = None
        self._last = 0
        self.hearers: Collection[Callable[[frozenset[str]], None]] = ()

    def tell(self, tags: Iterable[str]) -> None:
        """Have all replicas know that these are stale. While Redis is away it is kept, and told afterwards."""
        self._pending.update(dict.fromkeys(tags, next(self._numbers)))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_now())

    def is_pending(self, tags: Iterable[str]) -> bool:
        """Whether Redis does not know yet that one of these is stale."""
        return any(name in self._pending for name in tags)

    async def run(self) -> None:
        """Hear of registrations, for ever."""
        while True:
            await self._news.listen()
            try:
                await self._send()
                await self._look()
            except StoreAwayError:
                pass  # told by the line that requests use; the next look finds what was missed
            await self._news.wait()

    async def close(self) -> None:
        """Tell what is still to be told, and hear no more."""
        try:
            await self._send()
        except StoreAwayError:
            log.warning("other replicas were not told of the last registrations")
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        await self._news.close()

    async def _send_now(self) -> None:
        try:
            await self._send()
        except StoreAwayError:
            pass  # ``run`` tries again
        finally:
            self._sending = None

    async def _send(self) -> None:
        while self._pending:
            sent = dict(self._pending)
            async with asking():
                await self._redis.eval(_TELL, 1, self._log_name, self._channel, self._retention * MICROSECONDS, *sent)
            for name, number in sent.items():
                if self._pending.get(name) == number:  # else it became stale once more meanwhile
                    self._pending.pop(name)

    async def _look(self) -> None:
        async with asking(), self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zrevrange(self._log_name, 0, 0, withscores=True)
            pipeline.zrangebyscore(self._log_name, f"({self._last}", "+inf")
            newest, names = await pipeline.execute()
        last = int(newest[0][1]) if newest else self._last
        if last < self._last:  # it lost them, and its clock went back: which ones are new, nobody can say
            async with asking():
                names = await self._redis.zrange(self._log_name, 0, -1)
        self._last = last
        if names:
            tags = frozenset(name.decode("utf-8") for name in names)
            self._metrics.registrations_heard.inc(len(tags))
            for hear in self.hearers:
                hear(tags)
