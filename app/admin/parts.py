"""What the admin API and the console are made of, put together."""

from functools import partial
from time import time

from app.admin.gauges import read_gauges
from app.admin.sources import Sources
from app.cutover.decision import Source
from app.cutover.explaining import explain
from app.cutover.parts import Observed, Staging
from app.cutover.standing import Obstacle, standing
from app.metrics import Metrics
from app.outbox.outbox import Outbox
from app.parts import aliases_of
from app.rates import read_rate


def sources_of(staging: Staging, observed: Observed, metrics: Metrics, outbox: Outbox | None = None) -> Sources:
    """What pages are made of.

    Args:
        staging: The cutover of this process.
        observed: What is counted.
        metrics: Where the cache and the budget show themselves.
        outbox: Registrations that wait, where there is an outbox.
    """
    settings, places, reports = staging.settings, staging.places, observed.reports
    aliases = aliases_of(settings)
    burst = None if read_rate(settings.upstream.budget) is None else settings.upstream.budget_burst

    async def obstacles() -> list[Obstacle]:
        return standing(
            observed.live.state.stage,
            await reports.usage(),
            places.listed(Source.OUTBOUND),
            places.listed(Source.REALTIME),
            aliases,
            await reports.parity(),
            await reports.traffic(),
            time(),
        )

    return Sources(
        live=observed.live,
        places=places,
        reports=reports,
        standing=obstacles,
        explain=partial(explain, staging.router),
        gauges=partial(read_gauges, metrics.registry, burst, metrics.portal),
        both=staging.outbound is not None,
        archive=staging.shelf,
        outbox=outbox,
    )
