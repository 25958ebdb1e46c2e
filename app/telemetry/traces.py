"""The traces of one portal: which requests have one, and their spans from the first byte to the last."""

from typing import Final

from opentelemetry.trace import SpanKind, Tracer

from app.bodies import Scope
from app.record import Exchange
from app.telemetry.choosing import Choosing
from app.telemetry.current import current
from app.telemetry.spans import Span, place_of
from app.telemetry.vocabulary import ERROR, METHOD, METHODS, ROUTE, STATUS
from translation.headers import TraceParent, forwarded_headers, read_traceparent
from translation.operations import OLD_BASES, OPERATIONS

_CHOSEN: Final = "evtmgmt.traced"
_PARENT: Final = "evtmgmt.traceparent"
_CONTEXT: Final = frozenset({b"traceparent", b"tracestate", b"baggage"})
_NEVER: Final = frozenset({b"/livez", b"/readyz", b"/metrics"})
"""Paths that machines ask for all day long."""
_ROUTES: Final = {operation.name: f"/{OLD_BASES[0]}/{operation.path}" for operation in OPERATIONS}


class Traces:
    """Makes the traces of a portal.

    Args:
        tracer: OpenTelemetry's.
        choosing: Which requests are traced.
        portal: The portal's name, where there are several.
    """

    def __init__(self, tracer: Tracer, choosing: Choosing, portal: str | None = None) -> None:
        self._tracer = tracer
        self._choosing = choosing
        self._about = {} if portal is None else {"evtmgmt.portal": portal}

    def chosen(self, scope: Scope) -> bool:
        """Whether a request is traced. Decided once: the scope remembers."""
        chosen: bool | None = scope.get(_CHOSEN)
        if chosen is None:
            chosen = scope[_CHOSEN] = self._choose(scope)
        return chosen

    def serve(self, scope: Scope) -> "ServerSpan | None":
        """The span of a request, the current one until it ends; None when it is not traced."""
        if not self.chosen(scope):
            return None
        return ServerSpan(self._tracer, scope.get(_PARENT), self._about)

    def begin(self, name: str, origin: str | None) -> Span | None:
        """The span of work that nobody waits for; None when it is not traced.

        Args:
            name: What it is called.
            origin: The ``traceparent`` of the request that it goes back to, if that was traced.
        """
        parent = None if origin is None else read_traceparent(origin)
        if not (parent is not None and parent.sampled) and not self._choosing.chooses(None):
            return None
        link = None if parent is None else place_of(parent)
        return Span(self._tracer, name, SpanKind.CONSUMER, link=link, attributes=self._about)

    def _choose(self, scope: Scope) -> bool:
        parent: TraceParent | None = None
        for name, _ in scope["headers"]:
            if name == b"traceparent":
                told = dict(forwarded_headers(scope["headers"])).get("traceparent")
                parent = None if told is None else read_traceparent(told)
                break
        if not self._choosing.chooses(None if parent is None else parent.sampled) or scope["raw_path"] in _NEVER:
            return False
        if parent is not None:
            scope[_PARENT] = parent
        return True


class ServerSpan(Span):
    """The span of a request.

    Args:
        tracer: OpenTelemetry's.
        parent: The caller's span.
        about: What is known of it before it is read.
    """

    __slots__ = ("_token",)

    def __init__(self, tracer: Tracer, parent: TraceParent | None, about: dict[str, str]) -> None:
        place = None if parent is None else place_of(parent)
        super().__init__(tracer, "unmatched", SpanKind.SERVER, place, attributes=about)
        self._token = current.set(self)

    def handed_on(self, scope: Scope) -> Scope:
        """The scope for the service's own pages, whose framework traces by itself: under this span, and only then."""
        headers = [(name, value) for name, value in scope["headers"] if name not in _CONTEXT]
        headers.append((b"traceparent", self.traceparent.encode("ascii")))
        return {**scope, "headers": headers}

    def served(self, exchange: Exchange) -> None:
        """The request was answered, or its client left."""
        current.reset(self._token)
        operation = exchange.operation
        about: dict[str, str | int] = {
            METHOD: exchange.method if exchange.method in METHODS else "_OTHER",
            "evtmgmt.backend": exchange.backend,
        }
        if operation in _ROUTES:
            about[ROUTE] = _ROUTES[operation]
        if exchange.status:
            about[STATUS] = exchange.status
        if exchange.cache is not None:
            about["evtmgmt.cache"] = str(exchange.cache)
        if exchange.gone:
            about["evtmgmt.gone"] = "true"
        if exchange.error is not None:
            about["evtmgmt.error"] = exchange.error.kind.code
        if exchange.status >= 500:
            # A client's own mistake is no failure of the server (the conventions for HTTP say so).
            about[ERROR] = str(exchange.status) if exchange.error is None else exchange.error.kind.code
            self.fail()
        self.rename(operation)
        self.tell(about)
        self.end()


def is_traced(scope: Scope) -> bool:
    """Whether a request is traced, for whoever is handed its scope."""
    return bool(scope.get(_CHOSEN))
