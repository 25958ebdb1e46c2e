"""What the tests of traces share: a proxy before a collector, and spans that are kept in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Tracer

from tests.collector import Collector
from tests.service import Service, running_both, running_service


def variables(collector: Collector, **more: str) -> dict[str, str]:
    """What the environment says of a collector."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50", **more}


@contextmanager
def traced(collector: Collector, sample: float = 1.0, both: str | None = None, **groups: Any) -> Iterator[Service]:
    """A proxy that tells a collector of its requests; before both organisations in the stage ``both``."""
    groups = {"telemetry": {"traces": True, "sample": sample}, **groups}
    with patch.dict("os.environ", variables(collector)):
        running = running_service(**groups) if both is None else running_both(both, **groups)
        with running as service:
            yield service


class Memory:
    """A tracer whose spans are kept.

    Attributes:
        tracer: The tracer.
    """

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(ALWAYS_ON, shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer: Tracer = self.provider.get_tracer("tests")

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Those that ended, in that order."""
        return self._exporter.get_finished_spans()

    def only(self) -> ReadableSpan:
        """The one that ended."""
        (span,) = self.spans
        return span
