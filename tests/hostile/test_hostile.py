"""Every case: an answer of the closed list or a closed connection, nothing odd upstream, and the next visitor is served."""

from collections.abc import Iterator
from logging import ERROR
from socket import IPPROTO_TCP, SHUT_WR, TCP_NODELAY, create_connection, socket
from urllib.parse import quote

import orjson
import pytest

from sandbox.recorder import CANCELLED, Record
from tests.hostile import (
    cases_bodies,
    cases_connections,
    cases_framing,
    cases_headers,
    cases_methods,
    cases_queries,
    cases_targets,
)
from tests.hostile.case import BASE, CHUNKED, HOST, LISTED, Case, get, head
from tests.service import Service, running_service
from translation.errors import ERRORS

GROUPS = {
    "target": cases_targets.CASES,
    "query": cases_queries.CASES,
    "header": cases_headers.CASES,
    "framing": cases_framing.CASES,
    "connection": cases_connections.CASES,
    "method": cases_methods.CASES,
    "body": cases_bodies.CASES,
}
NAMED = {f"{group}: {case.name}": case for group, cases in GROUPS.items() for case in cases}
# No case sends a trace context that may travel, so that one which arrives was smuggled.
UPSTREAM_HEADERS = {
    b"accept", b"accept-encoding", b"content-length", b"content-type", b"host", b"origin", b"user-agent", b"x-request-id",
}  # fmt: skip


@pytest.fixture(scope="module")
def patient() -> Iterator[Service]:
    """A proxy for which nothing is too slow, however slow the machine."""
    with running_service(limits={"keep_alive": 2}) as running:
        yield running


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A proxy that gives up soon."""
    with running_service(limits={"header_timeout": 1, "request_timeout": 1, "keep_alive": 2}) as running:
        yield running


def connect(service: Service) -> socket:
    connection = create_connection(("127.0.0.1", service.port), timeout=60)
    connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    return connection


def converse(service: Service, case: Case) -> bytes:
    """Send a case and read until the proxy ends the connection."""
    with connect(service) as connection:
        try:
            for piece in case.sent:
                connection.sendall(piece)
            if case.leaves:
                connection.shutdown(SHUT_WR)
        except ConnectionError:
            pass  # refused in the middle; the answer is there to be read
        return read_all(connection)


def read_all(connection: socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass  # the proxy left with bytes unread; what it had said has arrived
    return b"".join(parts)


def answers(raw: bytes) -> list[tuple[int, dict[bytes, bytes], bytes]]:
    """All answers on a connection: status, headers with small names, body. Nothing may be left over."""
    found = []
    while raw:
        top, end, raw = raw.partition(b"\r\n\r\n")
        assert end
        line, *lines = top.split(b"\r\n")
        version, status, _ = line.split(b" ", 2)
        assert version == b"HTTP/1.1"
        headers = {name.lower(): value.strip() for name, _, value in (item.partition(b":") for item in lines)}
        assert len(headers) >= len(lines) - 1  # Vary may stand twice, nothing else
        length = 0 if status == b"100" else int(headers[b"content-length"])
        assert len(raw) >= length
        found.append((int(status), headers, raw[:length]))
        raw = raw[length:]
    return found


def outcome(status: int, headers: dict[bytes, bytes], body: bytes) -> tuple[int, str | None]:
    """Status and error code, after a look at the form of the error."""
    if status < 400:
        return status, None
    assert headers[b"content-type"] == b"application/problem+json; charset=utf-8"
    assert b"evil" not in body
    assert b"Traceback" not in body
    problem = orjson.loads(body)
    assert problem["Message"] == problem["errorMessage"] != ""
    assert problem["correlationId"] not in ("", "0")
    assert problem["statusCode"] == problem["status"] == status
    assert ERRORS[problem["errorCode"]].status == status
    return status, problem["errorCode"]


def arrived(service: Service, record: Record) -> str:
    """What arrived upstream, after a look at everything in it that a caller must not decide."""
    sandbox = service.sandbox
    request = record.request
    names = [name.lower() for name, _ in request.headers]
    assert set(names) <= UPSTREAM_HEADERS
    assert len(set(names)) == len(names)
    assert request.header("origin") == sandbox.realtime_origin
    assert request.header("host") == f"127.0.0.1:{sandbox.port}"
    assert b"evil" not in request.target
    assert not any(b"evil" in value for _, value in request.headers)
    base, _, rest = request.target.decode("ascii").partition("/eventmanagement/")
    assert f"http://127.0.0.1:{sandbox.port}{base}/eventmanagement/" == sandbox.realtime_endpoint
    path, _, query = rest.partition("?")
    token, _, more = query.partition("&")
    assert token == f"emApplicationtoken={quote(sandbox.realtime_token, safe='')}"
    return f"{request.method} {path}" + (f"?{more}" if more else "")


@pytest.mark.parametrize("case", NAMED.values(), ids=list(NAMED))
def test_hostile_bytes(service: Service, patient: Service, case: Case, caplog: pytest.LogCaptureFixture) -> None:
    service = service if case.by_clock else patient
    service.sandbox.recorder.clear()
    said = answers(converse(service, case))
    assert tuple(outcome(*answer) for answer in said) == case.answers, case.why
    # An honest visitor after it; and what the case sent upstream, if anything, has arrived before that one.
    [(status, _, _)] = answers(service.raw(get()))
    assert status == 200
    seen = [arrived(service, record) for record in service.sandbox.recorder.find()]
    assert seen == [*case.upstream, LISTED], case.why
    assert [line.getMessage() for line in caplog.records if line.levelno >= ERROR] == []


def test_the_table_is_whole() -> None:
    assert len(NAMED) == sum(map(len, GROUPS.values()))
    assert len(NAMED) >= 90
    for case in NAMED.values():
        assert case.why
        assert case.source
        for status, code in case.answers:
            assert (status, code) in ((100, None), (200, None)) or ERRORS[code or ""].status == status
            assert status != 500


def test_a_caller_that_ends_its_side_is_taken_for_gone(service: Service) -> None:
    """asyncio closes the transport with the caller's end of it, so that there is nobody left to answer."""
    service.sandbox.recorder.clear()
    fault = service.sandbox.faults.add("hang", operation="list_events")
    with connect(service) as connection:
        connection.sendall(get())
        service.sandbox.recorder.wait(count=1)
        connection.shutdown(SHUT_WR)
        assert read_all(connection) == b""
    service.sandbox.recorder.wait(outcome=CANCELLED)
    service.sandbox.faults.clear(fault.number)


def test_the_rest_of_a_refused_body_does_not_hold_the_connection(service: Service) -> None:
    with connect(service) as connection:
        connection.sendall(head(b"POST %snowhere HTTP/1.1" % BASE, HOST, b"Content-Length: 1000"))
        [(status, _, _)] = answers(connection.recv(65_536))
        assert status == 404
        connection.sendall(b"x")
        assert read_all(connection) == b""


def test_empty_lines_do_not_hold_the_connection(service: Service) -> None:
    with connect(service) as connection:
        connection.sendall(get().replace(b"Connection: close\r\n", b""))
        [(status, _, _)] = answers(connection.recv(1_000_000))
        assert status == 200
        connection.sendall(b"\r\n")
        assert read_all(connection) == b""


def test_a_refused_body_that_comes_late_leaves_the_connection_usable(service: Service) -> None:
    with connect(service) as connection:
        connection.sendall(head(b"POST %snowhere HTTP/1.1" % BASE, HOST, CHUNKED))
        [(status, _, _)] = answers(connection.recv(65_536))
        assert status == 404
        connection.sendall(b"4\r\nevil\r\n")
        connection.sendall(b"0\r\n\r\n")
        connection.sendall(get())
        [(status, _, _)] = answers(read_all(connection))
        assert status == 200
