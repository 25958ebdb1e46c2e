"""How much is measured, and the measuring itself from the first process to the last."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, TypeVar

from benchmarks.contestants import CASES
from benchmarks.material import make_bodies
from benchmarks.memory import Streamed, stream_image
from benchmarks.micro.cases import translated_list
from benchmarks.portal import PortalRun, visit_portal
from benchmarks.processes import Cores, FailedError, Fleet
from benchmarks.rounds import line_up, measure
from benchmarks.targets import Results
from benchmarks.upstream import Upstream

T = TypeVar("T")

FAILED: Final = "FAILED: "
"""How the reason begins when somebody is out although all that it needs is there."""
_TIMES: Final = 21


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        levels: Numbers of connections.
        rounds: How often everything is measured.
        seconds: Length of a run.
        warm_up: Seconds before each run that do not count; 0 for none.
        visitors: Visitors of the portal.
        portal_seconds: In how long they come.
        portal_events: How many different events they visit; one portal run for each number, the first is judged.
    """

    levels: tuple[int, ...] = (1, 32, 256)
    rounds: int = 3
    seconds: int = 4
    warm_up: int = 1
    visitors: int = 200
    portal_seconds: float = 60
    portal_events: tuple[int, ...] = (1, 5)

    @property
    def sentence(self) -> str:
        """The plan in words."""
        return (
            f"{self.rounds} rounds, all contestants in turn in each; a run takes {self.seconds} s, "
            f"after {self.warm_up} s to warm up; {', '.join(map(str, self.levels))} connections."
        )


WHOLE: Final = Plan()
QUICK: Final = Plan((32,), rounds=1, seconds=1, warm_up=0, visitors=13, portal_seconds=4, portal_events=(1,))
"""Ends within a minute. It shows that all works; its figures are rough."""


def carry_out(plan: Plan, only: str, cores: Cores, tell: Callable[[str], None]) -> Results:
    """Measure everything. Whatever happens, all processes are ended and all files removed.

    Args:
        plan: How much.
        only: Words in the names of the contestants to measure, and then no portal; all when empty.
        cores: Who runs where.
        tell: Is told what is under way.

    Raises:
        FailedError: There is nothing to measure with: the upstream or the load generator fails.
    """
    bodies = make_bodies()
    out: dict[str, str] = {}

    def attempt(name: str, measuring: Callable[[], T]) -> T | None:
        tell(name)
        try:
            return measuring()
        except FailedError as failure:
            out[name] = f"{FAILED}{failure}"
            return None

    with tempfile.TemporaryDirectory(prefix="evtmgmt-bench-") as folder, Fleet(Path(folder)) as fleet:
        portals: list[PortalRun] = []
        streamed: Streamed | None = None
        upstream = Upstream(fleet, bodies, cores.rest)
        if not only:
            streamed = attempt("an image of 200 MB", partial(stream_image, fleet, upstream, bodies, cores))
            for events in plan.portal_events:
                visiting = partial(visit_portal, fleet, cores, events, plan.visitors, plan.portal_seconds)
                if (found := attempt(f"a portal, events visited: {events}", visiting)) is not None:
                    portals.append(found)
        tell("starting all contestants")
        standings, absent = line_up((case for case in CASES if only in case.name), fleet, upstream, bodies, cores)
        table = measure(
            standings,
            upstream,
            bodies,
            cores,
            levels=plan.levels,
            rounds=plan.rounds,
            seconds=plan.seconds,
            warm_up=plan.warm_up,
            tell=tell,
        )
    for (name, level), cell in table.items():
        for failure in cell.failures:
            out[f"{name}, {level} connections"] = f"{FAILED}{failure}"
    return Results(table, plan.levels, _milliseconds(translated_list), tuple(portals), streamed, out | absent)


def _milliseconds(operation: Callable[[], object]) -> float:
    """How long an operation takes: median."""
    times = []
    for _ in range(_TIMES):
        started = perf_counter()
        operation()
        times.append((perf_counter() - started) * 1_000)
    return median(times)
