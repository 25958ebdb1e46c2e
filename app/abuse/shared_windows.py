"""The same counters in Redis, for all workers and machines together; never waited for longer than a blink.

The scripts and their keys are those of the ``limits`` library.
"""

from hashlib import blake2b

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.abuse.rates import seconds_to_wait
from app.shared.line import Line

_RATES = "rates"


class SharedWindows:
    """Counts in Redis. What goes there of a key is a keyed hash: an address is personal data.

    Args:
        line: The way to Redis.
        secret: What keys are hashed with, the same for all that count together.
    """

    def __init__(self, line: Line, secret: str) -> None:
        self._line = line
        self._secret = blake2b(secret.encode("utf-8"), digest_size=32).digest()
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="evtmgmt:rates",
            connection_pool=line.redis.connection_pool,  # type: ignore[arg-type]
        )
        self._storage = storage
        self._strategy = SlidingWindowCounterRateLimiter(storage)

    async def take(self, key: str, limit: RateLimitItem) -> float | None:
        """Count one if it may come.

        Returns:
            0 when it was counted, else the seconds until one may come; None when Redis does not say.
        """
        hashed = blake2b(key.encode("utf-8"), digest_size=12, key=self._secret).hexdigest()
        return await self._line.ask(_RATES, lambda _: self._take(hashed, limit))

    async def _take(self, key: str, limit: RateLimitItem) -> float:
        if await self._strategy.hit(limit, key):
            return 0.0
        windows = await self._storage.get_sliding_window(limit.key_for(key), limit.get_expiry())
        # It may have become 0 since it was refused.
        return max(0.001, seconds_to_wait(limit, *windows))
