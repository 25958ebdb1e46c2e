"""Metrics: names and labels from closed lists."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from app.caching.served import Outcome
from app.metric_kinds import Registry
from app.metrics import UNMATCHED, Metrics
from app.outbox.accepting import Obstacle
from app.upstream import Trouble
from tests.examples import MAPPED, OPEN_DAY, example, registration
from tests.service import BASE, Service, running_service
from translation.errors import ERRORS
from translation.operations import BY_NAME, OPERATIONS

ALLOWED = {
    "operation": {*BY_NAME, UNMATCHED},
    "backend": {"realtime", "none"},
    "code": set(ERRORS),
    "repair": {"event_without_dates", "event_date_filled"},
    "outcome": {*Trouble, *Outcome},
    "reason": {*Obstacle, "time", "breaker", "retries", "budget", "places"},
    "le": None,
    "status": None,
}


def test_every_label_is_of_a_closed_list() -> None:
    with running_service(log_level="error", upstream={"read_timeout": 2}) as service:
        for operation in OPERATIONS:
            example(operation.name, service).send(service)
        for path in ("/wp-admin/x.php", "/", f"{BASE}nothing", f"{BASE}sessions/1", "/metrics/x"):
            service.client.get(service.url + path)
            service.client.request("BREW" if path == "/" else "PUT", service.url + path)
        for kind in ("hang", "truncate", "wrong_json", "endless", "gzip_lie"):
            service.sandbox.faults.add(kind)
            service.get(f"events/{OPEN_DAY}")
        service.get("events/Evening_Meetup?x=1&y=2&_=3")
        for status in (401, 404, 418, 500):
            service.sandbox.faults.add("status", status=status)
            service.post(f"events/{OPEN_DAY}/registrations", json=registration())
        families = list(text_string_to_metric_families(service.client.get(f"{service.url}/metrics").text))
        assert service.metric("evtmgmt_dropped_query_parameters_total") == 2
        assert service.metric('evtmgmt_repairs_total{repair="event_without_dates"}') >= 1
        assert service.metric('evtmgmt_errors_total{code="UpstreamTimeout"}') == 1
        assert service.metric('evtmgmt_requests_total{backend="none",operation="unmatched",status="404"}') >= 4
        for operation in OPERATIONS:
            assert service.metric(f'evtmgmt_request_seconds_count{{operation="{operation.name}"}}') >= 1
        for operation in MAPPED:
            status = "302" if operation.name == "create_checkin" else "200"
            name = f'evtmgmt_upstream_requests_total{{backend="realtime",operation="{operation.name}",outcome="{status}"}}'
            assert service.metric(name) >= 1
        for trouble in ("timeout", "broken", "too_large", "unreadable"):
            name = f'evtmgmt_upstream_requests_total{{backend="realtime",operation="get_event",outcome="{trouble}"}}'
            assert service.metric(name) == 1
    assert {family.name.removesuffix("_created") for family in families} == {metric for metric, _ in names()}
    for family in families:
        for sample in family.samples:
            for label, value in sample.labels.items():
                allowed = ALLOWED[label]
                assert (allowed is not None and value in allowed) or re.fullmatch(r"[0-9.]+|\+Inf", value), (
                    sample.name,
                    label,
                    value,
                )


def names() -> set[tuple[str, str]]:
    registry = Registry()
    Metrics(registry)
    return {(family.name, family.type) for family in registry.collect()}


@pytest.mark.parametrize("metric", sorted(names()))
def test_each_metric_has_the_prefix_and_says_what_it_is(metric: tuple[str, str]) -> None:
    registry = Registry()
    Metrics(registry)
    (family,) = [family for family in registry.collect() if family.name == metric[0]]
    assert family.name.startswith("evtmgmt_")
    assert family.documentation.endswith(".")


def test_children_are_looked_up_once() -> None:
    metrics = Metrics()
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            assert hasattr(metric.labels, "cache_info")
    metrics.requests.labels("get_event", "realtime", 200).inc()
    metrics.requests.labels("get_event", "realtime", "200").inc()
    labels = {"operation": "get_event", "backend": "realtime", "status": "200"}
    assert metrics.registry.get_sample_value("evtmgmt_requests_total", labels) == 2


def test_several_processes_are_added_up(tmp_path: Path) -> None:
    program = """
from app.metrics import Metrics
metrics = Metrics()
for _ in range(2):
    metrics.requests.labels("get_event", "realtime", 200).inc()
    metrics.cache.labels("get_event", "hit").inc()
"""
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            timeout=60,
            check=True,
        )
    registry = Registry()
    MultiProcessCollector(registry, str(tmp_path))  # type: ignore[no-untyped-call]
    labels = {"operation": "get_event", "backend": "realtime", "status": "200"}
    assert registry.get_sample_value("evtmgmt_requests_total", labels) == 4
    assert registry.get_sample_value("evtmgmt_cache_total", {"operation": "get_event", "outcome": "hit"}) == 4


def test_two_services_in_a_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.errors.labels("NotFound").inc()
    assert other.registry.get_sample_value("evtmgmt_errors_total", {"code": "NotFound"}) is None


def test_an_idle_service_counts_only_the_question(service: Service) -> None:
    assert service.metric("evtmgmt_in_flight") == 1
    assert service.metric("evtmgmt_ready") == 1
