"""The HTTP client under the httpx API, on real sockets: what it keeps, follows, retries, gives up and lets go."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app import settings
from app.transport import Transport, build_transport
from sandbox.server import Sandbox
from tests.clock import until
from tests.examples import example, received, sent_headers
from tests.service import Service, running_service

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def transport(**values: Any) -> AsyncIterator[Transport]:
    opened = build_transport(settings.Upstream(**values), "tests/1")
    try:
        yield opened
    finally:
        await opened.aclose()


def request(sandbox: Sandbox, method: str = "GET") -> httpx.Request:
    url = f"{sandbox.realtime_endpoint}events/Family_Day?emApplicationtoken={quote(sandbox.realtime_token, safe='')}"
    return httpx.Request(method, url, headers={"origin": sandbox.realtime_origin})


async def fetch(opened: httpx.AsyncBaseTransport, sent: httpx.Request) -> httpx.Response:
    response = await opened.handle_async_request(sent)
    try:
        await response.aread()
    finally:
        await response.aclose()
    return response


async def test_only_what_is_meant_is_sent() -> None:
    async with Sandbox() as sandbox, transport() as opened:
        response = await fetch(opened, request(sandbox))
        assert response.status_code == 200
        (record,) = sandbox.recorder.find()
        assert set(sent_headers(record)) == {"host", "origin", "accept", "user-agent"}
        assert sent_headers(record)["user-agent"] == ["tests/1"]


async def test_a_body_brings_no_header_but_its_length() -> None:
    async with Sandbox() as sandbox, transport() as opened:
        sent = request(sandbox)
        answer = await opened.send("POST", str(sent.url), [("origin", sandbox.realtime_origin), ("accept", "x/y")], b"{}")
        answer.close()
        (record,) = sandbox.recorder.find()
        assert record.request.body == b"{}"
        assert set(sent_headers(record)) == {"host", "origin", "accept", "user-agent", "content-length"}
        assert sent_headers(record)["accept"] == ["x/y"]


async def test_a_place_is_given_back_once_and_a_whole_answer_keeps_its_connection() -> None:
    connections = 0

    async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n[10]")
        writer.close()

    server = await asyncio.start_server(answer_all, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, transport(connections=1, pool_timeout=0.1) as opened:
        for _ in range(3):
            answer = await opened.send("GET", url, [])
            assert await answer.part() == b"[10]"
            assert answer.ended
            assert await answer.part() == b""
            answer.close()
            answer.close()
        held = await opened.send("GET", url, [])
        with pytest.raises(httpx.PoolTimeout):
            await opened.send("GET", url, [])
        held.close()
        assert connections == 1


async def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with Sandbox() as sandbox, transport() as opened:
        assert (await fetch(opened, request(sandbox))).status_code == 200


async def test_a_configured_proxy_is_used() -> None:
    # The sandbox takes absolute targets, as a forward proxy does.
    async with Sandbox() as sandbox, transport(proxy=sandbox.base_url) as opened:
        await fetch(opened, httpx.Request("GET", "http://upstream.invalid/api/v1.0/x"))
        (record,) = sandbox.recorder.find()
        assert record.request.target == b"http://upstream.invalid/api/v1.0/x"


async def test_redirects_are_not_followed() -> None:
    async with Sandbox() as sandbox, transport() as opened:
        sandbox.faults.add("redirect", location=sandbox.realtime_endpoint)
        assert (await fetch(opened, request(sandbox))).status_code == 302
        assert len(sandbox.recorder.find()) == 1


async def test_cookies_are_not_kept() -> None:
    async with Sandbox() as sandbox, transport(connections=1) as opened:
        sandbox.faults.add("set_cookie", times=None)
        for _ in range(3):
            await fetch(opened, request(sandbox))
        assert all("cookie" not in sent_headers(record) for record in sandbox.recorder.find())


@pytest.mark.parametrize("kind", ["reset", "close", "close_mid_headers", "hang", "truncate"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kept", [True, False])
async def test_nothing_is_sent_twice(kind: str, method: str, kept: bool) -> None:
    async with Sandbox() as sandbox, transport(read_timeout=1 if kind == "hang" else 30) as opened:
        if kept:
            await fetch(opened, request(sandbox))
            sandbox.recorder.clear()
        sandbox.faults.add(kind, times=None)
        with pytest.raises((httpx.ReadError, httpx.ReadTimeout)):
            await fetch(opened, request(sandbox, method))
        await sandbox.recorder.wait_async(count=1)
        assert len(sandbox.recorder.find()) == 1


async def test_a_kept_connection_that_dynamics_closed_harms_nobody() -> None:
    async with Sandbox() as sandbox, transport(connections=1) as opened:
        for _ in range(5):
            sandbox.faults.add("close_after")
            assert (await fetch(opened, request(sandbox))).status_code == 200
            await asyncio.sleep(0)
        assert len(sandbox.recorder.find()) == 5


async def test_an_answer_that_nobody_asked_for_is_nobodys() -> None:
    """It comes when the connection is idle already, and must not be read as the answer to the next request (CWE-444)."""
    said = asyncio.Event()
    connections = 0

    async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
                await said.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nothers")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer_all, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, transport() as opened:
        for number in (1, 2):
            said.clear()
            answer = await opened.send("GET", url, [])
            assert await answer.part() == b"mine"
            answer.close()
            said.set()
            await asyncio.sleep(0.05)  # the bytes are there before the next request
            assert connections == number


async def test_connections_are_bounded_and_the_wait_for_one_as_well() -> None:
    async with Sandbox() as sandbox, transport(connections=1, pool_timeout=0.1, read_timeout=2) as opened:
        sandbox.faults.add("hang")
        first = asyncio.create_task(fetch(opened, request(sandbox)))
        await sandbox.recorder.wait_async(count=1)
        with pytest.raises(httpx.PoolTimeout):
            await fetch(opened, request(sandbox))
        assert len(sandbox.recorder.find()) == 1
        with pytest.raises(httpx.ReadTimeout):
            await first
        assert (await fetch(opened, request(sandbox))).status_code == 200


async def test_a_host_that_does_not_answer_is_a_connect_timeout() -> None:
    with socket(AF_INET, SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        queue = [socket(AF_INET, SOCK_STREAM) for _ in range(3)]
        for waiting in queue:
            # They fill the queue of a listener that accepts nobody.
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        async with transport(connect_timeout=0.2, read_timeout=30) as opened:
            with pytest.raises(httpx.ConnectTimeout):
                await fetch(opened, httpx.Request("POST", f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        for waiting in queue:
            waiting.close()


async def test_a_cancelled_call_is_cancelled_upstream() -> None:
    async with Sandbox() as sandbox, transport() as opened:
        sandbox.faults.add("hang")
        task = asyncio.create_task(fetch(opened, request(sandbox)))
        await sandbox.recorder.wait_async(count=1)
        task.cancel()
        await sandbox.recorder.wait_async(outcome="cancelled")


async def test_a_call_that_is_cancelled_while_its_body_comes_is_cancelled_upstream() -> None:
    async with Sandbox() as sandbox, transport() as opened:
        sandbox.faults.add("endless")
        task = asyncio.create_task(fetch(opened, request(sandbox)))
        await sandbox.recorder.wait_async(count=1)
        task.cancel()
        await sandbox.recorder.wait_async(outcome="cancelled")


# The test of FIELD-NOTES "The upstream client", and visitors who leave.


@pytest.fixture(scope="module")
def patient() -> Iterator[Service]:
    """A service that waits long for Dynamics: what ends a call is the visitor."""
    upstream = {"connections": 10, "pool_timeout": 5, "read_timeout": 30, "max_image_bytes": 2**26}
    with running_service(upstream=upstream, log_level="error") as running:
        running.sandbox.realtime.behaviour.quota_limit = 10**9
        yield running


def leave_after(service: Service, path: str, arrived: Callable[[], Any], method: str = "GET", body: bytes = b"") -> None:
    """Send a request, wait until something has happened, and close the connection without reading."""
    with socket(AF_INET, SOCK_STREAM) as connection:
        connection.connect(("127.0.0.1", service.port))
        head = f"{method} /EvtMgmt/api/v2.0/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        arrived()


@pytest.mark.parametrize("operation", ["register", "create_checkin"])
def test_a_visitor_who_leaves_is_registered_all_the_same(patient: Service, operation: str) -> None:
    patient.sandbox.control.reset()
    patient.sandbox.faults.add("latency", seconds=0.5)
    call = example(operation, patient)
    leave_after(patient, call.path, patient.sandbox.recorder.wait, "POST", json.dumps(call.body).encode())
    for _ in range(3):  # the proxy has seen that the visitor left by now
        assert patient.client.get(f"{patient.url}/livez").status_code == 200
    (record,) = patient.sandbox.recorder.wait(outcome="answered")
    assert record.operation == operation
    assert len(patient.sandbox.control.registrations()) == (operation == "register")


def test_a_visitor_who_leaves_during_an_image_ends_it_upstream(patient: Service) -> None:
    patient.sandbox.control.reset()
    image = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 50000000\r\n\r\n" + "x" * 50_000_000
    path = example("get_speaker_image", patient).path
    patient.sandbox.faults.add("raw", body=image)
    leave_after(patient, path, patient.sandbox.recorder.wait)
    (record,) = patient.sandbox.recorder.wait(outcome="cancelled")
    assert record.operation == "get_speaker_image"


async def test_visitors_who_leave_do_not_wear_the_connections_out(patient: Service) -> None:
    patient.sandbox.control.reset()
    patient.sandbox.realtime.behaviour.quota_limit = 10**9
    patient.sandbox.faults.add("latency", seconds=0.05, times=None)
    patient.sandbox.faults.add("slow_drip", operation="list_sessions", times=None, size=500, seconds=0.01)
    left = served = rounds = 0

    async def visitor(number: int) -> None:
        nonlocal left, served
        path = ("events/Family_Day", "events/Family_Day/sessions")[number % 2]
        for turn in range(25):
            reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
            # A version of its own, as identical reads at the same moment share a call.
            writer.write(
                f"GET /EvtMgmt/api/v2.0/{path}?api-version={number}.{rounds}{turn:02d} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            )
            try:
                async with asyncio.timeout(0.002 * rounds * ((number * 7 + turn) % 60)):
                    await reader.read(1)
                served += 1
            except TimeoutError:
                left += 1
            writer.transport.abort()

    # On a slow machine all of the first ones leave before Dynamics is asked anything: the next ones have more patience.
    while left <= 500 or len(received(patient)) <= 40:
        rounds += 1
        await asyncio.gather(*(visitor(number) for number in range(40)))
    patient.sandbox.faults.clear()
    assert [patient.get("events/Family_Day").status_code for _ in range(5)] == [200] * 5
    # The question itself is the only request that is being answered, once the server knows that the last visitors left.
    await asyncio.to_thread(until, lambda: patient.metric("evtmgmt_in_flight") == 1)


def test_visitors_who_leave_a_dynamics_that_hangs_free_their_connections(patient: Service) -> None:
    patient.sandbox.control.reset()
    patient.sandbox.faults.add("hang", times=None)
    counted = 'evtmgmt_client_disconnects_total{operation="get_event"}'
    before, visitors = patient.metric(counted), 30  # three times as many as connections
    for number in range(1, visitors + 1):
        leave_after(patient, f"events/Family_Day?api-version={number}", partial(patient.sandbox.recorder.wait, count=number))
    assert len(patient.sandbox.recorder.wait(outcome="cancelled", count=visitors)) == visitors
    patient.sandbox.faults.clear()
    assert [patient.get("events/Family_Day").status_code for _ in range(5)] == [200] * 5
    assert patient.metric(counted) == before + visitors


def test_cookies_of_dynamics_reach_neither_a_visitor_nor_the_next_request(service: Service) -> None:
    service.sandbox.faults.add("set_cookie", times=None)
    for name in ("list_events", "get_speaker_image", "register", "create_checkin", "get_personal_calendar"):
        answer = example(name, service).send(service, cookie="own=1")
        assert answer.status_code in (200, 302)
        assert "set-cookie" not in answer.headers
    assert len(received(service)) == 6
    assert all("cookie" not in sent_headers(record) for record in received(service))
