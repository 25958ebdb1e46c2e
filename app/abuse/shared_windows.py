"""The same counters in Redis, for all workers and machines together; never waited for longer than a blink.

The scripts and their keys are those of the ``limits`` library. Redis is asked in a task of its own: a connection that takes
longer than a request may wait is made all the same, for the next one.
"""

import asyncio
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import structlog
from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from app.abuse.rates import seconds_to_wait
from app.metrics import Metrics
from app.shared.redis_connection import in_words, open_redis

log = structlog.get_logger("evtmgmt.rates")

PATIENCE: Final = 0.05
"""Longest wait of a request for Redis, in seconds."""
AGAIN_SECONDS: Final = 2.0
"""How long Redis is left alone after it failed or was slow."""


class SharedWindows:
    """Counts in Redis. What goes there of a key is a keyed hash: an address is personal data.

    Args:
        url: Of Redis or Valkey.
        secret: What keys are hashed with, the same for all that count together.
        metrics: Counts how often Redis could not be asked.
        clock: A steady clock, in seconds.
    """

    def __init__(self, url: str, secret: str, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = open_redis(url)
        self._secret = blake2b(secret.encode("utf-8"), digest_size=32).digest()
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="evtmgmt:rates",
            connection_pool=self._redis.connection_pool,  # type: ignore[arg-type]
        )
        self._storage = storage
        self._strategy = SlidingWindowCounterRateLimiter(storage)
        self._metrics = metrics
        self._clock = clock
        self._quiet_until = 0.0
        self._away = False
        self._under_way: set[asyncio.Task[float]] = set()

    async def take(self, key: str, limit: RateLimitItem) -> float | None:
        """Count one if it may come.

        Returns:
            0 when it was counted, else the seconds until one may come; None when Redis does not say.
        """
        if self._clock() < self._quiet_until:
            self._metrics.rates_alone.inc()
            return None
        task = asyncio.create_task(self._take(self._hashed(key), limit))
        self._under_way.add(task)
        task.add_done_callback(self._done)
        await asyncio.wait((task,), timeout=PATIENCE)
        if task.done() and not task.cancelled() and task.exception() is None:
            return task.result()
        self._quiet_until = self._clock() + AGAIN_SECONDS
        self._metrics.rates_alone.inc()
        if not self._away:
            self._away = True
            error = None if not task.done() or task.cancelled() else task.exception()
            cause = in_words(error) if isinstance(error, Exception) else f"Redis does not answer within {PATIENCE * 1_000:.0f} ms"
            log.warning("every worker counts by itself", cause=cause)
        return None

    async def close(self) -> None:
        """Let go of the connections."""
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._redis.aclose()

    async def _take(self, key: str, limit: RateLimitItem) -> float:
        if await self._strategy.hit(limit, key):
            seconds = 0.0
        else:
            windows = await self._storage.get_sliding_window(limit.key_for(key), limit.get_expiry())
            # It may have become 0 since it was refused.
            seconds = max(0.001, seconds_to_wait(limit, *windows))
        if self._away:
            self._away = False
            log.info("all workers count together again")
        return seconds

    def _done(self, task: asyncio.Task[float]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            error = task.exception()  # taken, or asyncio complains of it
            if error is not None and not isinstance(error, (RedisError, OSError)):
                log.error("defect", exc_info=error)

    def _hashed(self, key: str) -> str:
        return blake2b(key.encode("utf-8"), digest_size=12, key=self._secret).hexdigest()
