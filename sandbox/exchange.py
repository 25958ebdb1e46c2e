"""One request and its answer over ASGI, with a way down to the socket for what ASGI cannot say."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any, Protocol

from sandbox.wire import Answer, Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

WIRE = "sandbox.wire"


class PeerGoneError(Exception):
    """The peer closed or reset the connection before the answer was complete."""


class Wire(Protocol):
    """What the sandbox's own server offers in `scope["extensions"]["sandbox.wire"]`."""

    target: bytes
    headers: list[tuple[bytes, bytes]]

    async def write(self, data: bytes) -> None:
        """Send bytes as they are. Raises: ConnectionError when the peer is gone."""

    def close(self) -> None:
        """End the connection after what was written (FIN)."""

    def reset(self) -> None:
        """End the connection at once (RST)."""


class Exchange:
    """Wraps the three ASGI callables of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._gone: asyncio.Task[None] | None = None
        extensions: dict[str, Any] = scope.get("extensions") or {}
        self._wire: Wire | None = extensions.get(WIRE)
        self._method: str = scope["method"]
        if self._wire is not None:
            self._target, self._headers = self._wire.target, self._wire.headers
        else:
            query = scope["query_string"]
            self._target = scope["raw_path"] + (b"?" + query if query else b"")
            self._headers = list(scope["headers"])

    @property
    def wire(self) -> Wire:
        """The connection itself. Raises: RuntimeError under a server that does not hand it out."""
        if self._wire is None:
            raise RuntimeError("this fault needs the sandbox's own server")
        return self._wire

    async def request(self) -> Request:
        """Return the request with its whole body. Raises: PeerGoneError."""
        parts: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise PeerGoneError
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                break
        self._gone = asyncio.create_task(self._watch())
        return Request(self._method, self._target, self._headers, b"".join(parts))

    async def pause(self, seconds: float | None) -> None:
        """Let time pass, or with None wait for ever. Raises: PeerGoneError as soon as the peer goes away."""
        assert self._gone is not None
        done, _ = await asyncio.wait({self._gone}, timeout=seconds)
        if done:
            raise PeerGoneError

    async def answer(self, answer: Answer, *, piece: int | None = None, seconds: float = 0.0) -> None:
        """Send an answer with its length; if asked, in pieces of `piece` bytes, `seconds` apart.

        Raises:
            PeerGoneError: When the peer goes away before the last piece.
        """
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in complete(answer).headers]
        await self._say({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = answer.body
        while piece is not None and len(body) > piece:
            await self._say({"type": "http.response.body", "body": body[:piece], "more_body": True})
            body = body[piece:]
            await self.pause(seconds)
        await self._say({"type": "http.response.body", "body": body})

    async def write(self, data: bytes) -> None:
        """Send bytes as they are. Raises: PeerGoneError."""
        try:
            await self.wire.write(data)
        except ConnectionError as failure:
            raise PeerGoneError from failure

    async def finish(self) -> None:
        """Stop watching the peer."""
        if self._gone is not None:
            self._gone.cancel()
            await asyncio.gather(self._gone, return_exceptions=True)

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _say(self, message: MutableMapping[str, Any]) -> None:
        try:
            await self._send(message)
        except OSError as failure:
            raise PeerGoneError from failure


def complete(answer: Answer) -> Answer:
    """Return the answer with `Content-Length` and `Date`."""
    length = () if answer.status in (204, 304) else (("Content-Length", str(len(answer.body))),)
    return answer.with_headers(*length, ("Date", formatdate(usegmt=True)))
