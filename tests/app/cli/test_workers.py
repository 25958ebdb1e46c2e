"""Tests of the parent of worker processes: what it does when one ends, hangs or cannot start, and what they do without it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from signal import SIGCONT, SIGHUP, SIGKILL, SIGSTOP, SIGTERM
from time import monotonic, sleep

import httpx
import pytest
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess

from app.cli import workers as module
from app.cli.workers import SETTINGS_REFUSED, Worker, Workers
from app.server import server_config
from app.setting_groups import Limits
from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import PATIENCE, Serving, environment_for, run, serving
from tests.service import BASE

EVENTS = f"{BASE}events/published"
CONFIG = server_config("nowhere:nothing", Limits())


@pytest.fixture(scope="module")
def upstream() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as sandbox:
        yield sandbox


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    """A parent whose workers are told what to be; signals are this process's own again."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    before = {number: signal.getsignal(number) for number in multiprocess.SIGNALS}
    made = Workers(CONFIG, [])
    try:
        yield made
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for worker in made._workers:
            worker.process.kill()
            worker.process.join()


def being(target: Callable[..., object], *arguments: object) -> Worker:
    """A worker that is something else."""
    worker = Worker(CONFIG, [])
    worker.process = get_context("spawn").Process(target=target, args=arguments)
    worker.process.start()
    return worker


def ended(status: int) -> Worker:
    worker = being(sys.exit, status)
    worker.process.join()
    return worker


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=PATIENCE)


def until(true: Callable[[], bool]) -> None:
    end = monotonic() + PATIENCE
    while not true():
        assert monotonic() < end
        sleep(0.02)


def processes(program: Serving) -> list[int]:
    """The workers that were started, the first first."""
    lines = program.wait_for(lambda event: event.startswith("Started server process"))
    return [int(line["event"].split("[")[1].rstrip("]")) for line in lines]


def runs(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return False


def test_workers_whose_parent_is_killed_finish_and_end(tmp_path: Path) -> None:
    with (
        SandboxThread(Sandbox()) as slow,
        ThreadPoolExecutor(1) as pool,
        serving("--workers", "2", folder=tmp_path, **environment_for(slow)) as program,
    ):
        url = program.ready(2)
        slow.faults.add("latency", seconds=1)
        asked = pool.submit(get, url + EVENTS)
        slow.recorder.wait(timeout=PATIENCE)
        os.kill(program.process.pid, SIGKILL)
        assert asked.result().status_code == 200
        until(lambda: not any(map(runs, processes(program))))
        with pytest.raises(httpx.ConnectError):
            get(f"{url}/livez")


def test_a_worker_that_hangs_keeps_the_others_from_nothing(upstream: Sandbox, tmp_path: Path) -> None:
    with serving("--workers", "2", folder=tmp_path, **environment_for(upstream)) as program:
        program.ready(2)
        hung, other = processes(program)
        os.kill(hung, SIGSTOP)
        try:
            sleep(1)  # it is asked at least once, and owes the answer
            program.process.send_signal(SIGTERM)
            program.wait_for(f"Finished server process [{other}]".__eq__)
            assert runs(hung)
        finally:
            os.kill(hung, SIGCONT)
        assert program.process.wait(PATIENCE) == 0


def test_a_worker_that_ends_while_settings_are_broken_takes_nobody_along(upstream: Sandbox, tmp_path: Path) -> None:
    environment = environment_for(upstream) | {"EVTMGMT_RELOAD__ENABLED": "false"}
    token = tmp_path / "secrets" / "EVTMGMT_REALTIME__TOKEN"
    token.parent.mkdir()
    token.write_text(environment.pop("EVTMGMT_REALTIME__TOKEN"), "utf-8")
    with serving("--workers", "2", folder=tmp_path, **environment) as program:
        url = program.ready(2)
        good = token.read_text("utf-8")
        token.write_text("", "utf-8")
        os.kill(processes(program)[0], SIGKILL)
        told = program.wait_for("the settings cannot be used: this worker ends".__eq__, 2)
        assert all("EVTMGMT_REALTIME__TOKEN" in str(line["problems"]) for line in told)
        assert get(url + EVENTS).status_code == 200
        token.write_text(good, "utf-8")
        program.wait_for("Application startup complete.".__eq__, 3)
        rests = [line["again_in"] for line in program.wait_for("a worker ended".__eq__)]
        assert rests[:3] == [0, 1, 2]
        assert program.stop(SIGTERM) == 0
    assert not any("Traceback" in str(line) for line in program.log)


def test_a_worker_that_is_starting_reads_its_settings_anew_when_it_serves(upstream: Sandbox, tmp_path: Path) -> None:
    with serving("--workers", "2", folder=tmp_path, **environment_for(upstream)) as program:
        program.ready(2)
        os.kill(processes(program)[0], SIGKILL)
        program.wait_for("a worker ended".__eq__)  # the next one begins at once
        sleep(0.1)
        program.process.send_signal(SIGHUP)
        program.wait_for("settings were read anew and serve".__eq__, 2)
        assert program.stop(SIGTERM) == 0
    assert [line["status"] for line in program.log if line["event"] == "a worker ended"] == [-SIGKILL]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_outbox_that_cannot_be_used_is_told_once(workers: str, upstream: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "outbox.sqlite3").write_bytes(b"no database" * 1_000)
    more = {
        "EVTMGMT_STATE__PATH": str(tmp_path / "state"),
        "EVTMGMT_OUTBOX__ENABLED": "true",
        "EVTMGMT_OUTBOX__KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }
    done = run("serve", "--port", "0", "--workers", workers, folder=tmp_path, **environment_for(upstream), **more)
    assert done.returncode == 2
    assert done.stderr.count("outbox.sqlite3 is damaged") == 1
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("status", [SETTINGS_REFUSED, STARTUP_FAILURE])
def test_where_none_can_start_it_ends(status: int, parent: Workers) -> None:
    parent._workers = [ended(status)]
    parent.keep_subprocess_alive()
    assert parent.should_exit.is_set()
    assert parent.status == status


@pytest.mark.parametrize("status", [SETTINGS_REFUSED, STARTUP_FAILURE])
def test_where_one_has_served_it_goes_on(status: int, parent: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    serves = being(sleep, 600)
    parent._workers = [serves]
    parent.keep_subprocess_alive()
    assert serves.child_conn.recv() == b"ping"
    serves.child_conn.send(True)
    parent.keep_subprocess_alive()
    parent._workers.append(ended(status))
    next_ones: list[int] = []

    def start(self: Workers, deaths: int = 0) -> Worker:
        next_ones.append(deaths)
        return serves

    monkeypatch.setattr(Workers, "_start", start)
    parent.keep_subprocess_alive()
    assert not parent.should_exit.is_set()
    assert next_ones == [1]


def test_who_ends_again_and_again_rests_longer_and_longer(parent: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = ended(1)
    parent._workers = [worker]
    assert [worker.bury() for _ in range(9)] == [0, 1, 2, 4, 8, 16, 30, 30, 30]
    monkeypatch.setattr(module, "LONG_LIFE", 0.0)
    assert worker.bury() == 0


def test_one_that_ended_is_not_asked_in_vain_and_not_started_before_its_time(
    parent: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent._served = True
    worker = ended(1)
    worker.deaths = 5
    parent._workers = [worker]
    monkeypatch.setattr(Workers, "_start", lambda *_: pytest.fail("it rests"))
    parent.keep_subprocess_alive()
    parent.keep_subprocess_alive()
    assert worker.deaths == 6
    assert worker.due is not None


def test_asking_waits_for_nothing(parent: Workers) -> None:
    worker = being(sleep, 600)
    parent._workers = [worker]
    assert worker.silence() < PATIENCE
    sleep(0.05)
    assert worker.silence() >= 0.05
    assert worker.child_conn.recv() == b"ping"
    assert not worker.child_conn.poll()  # it was asked once
    worker.child_conn.send(False)
    answered = monotonic()
    assert worker.silence() <= monotonic() - answered  # it is asked anew
    assert worker.child_conn.poll()
    assert not worker.serves


def test_one_that_owes_its_answer_for_too_long_is_killed(parent: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent.config, "timeout_worker_healthcheck", 0)
    worker = being(sleep, 600)
    parent._workers = [worker]
    parent.keep_subprocess_alive()
    assert worker.exitcode == -SIGKILL
    parent._workers = [being(sleep, 600)]
    parent.join_all()
    assert parent._workers[0].exitcode == -SIGKILL


def test_the_number_of_workers_stays(parent: Workers) -> None:
    parent._workers = [being(sleep, 600)]
    (process,) = [worker.pid for worker in parent._workers]
    parent.signal_queue += [signal.SIGTTIN, signal.SIGTTOU]
    parent.handle_signals()
    assert [worker.pid for worker in parent._workers] == [process]
    assert process is not None
    assert runs(process)


def test_signals_are_for_those_that_run(parent: Workers) -> None:
    runs_on = being(sleep, 600)
    parent._workers = [ended(0), runs_on]
    parent.terminate_all()
    parent.join_all()
    assert [worker.exitcode for worker in parent._workers] == [0, -SIGTERM]
    parent.handle_hup()
