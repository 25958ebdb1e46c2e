"""A span that is being made: OpenTelemetry's, with what our parts need of it."""

from collections.abc import Mapping
from typing import Final

from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from translation.headers import TraceParent

Attributes = Mapping[str, str | int]
_NOWHERE: Final = set_span_in_context(NonRecordingSpan(SpanContext(0, 0, is_remote=False)))
"""The context of a span without a parent, whatever OpenTelemetry's own context holds."""


class Span:
    """A span. There is one only for what is traced, so whoever has one may spend time on it.

    Args:
        tracer: Makes it, and those under it.
        name: What it is called: from closed lists.
        kind: OpenTelemetry's.
        parent: What it is a part of; None for a trace of its own.
        link: Where it comes from, when that was another trace.
        attributes: What is known of it.
    """

    __slots__ = ("_own", "_tracer")

    def __init__(
        self,
        tracer: Tracer,
        name: str,
        kind: SpanKind,
        parent: SpanContext | None = None,
        link: SpanContext | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        context = _NOWHERE if parent is None else set_span_in_context(NonRecordingSpan(parent))
        self._tracer = tracer
        self._own = tracer.start_span(
            name,
            context,
            kind,
            None if attributes is None else dict(attributes),
            () if link is None else (Link(link),),
            record_exception=False,
            set_status_on_exception=False,
        )

    @property
    def place(self) -> SpanContext:
        """Its ids."""
        return self._own.get_span_context()

    @property
    def trace_id(self) -> str:
        """The trace's id, as logs and traces are searched by: 32 hexadecimal digits."""
        return f"{self.place.trace_id:032x}"

    @property
    def traceparent(self) -> str:
        """What says to others that they work for it (W3C Trace Context)."""
        place = self.place
        return f"00-{place.trace_id:032x}-{place.span_id:016x}-{place.trace_flags:02x}"

    def child(self, name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None) -> "Span":
        """A span under this one."""
        return Span(self._tracer, name, kind, self.place, attributes=attributes)

    def event(self, name: str, attributes: Attributes) -> None:
        """Something happened; ``x`` among the attributes becomes ``evtmgmt.x``."""
        self._own.add_event(name, {f"evtmgmt.{key}": value for key, value in attributes.items()})

    def tell(self, attributes: Attributes) -> None:
        """What became known of it."""
        self._own.set_attributes(attributes)

    def rename(self, name: str) -> None:
        """What it is called after all."""
        self._own.update_name(name)

    def fail(self) -> None:
        """It failed. Nothing is said in words: they may be somebody's."""
        self._own.set_status(StatusCode.ERROR)

    def end(self) -> None:
        """It is over; hand it on."""
        self._own.end()


def place_of(parent: TraceParent) -> SpanContext:
    """The ids of a caller's span. Its ``tracestate`` is not taken over: it may hold anything."""
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    return SpanContext(parent.trace_id, parent.span_id, is_remote=True, trace_flags=flags)
