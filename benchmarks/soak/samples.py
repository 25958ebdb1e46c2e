"""What is looked at while the soak runs, and what is made of it: a slope for each, and whether it is flat."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.request import urlopen

from benchmarks.processes import HOST, Running

MEGABYTE: Final = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """The proxy at one moment."""

    seconds: float
    memory: float
    descriptors: float
    tasks: float
    series: float
    blocks: float = 0.0
    """Blocks that Python's objects are made of."""
    kept: float = 0.0
    """Bytes of kept answers: memory that is meant to be used."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One thing that must not grow.

    Attributes:
        name: The attribute of ``Sample``.
        unit: What one of it is.
        scale: What the value is divided by to be read.
        most: How much the line through the floors may rise over the whole time that counts, in units.
        left: Instead, how much more than before the load may be left after it, in units; None where it does not come back.
    """

    name: str
    unit: str
    scale: float
    most: float
    left: float | None


WATCHED: Final = (
    Watched("memory", "MB", MEGABYTE, 5, None),
    Watched("descriptors", "descriptors", 1, 25, 8),
    Watched("tasks", "tasks", 1, 15, 2),
    Watched("series", "series", 1, 60, None),
    Watched("blocks", "thousands", 1_000, 15, None),
)
"""Thresholds: memory by a twentieth of what the process has; descriptors and tasks by what is left when nobody calls any more, as
a burst of visitors holds more or fewer at the moment of a sample; series by the errors and outcomes that an operation shows for
the first time; blocks by a thirtieth of what the process has."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one thing: readable numbers, and whether it is flat."""

    name: str
    unit: str
    before: float
    first: float
    last: float
    after: float
    slope: float
    rise: float
    flat: bool


def look(proxy: Running, pid: int, port: int, tasks_port: int, seconds: float) -> Sample:
    """Look at the proxy. Raises: OSError when it does not answer."""
    with urlopen(f"http://{HOST}:{port}/metrics", timeout=30) as answer:
        lines = [line for line in answer.read().splitlines() if not line.startswith(b"#")]
    with socket.create_connection((HOST, tasks_port), timeout=30) as connection:
        tasks, blocks = map(int, connection.recv(64).split())
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    kept = next((float(line.rsplit(b" ", 1)[1]) for line in lines if line.startswith(b"evtmgmt_cache_bytes ")), 0.0)
    return Sample(seconds, proxy.memory(), descriptors, tasks, len(lines), blocks, kept)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The rise per unit of the line through points by least squares; 0 for fewer than two different places."""
    if not points:
        return 0.0
    middle = sum(x for x, _ in points) / len(points)
    height = sum(y for _, y in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * (y - height) for x, y in points) / spread if spread else 0.0


def floors(points: Sequence[tuple[float, float]], windows: int = 12) -> list[tuple[float, float]]:
    """The lowest point of each part of the time: what stays when a burst of visitors is over. What leaks lifts the floor."""
    size = max(1, len(points) // windows)
    return [min(points[at : at + size], key=lambda point: point[1]) for at in range(0, len(points), size)]


@dataclass(frozen=True, slots=True)
class Half:
    """Memory in one half of the time: the median, and that of the kept answers, in MB; the slope of its floor in MB per hour."""

    memory: float
    kept: float
    slope: float


def halves(samples: Sequence[Sample]) -> tuple[Half, Half]:
    """Both halves of the whole time. What levels off rises in the first one alone."""
    middle = samples[-1].seconds / 2 if samples else 0.0
    first = [sample for sample in samples if sample.seconds <= middle]
    return _half(first), _half([sample for sample in samples if sample.seconds > middle])


def _half(samples: Sequence[Sample]) -> Half:
    if not samples:
        return Half(0.0, 0.0, 0.0)
    points = [(sample.seconds, sample.memory / MEGABYTE) for sample in samples]
    kept = median(sample.kept for sample in samples) / MEGABYTE
    return Half(median(memory for _, memory in points), kept, slope(floors(points)) * 3_600)


def judge(before: Sample, during: Sequence[Sample], after: Sample) -> list[Verdict]:
    """A verdict for each thing.

    Args:
        before: Idle, before the load.
        during: Under load, in order, without the time in which everything is met for the first time.
        after: Idle again.
    """
    verdicts = []
    for one in WATCHED:
        points = [(sample.seconds, getattr(sample, one.name) / one.scale) for sample in during]
        low = floors(points)
        rising = slope(low)
        rise = rising * (low[-1][0] - low[0][0])
        start, end = getattr(before, one.name) / one.scale, getattr(after, one.name) / one.scale
        # What goes when the load goes was not kept, however the last burst stood to the first.
        flat = rise <= one.most if one.left is None else end - start <= one.left
        verdicts.append(Verdict(one.name, one.unit, start, low[0][1], low[-1][1], end, rising * 3_600, rise, flat))
    return verdicts
