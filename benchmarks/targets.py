"""The figures to reach, and those reached in this run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.contestants import CADDY, CEILING, HIT, LIST_CEILING, LIST_HIT, MISS, NGINX, NODE
from benchmarks.memory import Streamed
from benchmarks.portal import PortalRun
from benchmarks.rounds import Cell, Table

MB: Final = 10**6
_EMPTY: Final = Cell()


@dataclass(frozen=True, slots=True)
class Target:
    """One figure.

    Attributes:
        what: What it is about.
        wanted: What it must be, in words.
        reached: What it is, in words.
        met: Whether it is what it must be; None when it was not measured.
    """

    what: str
    wanted: str
    reached: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Results:
    """All that one run measured.

    Attributes:
        table: The rounds.
        levels: The numbers of connections.
        translation: Milliseconds for a list of 500 events read, translated and written: median.
        portals: Visitors of a portal.
        streamed: A body of 200 MB; None when it was not measured.
        out: Who was not measured, and why, by name.
    """

    table: Table
    levels: tuple[int, ...]
    translation: float
    portals: tuple[PortalRun, ...]
    streamed: Streamed | None
    out: Mapping[str, str]

    def rate(self, name: str, level: int) -> float | None:
        """Requests a second of a case, None when there is no figure."""
        return self.table.get((name, level), _EMPTY).rate

    def p50(self, name: str, level: int) -> float | None:
        """Median latency in milliseconds."""
        return self.table.get((name, level), _EMPTY).middle(lambda run: run.load.p50)

    def memory(self, name: str, level: int) -> float | None:
        """Bytes resident after the run."""
        return self.table.get((name, level), _EMPTY).middle(lambda run: run.memory)

    def ratio(self, name: str, other: str, level: int) -> float | None:
        """The rate of one case as a part of another's."""
        return quotient(self.rate(name, level), self.rate(other, level))

    def ratio_by_cpu(self, name: str, other: str, level: int) -> float | None:
        """The same by processor time per request, which neighbours on the machine disturb less than they do rates."""
        ours, theirs = (self.table.get((case, level), _EMPTY).middle(lambda run: run.cpu) for case in (name, other))
        return quotient(theirs, ours)


def quotient(part: float | None, whole: float | None) -> float | None:
    """``part / whole``, None when either is missing."""
    return None if part is None or not whole else part / whole


def judge(results: Results) -> list[Target]:
    """Every figure to reach, in the order in which they were asked for."""

    def part(what: str, wanted: float, name: str, other: str, level: int) -> Target:
        by_cpu = results.ratio_by_cpu(name, other, level)
        words = f"{what} at {level} connections"
        return _at_least(words, wanted, results.ratio(name, other, level), "" if by_cpu is None else f" (by CPU {by_cpu:.2f})")

    found = [
        *(part("Hit, part of raw uvicorn", 0.7, HIT, CEILING, level) for level in (32, 256)),
        *(part("Hit, part of Caddy passing on", 1, HIT, CADDY, level) for level in (32, 256)),
        *(part("Hit, part of Node passing on", 1, HIT, NODE, level) for level in (32, 256)),
        *(
            part("List of 500, hit, part of raw uvicorn with the same bytes", 1, LIST_HIT, LIST_CEILING, level)
            for level in (32, 256)
        ),
        part("Miss, part of nginx passing on", 0.12, MISS, NGINX, 32),
        _at_least(
            "Miss, at 256 connections as a part of itself at 32", 0.8, quotient(results.rate(MISS, 256), results.rate(MISS, 32))
        ),
    ]
    ours, theirs = results.p50(MISS, 1), results.p50(NGINX, 1)
    added = None if ours is None or theirs is None else ours - theirs
    found.append(_below("Miss, added to nginx's median latency at one connection", 0.5, added, "ms"))
    # The first run only: with the default times each further event costs calls of its own, and the visitors stay as many.
    for portal in results.portals[:1]:
        who = f"{portal.visitors} visitors of {portal.events} event{'s' if portal.events > 1 else ''}"
        found.append(_at_least(f"Portal calls per upstream call, {who}", 100, portal.ratio))
        found.append(_below(f"p99 beside an upstream of 100 ms, {who}", 20, portal.seen["p99"], "ms"))
    found.append(_below("A list of 500 events read, translated, written", 25, results.translation, "ms"))
    for name, what in ((HIT, "hits"), (MISS, "misses")):
        memory = results.memory(name, 256)
        found.append(_below(f"Resident after 256 connections, {what}", 90, None if memory is None else memory / MB, "MB"))
    peak = None if results.streamed is None else results.streamed.peak / MB
    found.append(_below("Resident at most while 200 MB are streamed", 120, peak, "MB"))
    return found


def _at_least(what: str, wanted: float, reached: float | None, more: str = "") -> Target:
    met = None if reached is None else reached >= wanted
    return Target(what, f"at least {wanted:g}", "not measured" if reached is None else f"{reached:.3g}{more}", met)


def _below(what: str, wanted: float, reached: float | None, unit: str) -> Target:
    met = None if reached is None else reached < wanted
    return Target(what, f"under {wanted:g} {unit}", "not measured" if reached is None else f"{reached:.3g} {unit}", met)
