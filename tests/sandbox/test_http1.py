import json
import logging

import pytest

from sandbox import Sandbox
from tests.sandbox.raw import ask, connect, head, read_all


def test_connections_are_kept(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        connection.sendall(head("/checked-in") + head("/checked-in", "GET", "Connection: close"))
        assert read_all(connection).count(b"HTTP/1.1 200 OK") == 2


def test_http_1_0_is_closed(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        connection.sendall(b"GET /checked-in HTTP/1.0\r\n\r\n")
        assert b"200 OK" in read_all(connection)


def test_chunked_bodies(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        lines = "Transfer-Encoding: chunked", "Connection: close"
        chunks = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
        connection.sendall(head("/nowhere", "POST", *lines) + chunks)
        read_all(connection)
    assert sandbox.recorder.wait(outcome="answered")[0].request.body == b"abcde"


def test_expect_continue(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        connection.sendall(head("/nowhere", "POST", "Expect: 100-continue", "Content-Length: 2", "Connection: close"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hi")
        assert b"404 Not Found" in read_all(connection)


@pytest.mark.parametrize("garbage", [b"nonsense\r\n\r\n", b"GET /x HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_garbage_is_refused(sandbox: Sandbox, garbage: bytes) -> None:
    with connect(sandbox) as connection:
        connection.sendall(garbage)
        assert read_all(connection).startswith(b"HTTP/1.1 400")


def test_head_of_a_page_has_no_body(sandbox: Sandbox) -> None:
    assert ask(sandbox, "/checked-in", "HEAD").endswith(b"\r\n\r\n")


def test_a_failure_of_the_sandbox_itself_is_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.faults.add("wrap")
    with caplog.at_level(logging.ERROR, "sandbox.http1"):
        assert b" 500 " in ask(sandbox, "/checked-in")
    assert "JSONDecodeError" in caplog.text


def test_pipelined_control_calls_are_answered_in_order(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        connection.sendall(head("/_sandbox/faults") + head("/_sandbox/", "GET", "Connection: close"))
        bodies = [part.partition(b"\r\n\r\n")[2] for part in read_all(connection).split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies[0] == b"[]"
    assert set(json.loads(bodies[1])) == {"realtime", "outbound"}
