"""Whether Dynamics is away: nobody shall wait for it again and again when there is an older answer to give."""

from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog

log = structlog.get_logger("evtmgmt.outage")

FIRST_BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 30.0


def backoff(failures: int) -> float:
    """Seconds to leave Dynamics alone after so many failures in a row: 1, 2, 4 ... 30."""
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(failures - 1, 10))


class Outage:
    """Remembers that Dynamics could not be reached, and lets one caller per backoff period try.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0

    @property
    def on(self) -> bool:
        """Whether the last call could not be made, or was not answered."""
        return self._failures > 0

    def failed(self) -> None:
        """Dynamics could not be reached. Failures within one backoff period count as one."""
        if not self._failures:
            log.warning("Dynamics cannot be reached: older answers are given where there are any")
        now = self._clock()
        if not self._failures or now >= self._retry_at:
            self._failures += 1
            self._retry_at = now + backoff(self._failures)

    def worked(self) -> None:
        """Dynamics answered."""
        if self._failures:
            log.warning("Dynamics can be reached again")
            self._failures = 0

    def may_try(self) -> bool:
        """Whether a call is worth it now. While Dynamics is away, one caller per backoff period is told yes."""
        if not self._failures:
            return True
        now = self._clock()
        if now < self._retry_at:
            return False
        self._failures += 1
        self._retry_at = now + backoff(self._failures)
        return True
