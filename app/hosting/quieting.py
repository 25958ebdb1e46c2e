"""What the gauges of a portal say once it is no more: nothing that the alerts of docs/runbook.md call anybody for.

They cannot be taken away, as they stand in files in which workers add up.
"""

from app.cutover.decision import Source
from app.faults.breaker import State
from app.faults.lanes import Lane
from app.metrics import Metrics


async def quiet(metrics: Metrics) -> None:
    """Have nobody called for a portal that was taken out of the table.

    Args:
        metrics: The portal's.
    """
    metrics.ready.set(1)
    metrics.latched.set(0)
    for side in (Source.REALTIME, Source.OUTBOUND):
        for lane in Lane:
            metrics.breaker_state.labels(side, lane.value).set(State.CLOSED)
