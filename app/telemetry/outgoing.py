"""A call to an organisation as a span, with the path's template and never the address: tokens and visitors' words are in that."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final

from opentelemetry.trace import SpanKind

from app.budget import Need
from app.calls import Call
from app.telemetry.current import current
from app.telemetry.spans import Span
from app.telemetry.vocabulary import ERROR, METHOD, RESEND, STATUS, TEMPLATE
from app.upstream import UpstreamError

Headers = Sequence[tuple[str, str]]


class Untraced:
    """A call that nobody traces: the context of most."""

    __slots__ = ()

    def __enter__(self) -> "Untraced":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def headers(self, headers: Headers) -> Headers:
        """The headers that are sent."""
        return headers

    def answered(self, status: int) -> None:
        """There was an answer."""


class Traced(Untraced):
    """A call that is traced.

    Args:
        span: Its span.
        forwards: Whether the organisation is told of the trace.
    """

    __slots__ = ("_forwards", "_span")

    def __init__(self, span: Span, *, forwards: bool) -> None:
        self._span = span
        self._forwards = forwards

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the span, and tell how the call failed."""
        if isinstance(error, UpstreamError):
            self._span.tell({ERROR: error.trouble.value})
            self._span.fail()
        elif error is not None and kind is not None:
            self._span.tell({ERROR: kind.__name__})  # mostly its visitor left: no failure
        self._span.end()

    def headers(self, headers: Headers) -> Headers:
        """The headers that are sent: the caller's span is no longer the last one on the way."""
        if not self._forwards:
            return headers
        others = [header for header in headers if header[0] != "traceparent"]
        return [*others, ("traceparent", self._span.traceparent)]

    def answered(self, status: int) -> None:
        """There was an answer."""
        self._span.tell({STATUS: status})
        if status >= 400:
            self._span.tell({ERROR: str(status)})
            self._span.fail()


_UNTRACED: Final = Untraced()


def outgoing(organisation: str, call: Call, path: str, *, again: bool) -> Untraced:
    """The context of a call that is about to be made.

    Args:
        organisation: What it is called in metrics.
        call: What is asked. It forwards the trace when it bears one visitor's correlation id.
        path: The path's template under the base.
        again: Whether it was made before.
    """
    parent = current.get()
    if parent is None:
        return _UNTRACED
    method = call.operation.method
    about: dict[str, str | int] = {
        METHOD: method,
        TEMPLATE: path,
        "evtmgmt.organisation": organisation,
        "evtmgmt.operation": call.operation.name,
        "evtmgmt.need": (Need.REGISTRATION if call.operation.writes else call.need).name.lower(),
    }
    if again:
        about[RESEND] = 1
    return Traced(parent.child(f"{method} {path}", SpanKind.CLIENT, about), forwards=bool(call.trace))
