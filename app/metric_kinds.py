"""Kinds of metrics, and the registry: the library's, with the label of a portal where there are several, and cheaper to count."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

PORTAL: Final = "portal"
NO_PORTAL: Final = ""
"""The label of requests that are for no portal; Prometheus reads it as a label that is not there."""
_Kind = TypeVar("_Kind", prometheus_client.Counter, prometheus_client.Gauge, prometheus_client.Histogram)


class _Counter(prometheus_client.Counter):
    """The library's without what it checks at each call: it is half of counting. Callers give what is right."""

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        if exemplar is None:
            self._value.inc(amount)
        else:
            super().inc(amount, exemplar)


class _Gauge(prometheus_client.Gauge):
    """The same for what is counted up and down."""

    def inc(self, amount: float = 1) -> None:
        self._value.inc(amount)

    def dec(self, amount: float = 1) -> None:
        self._value.inc(-amount)

    def set(self, value: float) -> None:
        self._value.set(float(value))


class _Histogram(prometheus_client.Histogram):
    """The same, and it looks for the bucket by halves."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        if exemplar is None:
            self._sum.inc(amount)
            self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)
        else:
            super().observe(amount, exemplar)


class Registry(CollectorRegistry):
    """A registry whose metrics may all bear the label of a portal.

    Args:
        portals: Whether they do.
    """

    def __init__(self, *, portals: bool = False) -> None:
        super().__init__()
        self.labels = (PORTAL,) if portals else ()


def _of_portals(kind: type[_Kind]) -> Callable[..., _Kind]:
    """Makes metrics that bear the label of a portal where there are several."""

    def make(name: str, documentation: str, labelnames: tuple[str, ...] = (), *, registry: Registry, **more: Any) -> _Kind:
        return kind(name, documentation, (*registry.labels, *labelnames), registry=registry, **more)

    return make


Counter: Final = _of_portals(_Counter)
Gauge: Final = _of_portals(_Gauge)
Histogram: Final = _of_portals(_Histogram)


class OfPortal:
    """A metric of which one label is given. Used as the metric itself."""

    def __init__(self, metric: MetricWrapperBase, portal: str) -> None:
        def labels(*values: object) -> Any:
            return metric.labels(portal, *values)

        self.labels = cache(labels)


class OnePortal(Collector):
    """What a registry has of one portal.

    Args:
        registry: The registry.
        portal: The portal's name.
    """

    def __init__(self, registry: Collector, portal: str) -> None:
        self._registry = registry
        self._portal = portal

    def collect(self) -> Iterator[Metric]:
        """The metrics that have something of the portal, and nothing of others."""
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if sample.labels.get(PORTAL) == self._portal]
            if metric.samples:
                yield metric
