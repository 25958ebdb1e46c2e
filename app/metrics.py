"""What is counted. Labels come from closed lists only: operations, backends, codes; a path of a scanner is ``unmatched``.

docs/metrics.md describes each; a test compares.
"""

from functools import cache
from typing import Final

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase

from app.metric_kinds import PORTAL, Counter, Gauge, Histogram, OfPortal, Registry

UNMATCHED: Final = "unmatched"
PORTAL_FILE: Final = "portal_file"
"""The label of what is answered with a file of the portal."""
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one process. Where there are several portals, ``of`` gives those of one: all parts count on those.

    Args:
        registry: Where they are registered; a new one by default, so that two services in a process do not mix.

    Attributes:
        registry: The same.
        portal: Whose metrics these are; None for all of the process.
    """

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry = registry or Registry()
        self.portal: str | None = None
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
        self.cache_bytes = Gauge(
            "evtmgmt_cache_bytes", "Bytes of all kept answers.", registry=self.registry, multiprocess_mode="livesum"
        )
        self.cache_entries = Gauge(
            "evtmgmt_cache_entries", "Number of kept answers.", registry=self.registry, multiprocess_mode="livesum"
        )
        self.cache_evictions = Counter(
            "evtmgmt_cache_evictions", "Answers forgotten to make room for others.", registry=self.registry
        )
        self.refreshes = Counter(
            "evtmgmt_refreshes",
            "Reads of Dynamics that no visitor waited for, by outcome.",
            ("operation", "outcome"),
            registry=self.registry,
        )
        self.budget_refused = Counter(
            "evtmgmt_budget_refused",
            "Reads of Dynamics that were not made, as its budget was spent or it asked to slow down.",
            ("need", "reason"),
            registry=self.registry,
        )
        self.budget_tokens = Gauge(
            "evtmgmt_budget_tokens",
            "Calls to Dynamics that may be made at once.",
            ("backend",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.breaker_state = Gauge(
            "evtmgmt_breaker_state",
            "What a breaker does: 0 lets all calls through, 1 a few that try, 2 none.",
            ("backend", "lane"),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.breaker_opened = Counter(
            "evtmgmt_breaker_opened", "Times that a breaker opened.", ("backend", "lane"), registry=self.registry
        )
        self.breaker_refused = Counter(
            "evtmgmt_breaker_refused",
            "Calls to Dynamics that were left out by an open breaker.",
            ("backend", "lane"),
            registry=self.registry,
        )
        self.retries = Counter(
            "evtmgmt_retries", "Calls to Dynamics that were made once more.", ("backend", "lane"), registry=self.registry
        )
        self.retries_refused = Counter(
            "evtmgmt_retries_refused",
            "Calls to Dynamics that were not made once more although it might have helped.",
            ("backend", "reason"),
            registry=self.registry,
        )
        self.shed = Counter(
            "evtmgmt_shed",
            "Requests refused at once, as the proxy was at its limit or stopping.",
            ("what",),
            registry=self.registry,
        )
        self.cache = Counter("evtmgmt_cache", "Reads by what the cache did.", ("operation", "outcome"), registry=self.registry)
        self.overrides = Counter(
            "evtmgmt_backend_overrides",
            "Requests with the header X-EvtMgmt-Backend: accepted with the admin credential, else ignored.",
            ("outcome",),
            registry=self.registry,
        )
        self.shadow = Counter(
            "evtmgmt_shadow",
            "Answers of outbound that were chosen to be compared with real-time's, by what became of it.",
            ("operation", "outcome"),
            registry=self.registry,
        )
        self.partial_lists = Counter(
            "evtmgmt_partial_lists",
            "Lists of both organisations' events in which one was missing, by the one that could not be read.",
            ("backend",),
            registry=self.registry,
        )
        self.rollbacks = Counter(
            "evtmgmt_rollbacks",
            "Operations that the watcher moved back to outbound; * is the whole stage.",
            ("operation",),
            registry=self.registry,
        )
        self.rollbacks_refused = Counter(
            "evtmgmt_rollbacks_refused",
            "Looks at which the watcher would have moved back, but did not.",
            ("reason",),
            registry=self.registry,
        )
        self.latched = Gauge(
            "evtmgmt_latched",
            "Operations that the watcher moved back and nobody has cleared; the whole stage is one.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.cutover_version = Gauge(
            "evtmgmt_cutover_version",
            "The version of the cutover's state that serves; 0 where nothing can change it.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.outbox = Counter(
            "evtmgmt_outbox", "Registrations of the outbox, by what became of them.", ("outcome",), registry=self.registry
        )
        self.outbox_refused = Counter(
            "evtmgmt_outbox_refused",
            "Registrations that could not be sent and were not stored either: their visitors saw the error.",
            ("reason",),
            registry=self.registry,
        )
        self.outbox_entries = Gauge(
            "evtmgmt_outbox_entries",
            "Registrations in the outbox, by where they stand.",
            ("state",),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.outbox_oldest = Gauge(
            "evtmgmt_outbox_oldest_seconds",
            "Seconds since the oldest registration that waits was accepted; 0 when none waits.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.limited = Counter(
            "evtmgmt_limited", "Requests refused as they came too often, by the limit.", ("scope",), registry=self.registry
        )
        self.rates_alone = Counter(
            "evtmgmt_rates_alone",
            "Requests that each worker counted by itself, as Redis did not answer at once.",
            registry=self.registry,
        )
        self.redis_up = Gauge(
            "evtmgmt_redis_up",
            "1 when Redis answers at once; 0 when it is left alone, and this process goes on by itself.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.redis_alone = Counter(
            "evtmgmt_redis_alone",
            "Questions to Redis that were left out or not answered in time, by the part that went on without it.",
            ("part",),
            registry=self.registry,
        )
        self.second_level = Counter(
            "evtmgmt_second_level",
            "Reads that memory could not answer, by what Redis did for them.",
            ("operation", "outcome"),
            registry=self.registry,
        )
        self.registrations_heard = Counter(
            "evtmgmt_registrations_heard",
            "Events and sessions that a replica, this one as well, told to have registrations.",
            registry=self.registry,
        )
        self.refused_origins = Counter(
            "evtmgmt_refused_origins",
            "Registrations refused as a browser said that the page was none of the portals'.",
            ("operation",),
            registry=self.registry,
        )
        self.challenges = Counter(
            "evtmgmt_challenges", "Registrations that met the challenge, by outcome.", ("outcome",), registry=self.registry
        )
        self.archive_events = Gauge(
            "evtmgmt_archive_events",
            "Events in the archive that serves; 0 when there is none that can be used.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.config_loaded = prometheus_client.Gauge(
            "evtmgmt_config_loaded_timestamp_seconds",
            "When the settings that serve were read, in seconds since 1970.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.config_successful = prometheus_client.Gauge(
            "evtmgmt_config_last_reload_successful",
            "1 when the settings were taken the last time they were read; 0 when the last good ones serve on.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.config_hash = prometheus_client.Gauge(
            "evtmgmt_config_hash",
            "The hash of the settings that serve, as a number: the same settings have the same one everywhere.",
            registry=self.registry,
            multiprocess_mode="livemostrecent",
        )
        self.config_reloads = prometheus_client.Counter(
            "evtmgmt_config_reloads",
            "Settings read anew while the proxy ran, by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        self.trace_spans = prometheus_client.Counter(
            "evtmgmt_trace_spans",
            "Spans that were handed to the collector of traces, by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        for metric in vars(self).values():
            if isinstance(metric, MetricWrapperBase):
                # Each look-up by the library costs more than to count. Labels are from closed lists, so it stays small.
                metric.labels = cache(metric.labels)  # type: ignore[method-assign]

    def of(self, portal: str) -> "Metrics":
        """The metrics of one portal; the same ones where there are no several."""
        if not self.registry.labels:
            return self
        view = object.__new__(Metrics)
        for name, metric in vars(self).items():
            if isinstance(metric, MetricWrapperBase) and metric._labelnames[:1] == (PORTAL,):
                metric = metric.labels(portal) if metric._labelnames == (PORTAL,) else OfPortal(metric, portal)
            setattr(view, name, metric)
        view.portal = portal
        return view
