"""Tests of app/admin/gauges.py."""

import subprocess
import sys
from pathlib import Path

from app.admin.gauges import Gauges, read_gauges
from app.metrics import Metrics


def test_gauges_are_read_from_the_metrics() -> None:
    metrics = Metrics()
    metrics.cache.labels("get_event", "hit").inc(5)
    metrics.cache.labels("list_events", "stale").inc(2)
    metrics.cache.labels("get_event", "miss").inc(3)
    metrics.cache_bytes.set(1_000)
    metrics.budget_tokens.labels("realtime").set(42)
    metrics.budget_tokens.labels("outbound").set(7)
    metrics.budget_refused.labels("read", "spent").inc(4)
    metrics.budget_refused.labels("refresh", "paused").inc(1)
    assert read_gauges(metrics.registry, 200) == Gauges(7, 10, 1_000, {"realtime": 42.0, "outbound": 7.0}, 200, 5)


def test_before_the_first_call_and_without_a_budget() -> None:
    assert read_gauges(Metrics().registry, None) == Gauges()
    assert read_gauges(Metrics().registry, 200) == Gauges(burst=200)


WORKER = """
import sys
from app.admin.gauges import read_gauges
from app.metrics import Metrics
metrics = Metrics()
metrics.cache.labels("get_event", "hit").inc(5)
gauges = read_gauges(metrics.registry, None)
sys.exit(gauges.hits)
"""


def test_workers_are_added_up(tmp_path: Path) -> None:
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    for expected in (5, 10):
        run = subprocess.run([sys.executable, "-c", WORKER], env=environment, check=False)
        assert run.returncode == expected
