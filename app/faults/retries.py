"""Which calls are repeated, and how many: a failing Dynamics must not be asked twice as much as a healthy one.

Each first call earns a part of a repetition, so that repetitions stay a share of the calls whatever happens. Nothing else in the
proxy repeats a call to Dynamics; the client under ``app/transport.py`` does not either.
"""

from collections.abc import Mapping
from random import uniform
from typing import Final

from app.upstream import NO_CERTAINTY_OF_PEER, Trouble, UpstreamError
from translation.operations import Operation

_READS: Final = frozenset({"GET", "HEAD"})
_PASSING: Final = frozenset({502, 503, 504})
"""Statuses of something in front of Dynamics that another call may not meet."""


class Retries:
    """The budget of repeated calls to one organisation.

    Args:
        percent: Repetitions per 100 first calls.
        burst: The most that are saved up; it starts full.
    """

    def __init__(self, percent: float, burst: int) -> None:
        self._share = percent / 100
        self._most = float(burst) if percent else 0.0
        self._saved = self._most

    def earn(self) -> None:
        """A first call is made."""
        if self._saved < self._most:
            self._saved = min(self._most, self._saved + self._share)

    def spend(self) -> bool:
        """Take what one repetition costs; False when it is not there."""
        # A fifth does not add up to 1 in binary.
        if self._saved < 1 - 1e-9:
            return False
        self._saved -= 1
        return True


def failure_passes(operation: Operation, error: UpstreamError) -> bool:
    """Whether a call that gave no answer is worth another one, and safe.

    A connection that was never made is safe for everything, but for one that was refused for the certificate's sake: that is no
    passing thing. One that broke is safe for reads. Who waited for a time-out does not wait for a second one.
    """
    if error.trouble is Trouble.UNREACHABLE:
        return error.cause not in NO_CERTAINTY_OF_PEER
    return error.trouble is Trouble.BROKEN and operation.method in _READS


def answer_passes(operation: Operation, status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer is worth another call: 502, 503 or 504 to a read, and nobody said when to come back."""
    return status in _PASSING and operation.method in _READS and "retry-after" not in headers


def pause() -> float:
    """Seconds between a call and its repetition: those who failed together do not come back together."""
    return uniform(0.02, 0.1)
