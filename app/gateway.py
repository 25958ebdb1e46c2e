"""A request's way through the proxy.

    1  guard: target, headers and framing within bounds          app/guard.py
    2  match: an operation of the table, its parameters          translation/targets.py
    3  choose: the organisation that answers                     app/cutover/router.py
    4  translate the request: aliases, query, trace              translation/{aliases,query,headers}.py
    5  cache, or fetch (one flight per key, within the budget)   app/caching/reading.py, routes/, app/upstream.py
    6  translate the answer into the old form                    app/backend.py, translation/; app/outbound.py
    7  answer: CORS, correlation id, validators, encoding        app/delivery.py, app/problems.py
    8  record: one log line, the metrics                         app/record.py

A pure ASGI application around the FastAPI application, which answers everything that is no operation of the old API
(health, metrics, documentation). No step looks back. A request target that was answered before and is still kept goes from 1
to 7 by a shortcut.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from app.bodies import ClientGoneError, Receive, Scope, read_request_body
from app.caching.reading import Outcome, Reading, Served, Shortcut
from app.calls import Call, Header, Reply
from app.cors import Cors
from app.cutover.decision import Source
from app.cutover.router import Router
from app.cutover.shadow import Shadow
from app.cutover.usage import Usage
from app.delivery import Delivery, Send
from app.guard import Headers, guard
from app.leaving import UnlessGone
from app.metrics import UNMATCHED
from app.problems import Problems
from app.record import Exchange, Recorder, new_request_id
from app.settings import Limits
from translation.errors import BAD_HEADERS, INTERNAL_ERROR, NOT_FOUND, OPERATION_NOT_FOUND, OVERLOADED, ProxyError
from translation.headers import forwarded_headers, is_request_id
from translation.query import Query, read_query
from translation.targets import Match, allowed_methods, is_api, match, segments

App = Callable[[Scope, Receive, Send], Awaitable[None]]
Handler = Callable[[Call], Awaitable[Reply | Served]]

_READS: Final = frozenset({"GET", "HEAD"})
_MORE_TO_COME: Final = frozenset({b"content-length", b"transfer-encoding", b"expect"})
"""Headers that tell of a body."""
_OUTLINE: Final = frozenset({b"origin", b"accept-language"})
REQUEST_ID: Final = "evtmgmt.request_id"
"""Where the service's own application finds the correlation id in the scope."""
MOST_AT_ONCE: Final = 4 * 2**20
"""Bytes of the largest kept body that the server is given in one go, and cuts a client off that does not read it."""
RETRY_SECONDS: Final = 2
"""What a client is asked to wait when the proxy is at its limit."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One of those who may answer.

    Attributes:
        reading: Knows what was answered before.
        handlers: What answers each operation, by name.
        parameters: Makes the path parameters that are sent of those that a portal sent.
        knows_users: Whether a visitor's sign-in means anything there.
    """

    reading: Reading
    handlers: Mapping[str, Handler]
    parameters: Callable[[Mapping[str, str]], Mapping[str, str]]
    knows_users: bool = False


class Gateway:
    """The outermost application.

    Args:
        legs: Those who may answer.
        router: Chooses among them.
        shadow: Is shown what was answered, when there is one.
        service: The FastAPI application for everything else.
        service_rooms: The first segments of the paths that ``service`` answers.
        limits: The bounds.
        cors: Who may read answers.
        delivery: Sends answers.
        problems: Writes errors.
        recorder: Logs and counts.
        allow_query: Query parameters that travel beside those of the table.
        obeys_clients: Whether ``Cache-Control: no-cache`` of a client is obeyed.
        usage: Counts what portals use, where somebody wants to know.

    Attributes:
        limits: The bounds.
        unparsed: The whole HTTP answer to bytes that are no HTTP, for the server to send.
    """

    def __init__(
        self,
        legs: Mapping[Source, Leg],
        router: Router,
        shadow: Shadow | None,
        service: App,
        service_rooms: frozenset[str],
        limits: Limits,
        cors: Cors,
        delivery: Delivery,
        problems: Problems,
        recorder: Recorder,
        allow_query: tuple[str, ...],
        obeys_clients: bool,
        usage: Usage | None = None,
    ) -> None:
        self._legs = legs
        self._router = router
        self._shadow = shadow
        self._service = service
        self._service_rooms = service_rooms
        self.limits = limits
        self.unparsed = problems.raw(ProxyError(BAD_HEADERS, detail="The request cannot be parsed."))
        self._cors = cors
        self._delivery = delivery
        self._problems = problems
        self._recorder = recorder
        self._allow_query = allow_query
        self._obeys_clients = obeys_clients
        self._usage = usage
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
        reply: Reply | Served | None
        try:
            exchange.request_id = _request_id(scope["headers"])
            headers = guard(scope, self.limits)  # 1
            shortcut = self._shortcut(scope) if scope["method"] in _READS else None
            reply = None if shortcut is None else self._kept(exchange, shortcut, headers, scope)
            if reply is not None:
                self._note_kept(reply, headers, scope)
            else:
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
        if isinstance(reply, Served):
            await self._delivery.send_kept(exchange, reply, headers, scope, send)  # 7
            if self._shadow is not None:
                self._shadow.offer(reply.entry.call, reply.entry.body)
        else:
            await self._delivery.send_reply(exchange, reply, headers, scope, receive, send)  # 7
            if self._shadow is not None and reply.call is not None:
                self._shadow.offer(reply.call, reply.body)

    def kept_answer(self, scope: Scope) -> tuple[int, bytes, bytes] | None:
        """The answer to a read that was answered before and is kept: for servers that can send it without a task.

        Args:
            scope: Of the request.

        Returns:
            Status, header lines and body; None when the request has to go the whole way.
        """
        shortcut = self._shortcut(scope)
        if shortcut is None:
            return None
        exchange = Exchange(scope["method"], scope["raw_path"], perf_counter())
        try:
            headers = guard(scope, self.limits)  # 1
            if not _MORE_TO_COME.isdisjoint(headers.single):
                return None
            served = self._kept(exchange, shortcut, headers, scope)
            if served is None:
                return None
            exchange.request_id = _request_id(scope["headers"])
            answer = self._delivery.at_once(exchange, served, headers, MOST_AT_ONCE)  # 7
        except ProxyError:
            return None  # the whole way answers it
        except Exception as defect:
            # The parser that called would take it for a malformed request.
            self._recorder.defect(exchange, defect)
            return None
        if answer is not None:
            self._note_kept(served, headers, scope)
            self._recorder.record(exchange)  # 8
            if self._shadow is not None:
                self._shadow.offer(served.entry.call, served.entry.body)
        return answer

    def not_taken(self, raw_path: bytes, query: bytes) -> None:
        """A client did not read a kept answer, and was cut off."""
        shortcut = self._shortcut({"raw_path": raw_path, "query_string": query})
        self._recorder.gone(UNMATCHED if shortcut is None else shortcut.key.operation)

    def _shortcut(self, scope: Scope) -> Shortcut | None:
        """What is known of a request target that was answered before, by whomever."""
        target = scope["raw_path"], scope["query_string"]
        for leg in self._legs.values():
            shortcut = leg.reading.shortcut(*target)
            if shortcut is not None:
                return shortcut
        return None

    def _kept(self, exchange: Exchange, shortcut: Shortcut, headers: Headers, scope: Scope) -> Served | None:
        """What is kept for a request target that was answered before. The limit of requests at once is none for it."""
        if self._anew(headers):
            return None
        key = shortcut.key
        source = self._router.at_once(key.operation, key.asked, headers, scope)  # 3
        if source is None:
            return None
        leg = self._legs[source]
        if leg.knows_users and b"authorization" in headers.single:
            return None
        if key.source != source:
            own = leg.reading.shortcut(scope["raw_path"], scope["query_string"])
            if own is None:
                return None
            key = own.key
        exchange.operation = key.operation
        exchange.backend = source
        exchange.dropped = shortcut.dropped
        return leg.reading.kept(key)

    async def _reply(
        self, exchange: Exchange, scope: Scope, path: list[str], headers: Headers, receive: Receive
    ) -> Reply | Served:
        method: str = scope["method"]
        if method == "OPTIONS":
            return self._options(path, headers)
        if self._in_flight > self.limits.concurrency:
            raise ProxyError(OVERLOADED, retry_after=RETRY_SECONDS)
        found = match(path, method)  # 2
        operation = found.operation
        exchange.operation = operation.name
        query = read_query(scope["query_string"], (*operation.query, *self._allow_query))
        exchange.dropped = query.dropped
        route = await self._router.choose(operation, found.parameters, headers, scope, query)  # 3
        assert route.source is not None  # noqa: S101 - the router says so
        exchange.backend = route.source
        body = b""
        if operation.writes:
            # A visitor who leaves after pressing "Register" is registered all the same: a write is never cut off.
            body = await read_request_body(receive, headers, self.limits)
        if self._usage is not None:
            event = found.parameters.get("event")
            self._usage.note(operation.name, event, headers.single, scope["query_string"], body)
        call = self._call(exchange, found, route.source, query, headers, body)  # 4
        if operation.writes:
            return await self._legs[route.source].handlers[operation.name](call)  # 5, 6
        async with UnlessGone(scope, receive):
            try:
                reply = await self._legs[route.source].handlers[operation.name](call)  # 5, 6
            except ProxyError as error:
                if error.kind is not NOT_FOUND or route.otherwise is None:
                    raise
                call = self._call(exchange, found, route.otherwise, query, headers, body)  # 4
                reply = await self._legs[route.otherwise].handlers[operation.name](call)  # 5, 6
        if isinstance(reply, Served):
            reading = self._legs[Source(call.source)].reading
            reading.remember(scope["raw_path"], scope["query_string"], reply.entry, query.dropped)
        if route.otherwise is not None:
            self._router.found(Source(call.source), operation, found.parameters, headers, scope)
        return reply

    def _call(self, exchange: Exchange, found: Match, source: Source, query: Query, headers: Headers, body: bytes) -> Call:
        """The request as it goes to one of those who may answer."""
        leg = self._legs[source]
        operation = found.operation
        exchange.backend = source
        if not operation.writes:
            exchange.cache = Outcome.MISS if leg.reading.keeps(operation) else None
        trace = [("x-request-id", exchange.request_id)]
        if headers.get(b"traceparent") is not None:
            trace += forwarded_headers(headers.all)
        return Call(
            operation,
            found.parameters,
            leg.parameters(found.parameters),
            query,
            tuple(trace),
            body,
            headers.text(b"content-type") if operation.writes else None,
            anew=self._anew(headers),
            source=source,
            authorization=headers.text(b"authorization") if leg.knows_users else None,
        )

    def _note_kept(self, served: Served, headers: Headers, scope: Scope) -> None:
        if self._usage is not None:
            key = served.entry.key
            self._usage.note_kept(key.operation, key.asked, headers.single, scope["query_string"])

    def _anew(self, headers: Headers) -> bool:
        """Whether the client asks for an answer that is not kept, and may."""
        return self._obeys_clients and b"no-cache" in (headers.get(b"cache-control") or b"").lower()

    def _options(self, path: list[str], headers: Headers) -> Reply:
        origin = headers.get(b"origin")
        if origin is not None and headers.get(b"access-control-request-method") is not None:
            # Also for paths that do not exist, so that their error can be read.
            return Reply(204, headers=self._cors.preflight(origin, headers.get(b"access-control-request-headers")))
        return Reply(204, headers=[(b"allow", ", ".join(allowed_methods(path)).encode("ascii"))])

    def _failure(self, exchange: Exchange, error: ProxyError, headers: Headers) -> Reply:
        exchange.error = error
        if error.kept:
            exchange.cache = Outcome.HIT
        return self._problems.reply(error, exchange.request_id, headers.text(b"accept-language"))

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
    return new_request_id()
