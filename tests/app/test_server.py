"""The server: slow and silent clients are cut off, and a stop finishes what is in flight."""

from collections.abc import Iterator
from contextlib import ExitStack
from socket import create_connection, socket
from threading import Thread

import httpx
import orjson
import pytest

from sandbox.server import Sandbox, SandboxThread
from tests.examples import OPEN_DAY
from tests.service import BASE, Service, running_proxy, running_service, settings_for


def connect(port: int) -> socket:
    return create_connection(("127.0.0.1", port), timeout=60)


def ends(connection: socket) -> bool:
    """Wait until the other side ends the connection; whether it did so without a word."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


ALIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as running:
        yield running


@pytest.fixture(scope="module")
def hasty() -> Iterator[Service]:
    with running_service(limits={"header_timeout": 0.3, "keep_alive": 2}) as running:
        yield running


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /livez HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_headers_that_do_not_come_end_the_connection(hasty: Service, sent: bytes) -> None:
    with connect(hasty.port) as connection:
        connection.sendall(sent)
        assert ends(connection)


def test_the_clock_runs_for_every_request_of_a_connection(hasty: Service) -> None:
    with connect(hasty.port) as connection:
        connection.sendall(ALIVE + b"GET /livez HT")  # at once: whoever stands still in between is cut off as well
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert ends(connection)


def test_an_idle_connection_is_kept_for_a_while_and_then_closed(hasty: Service) -> None:
    with connect(hasty.port) as connection:
        for _ in range(3):
            connection.sendall(ALIVE)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert ends(connection)


def test_a_slow_answer_of_dynamics_is_none_of_the_clocks_business(hasty: Service) -> None:
    hasty.sandbox.faults.add("latency", seconds=0.7)
    assert hasty.get("events/published").status_code == 200


def test_what_is_no_http_is_refused_in_json(service: Service) -> None:
    answer = service.raw(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert orjson.loads(body)["errorCode"] == "BadHeaders"


def test_the_server_does_not_say_what_it_is(service: Service) -> None:
    for answer in (service.get("events/published"), service.get("nothing")):
        assert "server" not in answer.headers
        assert "x-powered-by" not in answer.headers


def test_a_pipeline_is_answered_in_order(service: Service) -> None:
    first = f"GET {BASE}events/{OPEN_DAY}/registrations/count HTTP/1.1\r\nHost: x\r\nX-Request-ID: a\r\n\r\n"
    second = f"GET {BASE}nothing HTTP/1.1\r\nHost: x\r\nX-Request-ID: b\r\nConnection: close\r\n\r\n"
    answer = service.raw((first + second).encode())
    assert answer.index(b"x-request-id: a") < answer.index(b"x-request-id: b")
    assert (answer.count(b"HTTP/1.1 200 "), answer.count(b"HTTP/1.1 404 ")) == (1, 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stop_finishes_what_is_in_flight(method: str) -> None:
    answers: list[httpx.Response] = []
    with SandboxThread(Sandbox()) as sandbox, ExitStack() as running:
        port, _ = running.enter_context(running_proxy(settings_for(sandbox)))
        path = f"events/{OPEN_DAY}" + ("/registrations" if method == "POST" else "")
        person = {"firstName": "Nia", "lastName": "Madeup", "email": "nia@example.com"}
        body = orjson.dumps({"attendees": [person]}) if method == "POST" else None

        def visit() -> None:
            answers.append(httpx.request(method, f"http://127.0.0.1:{port}{BASE}{path}", content=body, trust_env=False))

        with sandbox.realtime.lock:  # Dynamics thinks until the lock is free
            visitor = Thread(target=visit)
            visitor.start()
            sandbox.recorder.wait()
            stopping = Thread(target=running.close)
            stopping.start()
            refused = False
            while not refused:  # until the server has begun to stop
                try:
                    connect(port).close()
                except OSError:
                    refused = True
            assert answers == []
        visitor.join(60)
        stopping.join(60)
        assert not stopping.is_alive()
    (answer,) = answers
    assert answer.status_code == 200
    assert answer.json()["status" if method == "POST" else "readableEventId"] == ("Success" if method == "POST" else OPEN_DAY)
    assert answer.headers["connection"] == "close"


def test_a_stop_does_not_wait_for_ever() -> None:
    with SandboxThread(Sandbox()) as sandbox:
        with running_proxy(settings_for(sandbox, limits={"shutdown_timeout": 1})) as (port, _):
            sandbox.faults.add("hang")
            waiting = connect(port)
            waiting.sendall(f"GET {BASE}events/{OPEN_DAY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            sandbox.recorder.wait()
        assert b"HTTP/1.1 200" not in waiting.recv(100)
        waiting.close()
