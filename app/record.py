"""The last step of a request: one log line and the metrics."""

from dataclasses import dataclass
from time import perf_counter

import structlog

from app.metrics import UNMATCHED, Metrics
from translation.errors import Blame, ProxyError

log = structlog.get_logger("evtmgmt.access")
_GONE = 499
"""The status that is counted for a client that left, as nginx counts it."""


@dataclass(slots=True)
class Exchange:
    """What is known of a request and its answer, for the record."""

    method: str
    raw_path: bytes
    started: float
    request_id: str = ""
    operation: str = UNMATCHED
    backend: str = "none"
    status: int = 0
    size: int = 0
    dropped: int = 0
    gone: bool = False
    error: ProxyError | None = None
    broken: str | None = None


class Recorder:
    """Logs and counts exchanges.

    Args:
        metrics: Where they are counted.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def begin(self) -> None:
        """A request came in."""
        self._metrics.in_flight.inc()

    def end(self, exchange: Exchange) -> None:
        """A request was answered, or its client left."""
        seconds = perf_counter() - exchange.started
        metrics = self._metrics
        metrics.in_flight.dec()
        status = exchange.status or _GONE
        metrics.requests.labels(exchange.operation, exchange.backend, str(status)).inc()
        metrics.seconds.labels(exchange.operation).observe(seconds)
        if exchange.dropped:
            metrics.dropped_parameters.inc(exchange.dropped)
        if exchange.gone:
            metrics.disconnects.labels(exchange.operation).inc()
        line: dict[str, object] = {
            "request_id": exchange.request_id,
            "method": exchange.method,
            "path": exchange.raw_path.decode("latin-1")[:512],
            "operation": exchange.operation,
            "backend": exchange.backend,
            "status": status,
            "bytes": exchange.size,
            "ms": round(seconds * 1000, 2),
        }
        if exchange.broken is not None:
            line["broken"] = exchange.broken
        if exchange.error is not None:
            metrics.errors.labels(exchange.error.kind.code).inc()
            line["code"] = exchange.error.kind.code
            line["cause"] = exchange.error.cause or exchange.error.detail
            if exchange.error.kind.blame in (Blame.OPERATOR, Blame.UPSTREAM):
                log.warning("request", **line)
                return
        log.info("request", **line)

    @staticmethod
    def defect(exchange: Exchange, error: Exception) -> None:
        """An exception that is in no list: a mistake of the program."""
        log.error("defect", request_id=exchange.request_id, operation=exchange.operation, exc_info=error)
