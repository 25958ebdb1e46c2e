"""app/metric_kinds.py: counting is cheaper than with the library, and counts the same."""

import prometheus_client
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from app.metric_kinds import Counter, Gauge, Histogram, Registry


@given(st.lists(st.sampled_from([0.0, 0.0005, 0.00051, 0.001, 0.7, 30, 30.5, 1e9, -1.0])))
def test_times_are_counted_as_the_library_does(values: list[float]) -> None:
    registry, theirs = Registry(), CollectorRegistry()
    metric = Histogram("times", "Times.", ("kind",), buckets=(0.0005, 0.001, 1, 30), registry=registry)
    other = prometheus_client.Histogram("times", "Times.", ("kind",), buckets=(0.0005, 0.001, 1, 30), registry=theirs)
    for value in values:
        metric.labels("a").observe(value)
        other.labels("a").observe(value)
    ours, expected = (
        {(sample.name, *sample.labels.values()): sample.value for found in each.collect() for sample in found.samples}
        for each in (registry, theirs)
    )
    made = ("times_created", "a")
    assert {**ours, made: 0} == {**expected, made: 0}


def test_what_is_counted_with_an_exemplar_is_counted_once() -> None:
    registry = Registry()
    Histogram("times", "Times.", ("kind",), registry=registry).labels("a").observe(0.1, {"trace_id": "abc"})
    Counter("things", "Things.", ("kind",), registry=registry).labels("a").inc(2, {"trace_id": "abc"})
    gauge = Gauge("now", "Now.", registry=registry)
    gauge.inc()
    gauge.dec(3)
    names = ("times_count", "things_total")
    assert [registry.get_sample_value(name, {"kind": "a"}) for name in names] == [1, 2]
    assert registry.get_sample_value("now") == -2
    gauge.set(7)
    assert registry.get_sample_value("now") == 7
