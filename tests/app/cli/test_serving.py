"""Tests of ``serve`` and ``health`` as processes: answers, metrics of all workers, an orderly stop within its bound."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM

import httpx
import pytest

from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import environment_for, run, serving
from tests.service import BASE

EVENTS = f"{BASE}events/published"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as sandbox:
        yield sandbox


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """A client that opens a connection per request, so that all workers get some."""
    with httpx.Client(timeout=60, trust_env=False, headers={"connection": "close"}) as client:
        yield client


def metric(client: httpx.Client, url: str, line: str) -> float:
    for found in client.get(f"{url}/metrics").text.splitlines():
        if found.startswith(line + " "):
            return float(found.rsplit(" ", 1)[1])
    return 0.0


@pytest.mark.parametrize(("workers", "signal"), [(1, SIGINT), (2, SIGTERM)])
def test_serve_answers_counts_and_stops(
    workers: int, signal: int, upstream: Sandbox, client: httpx.Client, tmp_path: Path
) -> None:
    with serving("--workers", str(workers), folder=tmp_path, fresh=True, **environment_for(upstream)) as program:
        url = program.ready(workers)
        assert len(client.get(url + EVENTS).json()) >= 12
        with ThreadPoolExecutor(8) as pool:
            assert {answer.status_code for answer in pool.map(client.get, [url + EVENTS] * 39)} == {200}
        # Whichever worker is asked, the numbers are those of all.
        counted = 'evtmgmt_requests_total{backend="realtime",operation="list_events",status="200"}'
        assert {metric(client, url, counted) for _ in range(8)} == {40.0}
        assert {metric(client, url, "evtmgmt_ready") for _ in range(4)} == {1.0}
        # The one that asks; the one before may not have been counted down yet when its answer is there.
        assert 1.0 in {metric(client, url, "evtmgmt_in_flight") for _ in range(8)}
        assert run("health", "--url", f"{url}/livez", folder=tmp_path).returncode == 0
        assert run("health", folder=tmp_path, EVTMGMT_HEALTH_URL=f"{url}/readyz").returncode == 0
        assert run("health", "--url", f"{url}/nothing", folder=tmp_path).returncode == 1
        assert program.stop(signal) == 0
    asked = run("health", "--url", f"{url}/livez", folder=tmp_path)
    assert (asked.returncode, f"{url}/livez does not answer 200" in asked.stderr) == (1, True)
    served = {line["event"] for line in program.log}
    assert {"request", "Application shutdown complete."} <= served
    assert len(program.wait_for("Application shutdown complete.".__eq__)) == workers
    assert not any(upstream.realtime_token in str(line) for line in program.log)
    assert list(tmp_path.glob("evtmgmt-*")) == []


def test_a_crash_leaves_no_picture_of_the_memory(upstream: Sandbox, tmp_path: Path) -> None:
    with serving("--workers", "2", folder=tmp_path, **environment_for(upstream)) as program:
        program.ready(2)
        parent = program.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
        assert len(children) >= 2
        for process in (parent, *children):
            (line,) = re.findall(
                r"^Max core file size\s+(\S+)\s+(\S+)", Path(f"/proc/{process}/limits").read_text("ascii"), re.MULTILINE
            )
            assert line == ("0", "0")


def test_one_worker_has_the_whole_budget_whatever_a_platform_says(
    upstream: Sandbox, client: httpx.Client, tmp_path: Path
) -> None:
    environment = environment_for(upstream) | {"WEB_CONCURRENCY": "4"}
    with serving("--workers", "1", folder=tmp_path, **environment) as program:
        url = program.ready(1)
        assert 'evtmgmt_budget_tokens{backend="realtime"} 200.0' in client.get(f"{url}/metrics").text.splitlines()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_in_flight_delays_the_stop_no_longer_than_its_bound(workers: int, client: httpx.Client, tmp_path: Path) -> None:
    with SandboxThread(Sandbox()) as hanging, ThreadPoolExecutor(1) as pool:
        environment = environment_for(hanging) | {
            "EVTMGMT_LIMITS__SHUTDOWN_TIMEOUT": "1",
            "EVTMGMT_UPSTREAM__READ_TIMEOUT": "600",
            "EVTMGMT_UPSTREAM__TOTAL_TIMEOUT": "600",
        }
        with serving("--workers", str(workers), folder=tmp_path, **environment) as program:
            url = program.ready(workers)
            hanging.faults.add("hang")
            asked = pool.submit(client.get, url + EVENTS)
            hanging.recorder.wait(timeout=60)
            assert program.stop(SIGTERM) == 0
            with suppress(httpx.TransportError):
                assert asked.result().status_code >= 500
            program.wait_for(lambda event: "timeout graceful shutdown exceeded" in event)


def test_a_request_in_flight_is_finished_before_the_stop(client: httpx.Client, tmp_path: Path) -> None:
    with (
        SandboxThread(Sandbox()) as slow,
        ThreadPoolExecutor(1) as pool,
        serving(folder=tmp_path, **environment_for(slow)) as program,
    ):
        url = program.ready(1)
        slow.faults.add("latency", seconds=1.5)
        asked = pool.submit(client.get, url + EVENTS)
        slow.recorder.wait(timeout=60)
        assert program.stop(SIGTERM) == 0
        assert asked.result().status_code == 200


def test_what_a_dead_worker_had_in_flight_is_forgotten(client: httpx.Client, tmp_path: Path) -> None:
    with (
        SandboxThread(Sandbox()) as hanging,
        ThreadPoolExecutor(1) as pool,
        serving("--workers", "2", folder=tmp_path, **environment_for(hanging)) as program,
    ):
        url = program.ready(2)
        hanging.faults.add("hang")
        asked = pool.submit(client.get, url + EVENTS)
        hanging.recorder.wait(timeout=60)
        assert metric(client, url, "evtmgmt_in_flight") == 2
        for line in program.wait_for(lambda event: event.startswith("Started server process")):
            os.kill(int(line["event"].split("[")[1].rstrip("]")), SIGKILL)
        program.wait_for("Application startup complete.".__eq__, 4)
        with pytest.raises(httpx.TransportError):
            asked.result()
        assert metric(client, url, "evtmgmt_in_flight") == 1
        assert program.stop(SIGTERM) == 0


def test_options_come_from_the_environment_as_well(upstream: Sandbox, client: httpx.Client, tmp_path: Path) -> None:
    more = {"EVTMGMT_SERVE_WORKERS": "2", "EVTMGMT_SERVE_HOST": "localhost", "EVTMGMT_SERVE_PORT": "1"}
    with serving(folder=tmp_path, **environment_for(upstream), **more) as program:  # --port 0 wins over the variable
        url = program.ready(2)
        assert url.startswith("http://localhost:")
        assert client.get(f"{url}/livez").text == "ok\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_told(workers: str, upstream: Sandbox, tmp_path: Path) -> None:
    done = run("serve", "--port", str(upstream.port), "--workers", workers, folder=tmp_path, **environment_for(upstream))
    assert done.returncode not in (0, 2)
    assert "ddress already in use" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_place_for_the_state_that_cannot_be_used_is_told_once(workers: str, upstream: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = environment_for(upstream) | {"EVTMGMT_STATE__PATH": str(tmp_path / "file")}
    done = run("serve", "--port", "0", "--workers", workers, folder=tmp_path, **environment)
    assert done.returncode == 2
    assert done.stderr.count(f"EVTMGMT_STATE__PATH: {tmp_path / 'file'} is not a directory") == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_workers_without_a_place_for_the_state_share_one(upstream: Sandbox, tmp_path: Path) -> None:
    with serving("--workers", "2", folder=tmp_path, **environment_for(upstream)) as program:
        program.ready(2)
        (shared,) = tmp_path.glob("evtmgmt-state-*")
        assert shared.stat().st_mode & 0o777 == 0o700
        assert program.stop(SIGTERM) == 0
    assert list(tmp_path.glob("evtmgmt-*")) == []
