"""Time as tests tell it: the life of kept answers is hours and days."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

from app.caching.memory import Memory
from app.caching.reading import Reading
from tests.service import Service, running_service


class Clock:
    """A monotonic clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def told_by(clock: Clock) -> Iterator[None]:
    """Gateways made meanwhile ask ``clock`` how old their answers are, and what else they know of reads."""
    with patch("app.assembly.Reading", partial(Reading, clock=clock)), patch("app.assembly.Memory", partial(Memory, clock)):
        yield


@contextmanager
def running_at(clock: Clock, cache: Mapping[str, Any] | None = None, **groups: Any) -> Iterator[Service]:
    """A sandbox and a proxy that keeps answers, whose age is told by ``clock``. No warm start."""
    groups = {"log_level": "error", **groups}
    with told_by(clock), running_service(cache={"warm": False, **(cache or {})}, **groups) as service:
        yield service


def until(fits: Callable[[], bool], seconds: float = 60) -> None:
    """Ask again and again until it fits, but not so often that who asks is limited, or leaves no time to who is asked."""
    deadline = monotonic() + seconds
    while not fits():
        assert monotonic() < deadline
        sleep(0.02)
