"""One flight per key: simultaneous identical reads make one call to Dynamics.

PORTAL-FACTS: the old portal sends the same call two to four times at the same moment, on every page.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    passengers: int = 0


class Flights(Generic[T]):
    """What is under way, by key. Nothing is kept: who comes after the answer starts anew."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Flight[T]] = {}

    def __contains__(self, key: Hashable) -> bool:
        """Whether a call for that key is under way."""
        return key in self._under_way

    async def join(self, key: Hashable, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The outcome of the call for ``key``: of the one under way, else of one that is started now.

        A caller that is cancelled leaves the others their call; the last to leave cancels it. An error is everybody's, once.

        Args:
            key: What makes two calls the same.
            start: Makes the call.

        Raises:
            Exception: What the call raises.
        """
        flight = self._under_way.get(key)
        if flight is None:
            flight = self._under_way[key] = _Flight(asyncio.create_task(start()))
            flight.task.add_done_callback(lambda task: self._forget(key, task))
        flight.passengers += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.passengers -= 1
            if not flight.passengers and not flight.task.done():
                self._forget(key, flight.task)  # at once: nobody may join a call that is being cancelled
                flight.task.cancel()

    def _forget(self, key: Hashable, task: asyncio.Task[T]) -> None:
        flight = self._under_way.get(key)
        if flight is not None and flight.task is task:
            del self._under_way[key]
