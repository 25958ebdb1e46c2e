"""A span of our own: its place, its trace, what becomes known of it."""

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from app.telemetry.spans import Span, place_of
from tests.app.telemetry.rig import Memory
from translation.headers import TraceParent, read_traceparent

PARENT = TraceParent(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, sampled=True)


def test_a_root_is_one_whatever_else_is_current(memory: Memory) -> None:
    with memory.tracer.start_as_current_span("another library's") as other:
        root = Span(memory.tracer, "root", SpanKind.SERVER)
        child = root.child("child", SpanKind.CLIENT, {"evtmgmt.need": "read"})
        child.end()
        root.end()
        assert trace.get_current_span() is other
    inner, outer, _ = memory.spans
    assert outer.parent is None
    assert inner.parent == outer.context
    assert (inner.kind, dict(inner.attributes or {})) == (SpanKind.CLIENT, {"evtmgmt.need": "read"})
    assert root.trace_id == child.trace_id != f"{other.get_span_context().trace_id:032x}"


def test_a_caller_is_its_parent_and_a_link_is_none(memory: Memory) -> None:
    Span(memory.tracer, "served", SpanKind.SERVER, place_of(PARENT)).end()
    Span(memory.tracer, "later", SpanKind.CONSUMER, link=place_of(PARENT)).end()
    served, later = memory.spans
    assert served.parent is not None
    assert served.context is not None
    assert (served.parent.span_id, served.context.trace_id) == (PARENT.span_id, PARENT.trace_id)
    assert later.parent is None
    assert [link.context.span_id for link in later.links] == [PARENT.span_id]


def test_what_is_told_of_it(memory: Memory) -> None:
    span = Span(memory.tracer, "at first", SpanKind.SERVER)
    found = read_traceparent(span.traceparent)
    assert found == TraceParent(span.place.trace_id, span.place.span_id, sampled=True)
    assert span.trace_id == span.traceparent.split("-")[1]
    span.event("retry", {"lane": "reads"})
    span.tell({"http.response.status_code": 502})
    span.rename("in the end")
    span.fail()
    span.end()
    seen = memory.only()
    assert (seen.name, seen.status.status_code, seen.status.description) == ("in the end", StatusCode.ERROR, None)
    assert [(event.name, dict(event.attributes or {})) for event in seen.events] == [("retry", {"evtmgmt.lane": "reads"})]
    assert dict(seen.attributes or {}) == {"http.response.status_code": 502}
