"""The way out of the process: OpenTelemetry's own batches and OTLP exporter, and before them the closed list.

Only loaded where traces are made: the libraries are the extra ``otlp``. Spans wait in a bounded queue, and a thread sends them;
what does not fit is dropped, so no request ever waits for a collector.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import requests
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, Status

from app.metrics import Metrics
from app.telemetry.vocabulary import ATTRIBUTES, EVENTS
from app.version import VERSION

log = structlog.get_logger("evtmgmt.telemetry")
EXPORTERS_LOG: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


def open_exporter(metrics: Metrics) -> tuple[TracerProvider, Callable[[], None]]:
    """A provider whose spans are sent to where ``OTEL_EXPORTER_OTLP_*`` says, and what ends it.

    Args:
        metrics: Where sent spans are counted.
    """
    session = requests.Session()
    # As for Dynamics: neither proxies nor passwords of the environment or of a .netrc are used unasked.
    session.trust_env = False
    resource = Resource({SERVICE_NAME: "evtmgmt-proxy", SERVICE_VERSION: VERSION}).merge(_of_the_environment())
    # What is sampled was decided before a span is begun (choosing.py).
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Narrow(OTLPSpanExporter(session=session), metrics)))
    return provider, provider.shutdown


def _of_the_environment() -> Resource:
    """What the operator calls the service (``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``)."""
    found = Resource.create()
    named = {name: value for name, value in found.attributes.items() if not str(value).startswith("unknown_service")}
    return Resource(named, found.schema_url)


class Narrow(SpanExporter):
    """Hands spans on with what the closed list allows, and tells when they are not taken.

    Args:
        inner: Sends them.
        metrics: Where they are counted.
    """

    def __init__(self, inner: SpanExporter, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics
        self._complaints = _Once()
        logging.getLogger(EXPORTERS_LOG).addFilter(self._complaints)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; called in the thread that does nothing else."""
        result = self._inner.export([narrowed(span) for span in spans])
        taken = result is SpanExportResult.SUCCESS
        self._metrics.trace_spans.labels("exported" if taken else "failed").inc(len(spans))
        if taken and self._complaints.silent:
            log.warning("traces are taken again")
        if taken:
            self._complaints.silent = False
        return result

    def shutdown(self) -> None:
        """Nothing more is sent."""
        self._inner.shutdown()
        logging.getLogger(EXPORTERS_LOG).removeFilter(self._complaints)


class _Once(logging.Filter):
    """Lets one complaint pass per outage of the collector, not one per batch and repetition."""

    silent = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written."""
        first, self.silent = not self.silent, True
        return first


def narrowed(span: ReadableSpan) -> ReadableSpan:
    """A span with what the closed list allows: whoever made it, nothing else leaves the process."""
    events = [Event(event.name, _allowed(event.attributes), event.timestamp) for event in span.events if event.name in EVENTS]
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_allowed(span.attributes),
        events=events,
        links=[Link(link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _allowed(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (attributes or {}).items() if name in ATTRIBUTES}
