"""A real Prometheus reads a real proxy with the rules that are delivered, and answers every question of the dashboard."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any

import httpx
import pytest
import yaml

from tests.app.telemetry.rig import traced
from tests.collector import running_collector
from tests.examples import OPEN_DAY, registration
from tests.ports import free_port
from tests.service import Service

ROOT = Path(__file__).parent.parent
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/evtmgmt-proxy.json").read_text("utf-8"))
QUERIES = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
ALWAYS = {"Ready", "Requests", "Failed", "95 % answered within", "Served from the cache", "In flight", "Alerts"}
ALWAYS |= {"Requests by operation", "Errors by code", "Time of answers", "Calls to Dynamics", "Time of calls to Dynamics"}
"""Panels that hold something once there was a visitor."""


class Prometheus:
    """One that runs.

    Args:
        port: Of loopback, where it answers.
    """

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", trust_env=False, timeout=10)

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        answer = self._client.get(path, params=parameters)
        if answer.status_code == 503:
            answer.raise_for_status()
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The value of an expression now."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def wait_for(self, expression: str) -> list[dict[str, Any]]:
        """The value of an expression, once it has one."""
        until = monotonic() + 60
        while monotonic() < until:
            try:
                if found := self.query(expression):
                    return found
            except (httpx.TransportError, httpx.HTTPStatusError):
                pass  # it starts
            sleep(0.2)
        raise AssertionError(f"nothing for {expression}")

    def close(self) -> None:
        """Close the client."""
        self._client.close()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    groups = {"log_level": "error", "cache": {"enabled": True, "warm": False}}
    with running_collector() as collector, traced(collector, **groups) as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program = shutil.which("prometheus")
    assert program is not None, "prometheus is not installed: run `make promtool`"
    folder = tmp_path_factory.mktemp("prometheus")
    configuration = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(ROOT / "deploy/prometheus/rules/*.yml")]
    configuration["scrape_configs"][0]["static_configs"][0]["targets"] = [service.url.removeprefix("http://")]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), "utf-8")
    port = free_port()
    words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    words += [word for word in compose["services"]["prometheus"]["command"] if word.startswith("--enable-feature")]
    words += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    running = Prometheus(port)
    try:
        running.wait_for('up{job="evtmgmt-proxy"} == 1')
        visit(service)
        running.wait_for('evtmgmt_requests_total{operation="register"}')  # growth is seen of what is there
        visit(service)
        running.wait_for('increase(evtmgmt_requests_total{operation="register"}[1m]) > 0')
        yield running
    finally:
        running.close()
        process.terminate()
        process.communicate(timeout=30)


def visit(service: Service) -> None:
    """Reads, errors and a registration."""
    for path in ("events/published", f"events/{OPEN_DAY}", "events/Nothing_Here", "users/authenticated"):
        service.get(path)
    service.post(f"events/{OPEN_DAY}/registrations", json=registration())


def test_all_rules_are_evaluated(prometheus: Prometheus) -> None:
    prometheus.wait_for("evtmgmt:requests:rate5m > 0")
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 40
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] == "err"} == {}
    firing = {alert["labels"]["alertname"] for alert in prometheus.ask("alerts")["alerts"] if alert["state"] == "firing"}
    assert firing <= {"EvtMgmtEventsWithoutDates"}  # the sandbox has such an event


@pytest.mark.parametrize(("title", "expression"), QUERIES)
def test_every_question_of_the_dashboard_is_answered(prometheus: Prometheus, title: str, expression: str) -> None:
    for variable in ("$job", "$instance", "$portal"):
        expression = expression.replace(variable, ".*")
    found = prometheus.query(expression.replace("$__rate_interval", "1m"))
    assert found or title not in ALWAYS


def test_dots_lead_to_traces(prometheus: Prometheus) -> None:
    now = time()
    asked = {"query": "evtmgmt_request_seconds_bucket", "start": str(now - 600), "end": str(now + 60)}
    found = [exemplar for series in prometheus.ask("query_exemplars", **asked) for exemplar in series["exemplars"]]
    assert found
    assert all(re.fullmatch("[0-9a-f]{32}", exemplar["labels"]["trace_id"]) for exemplar in found)


def test_a_refused_token_raises_its_alarm(prometheus: Prometheus, service: Service) -> None:
    service.sandbox.faults.add("status", status=401)
    service.get("events/Evening_Meetup")
    (alert,) = prometheus.wait_for('ALERTS{alertname="EvtMgmtNotReady"}')
    assert alert["metric"]["severity"] == "critical"
    assert alert["metric"]["instance"] == service.url.removeprefix("http://")
