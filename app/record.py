"""The last step of a request: one log line and the metrics."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import getrandbits
from time import perf_counter
from typing import Final

import structlog

from app.logs import Level, access_log
from app.metrics import UNMATCHED, Metrics
from app.telemetry.spans import Span
from translation.errors import Blame, ProxyError

log = structlog.get_logger("evtmgmt.access")
_FAULTS: Final = frozenset({Blame.OPERATOR, Blame.UPSTREAM})
"""Whose failures are warnings."""
NOBODY: Final = "none"
"""The backend of a request that none answers."""
_GONE = 499
"""The status that is counted for a client that left, as nginx counts it."""
_NEVER_ZERO: Final = 1 << 127


def new_request_id() -> str:
    """A request id of 32 hexadecimal digits. No secret.

    It never begins with 0, so it is no form of zero (``translation/headers.py``, ``is_request_id``); a UUID may be.
    """
    return "%032x" % (getrandbits(128) | _NEVER_ZERO)


@dataclass
class Exchange:
    """What is known of a request and its answer, for the record. Only what is given is set; the rest stands in the class.

    Attributes:
        method: The HTTP method.
        raw_path: The path as it came.
        started: When it came, on the clock of ``perf_counter``.
        request_id: The correlation id.
        operation: The operation's name.
        backend: Who answers (``app/cutover/decision.py``).
        status: The status answered; 0 until then.
        size: Bytes of the body answered.
        dropped: Query parameters that were not sent on.
        gone: Whether the client left.
        error: Why it was answered with an error.
        broken: Why a streamed body broke off.
        cache: What the cache did; None where it has no say.
        span: Of its trace; None where it is not traced.
    """

    method: str
    raw_path: bytes
    started: float
    request_id: str = field(default="", init=False)
    operation: str = field(default=UNMATCHED, init=False)
    backend: str = field(default=NOBODY, init=False)
    status: int = field(default=0, init=False)
    size: int = field(default=0, init=False)
    dropped: int = field(default=0, init=False)
    gone: bool = field(default=False, init=False)
    error: ProxyError | None = field(default=None, init=False)
    broken: str | None = field(default=None, init=False)
    cache: str | None = field(default=None, init=False)
    span: Span | None = field(default=None, init=False)


class Recorder:
    """Logs and counts exchanges.

    Args:
        metrics: Where they are counted.
        answered: Is told backend, operation and status of each, where somebody follows what visitors get.
    """

    def __init__(self, metrics: Metrics, answered: Callable[[str, str, int], None] | None = None) -> None:
        self._metrics = metrics
        self._answered = answered

    def begin(self) -> None:
        """A request came in."""
        self._metrics.in_flight.inc()

    def end(self, exchange: Exchange) -> None:
        """A request that began was answered, or its client left."""
        self._metrics.in_flight.dec()
        self.record(exchange)

    def record(self, exchange: Exchange) -> None:
        """Count an exchange and log it."""
        seconds = perf_counter() - exchange.started
        metrics = self._metrics
        status = exchange.status or _GONE
        metrics.requests.labels(exchange.operation, exchange.backend, status).inc()
        trace_id = None if exchange.span is None else exchange.span.trace_id
        metrics.seconds.labels(exchange.operation).observe(seconds, None if trace_id is None else {"trace_id": trace_id})
        if self._answered is not None:
            self._answered(exchange.backend, exchange.operation, status)
        if exchange.cache is not None:
            metrics.cache.labels(exchange.operation, exchange.cache).inc()
        if exchange.dropped:
            metrics.dropped_parameters.inc(exchange.dropped)
        if exchange.gone:
            metrics.disconnects.labels(exchange.operation).inc()
        level: Level = "info"
        error = exchange.error
        if error is not None:
            metrics.errors.labels(error.kind.code).inc()
            if error.kind.blame in _FAULTS:
                level = "warning"
        if not access_log.takes(level):
            return
        line: dict[str, object] = {
            "request_id": exchange.request_id,
            "method": exchange.method,
            "path": exchange.raw_path[:512].decode("latin-1"),
            "operation": exchange.operation,
            "backend": exchange.backend,
            "status": status,
            "bytes": exchange.size,
            "ms": round(seconds * 1000, 2),
        }
        if metrics.portal is not None:
            line["portal"] = metrics.portal
        if exchange.cache is not None:
            line["cache"] = exchange.cache
        if trace_id is not None:
            line["trace_id"] = trace_id
        if exchange.broken is not None:
            line["broken"] = exchange.broken
        if error is not None:
            line["code"] = error.kind.code
            line["cause"] = error.cause or error.detail
        access_log.write(level, "request", line)

    def gone(self, operation: str) -> None:
        """A client left, or was cut off, after its exchange was recorded."""
        self._metrics.disconnects.labels(operation).inc()

    def shed(self, what: str) -> None:
        """Something was refused at once: ``reads``, ``registrations``, ``connections``, or for the process is ``stopping``."""
        self._metrics.shed.labels(what).inc()

    def defect(self, exchange: Exchange, error: Exception) -> None:
        """An exception that is in no list: a mistake of the program."""
        portal = {} if self._metrics.portal is None else {"portal": self._metrics.portal}
        log.error("defect", request_id=exchange.request_id, operation=exchange.operation, exc_info=error, **portal)
