"""Which requests are traced: a part of them, and those that a caller traces already, within a bound."""

from collections.abc import Callable
from random import random
from time import monotonic
from typing import Final

FOLLOWED_PER_SECOND: Final = 50.0
"""Requests per second and process that are traced because their caller says so: anybody can say so."""


class Followed:
    """How many callers' decisions are followed. One for the process.

    Args:
        per_second: The bound; as many may come at once.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, per_second: float = FOLLOWED_PER_SECOND, clock: Callable[[], float] = monotonic) -> None:
        self._rate = per_second
        self._clock = clock
        self._left = per_second
        self._at = clock()

    def take(self) -> bool:
        """Whether one more may be followed now."""
        now = self._clock()
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Choosing:
    """Chooses.

    Args:
        sample: The part of the requests, from 0 to 1.
        followed: The bound on those that callers choose.
        chance: A number from 0 to below 1.
    """

    def __init__(self, sample: float, followed: Followed, chance: Callable[[], float] = random) -> None:
        self._sample = sample
        self._followed = followed
        self._chance = chance

    def chooses(self, callers: bool | None) -> bool:
        """Whether to trace.

        Args:
            callers: What the caller decided; None when there is no such caller.
        """
        if callers is False:
            return False
        if callers and self._followed.take():
            return True
        return self._chance() < self._sample
