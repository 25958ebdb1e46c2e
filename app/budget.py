"""The budget of calls to Dynamics: a token bucket that keeps the proxy below the organisation's limit.

CONTRACT 2: Dataverse allows 6,000 requests in five minutes, then answers 429 with Retry-After. In any five minutes the bucket
lets ``burst`` + 300 times the rate through: with 200 and 15/s that is 4,700. Registrations are never held back; reads pay for
them. Everything happens in one event loop; times are seconds of a clock that need not be right, only steady.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from math import ceil
from typing import Final, Literal

from app.rates import Rate

MOST_SECONDS: Final = 300
"""The longest pause, and the largest ``retry_after``: the limit's window is five minutes (CONTRACT 2)."""
_GRAIN: Final = 1e-6
"""Seconds that are no difference: more than sums of floats are wrong by, less than anybody waits."""


class Need(IntEnum):
    """What a call is for, the most urgent first. A refresh is work in the background: nobody waits for it."""

    REGISTRATION = 1
    READ = 2
    REFRESH = 3


@dataclass(slots=True, eq=False)
class BudgetSpentError(Exception):
    """A call that may not be made now.

    ``retry_after`` is whole seconds, 1 to 300. The reason is ``paused`` when Dynamics asked to wait, else ``spent``.
    """

    retry_after: int
    reason: Literal["spent", "paused"]

    def __str__(self) -> str:
        """The reason, and when to come again."""
        return f"{self.reason}: again in {self.retry_after} s"


class Budget:
    """A token bucket: it starts full, and every call takes a token.

    A pause that Dynamics asked for empties it down to a quarter, and it gets nothing before the pause is over: the calls
    that were held back do not all come at once then.

    Args:
        rate: Tokens per second; None lets everything through, but in a pause.
        burst: Tokens of a full bucket, at least 1; also the most that registrations may overdraw it by.
        wait: Longest time that a read waits for its token, in seconds.
        clock: Seconds, of any beginning.
        name: The organisation whose calls these are.

    Attributes:
        name: The same.
    """

    def __init__(
        self,
        rate: Rate | None,
        burst: int,
        wait: float,
        clock: Callable[[], float] = time.monotonic,
        name: str = "realtime",
    ) -> None:
        self.name = name
        self._rate = 0.0 if rate is None else rate.per_second  # 0: no tokens come, and none are taken
        self._burst = float(burst)
        self._reserve = burst / 4
        self._wait = wait
        self._clock = clock
        self._shift = 0.0
        self._last = clock()
        self._tokens = self._burst
        self._filled = self._last  # the bucket has got what it gets until then; in a pause this is its end
        self._pause_end = self._last
        self._queue: OrderedDict[asyncio.Future[BudgetSpentError | None], float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def tokens(self) -> float:
        """Tokens in the bucket, below 0 when registrations have overdrawn it; a full bucket when there is no rate."""
        self._fill()
        return self._tokens

    @property
    def left(self) -> float:
        """The same when a token was last taken or asked for: it costs nothing to know."""
        return self._tokens

    @property
    def paused_for(self) -> float:
        """Seconds until reads are allowed again; 0 when they are."""
        return max(0.0, self._pause_end - self._now())

    @property
    def waiting(self) -> int:
        """Reads that wait for a token."""
        return len(self._queue)

    def take(self, need: Need) -> bool:
        """Take a token if it is to be had at once: always for a registration; for a refresh out of the upper three quarters.

        False says no more than that: ``admit`` then waits, or tells why not.
        """
        now = self._fill()
        if need is not Need.REGISTRATION and now < self._pause_end:
            return False
        if not self._rate:
            return True
        tokens = self._tokens
        if need is not Need.REGISTRATION and (tokens < 1 or self._queue or (need is Need.REFRESH and tokens <= self._reserve)):
            return False
        self._tokens = max(tokens - 1, -self._burst)
        return True

    async def admit(self, need: Need) -> None:
        """Return when the call may be made. Only reads wait, in the order they came, and only if their turn comes in time.

        Raises:
            BudgetSpentError: At once in a pause, for a refresh, and for a read that would wait too long; later for a read that
                waits when a pause begins, or when registrations took what it was waiting for.
        """
        if self.take(need):
            return
        now = self._last  # when it was not to be had: a later look at the clock may see the end of the pause
        if now < self._pause_end:
            raise _refusal(self._pause_end - now, "paused")
        least = max(1, self._reserve) if need is Need.REFRESH else 1
        seconds = (least + len(self._queue) - self._tokens) / self._rate
        if need is Need.REFRESH or seconds > self._wait:
            raise _refusal(seconds, "spent")
        turn: asyncio.Future[BudgetSpentError | None] = asyncio.get_running_loop().create_future()
        self._queue[turn] = now + self._wait
        if self._timer is None:
            self._serve()
        try:
            refusal = await turn
        except asyncio.CancelledError:
            self._leave(turn)
            raise
        if refusal is not None:
            raise refusal

    def pause(self, seconds: float) -> None:
        """Refuse reads and refreshes from now on, those that wait as well; of several pauses the last to end counts.

        Args:
            seconds: What Dynamics asked for in Retry-After; more than 300 is taken as 300, nothing or less as no pause.
        """
        if not seconds > 0:
            return
        now = self._fill()
        self._pause_end = self._filled = max(self._pause_end, now + min(seconds, MOST_SECONDS))
        if self._rate:
            self._tokens = min(self._tokens, self._reserve)
        while self._queue:
            turn, _ = self._queue.popitem(last=False)
            if not turn.done():
                turn.set_result(_refusal(self._pause_end - now, "paused"))
        self._stop_timer()

    def _now(self) -> float:
        """The clock's time, made never to go back: when the clock does, time goes on from where it was."""
        now = self._clock() + self._shift
        if now < self._last:
            self._shift += self._last - now
            return self._last
        self._last = now
        return now

    def _fill(self) -> float:
        """Put in what came since the last time; returns the time."""
        now = self._now()
        if now > self._filled:
            # The token that somebody waits for fills no bucket: or a timer's lateness is lost, each time, to a burst of 1.
            most = self._burst + 1 if self._queue else self._burst
            self._tokens = min(most, self._tokens + (now - self._filled) * self._rate)
            self._filled = now
        return now

    def _serve(self) -> None:
        """Hand tokens to those who wait; one timer wakes the first of them when its token has come."""
        self._stop_timer()
        now = self._fill()
        while self._queue:
            turn, deadline = next(iter(self._queue.items()))
            seconds = (1 - self._tokens) / self._rate
            if 0 < seconds <= deadline - now + _GRAIN:
                # Whole milliseconds, rounded up: uvloop knows no others, and would come too early again and again.
                self._timer = asyncio.get_running_loop().call_later(ceil(seconds * 1_000) / 1_000, self._serve)
                return
            del self._queue[turn]
            if turn.done():  # cancelled, and its task has not run yet
                continue
            if seconds > 0:
                turn.set_result(_refusal(seconds, "spent"))
            else:
                self._tokens -= 1
                turn.set_result(None)

    def _leave(self, turn: asyncio.Future[BudgetSpentError | None]) -> None:
        """Give a place in the queue back, or the token that came too late."""
        self._queue.pop(turn, None)
        if not turn.cancelled() and turn.result() is None:
            self._tokens = min(self._burst, self._tokens + 1)
            self._serve()
        elif not self._queue:
            self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _refusal(seconds: float, reason: Literal["spent", "paused"]) -> BudgetSpentError:
    return BudgetSpentError(max(1, min(MOST_SECONDS, ceil(seconds - _GRAIN))), reason)
