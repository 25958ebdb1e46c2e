"""What requests ask of Redis: bounded in time and number, and left out as soon as Redis does not answer at once.

A request loses at most ``patience`` to Redis in all, however much it asks. After some failures in a row nobody asks until a
probe, which no request waits for, was answered. Redis is asked in a task of its own: a connection that takes longer than a
request may wait is made all the same, for the next one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as UnreachableError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as SilentError

from app.metrics import Metrics
from app.shared.redis_connection import WHOLE_SECONDS, in_words, open_redis

log = structlog.get_logger("evtmgmt.shared")

T = TypeVar("T")
PATIENCE: Final = 0.05
"""Longest time that a request loses to Redis, in seconds, where the settings say nothing else."""
AGAIN_SECONDS: Final = 2.0
"""How long Redis is left alone after it failed or was slow."""
PLACES: Final = 8
"""Questions at once, and so connections of a process; an answer takes well under a millisecond."""
MOST_QUESTIONS: Final = 256
"""Questions that are asked or wait for a place: who comes then goes on alone."""
FAILURES: Final = 3
"""After so many failures in a row Redis is left alone. One may be this process's own fault: its loop was busy.

Of questions that were under way at the same time one counts: a moment in which Redis waited for a core would else be all three.
"""
LATE_SECONDS: Final = 0.02
"""An answer that is later than the wait by more than this was kept waiting by this process's own loop, not by Redis."""
TOLD_SECONDS: Final = 60.0
"""A refusal is told in the log once in that time."""


class Allowance:
    """The seconds that a request may still lose to Redis."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


_ALLOWED: ContextVar[Allowance | None] = ContextVar("allowed", default=None)
"""Each request is a task, with a context of its own; what it starts shares it."""


class Line:
    """The way to Redis for all that requests ask of it.

    Args:
        url: Of Redis or Valkey.
        metrics: Tells whether Redis is there, and what went on without it.
        patience: Longest time that a request loses to it, in seconds.
        clock: A steady clock, in seconds.

    Attributes:
        redis: The connections; answers are bytes.

    Raises:
        ValueError: The address cannot be used; in words, without it.
    """

    def __init__(
        self, url: str, metrics: Metrics, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.redis: Redis = open_redis(url, text=False)
        self._metrics = metrics
        self._patience = patience
        self._clock = clock
        self._away = False
        self._closed = False
        self._again_at = 0.0
        self._told_at = -TOLD_SECONDS
        self._probe: asyncio.Task[bool] | None = None
        self._under_way: set[asyncio.Task[Any]] = set()
        self._begun: set[asyncio.Task[Any] | None] = set()
        self._places = asyncio.Semaphore(PLACES)
        self._failures = 0
        self._failed_at = float("-inf")
        metrics.redis_up.set(1)

    @property
    def is_open(self) -> bool:
        """Whether asking is worth it. While Redis is away, this finds out in the background whether it is back."""
        if self._closed:
            return False
        if self._away and self._clock() >= self._again_at and self._probe is None:
            self._again_at = self._clock() + AGAIN_SECONDS
            self._probe = asyncio.create_task(self._is_back())
            self._probe.add_done_callback(self._probed)
        return not self._away

    async def ask(self, what: str, question: Callable[[Redis], Awaitable[T]], *, counts: bool = True) -> T | None:
        """What Redis answers; None when it does not, or not in the time that the request may lose to it.

        Args:
            what: The part that asks: a label of the metric.
            question: Asks, and never answers None.
            counts: Whether the time is taken from what the request may lose; not where it waits for another replica.
        """
        # Not looked for where it does not count: what a start has lost would be lost to all that it sets going, for ever.
        allowed = self._allowed() if counts else Allowance(self._patience)
        seconds = allowed.seconds
        if not self.is_open or seconds <= 0 or len(self._under_way) >= MOST_QUESTIONS:
            self._metrics.redis_alone.labels(what).inc()
            return None
        task = self._start(question)
        began = self._clock()
        await asyncio.wait((task,), timeout=seconds)
        lost = self._clock() - began
        allowed.seconds -= lost
        if task.done() and not task.cancelled() and task.exception() is None:
            return task.result()
        if not task.done():
            if task not in self._begun:
                task.cancel()  # it would only take what nobody waits for any more
            if lost < seconds + LATE_SECONDS:
                self._failed(began, f"Redis does not answer within {self._patience * 1_000:.0f} ms")
        self._metrics.redis_alone.labels(what).inc()
        return None

    async def wait(self, task: asyncio.Task[Any]) -> bool:
        """Wait for something that Redis is asked, no longer than the request may lose; whether it came to its end."""
        allowed = self._allowed()
        if allowed.seconds > 0 and not task.done():
            began = self._clock()
            await asyncio.wait((task,), timeout=allowed.seconds)
            allowed.seconds -= self._clock() - began
        return task.done()

    def refused(self, error: Exception) -> None:
        """Redis answered that it will not. Nobody lost time by it, and what is only read may go on: a full one can be read."""
        if self._clock() >= self._told_at + TOLD_SECONDS:
            self._told_at = self._clock()
            log.warning("Redis refuses what replicas share", cause=in_words(error))

    def tell(self, what: str, question: Callable[[Redis], Awaitable[object]]) -> None:
        """Have Redis do something that nobody waits for. It may be lost."""
        if self.is_open and len(self._under_way) < MOST_QUESTIONS:
            self._start(question)
        else:
            self._metrics.redis_alone.labels(what).inc()

    async def open(self) -> None:
        """Make the first connection, so that no request waits for it. Redis may be away."""
        if not await self._is_back():
            self._leave_alone("it does not answer at the start")

    async def close(self) -> None:
        """Let go of the connections."""
        self._closed = True
        tasks = [*self._under_way, *(() if self._probe is None else (self._probe,))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.redis.aclose()

    def _allowed(self) -> Allowance:
        allowed = _ALLOWED.get()
        if allowed is None:
            _ALLOWED.set(allowed := Allowance(self._patience))
        return allowed

    def _start(self, question: Callable[[Redis], Awaitable[T]]) -> asyncio.Task[T]:
        task = asyncio.create_task(self._bounded(question))
        self._under_way.add(task)
        task.add_done_callback(partial(self._done, self._clock()))
        return task

    async def _bounded(self, question: Callable[[Redis], Awaitable[T]]) -> T:
        async with self._places:
            self._begun.add(asyncio.current_task())
            async with asyncio.timeout(WHOLE_SECONDS):
                return await question(self.redis)

    def _done(self, began: float, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        self._begun.discard(task)
        error = None if task.cancelled() else task.exception()  # taken, or asyncio complains of it
        if error is None:
            if not task.cancelled():
                self._failures = 0
        elif isinstance(error, (UnreachableError, SilentError, OSError)):  # TimeoutError is an OSError
            self._failed(began, in_words(error))
        elif isinstance(error, ResponseError):
            self.refused(error)
        elif isinstance(error, RedisError):
            self._failed(began, in_words(error))
        else:
            log.error("defect", exc_info=error)

    def _failed(self, began: float, cause: str) -> None:
        if began >= self._failed_at:
            self._failures += 1
            self._failed_at = self._clock()
        if self._failures >= FAILURES or self._away:
            self._leave_alone(cause)

    def _leave_alone(self, cause: str) -> None:
        if self._closed:
            return
        self._again_at = self._clock() + AGAIN_SECONDS
        if not self._away:
            self._away = True
            self._metrics.redis_up.set(0)
            log.warning("Redis is left alone: this process goes on by itself", cause=cause)

    async def _is_back(self) -> bool:
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                began = self._clock()
                await self.redis.time()  # a right that its user has
                first = self._clock() - began
                if first > self._patience:  # that was the way of the connection, perhaps
                    began = self._clock()
                    await self.redis.time()  # a right that its user has
                    first = self._clock() - began
        except (RedisError, OSError):
            return False
        return first <= self._patience

    def _probed(self, task: asyncio.Task[bool]) -> None:
        self._probe = None
        if not task.cancelled() and task.result():
            self._away = False
            self._failures = 0
            self._metrics.redis_up.set(1)
            log.info("Redis answers again: replicas share again")
