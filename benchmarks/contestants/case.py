"""What is measured: a contestant that is started, asked for something, and has to answer it rightly."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import Final

from benchmarks.material import CLIENT_TOKEN, EVENT, OLD_BASE, Bodies
from benchmarks.processes import Launch

NUMBER: Final = "NUMBER"
"""Stands for twelve digits that are different in each request (``scripts/numbered.lua``)."""
_TOKEN: Final = f"emApplicationtoken={CLIENT_TOKEN}"


class Kind(StrEnum):
    """What a case shows."""

    PRODUCT = "this product"
    PASSING = "passing on"
    CACHE = "a cache"
    CEILING = "the ceiling"


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for.

    Attributes:
        path: Path and query as an old portal sends them; may hold ``NUMBER``.
        script: The wrk script that makes the requests, or None for the same GET again and again.
        calls: How many calls upstream each request has to make: none for a hit, one for a miss.
    """

    path: str
    script: str | None
    calls: int

    @property
    def example(self) -> str:
        """The path of one request."""
        return self.path.replace(NUMBER, "000000000001")


def same_event(calls: int) -> Job:
    """The same event, so that a cache finds it."""
    return Job(f"{OLD_BASE}events/{EVENT}?{_TOKEN}", None, calls)


def same_list(calls: int) -> Job:
    """The same list of 500 events."""
    return Job(f"{OLD_BASE}events/published?{_TOKEN}", None, calls)


OTHER_EVENTS: Final = Job(f"{OLD_BASE}events/Bench_{NUMBER}?{_TOKEN}", "numbered.lua", 1)
"""A different event each time: nothing is found, and nothing can be shared with a call under way."""
OTHER_LISTS: Final = Job(f"{OLD_BASE}events/published?{_TOKEN}&webappId=5f1c2b7e-0000-4000-8000-{NUMBER}", "numbered.lua", 1)
"""The list of another web application each time, which is the same 500 events here."""
REGISTERING: Final = Job(f"{OLD_BASE}events/{EVENT}/registrations?{_TOKEN}", "registration.lua", 1)


@dataclass(frozen=True, slots=True)
class Site:
    """Where a contestant stands: its port, the upstream's port, and the bodies of the run."""

    port: int
    upstream: int
    bodies: Bodies


@dataclass(frozen=True, slots=True)
class Case:
    """A contestant with its job.

    Attributes:
        name: Its name in the tables.
        kind: What it shows.
        launch: How it is started.
        job: What it is asked for.
        right: The answer that is right, as JSON bytes.
        programs: Programs that must be there, else it is skipped.
        module: A Python module that must be there, else it is skipped.
        mark: What ``X-EvtMgmt-Cache`` must say at the second request, or None when nobody looks.
    """

    name: str
    kind: Kind
    launch: Callable[[Site], Launch]
    job: Job
    right: Callable[[Bodies], bytes]
    programs: tuple[str, ...] = ()
    module: str | None = None
    mark: str | None = None

    @property
    def missing(self) -> str | None:
        """Why it cannot be measured here, or None."""
        for program in self.programs:
            if shutil.which(program) is None:
                return f"{program} is not installed"
        if self.module is not None and find_spec(self.module) is None:
            return f"{self.module} is not installed (requirements/bench.lock)"
        return None
