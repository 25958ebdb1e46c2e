"""The span of the work at hand, where it is traced. Tasks inherit it, so that a call to Dynamics finds the request it is for."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # the logs need this module, and not all programs that log load OpenTelemetry
    from opentelemetry.trace import SpanKind

    from app.telemetry.spans import Span

current: Final["ContextVar[Span | None]"] = ContextVar("evtmgmt_span", default=None)
"""None where nothing is traced, which is nearly always."""


def note(event: str, **attributes: str | int) -> None:
    """Tell the span of the work at hand that something happened; nothing where nobody traces.

    Args:
        event: One of ``app/telemetry/vocabulary.py``.
        **attributes: More about it; ``x`` becomes ``evtmgmt.x``.
    """
    span = current.get()
    if span is not None:
        span.event(event, attributes)


def tell(**attributes: str | int) -> None:
    """Tell the span of the work at hand what became known of it; nothing where nobody traces.

    Args:
        **attributes: As for ``note``.
    """
    span = current.get()
    if span is not None:
        span.tell({f"evtmgmt.{name}": value for name, value in attributes.items()})


@contextmanager
def resumed(span: "Span | None") -> Iterator[None]:
    """Do work for a span that was current elsewhere."""
    token = current.set(span)
    try:
        yield
    finally:
        current.reset(token)


def inner(name: str, kind: "SpanKind | None" = None) -> "AbstractContextManager[Span | None]":
    """Do a part of the work at hand as a span under its own; without one where nobody traces.

    Args:
        name: What the part is called.
        kind: OpenTelemetry's; an internal one by default.
    """
    span = current.get()
    return within(None if span is None else span.child(name) if kind is None else span.child(name, kind))


@contextmanager
def within(span: "Span | None") -> "Iterator[Span | None]":
    """Do work as a span of its own, which ends with it."""
    token = current.set(span)
    try:
        yield span
    finally:
        current.reset(token)
        if span is not None:
            span.end()
