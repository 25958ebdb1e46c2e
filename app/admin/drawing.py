"""The chart of the overview: who answered the calls of the last hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

from app.admin.charts import Column, scale, stacked
from app.admin.sources import Slot
from app.admin.views.operations import BACKENDS
from app.admin.words import number

_TABLE_ROWS: Final = 12
"""Rows of the table that tells the same: times are added up, as nobody reads sixty."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart, and what stands around it.

    Attributes:
        svg: The chart.
        top: The largest number of its scale.
        half: The one half-way.
        ticks: Times along it, from left to right.
        rows: The same as a table: the time, and the calls of each backend.
    """

    svg: Markup
    top: int
    half: float
    ticks: list[str]
    rows: list[tuple[str, list[int]]]


def calls_chart(series: Sequence[Slot]) -> Drawn | None:
    """The chart of calls by backend; None when there were none.

    Args:
        series: The oldest first.
    """
    names = [backend.value for backend in BACKENDS]
    totals = {name: sum(slot.calls.get(name, 0) for slot in series) for name in names}
    if not sum(totals.values()):
        return None
    columns = [Column(_clock(slot.at), {name: slot.calls.get(name, 0) for name in names}) for slot in series]
    told = ", ".join(f"{number(total)} by {name}" for name, total in totals.items())
    description = f"From {columns[0].label} to {columns[-1].label} UTC: {told}. The table below tells the same."
    top = scale(max(sum(column.values.values()) for column in columns))
    step = max(1, -(-len(columns) // _TABLE_ROWS))
    groups = [columns[start : start + step] for start in range(0, len(columns), step)]
    rows = [(group[0].label, [sum(column.values[name] for column in group) for name in names]) for group in groups]
    ticks = [columns[len(columns) * part // 4].label for part in range(4)] + [columns[-1].label]
    svg = stacked("calls", "Calls per minute, by who answered", description, columns, names)
    return Drawn(svg, top, top / 2, ticks, rows)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M")
