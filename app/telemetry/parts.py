"""The traces as the settings describe them."""

from app.metrics import Metrics
from app.telemetry.environment import is_disabled
from app.telemetry.settings import TelemetrySettings
from app.telemetry.tracing import Tracing


def build_tracing(settings: TelemetrySettings, metrics: Metrics) -> Tracing | None:
    """What the process has for traces; None where none are made.

    Args:
        settings: The settings of the process.
        metrics: Where sent spans are counted.
    """
    if not settings.traces or is_disabled():
        return None
    # The libraries are an extra, and cost a third of a second.
    from app.telemetry.exporting import open_exporter

    provider, shutdown = open_exporter(metrics)
    return Tracing(provider, shutdown)
