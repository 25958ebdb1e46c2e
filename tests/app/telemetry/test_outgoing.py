"""Calls to an organisation as spans, over real sockets."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from app.telemetry.current import resumed
from app.telemetry.outgoing import Untraced, outgoing
from app.telemetry.spans import Span
from tests.app.telemetry.rig import Memory
from tests.app.test_organisation import READ, WRITE, Bench, bench
from tests.examples import TRACEPARENT, sent_headers
from translation.errors import ProxyError

pytestmark = pytest.mark.anyio


@pytest.fixture
def root(memory: Memory) -> Span:
    return Span(memory.tracer, "root", SpanKind.SERVER)


def about(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def read_image(at: Bench) -> None:
    async with at.open() as stream:
        async for _ in stream.chunks:
            assert at.image()


async def test_untraced_calls_cost_nothing_and_send_what_they_sent() -> None:
    given = [("traceparent", TRACEPARENT)]
    with outgoing("realtime", READ, "events/{event}", again=False) as sent:
        assert type(sent) is Untraced
        assert sent.headers(given) is given


async def test_a_call_is_a_span_without_address_and_tells_dynamics_of_it(memory: Memory, root: Span) -> None:
    trace = (("traceparent", TRACEPARENT), ("tracestate", "a=b"), ("x-request-id", "r-1"))
    async with bench() as at:
        with resumed(root):
            await at.ask(replace(READ, trace=trace), ("api-version=1",))
        (record,) = at.sandbox.recorder.find()
    span = memory.only()
    assert (span.name, span.kind, span.status.status_code) == ("GET events/{event}", SpanKind.CLIENT, StatusCode.UNSET)
    assert about(span) == {
        "http.request.method": "GET",
        "url.template": "events/{event}",
        "http.response.status_code": 200,
        "evtmgmt.organisation": "new",
        "evtmgmt.operation": "get_event",
        "evtmgmt.need": "read",
    }
    assert span.parent == root.place
    assert span.context is not None
    headers = sent_headers(record)
    assert headers["traceparent"] == [f"00-{root.trace_id}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"]
    assert headers["tracestate"] == ["a=b"]


async def test_calls_that_are_no_visitors_tell_dynamics_nothing(root: Span) -> None:
    async with bench() as at:
        with resumed(root):
            await at.ask(READ)
        (record,) = at.sandbox.recorder.find()
    assert "traceparent" not in sent_headers(record)


@pytest.mark.parametrize(
    ("fault", "error"),
    [({"kind": "status", "status": 404}, "404"), ({"kind": "hang"}, "timeout"), ({"kind": "reset"}, "broken")],
    ids=lambda found: str(found),
)
async def test_how_it_failed(fault: dict[str, Any], error: str, memory: Memory, root: Span) -> None:
    async with bench(read_timeout=1 if fault["kind"] == "hang" else 30) as at:
        at.sandbox.faults.add(**fault)
        with resumed(root):
            try:
                await at.ask(WRITE)
            except ProxyError:
                assert error != "404"
    span = memory.only()
    assert (about(span)["error.type"], span.status.status_code, span.events) == (error, StatusCode.ERROR, ())
    assert about(span)["evtmgmt.need"] == "registration"


async def test_a_visitor_who_leaves_is_no_failure(memory: Memory, root: Span) -> None:
    async with bench(read_timeout=20, total_timeout=20) as at:
        at.sandbox.faults.add("hang")
        with resumed(root):
            task = asyncio.create_task(at.ask())
        await at.sandbox.recorder.wait_async(timeout=20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert about(memory.only())["error.type"] == "CancelledError"
    assert memory.only().status.status_code is StatusCode.UNSET


async def test_an_image_lasts_until_its_last_byte(memory: Memory, root: Span) -> None:
    async with bench() as at:
        with resumed(root):
            async with at.open() as stream:
                assert memory.spans == ()
                assert [part async for part in stream.chunks]
        assert about(memory.only())["http.response.status_code"] == 200
        head = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9000\r\n\r\n"
        at.sandbox.faults.add("raw", body=head + "x" * 5_000)
        with resumed(root), pytest.raises(ProxyError):
            await read_image(at)
    assert about(memory.spans[1])["error.type"] == "broken"


async def test_a_call_that_is_made_again_says_so(memory: Memory, root: Span) -> None:
    with resumed(root), outgoing("realtime", READ, "events/{event}", again=True):
        pass
    assert about(memory.only())["http.request.resend_count"] == 1
