"""A collector, and one traced proxy for the tests that need no settings of their own."""

from collections.abc import Iterator

import pytest

from tests.app.telemetry.rig import Memory, traced
from tests.collector import Collector, running_collector
from tests.service import Service


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.fixture(scope="module")
def shared(collector: Collector) -> Iterator[Service]:
    cache = {"enabled": True, "warm": False}
    with traced(collector, cache=cache, upstream={"read_timeout": 20}, limits={"concurrency": 2}) as service:
        yield service


@pytest.fixture
def proxy(shared: Service, collector: Collector) -> Service:
    """The traced proxy, with nothing kept, and nothing told so far."""
    shared.sandbox.control.reset()
    kept = shared.realtime.reading._cache
    for key in list(kept._entries):
        kept.remove(key)
    collector.forget()
    return shared


@pytest.fixture
def memory() -> Memory:
    return Memory()
