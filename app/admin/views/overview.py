"""The overview: what is called where, how it fares, what the cache and the budget say."""

from dataclasses import dataclass
from typing import Final

from app.admin.gauges import Gauges
from app.admin.views.operations import BACKENDS, BackendFigures, figures_of
from app.cutover.decision import Source
from app.cutover.traffic import Traffic

RECENT_SECONDS: Final = 300.0
CHART_MINUTES: Final = 60
BOTH: Final = "both"
"""Who answered a list of events of both organisations."""
ANSWERED_BY: Final = ("realtime", BOTH, "outbound")
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Minute:
    """What visitors were answered in a minute that began at ``at``, in seconds since 1970, by ``ANSWERED_BY``."""

    at: float
    answers: dict[str, int]


@dataclass(frozen=True, slots=True)
class Overview:
    """What changes all the time.

    Attributes:
        minutes: The last hour, the oldest first.
        figures: Calls of the last five minutes by backend; ``p95`` is the slowest operation's.
        shares: Who answered in the last hour, in percent; None without answers.
        gauges: The cache and the budget.
    """

    minutes: list[Minute]
    figures: dict[Source, BackendFigures]
    shares: dict[str, float] | None
    gauges: Gauges

    @property
    def hit_percent(self) -> float | None:
        """Reads answered from the cache, in percent; None before the first."""
        return 100 * self.gauges.hits / self.gauges.reads if self.gauges.reads else None


def show_overview(traffic: Traffic, gauges: Gauges) -> Overview:
    """The overview as it is shown.

    Args:
        traffic: What was answered of late.
        gauges: The cache and the budget.
    """
    minutes = _minutes(traffic)
    totals = {name: sum(minute.answers[name] for minute in minutes) for name in ANSWERED_BY}
    total = sum(totals.values())
    window = traffic.window(RECENT_SECONDS)
    figures = {}
    for backend in BACKENDS:
        of_it = [found for (_, name), found in window.items() if name == backend.value]
        slowest = max((found.p95 for found in of_it if found.p95 is not None), default=None)
        figures[backend] = figures_of(sum(found.calls for found in of_it), sum(found.failures for found in of_it), slowest)
    shares = {name: 100 * count / total for name, count in totals.items()} if total else None
    return Overview(minutes, figures, shares, gauges)


def _minutes(traffic: Traffic) -> list[Minute]:
    found: dict[int, Minute] = {}
    for slot in traffic.series(CHART_MINUTES):
        at = slot.at - slot.at % _MINUTE
        minute = found.setdefault(at, Minute(at, dict.fromkeys(ANSWERED_BY, 0)))
        for backend, tally in slot.tallies.items():
            of = backend.removesuffix(f"+{Source.ARCHIVE}")
            name = BOTH if "+" in of else of
            if name in minute.answers:
                minute.answers[name] += tally.answers
    return list(found.values())
