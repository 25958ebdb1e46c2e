"""The breaker: while most calls fail, none are made but a few that try.

Michael Nygard, "Release It!", chapter "Stability Patterns". Each organisation has one per lane. Closed, it counts; open, it
refuses; half open, it lets a few calls through, and what becomes of them decides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from math import ceil
from time import monotonic
from typing import Final

from app.faults.settings import Faults

_SLOTS: Final = 10
"""Parts of the window: what is told of it is a tenth too old at most."""


class State(IntEnum):
    """What a breaker does; the numbers are those of the metric."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(slots=True, eq=False)
class BreakerOpenError(Exception):
    """A call that is not made. ``retry_after`` is whole seconds, at least 1."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class Change:
    """What is told when the state changes.

    Attributes:
        state: The new one.
        calls: Calls in the window, or that tried.
        failures: Those of them that failed.
        seconds: How long it stays open; 0 in other states.
        cause: Why the last call failed, in words without addresses; None when it did not.
    """

    state: State
    calls: int
    failures: int
    seconds: float = 0.0
    cause: str | None = None


class Breaker:
    """One lane's breaker. Everything happens in one event loop.

    A call takes a ticket before it is made and gives it back with what became of it. A ticket of an earlier state says
    nothing any more: what was sent before a breaker opened must not close it.

    Args:
        settings: The bounds.
        tell: Is told of each change.
        clock: A monotonic clock, in seconds.

    Attributes:
        state: What it does.
    """

    def __init__(self, settings: Faults, tell: Callable[[Change], None], clock: Callable[[], float] = monotonic) -> None:
        self.state = State.CLOSED
        self._settings = settings
        self._tell = tell
        self._clock = clock
        self._width = settings.breaker_window / _SLOTS
        self._era = 0
        self._openings = 0  # in a row
        self._closed_at = clock()
        self._until = 0.0
        self._trying = 0
        self._passed = 0
        self._forget()

    def enter(self) -> int:
        """A ticket for a call.

        Raises:
            BreakerOpenError: It must not be made now.
        """
        if self.state is State.CLOSED:
            return self._era
        now = self._clock()
        if self.state is State.OPEN:
            if now < self._until:
                raise BreakerOpenError(max(1, ceil(self._until - now)))
            self._trying = self._passed = 0
            self._change(Change(State.HALF_OPEN, 0, 0))
        if self._trying + self._passed >= self._settings.breaker_probes:
            raise BreakerOpenError(1)
        self._trying += 1
        return self._era

    def stands(self, ticket: int) -> bool:
        """Whether a call that had to wait since it got its ticket may still be made."""
        return ticket == self._era or self.state is State.CLOSED

    def succeeded(self, ticket: int) -> None:
        """The call was answered."""
        if ticket != self._era:
            return
        if self.state is State.CLOSED:
            self._turn()
            self._calls[self._slot] += 1
            return
        self._trying -= 1
        self._passed += 1
        if self._passed >= self._settings.breaker_probes:
            self._closed_at = self._clock()
            self._forget()
            self._change(Change(State.CLOSED, self._passed, 0))

    def failed(self, ticket: int, cause: str) -> None:
        """The call failed, and Dynamics or the way to it is to blame."""
        if ticket != self._era:
            return
        if self.state is not State.CLOSED:
            self._open(Change(State.OPEN, self._trying + self._passed, 1, cause=cause))
            return
        self._turn()
        self._calls[self._slot] += 1
        self._failures[self._slot] += 1
        calls, failures = sum(self._calls), sum(self._failures)
        if calls >= self._settings.breaker_minimum and 100 * failures >= self._settings.breaker_percent * calls:
            self._open(Change(State.OPEN, calls, failures, cause=cause))

    def unknown(self, ticket: int) -> None:
        """Nothing is known of the call: it was not made after all, or whoever waited for it left."""
        if ticket == self._era and self.state is State.HALF_OPEN:
            self._trying -= 1

    def _open(self, change: Change) -> None:
        now = self._clock()
        # Time that it stayed closed heals; what fails again at once waits longer.
        fresh = self.state is State.CLOSED and now - self._closed_at > self._settings.breaker_window
        self._openings = 1 if fresh else self._openings + 1
        seconds = min(self._settings.breaker_open_most, self._settings.breaker_open * 2.0 ** min(self._openings - 1, 30))
        self._until = now + seconds
        self._change(Change(State.OPEN, change.calls, change.failures, seconds, change.cause))

    def _change(self, change: Change) -> None:
        self._era += 1
        self.state = change.state
        self._tell(change)

    def _forget(self) -> None:
        self._calls = [0] * _SLOTS
        self._failures = [0] * _SLOTS
        self._turned = int(self._clock() / self._width)
        self._slot = self._turned % _SLOTS

    def _turn(self) -> None:
        """Empty the slots that time has passed since the last call."""
        now = int(self._clock() / self._width)
        if now == self._turned:
            return
        for slot in range(self._turned + 1, min(now, self._turned + _SLOTS) + 1):
            self._calls[slot % _SLOTS] = self._failures[slot % _SLOTS] = 0
        self._turned = now
        self._slot = now % _SLOTS
