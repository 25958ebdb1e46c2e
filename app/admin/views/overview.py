"""The overview: what is called where, how it fares, what the cache and the budget say."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.admin.gauges import Gauges
from app.admin.sources import Slot, Traffic
from app.admin.views.operations import BACKENDS, BackendFigures, figures_of
from app.cutover.decision import Source

RECENT_SECONDS = 300.0
CHART_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Overview:
    """What changes all the time.

    Attributes:
        series: Calls by backend of the last hour, the oldest first.
        figures: Calls of the last five minutes by backend; ``p95`` is the slowest operation's.
        share: Real-time's part of the calls of the last hour, in percent; None without calls.
        gauges: The cache and the budget.
    """

    series: Sequence[Slot]
    figures: dict[Source, BackendFigures]
    share: float | None
    gauges: Gauges

    @property
    def hit_percent(self) -> float | None:
        """Reads answered from the cache, in percent; None before the first."""
        return 100 * self.gauges.hits / self.gauges.reads if self.gauges.reads else None


def show_overview(traffic: Traffic, gauges: Gauges) -> Overview:
    """The overview as it is shown.

    Args:
        traffic: What was called of late.
        gauges: The cache and the budget.
    """
    series = traffic.series(CHART_MINUTES)
    calls = {backend: sum(slot.calls.get(backend.value, 0) for slot in series) for backend in BACKENDS}
    window = traffic.window(RECENT_SECONDS)
    figures = {}
    for backend in BACKENDS:
        of_it = [found for (_, name), found in window.items() if name == backend.value]
        slowest = max((found.p95 for found in of_it if found.p95 is not None), default=None)
        figures[backend] = figures_of(sum(found.calls for found in of_it), sum(found.failures for found in of_it), slowest)
    total = sum(calls.values())
    return Overview(series, figures, 100 * calls[Source.REALTIME] / total if total else None, gauges)
