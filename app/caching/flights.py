"""One flight per key: simultaneous identical reads make one call to Dynamics.

PORTAL-FACTS: the old portal sends the same call two to four times at the same moment, on every page.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Generic, TypeVar

from app.background import tell_defect

H = TypeVar("H", bound=Hashable)
T = TypeVar("T")


@dataclass(slots=True)
class Flight(Generic[T]):
    """A call that is under way.

    Attributes:
        task: The call.
        passengers: How many wait for it and let it end when they leave.
        pinned: Whether it goes on without passengers.
        started: When it began, on the monotonic clock.
    """

    task: asyncio.Task[T]
    passengers: int = 0
    pinned: bool = False
    started: float = field(default_factory=monotonic)


class Flights(Generic[H, T]):
    """What is under way, by key. Nothing is kept: who comes after the answer starts anew."""

    def __init__(self) -> None:
        self._under_way: dict[H, Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()

    def __contains__(self, key: H) -> bool:
        """Whether a call for that key is under way."""
        return key in self._under_way

    async def join(self, key: H, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The outcome of the call for ``key``: of the one under way, else of one that is started now.

        A caller that is cancelled leaves the others their call; the last to leave cancels it. An error is everybody's, once.

        Args:
            key: What makes two calls the same.
            start: Makes the call.

        Raises:
            Exception: What the call raises.
        """
        flight = self._flight(key, start)
        flight.passengers += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.passengers -= 1
            if not (flight.passengers or flight.pinned or flight.task.done()):
                self._forget(key, flight.task)  # at once: nobody may join a call that is being cancelled
                flight.task.cancel()

    def launch(self, key: H, start: Callable[[], Coroutine[Any, Any, T]]) -> Flight[T]:
        """The call for ``key``, started when none is under way. It goes on without passengers, and its error may stay unseen."""
        flight = self._flight(key, start)
        if not flight.pinned:
            flight.pinned = True
            flight.task.add_done_callback(tell_defect)
        return flight

    def carries(self, key: H, task: asyncio.Task[Any] | None) -> bool:
        """Whether ``task`` is the call for ``key`` that new callers join."""
        flight = self._under_way.get(key)
        return flight is not None and flight.task is task

    def part(self, chosen: Callable[[H], bool]) -> None:
        """Let those who come from now on start anew; those who wait get the answer that is under way.

        Args:
            chosen: For which keys.
        """
        for key in [key for key in self._under_way if chosen(key)]:
            del self._under_way[key]

    async def close(self) -> None:
        """Cancel everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _flight(self, key: H, start: Callable[[], Coroutine[Any, Any, T]]) -> Flight[T]:
        flight = self._under_way.get(key)
        if flight is None:
            flight = self._under_way[key] = Flight(asyncio.create_task(start()))
            self._tasks.add(flight.task)
            flight.task.add_done_callback(lambda task: self._ended(key, task))
        return flight

    def _ended(self, key: H, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        self._forget(key, task)

    def _forget(self, key: H, task: asyncio.Task[T]) -> None:
        if self.carries(key, task):
            del self._under_way[key]
