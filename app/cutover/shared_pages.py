"""The pages that visitors saw at any replica, told and asked through Redis or Valkey.

A registration may reach another replica than the page that it began on, and the cutover may have been changed between the two.
Pages are told in the background, some at a time; only a registration asks, and waits no longer than a request may lose to Redis
(``app/shared/line.py``). In Redis lies one sorted set: keyed hashes of visitors' bucket, event and side, by the time of the page.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from time import monotonic
from typing import Any, Final

from redis.asyncio import Redis

from app.cutover.decision import Source
from app.cutover.places import MOST_PAGES, Page, Pages
from app.shared.line import Line

GATHER_SECONDS: Final = 0.2
"""How long pages are gathered before they are told: what a page asks for comes within it, and nobody registers so fast."""
RETRY_SECONDS: Final = 2.0
"""How long pages wait that Redis did not take."""
MOST_AT_ONCE: Final = 200
"""Pages of one script: others ask Redis as well."""
AHEAD_SECONDS: Final = 2.0
"""A page from so far in the future was told by a Redis whose clock was another: nobody knows how old it is."""
SIDES: Final = (Source.REALTIME, Source.OUTBOUND, Source.ARCHIVE)
"""Where a page can come from."""
_PAGES: Final = "pages"
_TELL: Final = """
-- seconds that a page is remembered, pages, seconds ahead, then members and their ages
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ARGV[3], '+inf')
for i = 4, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], 'GT', string.format('%.6f', now - ARGV[i + 1]), ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[2])
redis.call('EXPIRE', KEYS[1], math.ceil(ARGV[1]))
return 1
"""


class SharedPages(Pages):
    """Pages of all replicas. What Redis does not know, or not say in time, is decided by what this process saw itself.

    Args:
        line: The way to Redis.
        name: Of the sorted set.
        secret: What pages are hashed with, the same for all replicas and unknown to Redis.
        seconds: How long a page is remembered.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, line: Line, name: str, secret: bytes, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(seconds, clock)
        self._line = line
        self._name = name
        self._secret = secret
        self._untold: OrderedDict[Page, None] = OrderedDict()
        self._some = asyncio.Event()

    def seen(self, bucket: int, event: str, source: Source) -> None:
        """A page was answered by this process: it is told soon."""
        page = bucket, event.casefold()
        self._keep(page, self._clock(), source)
        if not self._untold:
            self._some.set()
        self._untold[page] = None

    async def hear(self, bucket: int, event: str) -> None:
        """Ask whether a replica answered a later page than this process did."""
        page = bucket, event.casefold()
        told = await self._line.ask(_PAGES, partial(self._look, page))
        if told is None:
            return
        age, source = told
        at = self._clock() - age
        own = self._pages.get(page)
        if source is not None and (own is None or at > own[0]):
            self._keep(page, at, source)

    async def run(self) -> None:
        """Tell what was seen, for ever."""
        while True:
            await self._some.wait()
            await asyncio.sleep(GATHER_SECONDS)
            if not (self._line.is_open and await self._tell()):
                await asyncio.sleep(RETRY_SECONDS)

    async def close(self) -> None:
        """Tell what was not told yet: the registration comes to a replica that goes on."""
        if self._line.is_open:
            await self._tell()

    async def _tell(self) -> bool:
        """Tell all that is untold; whether Redis took it."""
        while self._untold:
            batch = [self._untold.popitem(last=False)[0] for _ in range(min(len(self._untold), MOST_AT_ONCE))]
            # Done or not: told once more it is the same.
            if await self._line.ask(_PAGES, partial(self._put, batch), counts=False) is None:
                for page in batch:
                    self._untold[page] = None
                while len(self._untold) > MOST_PAGES:
                    self._untold.popitem(last=False)
                return False
        self._some.clear()
        return True

    async def _put(self, batch: list[Page], redis: Redis) -> Any:
        now = self._clock()
        told: list[bytes | float] = []
        for page in batch:
            if page in self._pages:  # else it is one of the oldest of very many
                at, source = self._pages[page]
                told += self._member(page, source), now - at
        return await redis.eval(_TELL, 1, self._name, self._seconds, MOST_PAGES, AHEAD_SECONDS, *told)

    async def _look(self, page: Page, redis: Redis) -> tuple[float, Source | None]:
        """The age of the last page that Redis knows, and where it came from."""
        members: Any = [self._member(page, side) for side in SIDES]  # the client's types know text only
        pipeline = redis.pipeline(transaction=False)
        pipeline.time()
        pipeline.zmscore(self._name, members)
        (seconds, microseconds), times = await pipeline.execute()
        now = seconds + microseconds / 1e6
        known = [(now - at, side) for at, side in zip(times, SIDES, strict=True) if at is not None and at <= now + AHEAD_SECONDS]
        return min(known, default=(0.0, None), key=lambda one: one[0])

    def _member(self, page: Page, source: Source) -> bytes:
        bucket, event = page
        text = f"{bucket} {source} {event}".encode()
        # BLAKE2 with a key is a MAC (RFC 7693 1): who does not have it can neither read a page nor make one up.
        return blake2b(text, key=self._secret, digest_size=12).digest()
