"""The service's own pages are traced under our span, by nobody else's settings, and only then."""

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider

from app.telemetry.pages import telemetry_of_pages
from tests.app.telemetry.rig import Memory
from tests.collector import Collector
from tests.examples import OPEN_DAY
from tests.service import Service


def test_a_page_is_under_its_request(proxy: Service, collector: Collector) -> None:
    proxy.client.get(f"{proxy.url}/docs?who=zoltana@example.com", headers={"user-agent": "zoltana"})
    (page,) = collector.named("GET /docs")
    (request,) = collector.named("unmatched")
    assert (page.parent_id, page.trace_id, page.scope) == (request.span_id, request.trace_id, "fastapi")
    assert page.attributes == {"http.request.method": "GET", "http.route": "/docs", "http.response.status_code": 200}


def test_what_a_caller_says_of_its_trace_does_not_tear_it_apart(proxy: Service, collector: Collector) -> None:
    headers = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "tracestate": "x=zoltana", "baggage": "who=zoltana"}
    proxy.client.get(f"{proxy.url}/openapi.json", headers=headers)
    (page,) = collector.named("GET /openapi.json")
    (request,) = collector.named("unmatched")
    assert (request.parent_id, page.parent_id) == ("cd" * 8, request.span_id)
    assert request.trace_id == page.trace_id == "ab" * 16
    assert (request.state, page.state) == ("", "")


def test_probes_are_not_traced(proxy: Service, collector: Collector) -> None:
    for path in ("livez", "readyz", "metrics"):
        assert proxy.client.get(f"{proxy.url}/{path}").status_code == 200
    proxy.get(f"events/{OPEN_DAY}")
    collector.named("get_event")
    assert "unmatched" not in {span.name for span in collector.spans}


@pytest.mark.parametrize("provider", [True, False])
def test_the_framework_looks_for_nothing_by_itself(provider: bool, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    given: TracerProvider | None = memory.provider if provider else None
    application = FastAPI(telemetry=telemetry_of_pages(given))
    assert application._native_telemetry.enabled() is provider
    assert application._telemetry["auto_configure"] is False
