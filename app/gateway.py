"""A request's way through the proxy.

    1  guard: target, headers and framing within bounds          app/guard.py
    2  match: an operation of the table, its parameters          translation/targets.py
       admit: origin, client token, rate, body, challenge        app/abuse/admission.py, app/bodies.py
    3  choose: the organisation that answers                     app/cutover/router.py
    4  translate the request: aliases, query, trace              translation/{aliases,query,headers}.py
    5  cache, or fetch (one flight per key, within the budget)   app/caching/reading.py, routes/, app/upstream.py
    6  translate the answer into the old form                    app/backend.py, translation/; app/outbound.py
    7  answer: CORS, correlation id, validators, encoding        app/delivery.py, app/problems.py
    8  record: one log line, the metrics, the end of the trace   app/record.py, app/telemetry/traces.py

Steps 2 to 6 are in ``app/answering.py``. A pure ASGI application around the FastAPI application, which answers everything that
is no operation of the old API (health, metrics, documentation, administration). No step looks back. A request target that was
answered before and is still kept goes from 1 to 7 by a shortcut; one that is traced goes the whole way.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, Final, Protocol

from app.bodies import ClientGoneError, Receive, Scope
from app.caching.memory import Shortcut
from app.caching.served import Outcome, Served
from app.calls import Header, Reply
from app.cors import Cors
from app.delivery import Delivery, Send
from app.faults.draining import Draining
from app.guard import Guard, Headers
from app.metrics import PORTAL_FILE, UNMATCHED
from app.problems import Problems
from app.record import Exchange, Recorder, new_request_id
from app.settings import Limits
from app.telemetry.current import note
from app.telemetry.traces import ServerSpan, Traces
from app.telemetry.vocabulary import SHED
from translation.errors import BAD_HEADERS, INTERNAL_ERROR, OPERATION_NOT_FOUND, OVERLOADED, STOPPING, ErrorKind, ProxyError
from translation.headers import is_request_id
from translation.targets import allowed_methods, is_api, segments

App = Callable[[Scope, Receive, Send], Awaitable[None]]

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


class Answers(Protocol):
    """Steps 2 to 6, as ``app/answering.py`` takes them."""

    def shortcut(self, raw_path: bytes, query: bytes) -> Shortcut | None:
        """What is known of a request target that was answered before."""

    def kept(self, exchange: Exchange, shortcut: Shortcut, headers: Headers, scope: Scope) -> Served | None:
        """What is kept for it."""

    async def answer(
        self, exchange: Exchange, path: tuple[str, ...], headers: Headers, scope: Scope, receive: Receive
    ) -> Reply | Served:
        """The answer to a request under the old base."""

    def count_kept(self, served: Served, headers: Headers, scope: Scope) -> None:
        """Count a kept answer."""

    def delivered(self, reply: Reply | Served) -> None:
        """An answer is on its way to the client."""


class Gateway:
    """The application of one portal.

    Args:
        answering: Steps 2 to 6.
        service: The FastAPI application for everything else.
        service_rooms: The first segments of the paths that ``service`` answers; two of those beside the old API.
        limits: The bounds.
        cors: Who may read answers.
        delivery: Sends answers.
        problems: Writes errors.
        recorder: Logs and counts.
        draining: Whether the process is about to stop.
        files: Answers what is nobody else's with the files of the portal; None where the portal is served elsewhere.
        elsewhere: What is answered outside the old API and ``service_rooms``.
        traces: Which requests are traced; None where none are.

    Attributes:
        limits: The bounds.
        draining: The same; the server tells of it.
        unparsed: The whole HTTP answer to bytes that are no HTTP, for the server to send.
        crowded: The one to a connection too many.
    """

    def __init__(
        self,
        answering: Answers,
        service: App,
        service_rooms: frozenset[str],
        limits: Limits,
        cors: Cors,
        delivery: Delivery,
        problems: Problems,
        recorder: Recorder,
        draining: Draining,
        files: App | None = None,
        elsewhere: ErrorKind = OPERATION_NOT_FOUND,
        traces: Traces | None = None,
    ) -> None:
        self._answering = answering
        self._service = service
        self._service_rooms = service_rooms
        self._files = files
        self.limits = limits
        self._guard = Guard(limits)
        self.unparsed = problems.raw(ProxyError(BAD_HEADERS, detail="The request cannot be parsed."))
        self.crowded = problems.raw(ProxyError(OVERLOADED, retry_after=RETRY_SECONDS))
        self.draining = draining
        self._cors = cors
        self._delivery = delivery
        self._problems = problems
        self._recorder = recorder
        self._elsewhere = elsewhere
        self._traces = traces
        self._in_flight = 0
        self._writes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope["method"], scope["raw_path"], perf_counter())
        span = exchange.span = None if self._traces is None else self._traces.serve(scope)
        self._in_flight += 1
        self._recorder.begin()
        try:
            if scope["method"] == "POST":
                self._writes += 1
                try:
                    with self.draining.writing():
                        await self._exchange(exchange, scope, receive, send, span)
                finally:
                    self._writes -= 1
            else:
                await self._exchange(exchange, scope, receive, send, span)
        except asyncio.CancelledError:
            if not self.draining.cuts_off():
                raise
            exchange.broken = "cut off as the process stops"  # in the middle of its answer: the server closes the connection
        finally:
            self._in_flight -= 1
            self._recorder.end(exchange)  # 8
            if span is not None:
                span.served(exchange)

    async def _exchange(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send, span: ServerSpan | None) -> None:
        headers = Headers({}, ())
        reply: Reply | Served | None
        try:
            exchange.request_id = _request_id(scope["headers"])
            headers = self._guard.check(scope)  # 1
            target = scope["raw_path"], scope["query_string"]
            shortcut = self._answering.shortcut(*target) if scope["method"] in _READS else None
            reply = None if shortcut is None else self._answering.kept(exchange, shortcut, headers, scope)  # 2 to 6
            if reply is not None:
                self._answering.count_kept(reply, headers, scope)
            else:
                path = segments(scope["raw_path"])
                owner = self._owner(path)
                if owner is not None:
                    if owner is self._files:
                        exchange.operation = PORTAL_FILE
                        self._take_in(scope["method"] in _READS)
                    scope[REQUEST_ID] = exchange.request_id
                    if span is not None and owner is self._service:
                        scope = span.handed_on(scope)
                    await owner(scope, receive, self._watched(exchange, send))
                    return
                if scope["method"] == "OPTIONS":
                    reply = self._options(path, headers)
                else:
                    self._take_in(scope["method"] in _READS)
                    reply = await self._answering.answer(exchange, path, headers, scope, receive)  # 2 to 6
        except ProxyError as error:
            headers = headers if headers.all else _outline(scope["headers"])
            reply = self._failure(exchange, error, headers)
        except ClientGoneError:
            exchange.gone = True
            return
        except asyncio.CancelledError:
            if exchange.status or not self.draining.cuts_off():
                raise
            # Nothing was sent to Dynamics: a write that may have been comes here as an error.
            self._recorder.shed("stopping")
            reply = self._failure(exchange, ProxyError(STOPPING, retry_after=RETRY_SECONDS), headers)
        except Exception as defect:
            self._recorder.defect(exchange, defect)
            reply = self._failure(exchange, ProxyError(INTERNAL_ERROR, cause=type(defect).__name__), headers)
        if isinstance(reply, Served):
            await self._delivery.send_kept(exchange, reply, headers, scope, send)  # 7
        else:
            await self._delivery.send_reply(exchange, reply, headers, scope, receive, send)  # 7
        self._answering.delivered(reply)

    def too_many(self) -> None:
        """A connection was refused, as there are too many."""
        self._recorder.shed("connections")

    def kept_answer(self, scope: Scope) -> tuple[int, bytes, bytes] | None:
        """The answer to a read that was answered before and is kept: for servers that can send it without a task.

        Args:
            scope: Of the request.

        Returns:
            Status, header lines and body; None when the request has to go the whole way.
        """
        shortcut = self._answering.shortcut(scope["raw_path"], scope["query_string"])
        if shortcut is None or (self._traces is not None and self._traces.chosen(scope)):
            return None
        exchange = Exchange(scope["method"], scope["raw_path"], perf_counter())
        try:
            headers = self._guard.headers(scope)  # 1: the line is that of a request that was answered before
            if not _MORE_TO_COME.isdisjoint(headers.single):
                return None
            served = self._answering.kept(exchange, shortcut, headers, scope)  # 2 to 6
            if served is None:
                return None
            exchange.request_id = _id_of(headers.single.get(b"x-request-id"))
            answer = self._delivery.at_once(exchange, served, headers, MOST_AT_ONCE)  # 7
        except ProxyError:
            return None  # the whole way answers it
        except Exception as defect:
            # The parser that called would take it for a malformed request.
            self._recorder.defect(exchange, defect)
            return None
        if answer is not None:
            self._answering.count_kept(served, headers, scope)
            self._recorder.record(exchange)  # 8
            self._answering.delivered(served)
        return answer

    def not_taken(self, scope: Scope) -> None:
        """A client did not read the kept answer that ``kept_answer`` gave for this scope, and was cut off."""
        shortcut = self._answering.shortcut(scope["raw_path"], scope["query_string"])
        self._recorder.gone(UNMATCHED if shortcut is None else shortcut.key.operation)

    def _owner(self, path: tuple[str, ...]) -> App | None:
        """The application that answers what is no operation of the old API; None for an operation."""
        api = is_api(path)
        if "/".join(path[: 2 if api else 1]).lower() in self._service_rooms:
            return self._service
        if api or (self._files is None and not path):
            return None
        if self._files is None:
            raise ProxyError(self._elsewhere)
        return self._files

    def _take_in(self, is_read: bool) -> None:
        """Refuse what would be one too many. What is kept, or of the service itself, never comes here.

        Raises:
            ProxyError: ``Stopping`` or ``Overloaded``.
        """
        limits = self.limits
        if self.draining.closed:
            self._shed("stopping")
            raise ProxyError(STOPPING, retry_after=RETRY_SECONDS)
        # Bodies that do not come in hold up who sends bodies, and nobody who reads.
        too_many = (
            self._in_flight - self._writes > limits.concurrency
            if is_read
            else self._in_flight > limits.concurrency + limits.registration_reserve
        )
        if too_many:
            self._shed("reads" if is_read else "registrations")
            raise ProxyError(OVERLOADED, retry_after=RETRY_SECONDS)

    def _shed(self, what: str) -> None:
        self._recorder.shed(what)
        note(SHED, what=what)

    def _options(self, path: tuple[str, ...], headers: Headers) -> Reply:
        origin = headers.get(b"origin")
        if origin is not None and headers.get(b"access-control-request-method") is not None:
            # Also for paths that do not exist, so that their error can be read.
            return Reply(204, headers=self._cors.preflight(origin, headers.get(b"access-control-request-headers")))
        return Reply(204, headers=[(b"allow", ", ".join(allowed_methods(path)).encode("ascii"))])

    def _failure(self, exchange: Exchange, error: ProxyError, headers: Headers) -> Reply:
        exchange.error = error
        # Its frames hold the exchange: else nothing of a failed request would be free before the collector comes round.
        error.__traceback__ = None
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
    """The caller's request id, of headers that nobody has looked at."""
    return _id_of(next((value for name, value in headers if name == b"x-request-id"), None))


def _id_of(given: bytes | None) -> str:
    """The request id that was given when it is well-formed, else a new one."""
    if given is not None:
        text = given.decode("latin-1")
        if is_request_id(text):
            return text
    return new_request_id()
