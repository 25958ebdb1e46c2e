"""A request's way through the proxy.

    1  guard: target, headers and framing within bounds          app/guard.py
    2  match: an operation of the table, its parameters          translation/targets.py
    3  choose: the backend (one today: the real-time API)        app/backend.py
    4  translate the request: aliases, query, trace              translation/{aliases,query,headers}.py
    5  fetch from the backend                                    routes/, app/upstream.py
    6  translate the answer into the old form                    translation/{answers,registration}.py
    7  answer: CORS, correlation id, language of errors          app/cors.py, app/problems.py
    8  record: one log line, the metrics                         app/record.py

A pure ASGI application around the FastAPI application, which answers everything that is no operation of the old API
(health, metrics, documentation). No step looks back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from time import perf_counter
from typing import Any, Final, TypeVar
from uuid import uuid4

from app.bodies import ClientGoneError, Receive, read_request_body
from app.calls import Call, Header, Reply
from app.cors import Cors
from app.guard import Headers, guard
from app.problems import Problems
from app.record import Exchange, Recorder
from app.settings import Limits
from app.upstream import UpstreamError
from translation.aliases import Aliases
from translation.errors import BAD_HEADERS, INTERNAL_ERROR, OPERATION_NOT_FOUND, OVERLOADED, ProxyError
from translation.headers import forwarded_headers, is_request_id
from translation.query import read_query
from translation.targets import allowed_methods, is_api, match, segments

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Handler = Callable[[Call], Awaitable[Reply]]

T = TypeVar("T")

_TAKEN_AT_ONCE: Final = 65_536
"""Bytes that the server takes without waiting for the client to read them."""

_OUTLINE: Final = frozenset({b"origin", b"accept-language"})
REQUEST_ID: Final = "evtmgmt.request_id"
"""Where the service's own application finds the correlation id in the scope."""
RETRY_SECONDS: Final = 2
"""What a client is asked to wait when the proxy is at its limit."""


class Gateway:
    """The outermost application.

    Args:
        handlers: What answers each operation, by name.
        service: The FastAPI application for everything else.
        service_rooms: The first segments of the paths that ``service`` answers.
        limits: The bounds.
        cors: Who may read answers.
        problems: Writes errors.
        recorder: Logs and counts.
        aliases: Ids changed by the migration.
        allow_query: Query parameters that travel beside those of the table.
        backend: The backend's name.

    Attributes:
        limits: The bounds.
        unparsed: The whole HTTP answer to bytes that are no HTTP, for the server to send.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        service: App,
        service_rooms: frozenset[str],
        limits: Limits,
        cors: Cors,
        problems: Problems,
        recorder: Recorder,
        aliases: Aliases,
        allow_query: tuple[str, ...],
        backend: str,
    ) -> None:
        self._handlers = handlers
        self._service = service
        self._service_rooms = service_rooms
        self.limits = limits
        self.unparsed = problems.raw(ProxyError(BAD_HEADERS, detail="The request cannot be parsed."))
        self._cors = cors
        self._problems = problems
        self._recorder = recorder
        self._aliases = aliases
        self._allow_query = allow_query
        self._backend = backend
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await self._service(scope, receive, send)
            return
        exchange = Exchange(scope["method"], scope["raw_path"], perf_counter())
        self._in_flight += 1
        self._recorder.begin()
        try:
            await self._exchange(exchange, scope, receive, send)
        finally:
            self._in_flight -= 1
            self._recorder.end(exchange)  # 8

    async def _exchange(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers({}, ())
        try:
            exchange.request_id = _request_id(scope["headers"])
            headers = guard(scope, self.limits)  # 1
            path = segments(scope["raw_path"])
            if path and not is_api(path):
                if path[0].lower() not in self._service_rooms:
                    raise ProxyError(OPERATION_NOT_FOUND)
                scope[REQUEST_ID] = exchange.request_id
                await self._service(scope, receive, self._watched(exchange, send))
                return
            reply = await self._reply(exchange, scope, path, headers, receive)
        except ProxyError as error:
            headers = headers if headers.all else _outline(scope["headers"])
            reply = self._failure(exchange, error, headers)
        except ClientGoneError:
            exchange.gone = True
            return
        except Exception as defect:
            self._recorder.defect(exchange, defect)
            reply = self._failure(exchange, ProxyError(INTERNAL_ERROR, cause=type(defect).__name__), headers)
        await self._send(exchange, reply, headers, receive, send)  # 7

    async def _reply(self, exchange: Exchange, scope: Scope, path: list[str], headers: Headers, receive: Receive) -> Reply:
        method: str = scope["method"]
        if method == "OPTIONS":
            return self._options(path, headers)
        if self._in_flight > self.limits.concurrency:
            raise ProxyError(OVERLOADED, retry_after=RETRY_SECONDS)
        found = match(path, method)  # 2
        operation = found.operation
        exchange.operation = operation.name
        exchange.backend = self._backend  # 3
        query = read_query(scope["query_string"], (*operation.query, *self._allow_query))  # 4
        exchange.dropped = query.dropped
        trace = (("x-request-id", exchange.request_id), *forwarded_headers(headers.all))
        call = Call(operation, found.parameters, self._aliases.parameters(found.parameters), query, trace)
        handler = self._handlers[operation.name]
        if operation.writes:
            # A visitor who leaves after pressing "Register" is registered all the same: a write is never cut off.
            body = await read_request_body(receive, headers, self.limits)
            call = Call(operation, call.asked, call.sent, query, trace, body, headers.text(b"content-type"))
            return await handler(call)  # 5, 6
        return await _unless_gone(handler(call), receive)  # 5, 6

    def _options(self, path: list[str], headers: Headers) -> Reply:
        origin = headers.get(b"origin")
        if origin is not None and headers.get(b"access-control-request-method") is not None:
            # Also for paths that do not exist, so that their error can be read.
            return Reply(204, headers=self._cors.preflight(origin, headers.get(b"access-control-request-headers")))
        return Reply(204, headers=[(b"allow", ", ".join(allowed_methods(path)).encode("ascii"))])

    def _failure(self, exchange: Exchange, error: ProxyError, headers: Headers) -> Reply:
        exchange.error = error
        return self._problems.reply(error, exchange.request_id, headers.text(b"accept-language"))

    async def _send(self, exchange: Exchange, reply: Reply, headers: Headers, receive: Receive, send: Send) -> None:
        exchange.status = reply.status
        out: list[Header] = [(b"x-request-id", exchange.request_id.encode("ascii")), (b"x-content-type-options", b"nosniff")]
        if reply.content_type is not None:
            out.append((b"content-type", reply.content_type))
        if reply.chunks is None:
            if reply.status != 204:
                out.append((b"content-length", str(len(reply.body)).encode("ascii")))
        elif reply.length is not None:
            out.append((b"content-length", str(reply.length).encode("ascii")))
        if not any(name == b"cache-control" for name, _ in reply.headers):
            out.append((b"cache-control", b"no-store" if reply.status >= 400 else b"no-cache"))
        if not any(name == b"vary" and b"Origin" in value for name, value in reply.headers):
            out += self._cors.headers(headers.get(b"origin"))
        out += reply.headers
        start = {"type": "http.response.start", "status": reply.status, "headers": out}
        body = b"" if exchange.method == "HEAD" else reply.body
        if reply.chunks is None and len(body) <= _TAKEN_AT_ONCE:
            await send(start)
            exchange.size = len(body)
            await send({"type": "http.response.body", "body": body})
            return
        try:
            async with asyncio.timeout(self.limits.answer_timeout):
                await send(start)
                if reply.chunks is None:
                    exchange.size = len(body)
                    await send({"type": "http.response.body", "body": body})
                else:
                    await _unless_gone(self._stream(exchange, reply.chunks, send), receive)
        except (TimeoutError, ClientGoneError):
            # Returning before the end makes the server close the connection.
            exchange.gone = True
        finally:
            if reply.resources is not None:
                await reply.resources.aclose()

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

    @staticmethod
    def _watched(exchange: Exchange, send: Send) -> Send:
        async def watched(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", exchange.request_id.encode("ascii"))]
            elif message["type"] == "http.response.body":
                exchange.size += len(message.get("body", b""))
            await send(message)

        return watched


def _outline(raw: list[Header]) -> Headers:
    """Origin and language of a request whose headers were refused, so that a portal can read the refusal."""
    names = [name for name, _ in raw]
    return Headers({name: value for name, value in raw if name in _OUTLINE and names.count(name) == 1}, ())


def _request_id(headers: list[Header]) -> str:
    """The caller's request id when it is well-formed, else a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            if is_request_id(text):
                return text
            break
    return uuid4().hex


async def _unless_gone(answering: Awaitable[T], receive: Receive) -> T:
    """Await a step of the answer, and cancel it when the client leaves.

    Raises:
        ClientGoneError: The client left.
    """
    task = asyncio.ensure_future(answering)
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGoneError
    finally:
        leaving.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
