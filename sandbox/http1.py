"""A small HTTP/1.1 server over asyncio for one ASGI application.

Why not uvicorn: faults need the socket (a true reset, a length that lies, half a header), and the recorder needs the
request as it came in: target byte for byte, headers in their order and letter case. A peer that half-closes counts as
gone. The application has to give a `Content-Length`.
"""

import asyncio
import logging
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, cast

from sandbox.exchange import WIRE, Receive, Scope, Send

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEAD_LIMIT = 1 << 20
_log = logging.getLogger("sandbox.http1")


class _Head:
    """The request line and the headers."""

    def __init__(self, raw: bytes) -> None:
        first, *lines = raw[:-4].split(b"\r\n")
        method, self.target, version = first.split(b" ")
        self.method = method.decode("ascii")
        self.version = version.removeprefix(b"HTTP/").decode("ascii")
        pairs = (line.partition(b":") for line in lines)
        self.headers = [(name, value.strip(b" \t")) for name, _, value in pairs]

    def value(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key.lower() == name), b"").lower()


class _Wire:
    """The connection as faults see it (`exchange.Wire`)."""

    def __init__(self, head: _Head, connection: "_Connection") -> None:
        self.target = head.target
        self.headers = head.headers
        self.used = False
        self._connection = connection

    async def write(self, data: bytes) -> None:
        self.used = True
        await self._connection.write(data)

    def close(self) -> None:
        self.used = True
        self._connection.writer.close()

    def reset(self) -> None:
        self.used = True
        descriptor = self._connection.writer.get_extra_info("socket").fileno()
        # Linger of zero seconds: the kernel answers with RST instead of FIN (socket(7), SO_LINGER). On a duplicate,
        # because event loops hand out sockets that cannot set options.
        with socket.socket(fileno=os.dup(descriptor)) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.transport.abort()


class _Connection(asyncio.StreamReaderProtocol):
    """One TCP connection: requests one after the other."""

    def __init__(self, application: Application, open_connections: set["_Connection"]) -> None:
        self.reader = asyncio.StreamReader(limit=_HEAD_LIMIT)
        super().__init__(self.reader, self._serve)
        self.gone = asyncio.Event()
        self.writer: asyncio.StreamWriter
        self.transport: asyncio.Transport
        self.task: asyncio.Task[Any] | None = None
        self._application = application
        self._open = open_connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", transport)
        self._open.add(self)

    def eof_received(self) -> bool:
        super().eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        self._open.discard(self)
        super().connection_lost(exc)

    async def write(self, data: bytes) -> None:
        if self.gone.is_set() or self.writer.transport.is_closing():
            raise ConnectionResetError("the peer is gone")
        self.writer.write(data)
        await self.writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.task = asyncio.current_task()
        try:
            while await self._serve_one():
                pass
        except (OSError, asyncio.IncompleteReadError):
            # The peer left between or within requests.
            pass
        except (ValueError, asyncio.LimitOverrunError):
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        finally:
            writer.close()

    async def _serve_one(self) -> bool:
        head = _Head(await self.reader.readuntil(b"\r\n\r\n"))
        if head.value(b"expect") == b"100-continue":
            await self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self._body(head)
        wire = _Wire(head, self)
        sender = _Sender(self, head.method == "HEAD")
        receive = _receiver(self, body)
        try:
            await self._application(self._scope(head, wire), receive, sender)
        except Exception:
            _log.exception("the sandbox failed at %s %r", head.method, head.target)
        if not sender.started and not wire.used:
            await self.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
        return head.version == "1.1" and head.value(b"connection") != b"close" and not self.writer.is_closing()

    async def _body(self, head: _Head) -> bytes:
        if head.value(b"transfer-encoding") != b"chunked":
            return await self.reader.readexactly(int(head.value(b"content-length") or b"0"))
        parts: list[bytes] = []
        while size := int((await self.reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            parts.append((await self.reader.readexactly(size + 2))[:-2])
        while await self.reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return b"".join(parts)

    def _scope(self, head: _Head, wire: _Wire) -> Scope:
        raw_path, _, query = head.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": head.version,
            "method": head.method,
            "path": raw_path.decode("latin-1"),
            "raw_path": raw_path,
            "query_string": query,
            "headers": [(name.lower(), value) for name, value in head.headers],
            "extensions": {WIRE: wire},
        }


def _receiver(connection: _Connection, body: bytes) -> Receive:
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        for message in messages:
            return message
        await connection.gone.wait()
        return {"type": "http.disconnect"}

    return receive


class _Sender:
    """The `send` of one request."""

    def __init__(self, connection: _Connection, headless: bool) -> None:
        self.started = False
        self._connection = connection
        self._no_body = headless
        self._head = b""

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            status: int = message["status"]
            phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
            lines = [f"HTTP/1.1 {status} {phrase}".encode()]
            lines += [name + b": " + value for name, value in message["headers"]]
            self._head = b"\r\n".join([*lines, b"", b""])
            return
        body = b"" if self._no_body else message.get("body", b"")
        head, self._head = self._head, b""
        await self._connection.write(head + body)


class Listener:
    """Listens on one port for one application. `start` and `stop` may be called again and again."""

    def __init__(self, application: Application, host: str, ssl_context: ssl.SSLContext | None = None) -> None:
        self._application = application
        self._host = host
        self._ssl_context = ssl_context
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()

    async def start(self, port: int) -> int:
        """Listen; port 0 means any free one. Returns the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self._application, self._open), self._host, port, ssl=self._ssl_context, backlog=1024
        )
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        """Refuse new connections and abort the open ones."""
        if self._server is None:
            return
        for _ in range(4):
            # asyncio leaks a connection that it accepted in the very turn of `close` (CPython issue 109564).
            await asyncio.sleep(0)
        self._server.close()
        tasks = [connection.task for connection in self._open if connection.task is not None]
        for connection in list(self._open):
            connection.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._server = None
