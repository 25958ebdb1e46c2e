"""A server that says what a test tells it to, byte for byte, and the client beside it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from os import dup
from socket import SO_LINGER, SOL_SOCKET, socket
from struct import pack
from typing import Any

from app import settings
from app.client.answer import Answer
from app.transport import Transport, build_transport

OK = b"HTTP/1.1 200 OK\r\n"


class Visit:
    """One connection to the server.

    Attributes:
        requests: The requests that came on it, head and body.
        ended: Set when it is over.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests: list[bytes] = []
        self.ended = asyncio.Event()
        self._reader = reader
        self._writer = writer

    async def head(self) -> bytes:
        """Wait for the head of the next request."""
        return await self._reader.readuntil(b"\r\n\r\n")

    async def request(self) -> bytes:
        """Wait for the next request."""
        head = await self.head()
        size = next((int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")), 0)
        request = head + await self._reader.readexactly(size)
        self.requests.append(request)
        return request

    async def say(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def until_end(self) -> None:
        """Wait until the client closes the connection."""
        with suppress(OSError):
            while await self._reader.read(65_536):
                pass

    async def left(self) -> None:
        """Wait until it is over; much sooner than an idle connection is dropped for its age."""
        async with asyncio.timeout(15):
            await self.ended.wait()

    def finish(self) -> None:
        """Say that nothing more comes, but go on listening."""
        self._writer.write_eof()

    def reset(self) -> None:
        """End it with a reset."""
        own = self._writer.get_extra_info("socket")
        own.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        self._writer.transport.abort()

    def own_socket(self) -> socket:
        """The connection past the loop; to be closed."""
        return socket(fileno=dup(self._writer.get_extra_info("socket").fileno()))


class Server:
    """Runs a script for each connection.

    Attributes:
        visits: The connections, in the order in which they came.
        port: Where it listens.
    """

    def __init__(self, script: Callable[[Visit, int], Awaitable[None]]) -> None:
        self.visits: list[Visit] = []
        self.port = 0
        self._script = script

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/x"

    async def visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = Visit(reader, writer)
        self.visits.append(visit)
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                await self._script(visit, len(self.visits))
        finally:
            visit.ended.set()
            writer.close()


@asynccontextmanager
async def serving(script: Callable[[Visit, int], Awaitable[None]], **options: Any) -> AsyncIterator[Server]:
    """A server whose connections follow a script, which is told the connection and its number from 1."""
    server = Server(script)
    listener = await asyncio.start_server(server.visited, "127.0.0.1", 0, **options)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def always(answer: bytes) -> Callable[[Visit, int], Awaitable[None]]:
    """A script that gives every request the same bytes and keeps the connection open."""

    async def script(visit: Visit, number: int) -> None:
        while True:
            await visit.request()
            await visit.say(answer)

    return script


@asynccontextmanager
async def client(**values: Any) -> AsyncIterator[Transport]:
    """A transport with settings."""
    opened = build_transport(settings.Upstream(**values), "tests/1")
    try:
        yield opened
    finally:
        await opened.aclose()


async def body_of(answer: Answer) -> bytes:
    """The whole body; the answer is closed then, whatever happens."""
    try:
        parts = []
        while part := await answer.part():
            parts.append(part)
        return b"".join(parts)
    finally:
        answer.close()


async def get(opened: Transport, url: str, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of the answer to a request."""
    answer = await opened.send(method, url, [], b"{}" if method == "POST" else None)
    return answer.status, await body_of(answer)
