"""Stopping as orchestrators do it, with real processes: readiness first, then nothing new, registrations to their end."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from signal import SIGINT, SIGTERM
from socket import AF_INET, SOCK_STREAM, create_connection, socket
from threading import Event, Thread
from urllib.parse import urlsplit

import httpx
import pytest

from app import server as module
from app.hosting.host import Host
from app.main import create_app
from app.server import Server, server_config
from sandbox.recorder import PENDING
from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import Serving, environment_for, serving
from tests.app.line import Line, ask, post
from tests.clock import until
from tests.examples import OPEN_DAY
from tests.service import BASE, event_path, settings_for

READ = f"{BASE}{event_path(OPEN_DAY)}"


@pytest.fixture
def upstream() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as sandbox:
        yield sandbox


def port_of(program: Serving, workers: int) -> int:
    port = urlsplit(program.ready(workers)).port
    assert port is not None
    return port


def status(port: int, path: str) -> int:
    """0 when nobody listens."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=60).status_code
    except httpx.TransportError:
        return 0


def refused(port: int) -> bool:
    try:
        create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("workers", [1, 2])
def test_readiness_first_then_nothing_new_and_registrations_to_their_end(workers: int, upstream: Sandbox, tmp_path: Path) -> None:
    patience = ("UPSTREAM__READ_TIMEOUT", "UPSTREAM__TOTAL_TIMEOUT", "LIMITS__REQUEST_TIMEOUT", "FAULTS__DEADLINE")
    seconds = {**dict.fromkeys(patience, "60"), "LIMITS__DRAIN_DELAY": "6", "LIMITS__SHUTDOWN_TIMEOUT": "1"}
    environment = environment_for(upstream) | {f"EVTMGMT_{name}": value for name, value in seconds.items()}
    with serving("--workers", str(workers), folder=tmp_path, **environment) as program, ExitStack() as closing:
        port = port_of(program, workers)
        assert status(port, READ) == 200
        pool = closing.enter_context(ThreadPoolExecutor(1))
        kept, line = (closing.enter_context(Line(port)) for _ in range(2))
        kept.send(ask(READ))
        assert b"connection: close" not in kept.answer().lower()
        held = upstream.faults.add("hold", operation="register")
        line.send(post())
        upstream.recorder.wait(operation="register")
        program.process.send_signal(SIGTERM)
        until(lambda: status(port, "/readyz") == 503)
        # Everything is served meanwhile, and clients are told to connect elsewhere next time.
        assert status(port, READ) == status(port, "/livez") == status(port, "/metrics") == 200
        kept.send(ask(READ))
        assert b"\r\nconnection: close\r\n" in kept.rest().lower()
        program.process.send_signal(SIGTERM)  # said twice, as to a group of processes
        late = pool.submit(program.process.wait, 60)
        until(lambda: refused(port))
        with pytest.raises(TimeoutError):
            late.result(2)  # twice the bound
        assert upstream.recorder.find(operation="register", outcome=PENDING)
        upstream.faults.clear(held.number)
        assert b'"status":"Success"' in line.rest()
        assert late.result() == 0
    assert not [line for line in program.log if line["level"] == "error"]


def test_a_request_that_arrives_while_it_closes_is_told_so(upstream: Sandbox, tmp_path: Path) -> None:
    with serving(folder=tmp_path, **environment_for(upstream)) as program, ExitStack() as closing:
        port = port_of(program, 1)
        registering, arriving = (closing.enter_context(Line(port)) for _ in range(2))
        held = upstream.faults.add("hold", operation="register")
        registering.send(post())
        upstream.recorder.wait(operation="register")
        arriving.send(ask(f"{READ}?api-version=9")[:-2])  # all but its end
        program.process.send_signal(SIGTERM)
        until(lambda: refused(port))
        arriving.send(b"\r\n")
        told = arriving.rest()
        upstream.faults.clear(held.number)
        assert told.startswith(b"HTTP/1.1 503 ")
        assert b'"errorCode":"Stopping"' in told
        assert b"\r\nconnection: close\r\n" in told.lower()
        assert b'"status":"Success"' in registering.rest()
        assert program.process.wait(60) == 0


def test_who_sits_at_the_keyboard_does_not_wait(upstream: Sandbox, tmp_path: Path) -> None:
    with serving(folder=tmp_path, EVTMGMT_LIMITS__DRAIN_DELAY="600", **environment_for(upstream)) as program:
        port_of(program, 1)
        program.process.send_signal(SIGTERM)
        program.process.send_signal(SIGINT)
        assert program.process.wait(60) == 0


class Late(Server):
    """A server to which clients come just before it listens no more."""

    def __init__(self, host: Host) -> None:
        super().__init__(server_config(host, host.limits))
        self.listening = Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        (listener,) = sockets or []
        self.lines = [Line(listener.getsockname()[1]) for _ in range(20)]
        for line in self.lines[1:]:
            line.send(ask(READ))
        asyncio.get_running_loop().call_later(0.3, self.lines[0].send, ask(READ))
        await super().shutdown(sockets)


def test_who_came_before_nobody_listened_any_more_is_told_so(upstream: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ARRIVAL_SECONDS", 2)
    server = Late(create_app(settings_for(upstream)))
    with socket(AF_INET, SOCK_STREAM) as listener, ExitStack() as closing:
        listener.bind(("127.0.0.1", 0))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert server.listening.wait(60)
        server.should_exit = True
        thread.join(60)
        for line in [closing.enter_context(line) for line in server.lines]:
            told = line.rest()
            assert told.startswith(b"HTTP/1.1 503 ")
            assert b'"errorCode":"Stopping"' in told
    assert upstream.recorder.find() == []
