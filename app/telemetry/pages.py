"""The service's own pages are traced by their framework, with our provider, or not at all.

FastAPI would otherwise look for a provider, and for exporters in the environment (``FASTAPI_OTEL_AUTO_CONFIGURE``), and tell
them addresses with their queries.
"""

from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import TracerProvider

from app.telemetry.traces import is_traced


def telemetry_of_pages(provider: TracerProvider | None) -> TelemetryConfig:
    """What FastAPI is told.

    Args:
        provider: Ours; None where nothing is traced.
    """
    return {
        "tracer_provider": provider,
        "tracing": provider is not None,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
        "exclude": lambda scope: not is_traced(scope),
    }
