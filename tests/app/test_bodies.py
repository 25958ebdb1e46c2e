"""Bodies of requests: bounded in size and time, however they are framed."""

from collections.abc import Iterator
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

import orjson
import pytest

from tests.examples import OPEN_DAY, assert_error, received, registration
from tests.service import BASE, Service, running_service

LIMIT = 2_048
PATH = f"{BASE}events/{OPEN_DAY}/registrations"


@pytest.fixture(scope="module")
def small() -> Iterator[Service]:
    with running_service(limits={"body_bytes": LIMIT}) as running:
        yield running


@pytest.fixture(scope="module")
def hurried() -> Iterator[Service]:
    """Little time to send a body: for what waits for that time only."""
    with running_service(limits={"body_bytes": LIMIT, "request_timeout": 0.3}) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(small: Service) -> None:
    small.sandbox.control.reset()


def padded(size: int) -> bytes:
    body = orjson.dumps(registration())
    return body + b" " * (size - len(body))


def chunked(body: bytes, size: int = 100) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def head(*lines: str) -> bytes:
    return "\r\n".join([f"POST {PATH} HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", ""]).encode()


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize(("size", "fits"), [(LIMIT, True), (LIMIT + 1, False), (50 * LIMIT, False)])
def test_the_limit_is_exact_in_every_framing(small: Service, pieces: bool, size: int, fits: bool) -> None:
    body: Any = padded(size)
    answer = small.client.post(small.url + PATH, content=chunked(body) if pieces else body)
    if fits:
        assert (answer.status_code, answer.json()["status"]) == (200, "Success")
        return
    assert_error(answer, "BodyTooLarge", 413)
    assert answer.headers["connection"] == "close"
    assert received(small) == []


def test_a_length_that_is_too_large_is_refused_before_the_body_comes(small: Service) -> None:
    answer = small.raw(head(f"Content-Length: {LIMIT + 1}"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"BodyTooLarge"' in answer


def test_a_client_that_asks_first_is_told_to_go_on_or_not(small: Service) -> None:
    assert small.raw(head(f"Content-Length: {LIMIT + 1}", "Expect: 100-continue")).startswith(b"HTTP/1.1 413 ")
    with socket(AF_INET, SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect(("127.0.0.1", small.port))
        body = padded(LIMIT)
        connection.sendall(head(f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("sent", [b"", b'{"attendees"'])
def test_a_body_that_comes_too_slowly_is_refused(hurried: Service, sent: bytes) -> None:
    answer = hurried.raw(head("Content-Length: 100", "Origin: http://localhost:4200") + sent)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"RequestTimeout"' in answer
    assert b"connection: close" in answer.lower()
    assert b"access-control-allow-origin: http://localhost:4200" in answer
    assert received(hurried) == []


def test_a_visitor_who_leaves_before_the_end_registers_nobody(small: Service) -> None:
    before = small.metric('evtmgmt_client_disconnects_total{operation="register"}')
    with socket(AF_INET, SOCK_STREAM) as connection:
        connection.connect(("127.0.0.1", small.port))
        connection.sendall(head("Content-Length: 1000") + b'{"attendees":')
    while small.metric('evtmgmt_client_disconnects_total{operation="register"}') == before:
        pass
    assert small.metric('evtmgmt_requests_total{backend="none",operation="register",status="499"}') >= 1
    assert received(small) == []


def test_the_body_of_a_read_is_ignored(small: Service) -> None:
    request = f"GET {BASE}events/{OPEN_DAY} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
    assert small.raw(request.encode()).startswith(b"HTTP/1.1 200 ")
    assert received(small)[0].request.body == b""
