"""Traces of the program as it is run: several workers, settings read anew, a collector that hangs, an extra that is missing."""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM

import httpx
import pytest

from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import environment_for, run, serving
from tests.app.hosting.test_reloading import TAKEN, put
from tests.app.telemetry.rig import variables
from tests.collector import Collector, running_collector
from tests.examples import OPEN_DAY
from tests.service import BASE, event_path

EVENT = BASE + event_path(OPEN_DAY)
KEY = "the-key-of-the-collector"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as sandbox:
        yield sandbox


@pytest.fixture
def own() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


def test_each_worker_tells_and_another_sample_is_taken_while_they_run(upstream: Sandbox, own: Collector, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    put(file, "[telemetry]\ntraces = true\nsample = 0\n")
    settings = {"EVTMGMT_CONFIG_FILE": str(file), "EVTMGMT_RELOAD__INTERVAL": "0.2"}
    environment = {**environment_for(upstream), **variables(own), **settings}
    with serving("--workers", "2", folder=tmp_path, **environment) as program:
        url = program.ready(2)
        # A connection per request, so that both workers get some.
        with httpx.Client(timeout=30, trust_env=False, headers={"connection": "close"}) as client:
            for _ in range(8):
                assert client.get(url + EVENT).status_code == 200
            put(file, "[telemetry]\ntraces = true\nsample = 1\n")
            program.wait_for(TAKEN, 2)
            instances: set[str] = set()
            for number in range(1, 200):
                assert client.get(url + EVENT).status_code == 200
                instances = {span.service["service.instance.id"] for span in own.named("get_event", number)}
                if len(instances) == 2:
                    break
            assert len(instances) == 2
            put(file, "[telemetry]\ntraces = false\n")
            lines = program.wait_for("these settings are taken at the next start".__eq__, 2)
            assert {tuple(line["settings"]) for line in lines} == {("EVTMGMT_TELEMETRY__TRACES",)}
            text = client.get(f"{url}/metrics", headers={"accept": "application/openmetrics-text"}).text
        assert text.endswith("# EOF\n")
        assert "trace_id" not in text  # numbers of several workers are added up without them
        assert program.stop(SIGTERM) == 0
    lines = [line for line in program.log if line["event"] == "request" and line["operation"] == "get_event"]
    assert not any("trace_id" in line for line in lines[:8])
    assert {span.trace_id for span in own.named("get_event")} <= {line.get("trace_id") for line in lines}


def test_a_collector_that_hangs_holds_up_neither_requests_nor_the_end(upstream: Sandbox, own: Collector, tmp_path: Path) -> None:
    own.deaf = True
    patience = {"OTEL_EXPORTER_OTLP_TIMEOUT": "600", "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={KEY}"}
    on = {"EVTMGMT_TELEMETRY__TRACES": "true", "EVTMGMT_TELEMETRY__SAMPLE": "1"}
    with serving(folder=tmp_path, **environment_for(upstream), **variables(own, **patience), **on) as program:
        url = program.ready(1)
        with httpx.Client(timeout=30, trust_env=False) as client:
            assert client.get(url + EVENT).status_code == 200
            own.calls(1)
            for _ in range(20):
                assert client.get(url + EVENT).status_code == 200
        assert program.stop(SIGTERM) == 0  # while the collector still says nothing
    assert program.wait_for(lambda event: event.startswith("the last traces are lost"))
    assert own.headers[0]["api-key"] == KEY
    assert KEY not in str(program.log)


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "opentelemetry.sdk":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
"""


def test_without_the_extra_it_says_what_to_install(upstream: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT, encoding="utf-8")
    environment = {**environment_for(upstream), "PYTHONPATH": str(tmp_path)}
    for command in ("check", "serve"):
        refused = run(command, folder=tmp_path, EVTMGMT_TELEMETRY__TRACES="true", **environment)
        assert refused.returncode == 2
        assert "EVTMGMT_TELEMETRY: traces need the extra otlp: install evtmgmt-proxy[otlp]" in refused.stderr
