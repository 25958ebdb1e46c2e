"""The operations that are guarded. A new one is a line in ``CASES``, and its numbers: ``python -m benchmarks.micro --record``."""

import asyncio
from collections.abc import Callable, MutableMapping
from functools import cache
from io import StringIO
from typing import Any, Final

import orjson
from uvicorn.server import ServerState

from app.calls import JSON, Call, Reply
from app.client.connection import Connection
from app.client.target import origin_of
from app.cutover.decision import Source
from app.extensions import AT_ONCE
from app.gateway import Gateway
from app.guard import Guard
from app.hosting.host import Host
from app.logs import configure_logs
from app.main import create_app
from app.problems import Problems
from app.protocol import GuardedProtocol
from app.redaction import Redactor
from app.server import server_config
from app.settings import GivenSettings, Upstream
from app.transport import Transport, build_transport
from benchmarks.material import CLIENT_TOKEN, EVENT, NEW_BASE, OLD_BASE, ORIGIN, SERVER_TOKEN, make_bodies
from benchmarks.micro.counting import Operation, at_once
from translation.answers import read_json, translate
from translation.errors import NOT_FOUND, ProxyError
from translation.messages import Messages
from translation.operations import BY_NAME
from translation.query import read_query
from translation.repairs import Repairs
from translation.targets import _segments, match

_BODIES: Final = make_bodies()
_FIFTY: Final = orjson.dumps(orjson.loads(_BODIES.events)[:50])
_REPAIRS: Final = Repairs(upstream_hosts=frozenset({"upstream.invalid"}))
_PARAMETERS: Final = {"event": EVENT}
_PATH: Final = f"{OLD_BASE}Events/{EVENT}/sessions/".encode()
_QUERY: Final = f"emApplicationtoken={CLIENT_TOKEN}&ts=1762000000&api-version=2016-06-30".encode()
_PROBLEMS: Final = Problems(Messages({}))
_LONG: Final = 30 * 86_400
_KEPT: Final = f"{OLD_BASE}events/{EVENT}?{_QUERY.decode()}"
_BROWSERS: Final = f"""GET {_KEPT} HTTP/1.1
Host: 127.0.0.1:8080
Connection: keep-alive
sec-ch-ua-platform: "Linux"
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36
Accept: application/json, text/plain, */*
sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"
Content-Type: application/json
Origin: {ORIGIN}
Sec-Fetch-Site: cross-site
Sec-Fetch-Mode: cors
Referer: {ORIGIN}/
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: de-AT,de;q=0.9,en;q=0.8

""".replace("\n", "\r\n").encode()
"""A browser's request, with 13 headers."""


class _Nowhere(StringIO):
    """Where lines go: each request is logged as in service."""

    def write(self, text: str) -> int:
        return len(text)


@cache
def _host() -> Host:
    realtime = {"endpoint": f"http://127.0.0.1:9{NEW_BASE}", "token": SERVER_TOKEN, "origin": ORIGIN}
    cache = {"details": {"fresh": _LONG}}
    host = create_app(GivenSettings.model_validate({"realtime": realtime, "cache": cache}))
    configure_logs("info", Redactor([SERVER_TOKEN]), _Nowhere())
    return host


def _gateway() -> Gateway:
    return _host().generation.portals[""].gateway


def translated(operation: str, body: bytes) -> bytes:
    """An answer of the real-time API read, brought into the old form, and written again."""
    value, _ = translate(BY_NAME[operation], read_json(body), _PARAMETERS, _PARAMETERS, _REPAIRS)
    return orjson.dumps(value)


def translated_list() -> bytes:
    """The list of 500 events, about 1 MB: for those who time it."""
    return translated("list_events", _BODIES.events)


def _refused() -> object:
    return _PROBLEMS.reply(ProxyError(NOT_FOUND, cause="status 404"), "4f1a", "de-AT,de;q=0.9,en;q=0.8")


def _answered(path: bytes) -> int:
    """A request through the whole gateway, from the server's call to its answer: the status."""
    answered = 0

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: MutableMapping[str, Any]) -> None:
        raise AssertionError("it is sent at once")

    def sent_at_once(_: object, status: int, __: bytes, ___: bytes) -> bool:
        nonlocal answered
        answered = status
        return True

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path.decode(),
        "raw_path": path,
        "query_string": _QUERY,
        "extensions": {AT_ONCE: sent_at_once},
        "headers": [
            (b"host", b"127.0.0.1:8080"),
            (b"origin", ORIGIN.encode()),
            (b"accept", b"application/json, text/plain, */*"),
            (b"content-type", b"application/json"),
            (b"accept-language", b"de-AT,de;q=0.9,en;q=0.8"),
        ],
    }
    at_once(_gateway()(scope, receive, send))
    return answered


class _Clock:
    """A clock that never strikes."""

    def cancel(self) -> None:
        pass


class _Loop:
    """A loop that never runs."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> _Clock:
        return _Clock()

    def time(self) -> float:
        return 0.0


class _Wire(asyncio.Transport):
    """A client that takes all it is sent."""

    sent = b""

    def write(self, data: Any) -> None:
        self.sent = bytes(data)

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        pass


async def _keep() -> None:
    """Have the answer kept that is asked for, in both forms."""

    async def dynamics(_: Call) -> Reply:
        return Reply(200, JSON, translated("get_event", _BODIES.event))

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_: MutableMapping[str, Any]) -> None:
        pass

    path, _, query = _KEPT.encode().partition(b"?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path.decode(),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", b"127.0.0.1:8080"), (b"accept-encoding", b"gzip")],
    }
    answering: Any = _gateway()._answering
    answering.legs[Source.REALTIME].reading.through(BY_NAME["get_event"], dynamics)
    await _gateway()(scope, receive, send)


@cache
def _connection() -> tuple[GuardedProtocol, _Wire]:
    """A connection to the server, which keeps what is asked for."""
    asyncio.run(_keep())
    state = ServerState()
    state.default_headers = [(b"date", b"Thu, 01 Jan 2026 00:00:00 GMT")]
    wire = _Wire()
    loop: Any = _Loop()
    protocol = GuardedProtocol(server_config(_host(), _gateway().limits), state, {}, loop)
    protocol.connection_made(wire)
    return protocol, wire


def _hit() -> bytes:
    """A browser's request for what is kept, from its bytes to those of the answer.

    Raises:
        RuntimeError: It was not answered from the cache.
    """
    protocol, wire = _connection()
    wire.sent = b""
    protocol.data_received(_BROWSERS)
    if not wire.sent.startswith(b"HTTP/1.1 200 ") or protocol.tasks:
        raise RuntimeError("no hit")
    return wire.sent


def _headers_taken() -> object:
    """The headers of a browser's request, taken by the server one by one."""
    protocol, _ = _connection()
    protocol.on_message_begin()
    for name, value in _scope()["headers"]:
        protocol.on_header(name, value)
    return protocol.headers


@cache
def _scope() -> dict[str, Any]:
    """What the server makes of a browser's request."""
    line, *lines = _BROWSERS.split(b"\r\n\r\n")[0].split(b"\r\n")
    raw_path, _, query = line.split(b" ")[1].partition(b"?")
    headers = [(name.lower(), value) for name, _, value in (header.partition(b": ") for header in lines)]
    return {"http_version": "1.1", "method": "GET", "raw_path": raw_path, "query_string": query, "headers": headers}


class _Dynamics(asyncio.Transport):
    """The other end of a connection to Dynamics: it answers at once."""

    def __init__(self, connection: Connection, answer: bytes) -> None:
        super().__init__()
        self._connection = connection
        self._answer = answer

    def write(self, data: Any) -> None:
        self._connection.data_received(self._answer)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


_DYNAMICS: Final = "https://upstream.invalid"
_ASKED: Final = f"{_DYNAMICS}{NEW_BASE}events/{EVENT}?emApplicationtoken={SERVER_TOKEN}"
_SENT: Final = (
    ("accept", "application/json"),
    ("origin", ORIGIN),
    ("x-request-id", "8f" * 16),
    ("accept-encoding", "gzip"),
)
_ANSWERED: Final = (
    f"""HTTP/1.1 200 OK
Content-Type: application/json; charset=utf-8
Content-Length: {len(_BODIES.event)}
Date: Thu, 01 Jan 2026 00:00:00 GMT
Server: Kestrel
Strict-Transport-Security: max-age=2592000
X-Content-Type-Options: nosniff
x-ms-trace-id: {"3b" * 16}

""".replace("\n", "\r\n").encode()
    + _BODIES.event
)


@cache
def _transport() -> Transport:
    """Our client, with one connection that it keeps."""
    transport = build_transport(Upstream(), "evtmgmt-proxy/1")
    pool, loop, origin = transport._pool, _Loop(), origin_of(_DYNAMICS)
    pool._loop = loop  # type: ignore[assignment]
    connection = Connection(loop, 20, pool._released, pool._lost)  # type: ignore[arg-type]
    connection.connection_made(_Dynamics(connection, _ANSWERED))
    connection.idle_until = _LONG
    pool._open[connection] = pool._idle[connection] = origin
    return transport


async def _called() -> bytes:
    answer = await _transport().send("GET", _ASKED, _SENT)
    body = await answer.part()
    answer.close()
    return body


def _call() -> bytes:
    """A call to Dynamics, from the request to the body of its answer, on a kept connection.

    Raises:
        RuntimeError: It brought something else.
    """
    body: bytes = at_once(_called())
    if body != _BODIES.event or len(_transport()._pool._idle) != 1:
        raise RuntimeError("no answer")
    return body


CASES: Final[dict[str, Operation]] = {
    "one event translated": lambda: translated("get_event", _BODIES.event),
    "50 events translated": lambda: translated("list_events", _FIFTY),
    "a target matched": lambda: match.__wrapped__(_segments(_PATH), "GET"),
    "a query read": lambda: read_query(_QUERY, BY_NAME["list_sessions"].query),
    "an error rendered": _refused,
    "a refusal through the whole gateway": lambda: _answered(f"{OLD_BASE}nothing".encode()),
    "a browser's headers taken": _headers_taken,
    "a browser's headers guarded": lambda: Guard(_gateway().limits).check(_scope()),
    "a hit in the gateway": lambda: _connection() and _gateway().kept_answer(_scope()),
    "a hit, from bytes to bytes": _hit,
    "a call to Dynamics": _call,
}
