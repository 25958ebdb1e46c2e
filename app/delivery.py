"""The seventh step of a request: the answer with CORS, correlation id, validators and encoding, and its way to the client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

from app.bodies import ClientGoneError, Receive, Scope
from app.caching.cache import Entry, Form
from app.caching.finishing import Finisher
from app.caching.served import Outcome, Served
from app.calls import Header, Reply, header_lines
from app.cors import Cors
from app.extensions import AT_ONCE, CUT, AtOnce, extension
from app.guard import Headers
from app.leaving import UnlessGone
from app.record import Exchange
from app.upstream import UpstreamError
from translation.errors import ProxyError
from translation.validators import accepts_gzip, matches

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
TAKEN_AT_ONCE: Final = 65_536
"""Bytes that the server takes without waiting for the client to read them."""
_PLAIN: Final = (
    b"x-request-id: %b\r\nx-content-type-options: nosniff\r\n%bx-evtmgmt-backend: %b\r\n%bcontent-length: %d\r\n"
    b"cache-control: no-cache\r\n%b"
)
"""The header lines of an answer that has none of its own, as ``send_reply`` gives them."""
_OUTCOMES: Final = {outcome: outcome.encode("ascii") for outcome in Outcome}


class Delivery:
    """Sends answers.

    Args:
        cors: Who may read them.
        finisher: Compresses those that are kept.
        answer_timeout: Longest time for an answer to be taken by the client, in seconds.
    """

    def __init__(self, cors: Cors, finisher: Finisher, answer_timeout: float) -> None:
        self._cors = cors
        self._finisher = finisher
        self._answer_timeout = answer_timeout

    async def send_kept(self, exchange: Exchange, served: Served, headers: Headers, scope: Scope, send: Send) -> None:
        """Send a finished answer, or 304 when the client has it (RFC 9110 13.1.2).

        Args:
            exchange: For the record.
            served: The answer.
            headers: The request's.
            scope: Of the request; the server's shorter way is in it, if it has one.
            send: The ASGI callable.
        """
        if served.entry.packed is None and accepts_gzip(headers.get(b"accept-encoding")):
            await self._finisher.packed(served.entry)
        answer = self.at_once(exchange, served, headers)
        send_at_once: AtOnce | None = extension(scope, AT_ONCE)
        if answer is not None and send_at_once is not None and send_at_once(scope, *answer):
            return
        status, form = self._choose(served.entry, headers)
        exchange.cache = served.outcome
        own = [
            (b"x-request-id", exchange.request_id.encode("ascii")),
            (b"x-evtmgmt-cache", _OUTCOMES[served.outcome]),
            (b"age", b"%d" % served.age),
        ]
        everybody = self._cors.headers(headers.get(b"origin"))
        body = b"" if exchange.method == "HEAD" else form.body
        await self._send_whole(exchange, status, [*own, *form.headers, *everybody], body, scope, send)

    def at_once(
        self, exchange: Exchange, served: Served, headers: Headers, most: int = TAKEN_AT_ONCE
    ) -> tuple[int, bytes, bytes] | None:
        """Status, header lines and body of a finished answer; None when it has to be compressed first, or is too large.

        Args:
            exchange: For the record.
            served: The answer.
            headers: The request's.
            most: Bytes of the largest body that can be sent in one go.
        """
        entry = served.entry
        if entry.packed is None and accepts_gzip(headers.get(b"accept-encoding")):
            return None
        status, form = self._choose(entry, headers)
        body = b"" if exchange.method == "HEAD" else form.body
        if len(body) > most:
            return None
        exchange.cache = served.outcome
        exchange.status = status
        exchange.size = len(body)
        lines = b"x-request-id: %b\r\nx-evtmgmt-cache: %b\r\nage: %d\r\n%b%b" % (
            exchange.request_id.encode("ascii"),
            _OUTCOMES[served.outcome],
            served.age,
            form.lines,
            self._cors.lines(headers.get(b"origin")),
        )
        return status, lines, body

    @staticmethod
    def _choose(entry: Entry, headers: Headers) -> tuple[int, Form]:
        """Status and form of the answer that the client wants."""
        condition = headers.get(b"if-none-match")
        if condition is not None and matches(condition, entry.etag):
            return 304, entry.unchanged
        gzip = entry.gzip if entry.packed and accepts_gzip(headers.get(b"accept-encoding")) else None
        return 200, gzip or entry.whole

    async def send_reply(
        self, exchange: Exchange, reply: Reply, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send an answer that is not kept: whole, or as it comes."""
        at_once: AtOnce | None = extension(scope, AT_ONCE)
        if at_once is not None and self._is_plain(reply) and self._send_plain(exchange, reply, headers, scope, at_once):
            return
        out: list[Header] = [(b"x-request-id", exchange.request_id.encode("ascii")), (b"x-content-type-options", b"nosniff")]
        if exchange.cache is not None:
            out.append((b"x-evtmgmt-cache", exchange.cache.encode("ascii")))
        out.append((b"x-evtmgmt-backend", exchange.backend.encode("ascii")))
        if reply.content_type is not None:
            out.append((b"content-type", reply.content_type))
        if reply.chunks is None:
            if reply.status != 204:
                out.append((b"content-length", b"%d" % len(reply.body)))
        elif reply.length is not None:
            out.append((b"content-length", b"%d" % reply.length))
        if not any(name == b"cache-control" for name, _ in reply.headers):
            out.append((b"cache-control", b"no-store" if reply.status >= 400 else b"no-cache"))
        if not any(name == b"vary" and b"Origin" in value for name, value in reply.headers):
            out += self._cors.headers(headers.get(b"origin"))
        out += reply.headers
        if reply.chunks is None:
            await self._send_whole(exchange, reply.status, out, b"" if exchange.method == "HEAD" else reply.body, scope, send)
            return
        exchange.status = reply.status
        try:
            async with asyncio.timeout(self._answer_timeout):
                await send({"type": "http.response.start", "status": reply.status, "headers": out})
                async with UnlessGone(scope, receive):
                    await self._stream(exchange, reply.chunks, send)
        except TimeoutError:
            self._cut_off(exchange, scope)
        except ClientGoneError:
            exchange.gone = True
        finally:
            if reply.resources is not None:
                await reply.resources.aclose()

    @staticmethod
    def _is_plain(reply: Reply) -> bool:
        """Whether an answer is what nearly all are: whole, small, found, and without headers of its own."""
        return reply.status == 200 and not reply.headers and reply.chunks is None and len(reply.body) <= TAKEN_AT_ONCE

    def _send_plain(self, exchange: Exchange, reply: Reply, headers: Headers, scope: Scope, at_once: AtOnce) -> bool:
        """Send such an answer without a list of its headers, which costs more than the rest. Returns whether it was sent."""
        size = len(reply.body)
        lines = _PLAIN % (
            exchange.request_id.encode("ascii"),
            b"" if exchange.cache is None else b"x-evtmgmt-cache: %b\r\n" % exchange.cache.encode("ascii"),
            exchange.backend.encode("ascii"),
            b"" if reply.content_type is None else b"content-type: %b\r\n" % reply.content_type,
            size,
            self._cors.lines(headers.get(b"origin")),
        )
        exchange.status, exchange.size = 200, 0 if exchange.method == "HEAD" else size
        return at_once(scope, 200, lines, b"" if exchange.method == "HEAD" else reply.body)

    async def _send_whole(
        self, exchange: Exchange, status: int, headers: list[Header], body: bytes, scope: Scope, send: Send
    ) -> None:
        exchange.status = status
        exchange.size = len(body)
        at_once: AtOnce | None = extension(scope, AT_ONCE) if len(body) <= TAKEN_AT_ONCE else None
        if at_once is not None and at_once(scope, status, header_lines(headers), body):
            return
        large = len(body) > TAKEN_AT_ONCE
        try:
            async with asyncio.timeout(self._answer_timeout):
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body, "more_body": large})
                if large:
                    # The server takes a body of any size, and waits for the client before the next: hence an empty one.
                    await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            self._cut_off(exchange, scope)

    @staticmethod
    def _cut_off(exchange: Exchange, scope: Scope) -> None:
        """End the connection of a client that does not read. A server that cannot will close it when its buffer is empty."""
        exchange.gone = True
        cut: Callable[[], None] | None = extension(scope, CUT)
        if cut is not None:
            cut()

    @staticmethod
    async def _stream(exchange: Exchange, chunks: AsyncIterator[bytes], send: Send) -> None:
        """Hand a streamed body on; a body that breaks off upstream breaks off here, never ends as if it were whole."""
        if exchange.method != "HEAD":
            try:
                async for chunk in chunks:
                    exchange.size += len(chunk)
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except (UpstreamError, ProxyError) as error:
                exchange.broken = str(error)
                return
        await send({"type": "http.response.body", "body": b""})
