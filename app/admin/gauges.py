"""The cache and the budget in numbers, read from the metrics: of all workers when there are several."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from app.caching.served import Outcome
from app.metric_kinds import OnePortal


@dataclass(frozen=True, slots=True)
class Gauges:
    """Counted since the workers started.

    Attributes:
        hits: Reads answered from the cache, stale answers included.
        reads: All reads that the cache had a say in.
        kept_bytes: Bytes of all kept answers.
        tokens: Calls that could be made to each organisation at once when the last one was made.
        burst: The most that there can be; None where no budget is set.
        refused: Reads of Dynamics that were not made for the budget's sake.
    """

    hits: int = 0
    reads: int = 0
    kept_bytes: int = 0
    tokens: Mapping[str, float] = field(default_factory=dict)
    burst: int | None = None
    refused: int = 0


def read_gauges(registry: CollectorRegistry, burst: int | None, portal: str | None = None) -> Gauges:
    """The numbers of this moment.

    Args:
        registry: This process's; where ``PROMETHEUS_MULTIPROC_DIR`` is set, the files of all workers are read instead.
        burst: Calls to Dynamics that may be made at once after a quiet time, of all workers; None where no budget is set.
        portal: Whose numbers; None where there is one portal.
    """
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    found: dict[str, float] = {}
    tokens: dict[str, float] = {}
    for metric in (registry if portal is None else OnePortal(registry, portal)).collect():
        for sample in metric.samples:
            name = sample.name
            if name == "evtmgmt_budget_tokens":
                tokens[sample.labels["backend"]] = sample.value
            elif name == "evtmgmt_cache_total":
                name += "hit" if sample.labels["outcome"] != Outcome.MISS else "miss"
            found[name] = found.get(name, 0.0) + sample.value
    hits = int(found.get("evtmgmt_cache_totalhit", 0))
    return Gauges(
        hits,
        hits + int(found.get("evtmgmt_cache_totalmiss", 0)),
        int(found.get("evtmgmt_cache_bytes", 0)),
        tokens,
        burst,
        int(found.get("evtmgmt_budget_refused_total", 0)),
    )
