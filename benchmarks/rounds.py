"""The rounds: all contestants in turn, again and again, so that a noisy minute falls on all of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from time import monotonic, sleep
from typing import Final

from benchmarks.contestants.case import Case, Job, Site
from benchmarks.load import Load, put_load
from benchmarks.material import Bodies
from benchmarks.processes import Cores, FailedError, Fleet, Running, free_ports
from benchmarks.upstream import Upstream
from benchmarks.verify import verify

_SOME_CALLS: Final = 25
"""Calls that a cache may make in a run although all requests are hits: it keeps its answers fresh in the background."""

_QUIET: Final = 0.05
_LONGEST_WAIT: Final = 15.0
"""Seconds without a call upstream before a run, and the longest wait for them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one contestant.

    Attributes:
        load: What wrk saw.
        cpu: Microseconds of processor time per request, of all its processes.
        calls: Calls upstream per request.
        memory: Bytes resident after the run, of its largest process.
    """

    load: Load
    cpu: float
    calls: float
    memory: int


@dataclass(slots=True)
class Cell:
    """A contestant at one number of connections: all its runs.

    Attributes:
        runs: Those without errors.
        failures: What went wrong in the others, in words.
    """

    runs: list[Measured] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def middle(self, of: Callable[[Measured], float]) -> float | None:
        """The median of a figure; None when a run failed or there was none."""
        return None if self.failures or not self.runs else median(of(run) for run in self.runs)

    @property
    def rate(self) -> float | None:
        """Requests a second."""
        return self.middle(lambda run: run.load.rate)


Table = Mapping[tuple[str, int], Cell]
"""All cells, by the case's name and the number of connections."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A case that runs and was verified."""

    case: Case
    port: int
    running: Running


def line_up(
    cases: Iterable[Case], fleet: Fleet, upstream: Upstream, bodies: Bodies, cores: Cores
) -> tuple[list[Standing], dict[str, str]]:
    """Start all cases and verify their answers.

    Returns:
        Those that stand, and why the others do not: by name.
    """
    ready: list[Standing] = []
    out: dict[str, str] = {}
    started: list[Standing] = []
    chosen = list(cases)
    for case, port in zip(chosen, free_ports(len(chosen)), strict=True):
        if case.missing is not None:
            out[case.name] = case.missing
            continue
        launch = case.launch(Site(port, upstream.port, bodies))
        started.append(Standing(case, port, fleet.start(case.name, launch, cores.contestant)))
    for standing in started:
        try:
            standing.running.wait_for_port(standing.port)
            verify(standing.case, standing.port, bodies)
        except FailedError as failure:
            out[standing.case.name] = f"FAILED: {failure}"
            fleet.stop([standing.running])
        else:
            ready.append(standing)
    return ready, out


def measure(
    standings: Iterable[Standing],
    upstream: Upstream,
    bodies: Bodies,
    cores: Cores,
    *,
    levels: Iterable[int],
    rounds: int,
    seconds: int,
    warm_up: int,
    tell: Callable[[str], None],
) -> dict[tuple[str, int], Cell]:
    """Run all rounds.

    Args:
        standings: Who takes part.
        upstream: Counts the calls.
        bodies: How large an answer has to be at least.
        cores: Where wrk runs.
        levels: Numbers of connections.
        rounds: How often everything is measured.
        seconds: Length of a run.
        warm_up: Seconds before each run that do not count; 0 for none.
        tell: Is told what is under way.
    """
    standings = list(standings)
    levels = list(levels)
    table = {(one.case.name, level): Cell() for one in standings for level in levels}
    for number in range(1, rounds + 1):
        for level in levels:
            for standing in standings:
                tell(f"round {number} of {rounds}, {level} connections: {standing.case.name}")
                cell = table[standing.case.name, level]
                try:
                    if warm_up:
                        put_load(standing.case.job, standing.port, level, warm_up, cores.rest)
                    cell.runs.append(_run(standing, upstream, bodies, cores, level, seconds))
                except FailedError as failure:
                    cell.failures.append(str(failure))
                standing.running.forget_log()
    return table


def _settle(upstream: Upstream) -> None:
    """Wait until what the run before left under way is through: slow contestants still work on it when wrk has gone."""
    until = monotonic() + _LONGEST_WAIT
    before = upstream.calls()
    while monotonic() < until:
        sleep(_QUIET)
        if (now := upstream.calls()) == before:
            return
        before = now


def _run(standing: Standing, upstream: Upstream, bodies: Bodies, cores: Cores, level: int, seconds: int) -> Measured:
    job, running = standing.case.job, standing.running
    _settle(upstream)
    calls, cpu = upstream.calls(), running.cpu_seconds()
    load = put_load(job, standing.port, level, seconds, cores.rest)
    calls, cpu = upstream.calls() - calls, running.cpu_seconds() - cpu
    problem = load.errors or doubt(job, load, calls, len(standing.case.right(bodies)))
    if problem:
        raise FailedError(f"{standing.case.name} at {level} connections: {problem}")
    return Measured(load, cpu / load.requests * 1e6, calls / load.requests, running.memory())


def doubt(job: Job, load: Load, calls: int, size: int) -> str | None:
    """Why a run without errors proves nothing all the same, or None.

    Args:
        job: What was asked for.
        load: What wrk saw.
        calls: How many calls the upstream had meanwhile.
        size: Length of the right body.
    """
    if load.size < 0.9 * load.requests * size:
        return "answers are shorter than the right one"
    if job.calls and calls < 0.99 * load.requests * job.calls:
        return f"only {calls} calls upstream for {load.requests} misses"
    if not job.calls and calls > max(_SOME_CALLS, load.requests // 100):
        return f"{calls} calls upstream for {load.requests} hits"
    return None
