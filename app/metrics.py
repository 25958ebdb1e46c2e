"""What is counted. Labels come from closed lists only: operations, backends, codes; a path of a scanner is ``unmatched``.

docs/metrics.md describes each; a test compares.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

UNMATCHED: Final = "unmatched"
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one process.

    Args:
        registry: Where they are registered; a new one by default, so that two services in a process do not mix.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.requests = Counter(
            "evtmgmt_requests", "Requests answered.", ("operation", "backend", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "evtmgmt_request_seconds",
            "Time from the request's headers to the end of the answer.",
            ("operation",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.errors = Counter("evtmgmt_errors", "Errors answered, by errorCode.", ("code",), registry=self.registry)
        self.upstream = Counter(
            "evtmgmt_upstream_requests",
            "Calls to Dynamics, by HTTP status or kind of failure.",
            ("operation", "backend", "outcome"),
            registry=self.registry,
        )
        self.upstream_seconds = Histogram(
            "evtmgmt_upstream_seconds",
            "Time of calls to Dynamics until they were answered or failed; images until their headers.",
            ("backend",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.shared_reads = Counter(
            "evtmgmt_shared_reads",
            "Reads that shared the call to Dynamics of an identical one under way.",
            ("operation",),
            registry=self.registry,
        )
        self.repairs = Counter(
            "evtmgmt_repairs", "Repairs of answers that an operator should know.", ("repair",), registry=self.registry
        )
        self.dropped_parameters = Counter(
            "evtmgmt_dropped_query_parameters", "Query parameters that were not sent on.", registry=self.registry
        )
        self.disconnects = Counter(
            "evtmgmt_client_disconnects", "Requests whose client left before the answer.", ("operation",), registry=self.registry
        )
        self.in_flight = Gauge(
            "evtmgmt_in_flight", "Requests being answered.", registry=self.registry, multiprocess_mode="livesum"
        )
        self.ready = Gauge(
            "evtmgmt_ready",
            "1 when ready: configured, and the token was not refused.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
