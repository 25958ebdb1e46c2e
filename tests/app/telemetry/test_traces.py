"""Requests as traces, seen by a collector: what they hold, whose part they are, and what belongs to them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from app.logs import access_log, configure_logs
from app.record import Exchange
from app.redaction import Redactor
from app.telemetry.choosing import Choosing, Followed
from app.telemetry.current import current
from app.telemetry.traces import Traces
from tests.app.hosting.rig import running_town
from tests.app.line import Line
from tests.app.outbox.test_outbox import QUICK
from tests.app.telemetry.rig import Memory, traced, variables
from tests.clock import until
from tests.collector import Collector, Seen
from tests.examples import OPEN_DAY, TRACEPARENT, received, registration, sent_headers
from tests.service import BASE, Service, event_path

EVENT = event_path(OPEN_DAY)
_, TRACE, SPAN, _ = TRACEPARENT.split("-")


def under(spans: list[Seen], parent: Seen) -> list[Seen]:
    return [span for span in spans if span.parent_id == parent.span_id]


def test_a_span_is_current_from_its_beginning_to_its_end(memory: Memory) -> None:
    traces = Traces(memory.tracer, Choosing(1.0, Followed()))
    span = traces.serve({"headers": [], "raw_path": b"/"})
    assert span is not None
    assert current.get() is span
    exchange = Exchange("GET", b"/", 0.0)
    exchange.status = 200
    span.served(exchange)
    assert current.get() is None
    assert memory.only().name == "unmatched"


def test_a_read_and_its_call(proxy: Service, collector: Collector) -> None:
    assert proxy.get(f"{EVENT}?who=zoltana").status_code == 200
    (served,) = collector.named("get_event")
    (call,) = collector.named("GET events/{event}")
    assert (served.kind, served.parent_id, served.failed) == ("server", "", False)
    assert served.attributes == {
        "http.request.method": "GET",
        "http.route": "/EvtMgmt/api/v2.0/events/{event}",
        "http.response.status_code": 200,
        "evtmgmt.backend": "realtime",
        "evtmgmt.cache": "miss",
    }
    assert under(collector.spans, served) == [call]
    assert (call.kind, call.trace_id) == ("client", served.trace_id)
    assert served.service["service.name"] == "evtmgmt-proxy"


def test_what_is_kept_has_no_call(proxy: Service, collector: Collector) -> None:
    for _ in range(2):
        proxy.get(EVENT)
    first, second = collector.named("get_event", 2)
    assert (first.attributes["evtmgmt.cache"], second.attributes["evtmgmt.cache"]) == ("miss", "hit")
    assert under(collector.spans, second) == []


def test_a_caller_is_the_parent_and_dynamics_is_told_of_the_call(proxy: Service, collector: Collector) -> None:
    proxy.get(EVENT, headers={"traceparent": TRACEPARENT, "tracestate": "vendor=zoltana"})
    (served,) = collector.named("get_event")
    (call,) = collector.named("GET events/{event}")
    assert (served.trace_id, served.parent_id) == (TRACE, SPAN)
    assert (served.state, call.state) == ("", "")
    (record,) = received(proxy, "get_event")
    headers = sent_headers(record)
    assert headers["traceparent"][0].split("-")[1:3] == [TRACE, call.span_id]
    assert headers["tracestate"] == ["vendor=zoltana"]


@pytest.mark.parametrize(
    "told", ["", "zoltana", TRACEPARENT.upper(), f"00-{'0' * 32}-{SPAN}-01", f"ff-{TRACE}-{SPAN}-01", f"{TRACEPARENT}-x"]
)
def test_a_malformed_caller_is_none(told: str, proxy: Service, collector: Collector) -> None:
    proxy.get(EVENT, headers={"traceparent": told})
    (served,) = collector.named("get_event")
    assert served.parent_id == ""
    assert served.trace_id != TRACE


def test_a_caller_that_does_not_trace_is_followed(proxy: Service, collector: Collector) -> None:
    not_traced = TRACEPARENT[:-1] + "0"
    assert proxy.get(EVENT, headers={"traceparent": not_traced}).status_code == 200
    (record,) = received(proxy, "get_event")
    assert sent_headers(record)["traceparent"] == [not_traced]  # handed on as it is
    proxy.get(event_path(OPEN_DAY, "/passes"))
    collector.named("list_passes")
    assert {span.name for span in collector.spans} == {"list_passes", "GET events/{event}/passes"}


def test_errors_have_their_code_and_only_the_servers_are_failures(proxy: Service, collector: Collector) -> None:
    proxy.get("sessions/1")
    proxy.sandbox.faults.add("truncate")
    proxy.get(EVENT)
    (mistake,) = collector.named("unmatched")
    (failure,) = collector.named("get_event")
    assert (mistake.failed, mistake.attributes["evtmgmt.error"]) == (False, "InvalidParameter")
    assert "error.type" not in mistake.attributes
    assert (failure.failed, failure.attributes["error.type"]) == (True, "UpstreamFailed")
    (call,) = under(collector.spans, failure)
    assert (call.failed, call.attributes["error.type"]) == (True, "broken")


def test_a_method_of_nobody_is_not_told(proxy: Service, collector: Collector) -> None:
    proxy.client.request("ZOLTANA", f"{proxy.url}{BASE}{EVENT}")
    proxy.client.request("PROPFIND", f"{proxy.url}{BASE}{EVENT}")
    proxy.get("users/authenticated")
    collector.named("get_user")
    assert {span.attributes["http.request.method"] for span in collector.spans if span.name == "unmatched"} <= {"_OTHER"}
    assert b"ZOLTANA" not in collector.sent


def test_log_lines_and_exemplars_lead_to_the_trace(proxy: Service, collector: Collector) -> None:
    stream = StringIO()
    configure_logs("info", Redactor(), stream)
    proxy.sandbox.faults.add("status", status=503)
    proxy.get(EVENT)
    proxy.get("events/published", headers={"traceparent": TRACEPARENT[:-1] + "0"})
    (served,) = collector.named("get_event")
    text = proxy.client.get(f"{proxy.url}/metrics", headers={"accept": "application/openmetrics-text"}).text
    access_log.flush()
    configure_logs("info", Redactor())
    lines = {line["operation"]: line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == "request"}
    assert lines["get_event"]["trace_id"] == served.trace_id
    assert "trace_id" not in lines["list_events"]
    (seconds,) = [family for family in text_string_to_metric_families(text) if family.name == "evtmgmt_request_seconds"]
    exemplars = [sample.exemplar.labels for sample in seconds.samples if sample.exemplar]
    assert {"trace_id": served.trace_id} in exemplars


def test_shared_calls_and_what_is_shed(proxy: Service, collector: Collector) -> None:
    proxy.sandbox.faults.add("hang", operation="get_event", times=None)
    ask = f"GET {BASE}{EVENT} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with ExitStack() as lines:
        for _ in range(2):
            lines.enter_context(Line(proxy.port)).send(ask)
        proxy.sandbox.recorder.wait(operation="get_event", timeout=20)
        until(lambda: proxy.metric("evtmgmt_in_flight") >= 3)  # these two, and the one that asks
        assert proxy.get("events/published").status_code == 503
    both = collector.named("get_event", 2)
    assert all(span.attributes["evtmgmt.gone"] == "true" for span in both)
    assert [event for span in both for event in span.events] == [("call shared", {})]
    collector.wait(lambda spans: [span for span in spans if span.events == [("shed", {"evtmgmt.what": "reads"})]])


@pytest.fixture(scope="module")
def faulty(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    faults = {"breaker": True, "breaker_minimum": 2, "breaker_open": 60, "retry_percent": 100}
    outbox = {"outbox": QUICK, "state": {"path": str(tmp_path_factory.mktemp("state"))}}
    with traced(collector, faults=faults, **outbox) as service:
        yield service


def test_retry_breaker_and_outbox_in_one_story(faulty: Service, collector: Collector) -> None:
    """A read is repeated; a breaker opens; a registration is stored, and delivered when Dynamics is well again."""
    faulty.sandbox.control.reset()
    collector.forget()
    for path in ("/passes", "/tracks"):  # so that one failure is less than half of the reads
        faulty.get(event_path(OPEN_DAY, path))
    faulty.sandbox.faults.add("status", status=502, operation="get_event")
    assert faulty.get(EVENT).status_code == 200
    (read,) = collector.named("get_event")
    collector.named("GET events/{event}", 2)
    first, second = under(collector.spans, read)
    assert [event[0] for event in read.events] == ["retry"]
    assert (first.attributes["http.response.status_code"], first.failed) == (502, True)
    assert second.attributes["http.request.resend_count"] == 1

    faulty.sandbox.faults.add("status", status=503, operation="register", times=2)
    stored = faulty.post(event_path(OPEN_DAY, "/registrations"), json=registration())
    assert stored.headers["x-evtmgmt-outbox"] == "stored"
    (register,) = collector.named("register")
    (store,) = collector.named("outbox store")
    assert (store.parent_id, store.kind, store.attributes) == (register.span_id, "producer", {"evtmgmt.outcome": "stored"})
    assert register.attributes["evtmgmt.backend"] == "outbox"
    (tried, *_) = collector.named("outbox deliver")
    assert (tried.kind, tried.parent_id, tried.links) == ("consumer", "", [(store.trace_id, store.span_id)])
    assert tried.attributes == {"evtmgmt.outcome": "waiting", "evtmgmt.error": "UpstreamFailed"}
    assert [event[0] for event in tried.events] == ["breaker open"]
    (call,) = under(collector.spans, tried)
    assert (call.name, call.attributes["evtmgmt.need"]) == ("POST events/{event}/registrations", "registration")
    again = collector.wait(lambda spans: [span for span in spans if span.events and span.events[0][0] == "breaker refused"])
    refused = next(span for span in again if span.events and span.events[0][0] == "breaker refused")
    assert refused.events[0][1] == {"evtmgmt.organisation": "realtime", "evtmgmt.lane": "registrations"}


def test_a_delivery_that_worked(collector: Collector, tmp_path: Path) -> None:
    collector.forget()
    with traced(collector, outbox=QUICK, state={"path": str(tmp_path)}) as service:
        service.get(event_path(OPEN_DAY, "/passes"))
        service.sandbox.faults.add("status", status=503, operation="register")
        service.post(event_path(OPEN_DAY, "/registrations"), json=registration())
        collector.wait(lambda spans: [span for span in spans if span.attributes.get("evtmgmt.outcome") == "delivered"])
    (store,) = collector.named("outbox store")
    delivered = [span for span in collector.spans if span.attributes.get("evtmgmt.outcome") == "delivered"]
    assert [span.links for span in delivered] == [[(store.trace_id, store.span_id)]]


def test_a_read_and_its_shadow(collector: Collector) -> None:
    collector.forget()
    with traced(collector, both="shadow", shadow={"sample": 100, "noise": 0}) as service:
        assert service.get(EVENT).status_code == 200
        (shadow,) = collector.named("shadow")
        (served,) = collector.named("get_event")
    assert (shadow.parent_id, shadow.trace_id, shadow.kind) == (served.span_id, served.trace_id, "internal")
    assert shadow.attributes == {"evtmgmt.operation": "get_event", "evtmgmt.outcome": "compared"}
    (call,) = under(collector.spans, shadow)
    assert call.attributes["evtmgmt.organisation"] == "shadow"
    assert served.attributes["evtmgmt.backend"] == "outbound"


def test_each_portals_name_is_told_and_no_portals_is_not(collector: Collector) -> None:
    collector.forget()
    with patch.dict("os.environ", variables(collector)), running_town({"telemetry": {"traces": True, "sample": 1.0}}) as town:
        assert town.get("contoso", EVENT).status_code == 200
        assert town.get("fabrikam", EVENT).status_code == 200
        assert town.client.get(f"{town.url}/nowhere").status_code == 404
        found = collector.named("get_event", 2) + collector.named("unmatched")
    assert [span.attributes.get("evtmgmt.portal") for span in found] == ["contoso", "fabrikam", None]


def test_what_is_not_sampled_makes_no_span_and_goes_the_short_way(collector: Collector, ways: list[str]) -> None:
    collector.forget()
    with traced(collector, sample=0.0, cache={"warm": False}) as service:
        for _ in range(2):
            assert service.get(EVENT).status_code == 200
        assert len(set(ways)) == 2  # the second one was answered within the parser's call
        service.get(EVENT, headers={"traceparent": TRACEPARENT})
        collector.named("get_event")
    assert [span.name for span in collector.spans] == ["get_event"]
