"""The chart of the overview: who answered in the last hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

from app.admin.charts import Column, scale, stacked
from app.admin.views.overview import ANSWERED_BY, Minute
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
        rows: The same as a table: the time, and the answers of each of ``ANSWERED_BY``.
    """

    svg: Markup
    top: int
    half: float
    ticks: list[str]
    rows: list[tuple[str, list[int]]]


def answers_chart(minutes: Sequence[Minute]) -> Drawn | None:
    """The chart of answers by who gave them; None when there were none.

    Args:
        minutes: The oldest first.
    """
    totals = {name: sum(minute.answers[name] for minute in minutes) for name in ANSWERED_BY}
    if not sum(totals.values()):
        return None
    columns = [Column(_clock(minute.at), minute.answers) for minute in minutes]
    told = ", ".join(f"{number(total)} by {name}" for name, total in totals.items() if total)
    description = f"From {columns[0].label} to {columns[-1].label} UTC: {told}. The table below tells the same."
    top = scale(max(sum(column.values.values()) for column in columns))
    step = max(1, -(-len(columns) // _TABLE_ROWS))
    groups = [columns[start : start + step] for start in range(0, len(columns), step)]
    rows = [(group[0].label, [sum(column.values[name] for column in group) for name in ANSWERED_BY]) for group in groups]
    ticks = [columns[len(columns) * part // 4].label for part in range(4)] + [columns[-1].label]
    svg = stacked("answers", "Answers per minute, by who gave them", description, columns, ANSWERED_BY)
    return Drawn(svg, top, top / 2, ticks, rows)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M")
