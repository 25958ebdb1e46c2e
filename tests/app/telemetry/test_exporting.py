"""What leaves the process, and what happens when nobody takes it."""

import json
from collections.abc import Iterator
from io import StringIO
from unittest.mock import patch

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags

from app.logs import configure_logs
from app.metrics import Metrics
from app.redaction import Redactor
from app.telemetry.exporting import narrowed, open_exporter
from tests.app.telemetry.rig import Memory, variables
from tests.collector import Collector, running_collector

SECRET = "zoltana@example.com"


def test_what_is_in_no_list_is_left_out(memory: Memory) -> None:
    elsewhere = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    span = memory.tracer.start_span(
        "GET /docs",
        kind=SpanKind.SERVER,
        attributes={"url.query": SECRET, "client.address": SECRET, "http.request.method": "GET", "evtmgmt.new": SECRET},
        links=[Link(elsewhere, {"who": SECRET})],
    )
    span.record_exception(ValueError(SECRET))
    span.add_event("retry", {"evtmgmt.lane": "reads", "who": SECRET})
    span.set_status(StatusCode.ERROR, SECRET)
    span.end()
    made = memory.only()
    sent = narrowed(made)
    assert SECRET in made.to_json()
    assert SECRET not in sent.to_json()
    assert dict(sent.attributes or {}) == {"http.request.method": "GET"}
    assert [(event.name, dict(event.attributes or {})) for event in sent.events] == [("retry", {"evtmgmt.lane": "reads"})]
    assert [(link.context.trace_id, link.context.span_id) for link in sent.links] == [(1, 2)]
    for same in ("name", "context", "parent", "kind", "resource", "start_time", "end_time", "instrumentation_scope"):
        assert getattr(sent, same) == getattr(made, same)
    assert sent.status.status_code is StatusCode.ERROR


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


def make(provider: TracerProvider, name: str) -> None:
    provider.get_tracer("tests").start_span(name).end()


def test_the_operators_own_names_and_headers_are_used(collector: Collector) -> None:
    given = variables(
        collector,
        OTEL_EXPORTER_OTLP_HEADERS="api-key=a%20key",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=staging",
    )
    with patch.dict("os.environ", given):
        provider, shutdown = open_exporter(Metrics())
        make(provider, "one")
        shutdown()
    with patch.dict("os.environ", given | {"OTEL_SERVICE_NAME": "events"}):
        provider, shutdown = open_exporter(Metrics())
        make(provider, "two")
        shutdown()
    (one,), (two,) = collector.named("one"), collector.named("two")
    assert (one.service["service.name"], two.service["service.name"]) == ("evtmgmt-proxy", "events")
    assert one.service["deployment.environment.name"] == "staging"
    assert (collector.headers[0]["api-key"], collector.headers[0]["content-encoding"]) == ("a key", "gzip")


def test_proxies_and_passwords_of_the_environment_are_not_used(collector: Collector) -> None:
    nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    with patch.dict("os.environ", variables(collector) | nowhere):
        provider, shutdown = open_exporter(Metrics())
        make(provider, "direct")
        shutdown()
    assert collector.named("direct")


def test_one_complaint_per_outage_and_all_is_counted(collector: Collector) -> None:
    stream, metrics = StringIO(), Metrics()
    configure_logs("info", Redactor(), stream)

    def counted(outcome: str) -> float:
        return metrics.registry.get_sample_value("evtmgmt_trace_spans_total", {"outcome": outcome}) or 0.0

    with patch.dict("os.environ", variables(collector)):
        provider, shutdown = open_exporter(metrics)
    processor = provider._active_span_processor
    try:
        collector.status = 400
        for number in range(3):
            make(provider, f"refused {number}")
            processor.force_flush()
        assert counted("failed") == 3
        assert len(stream.getvalue().splitlines()) == 1
        collector.status = 200
        for number in range(2):
            make(provider, f"taken {number}")
            processor.force_flush()
        collector.status = 400
        make(provider, "refused again")
        processor.force_flush()
    finally:
        shutdown()
        configure_logs("info", Redactor())
    assert (counted("failed"), counted("exported")) == (4, 2)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines][1] == "traces are taken again"
    assert ["Failed to export" in line["event"] for line in lines] == [True, False, True]
