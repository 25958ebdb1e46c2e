"""One flight per key: simultaneous identical reads make one call to Dynamics.

PORTAL-FACTS: the old portal sends the same call two to four times at the same moment, on every page. Most calls have one
passenger all the same, and a task for each is dear: where the caller allows it (``lead``), the call is made in its own task.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Generic, TypeVar

from app.background import tell_defect

H = TypeVar("H", bound=Hashable)
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Flight(Generic[T]):
    """A call that is under way.

    Attributes:
        key: What it is for.
        task: Carries the call; its own, or that of the caller who leads it.
        led: Whether a caller leads it.
        passengers: How many wait for it and let it end when they leave; who leads it is one.
        pinned: Whether it goes on without passengers.
        started: When it began, on the monotonic clock.
    """

    key: Any
    task: asyncio.Task[Any]
    led: bool = False
    passengers: int = 0
    pinned: bool = False
    started: float = field(default_factory=monotonic)
    _landing: "asyncio.Future[T] | None" = None

    @property
    def landing(self) -> "asyncio.Future[T]":
        """What comes of it. Cancelled when the call was cut off, as it is when the server stops."""
        if self._landing is None:
            self._landing = self.task.get_loop().create_future() if self.led else self.task
        return self._landing

    @property
    def goes_on(self) -> bool:
        """Whether somebody wants it."""
        return bool(self.passengers or self.pinned)

    def land(self, found: T) -> None:
        """Tell those who wait what a led call brought."""
        if self._landing is not None and not self._landing.done():
            self._landing.set_result(found)

    def fail(self, error: BaseException) -> None:
        """Tell those who wait what ended a led call."""
        landing = self._landing
        if landing is None or landing.done():
            return
        if isinstance(error, Exception):
            landing.set_exception(error)
            landing.exception()  # perhaps nobody waits any more
        else:
            landing.cancel()


class Flights(Generic[H, T]):
    """What is under way, by key. Nothing is kept: who comes after the answer starts anew."""

    def __init__(self) -> None:
        self._under_way: dict[H, Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()
        self._led: dict[asyncio.Task[Any], Flight[T]] = {}

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
        while True:
            flight = self._flight(key, start)
            flight.passengers += 1
            landing = flight.landing
            try:
                return await asyncio.shield(landing)
            except asyncio.CancelledError:
                if not (flight.led and landing.cancelled()) or _is_cancelled():
                    raise
            finally:
                flight.passengers -= 1
                if not (flight.goes_on or landing.done()):
                    self._end(flight)
            # Who led it was cut off, and this caller was not.

    async def lead(self, key: H, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """As ``join``, but a call that is started now is made in the task of the caller, which costs less.

        The caller must not be cancelled because it has no more use for the outcome, unless ``leave`` says so: others may wait.

        Args:
            key: What makes two calls the same.
            start: Makes the call.

        Raises:
            Exception: What the call raises.
        """
        if key in self._under_way:
            return await self.join(key, start)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        flight = self._under_way[key] = self._led[task] = Flight(key, task, led=True, passengers=1)
        try:
            found = await start()
        except BaseException as error:
            self._forget(flight)
            flight.fail(error)
            raise
        finally:
            del self._led[task]
        self._forget(flight)
        flight.land(found)
        return found

    def leave(self, task: asyncio.Task[Any]) -> bool:
        """Who leads a call in ``task`` has no more use for it. Returns whether the task may be cancelled: nobody else waits."""
        flight = self._led.get(task)
        if flight is None:
            return True
        flight.passengers -= 1
        if not flight.goes_on:
            self._forget(flight)  # at once: nobody may join a call that is being cancelled
        return not flight.goes_on

    def launch(self, key: H, start: Callable[[], Coroutine[Any, Any, T]]) -> Flight[T]:
        """The call for ``key``, started when none is under way. It goes on without passengers, and its error may stay unseen."""
        flight = self._flight(key, start)
        if not flight.pinned:
            flight.pinned = True
            flight.landing.add_done_callback(tell_defect)
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
        """Cancel everything that has a task of its own."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _flight(self, key: H, start: Callable[[], Coroutine[Any, Any, T]]) -> Flight[T]:
        flight = self._under_way.get(key)
        if flight is None:
            task = asyncio.create_task(start())
            flight = self._under_way[key] = Flight(key, task)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            ended = flight
            task.add_done_callback(lambda _: self._forget(ended))
        return flight

    def _end(self, flight: Flight[T]) -> None:
        """Cancel a call that nobody wants; of one that is led, who leads it has left before."""
        self._forget(flight)
        flight.task.cancel()

    def _forget(self, flight: Flight[T]) -> None:
        if self._under_way.get(flight.key) is flight:
            del self._under_way[flight.key]


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
