"""Tests that the dashboard asks for what exists, shows all that is counted, and that Compose starts it whole."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.promql import selectors
from tests.real_series import mistakes, real_series

ROOT = Path(__file__).parent.parent
GRAFANA = ROOT / "deploy" / "grafana"
FILE = GRAFANA / "dashboards" / "evtmgmt-proxy.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
OF_THE_PROCESS = ("evtmgmt_config_", "evtmgmt_trace_")
"""Series without the label of a portal."""
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))


def test_the_file_is_what_the_script_writes() -> None:
    run = subprocess.run([sys.executable, GRAFANA / "dashboard.py"], capture_output=True, check=True, timeout=60)
    assert run.stdout == FILE.read_bytes(), "python deploy/grafana/dashboard.py > deploy/grafana/dashboards/evtmgmt-proxy.json"


@pytest.mark.parametrize(("title", "expression"), QUERIES)
def test_a_query_asks_for_series_labels_and_values_that_exist(title: str, expression: str) -> None:
    assert "ALERTS" in expression or list(selectors(expression)) != [], title
    assert mistakes(expression) == [], title


def test_everything_that_is_counted_is_shown() -> None:
    shown = {selector.series for _, expression in QUERIES for selector in selectors(expression)}
    histograms = {series.removesuffix("_bucket") for series in real_series() if series.endswith("_bucket")}
    parts = {f"{name}{suffix}" for name in histograms for suffix in ("_sum", "_count")}
    assert real_series().keys() - parts - {"up"} == shown


def test_what_the_reader_chooses_is_obeyed() -> None:
    chosen = {f"${variable['name']}" for variable in DASHBOARD["templating"]["list"]} - {"$source"}
    for title, expression in QUERIES:
        for selector in selectors(expression):
            matchers = {value for _, _, value in selector.matchers}
            own = chosen - {"$portal"} if selector.series.startswith(OF_THE_PROCESS) else chosen
            assert own <= matchers, title


def test_panels_have_their_own_ids_titles_and_places() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_runbook_names_panels_that_exist() -> None:
    page = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    named = re.findall(r"(?:panel |\*\*Look\.\*\* |beside |end \()\*([A-Z][^*]+)\*", page)
    assert named
    assert set(named) <= {panel["title"] for panel in DASHBOARD["panels"]}


def test_compose_mounts_what_prometheus_and_grafana_read() -> None:
    prometheus, grafana = COMPOSE["services"]["prometheus"], COMPOSE["services"]["grafana"]
    for service in (prometheus, grafana):
        assert service["profiles"] == ["observability"]
        assert not re.match(r"[^/]*[.:][^/]*/", service["image"])
    mounts = dict(volume.split(":")[:2] for service in (prometheus, grafana) for volume in service["volumes"])
    assert mounts["./deploy/prometheus/prometheus.yml"] == "/etc/prometheus/prometheus.yml"
    assert mounts["./deploy/prometheus/rules"] == "/etc/prometheus/rules"
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/evtmgmt-proxy.yml").read_text("utf-8"))["providers"]
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text("utf-8"))["datasources"]
    assert source["url"] == f"http://prometheus:{prometheus['ports'][0].split(':')[-1]}"


def test_prometheus_reads_the_proxy_that_compose_starts() -> None:
    configuration = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    (target,) = configuration["scrape_configs"][0]["static_configs"][0]["targets"]
    name, port = target.split(":")
    assert COMPOSE["services"][name]["ports"][0].endswith(f":{port}")
