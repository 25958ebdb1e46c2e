"""One budget of calls for all replicas: a token bucket in Redis, lent from in small batches, so that few calls cost a round trip.

A process borrows ahead of its need, gives back what it does not use, and says what its registrations overdrew. While Redis is
away, its bucket fills by itself, at the part of the rate that is its own when all who borrowed lately do the same.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from secrets import token_hex
from time import monotonic
from typing import Any, Final

from redis.asyncio import Redis

from app.background import tell_defect
from app.budget import Budget
from app.shared.line import Line

LOOK_SECONDS: Final = 1.0
"""How often a process looks at the common bucket, so that it hears of a pause."""
IDLE_LOOKS: Final = 5
"""After so many looks without a call tokens are given back."""
HOLDER_SECONDS: Final = 10
"""Who borrowed so lately is counted among those who share."""
_BUDGET: Final = "budget"
_LEND: Final = """
local rate, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local debt, pause = tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'level', 'filled', 'pause')
local level, filled, paused = tonumber(kept[1]) or burst, tonumber(kept[2]) or now, tonumber(kept[3]) or 0
-- a clock that went back is no reason to wait for hours
if filled > now + 300 then filled = now end
if paused > now + 300 then paused = 0 end
if now > filled then
  level = math.min(burst, level + (now - filled) * rate)
  filled = now
end
if pause > 0 then
  paused = math.max(paused, now + pause)
  filled = paused
  level = math.min(level, burst / 4)
end
level = math.max(-burst, level - debt)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[7]))
if want > 0 or debt > 0 then redis.call('ZADD', KEYS[2], now, ARGV[6]) end
local holders = math.max(1, redis.call('ZCARD', KEYS[2]))
local grant = 0
if want < 0 then
  level = math.min(burst, level - want)
elseif now >= paused and level >= 1 then
  grant = math.floor(math.min(want, math.max(1, level / (2 * holders))))
  level = level - grant
end
redis.call('HSET', KEYS[1], 'level', string.format('%.6f', level), 'filled', string.format('%.6f', filled),
  'pause', string.format('%.6f', paused))
redis.call('EXPIRE', KEYS[1], 3600)
redis.call('EXPIRE', KEYS[2], 3600)
return {grant, string.format('%.6f', level), holders, string.format('%.6f', math.max(0, paused - now))}
"""


class Lending:
    """What lends to one budget of this process.

    Args:
        line: The way to Redis.
        name: What the names of the bucket begin with.
        budget: Is lent to.
        rate: Tokens per second of all processes together.
        burst: Tokens of the full common bucket.
        workers: Processes that the budget's own rate is divided among.
        clock: A steady clock, in seconds.
    """

    def __init__(
        self,
        line: Line,
        name: str,
        budget: Budget,
        rate: float,
        burst: int,
        workers: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._line = line
        self._keys = name, f"{name}:holders"
        self._budget = budget
        self._rate = rate
        self._burst = burst
        self._workers = workers
        self._clock = clock
        self._me = token_hex(8)
        self._lends = False
        self._level = float(burst)
        self._holders = workers
        self._used = 0
        self._since = clock()
        self._batch = 1
        self._asking: asyncio.Task[None] | None = None

    @property
    def on(self) -> bool:
        """Whether Redis lends now."""
        return self._lends and self._line.is_open

    @property
    def share(self) -> float:
        """The part of the budget's own rate while Redis is away."""
        return min(1.0, self._workers / max(1, self._holders))

    @property
    def low(self) -> bool:
        """Whether the common bucket is down to its last quarter."""
        return self._level <= self._burst / 4

    def taken(self, tokens: float) -> None:
        """Borrow ahead when half of a batch is left."""
        self._used += 1
        if tokens <= self._batch / 2 and self._asking is None and self._line.is_open:
            self._ask()

    async def lent(self) -> bool:
        """Wait for tokens, no longer than a request may lose to Redis; whether some came."""
        if not self._line.is_open:
            return False
        asking = self._asking or self._ask()
        return await self._line.wait(asking) and self._budget.tokens >= 1

    def paused(self, seconds: float) -> None:
        """Have all processes wait."""
        self._line.tell(_BUDGET, partial(self._lend, 0, 0, seconds))

    async def start(self) -> None:
        """Lend from now on."""
        self._budget.lender = self
        await self._borrow(1)

    async def run(self) -> None:
        """Look at the common bucket every so often, for ever."""
        idle = 0
        while True:
            before = self._used
            await asyncio.sleep(LOOK_SECONDS)
            if self._budget.lender is None:  # another portal of the organisation had it, and is gone
                self._budget.lender = self
            idle = 0 if self._used != before or self._budget.waiting else idle + 1
            await self._borrow(0)
            if idle >= IDLE_LOOKS and self.on and (tokens := self._budget.give_back()):
                self._line.tell(_BUDGET, partial(self._lend, -tokens, 0, 0))

    async def close(self) -> None:
        """Lend no more, and give back what is left."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        if self._budget.lender is self:
            if self.on and (tokens := self._budget.give_back()):
                await self._line.ask(_BUDGET, partial(self._lend, -tokens, 0, 0), counts=False)
            self._budget.lender = None

    def _ask(self) -> "asyncio.Task[None]":
        seconds, self._since = max(LOOK_SECONDS / 10, self._clock() - self._since), self._clock()
        # Half a second's need at the pace of late; what others need as well, the script sees to.
        self._batch = max(1, min(self._burst // 8, round(self._used / seconds / 2)))
        self._used = 0
        self._asking = asyncio.create_task(self._borrow(self._batch))
        self._asking.add_done_callback(self._asked)
        return self._asking

    def _asked(self, task: "asyncio.Task[None]") -> None:
        self._asking = None
        tell_defect(task)

    async def _borrow(self, want: int) -> None:
        debt = self._budget.owe() if self.on else 0
        told = await self._line.ask(_BUDGET, partial(self._lend, want, debt, 0), counts=False)
        if told is None:
            self._lends = False
            self._budget.lend(-debt, first=False)
            return
        grant, level, self._holders, pause = int(told[0]), float(told[1]), int(told[2]), float(told[3])
        self._level = level
        first, self._lends = not self._lends, True
        self._budget.lend(grant, first=first)
        if pause > 0:
            self._budget.pause(pause, heard=True)

    async def _lend(self, want: int, debt: int, pause: float, redis: Redis) -> Any:
        arguments = (self._rate, self._burst, want, debt, pause, self._me, HOLDER_SECONDS)
        return await redis.eval(_LEND, 2, *self._keys, *arguments)
