"""Steps 2 to 6 of a request: which operation it is, who answers it, and what the answer is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.abuse.admission import Admission
from app.bodies import Receive, Scope, read_request_body
from app.caching.memory import Shortcut
from app.caching.reading import Reading
from app.caching.served import Outcome, Served
from app.calls import Call, Reply
from app.cutover.decision import Route, Source
from app.cutover.router import Router
from app.cutover.shadow import Shadow
from app.cutover.usage import Usage
from app.guard import Headers
from app.leaving import UnlessGone
from app.record import Exchange
from app.settings import Limits
from translation.errors import NOT_FOUND, ProxyError
from translation.headers import forwarded_headers
from translation.query import Query, read_query
from translation.targets import Match, match

Handler = Callable[[Call], Awaitable[Reply | Served]]


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


class Answering:
    """Answers the operations of the old API.

    Args:
        legs: Those who may answer.
        router: Chooses among them.
        admission: Says who may ask.
        limits: The bounds.
        allow_query: Query parameters that travel beside those of the table.
        obeys_clients: Whether ``Cache-Control: no-cache`` of a client is obeyed.
        shadow: Is shown what was answered, when there is one.
        usage: Counts what portals use, where somebody wants to know.
        deadline: Longest time for all calls that a request makes, in seconds.
    """

    def __init__(
        self,
        legs: Mapping[Source, Leg],
        router: Router,
        admission: Admission,
        limits: Limits,
        allow_query: tuple[str, ...],
        obeys_clients: bool,
        shadow: Shadow | None,
        usage: Usage | None,
        deadline: float,
    ) -> None:
        self.legs = legs
        self.router = router
        self.admission = admission
        self._limits = limits
        self._allow_query = allow_query
        self._obeys_clients = obeys_clients
        self.shadow = shadow
        self.usage = usage
        self._deadline = deadline

    def shortcut(self, raw_path: bytes, query: bytes) -> Shortcut | None:
        """What is known of a request target that was answered before, by whomever."""
        for leg in self.legs.values():
            shortcut = leg.reading.shortcut(raw_path, query)
            if shortcut is not None:
                return shortcut
        return None

    def kept(self, exchange: Exchange, shortcut: Shortcut, headers: Headers, scope: Scope) -> Served | None:
        """What is kept for a request target that was answered before. The limit of requests at once is none for it."""
        if self._anew(headers):
            return None
        key = shortcut.key
        if not self.admission.admits_kept(key.operation, key.asked, headers, scope):  # 2
            return None
        source = self.router.at_once(key.operation, key.asked, headers, scope)  # 3
        if source is None:
            return None
        leg = self.legs[source]
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
        return leg.reading.kept(key)  # 5

    async def answer(
        self, exchange: Exchange, path: tuple[str, ...], headers: Headers, scope: Scope, receive: Receive
    ) -> Reply | Served:
        """The answer to a request under the old base.

        Args:
            exchange: For the record.
            path: The decoded segments.
            headers: The request's.
            scope: The ASGI scope.
            receive: The ASGI callable.

        Raises:
            ProxyError: A row of the closed list.
            ClientGoneError: The client left.
        """
        found = match(path, scope["method"])  # 2
        operation = found.operation
        exchange.operation = operation.name
        query = read_query(scope["query_string"], (*operation.query, *self._allow_query))
        exchange.dropped = query.dropped
        await self.admission.admit(operation, found.parameters, headers, scope)
        body = b""
        if operation.writes:
            # A visitor who leaves after pressing "Register" is registered all the same: a write is never cut off.
            body = await read_request_body(receive, headers, self._limits)
            body = await self.admission.challenged(operation, found.parameters, headers, scope, body)
        route = await self.router.choose(operation, found.parameters, headers, scope, query)  # 3
        assert route.source is not None  # noqa: S101 - the router says so
        exchange.backend = route.source
        if self.usage is not None:
            event = found.parameters.get("event")
            named = event if event is not None and self.router.is_listed(event) else None  # else it may hold anything
            self.usage.note(operation.name, named, headers.single, scope["query_string"], body)
        call = self._call(exchange, found, route.source, query, headers, body)  # 4
        if operation.writes:
            try:
                written = await self.legs[route.source].handlers[operation.name](call)  # 5, 6
            except ProxyError as error:
                if error.kind is not NOT_FOUND or not route.archived:
                    raise
                call = self._call(exchange, found, Source.ARCHIVE, query, headers, body)  # it tells that registration is over
                written = await self.legs[Source.ARCHIVE].handlers[operation.name](call)
            if isinstance(written, Reply) and written.backend is not None:
                exchange.backend = written.backend
            return written
        async with UnlessGone(scope, receive, self._may_end):
            try:
                reply = await self.legs[route.source].handlers[operation.name](call)  # 5, 6
            except ProxyError as error:
                if error.kind is not NOT_FOUND or not (route.archived or route.otherwise is not None):
                    raise
                call, reply = await self._elsewhere(route, partial(self._call, exchange, found, query=query, headers=headers))
        if isinstance(reply, Served):
            reading = self.legs[Source(call.source)].reading
            reading.remember(scope["raw_path"], scope["query_string"], reply.entry, query.dropped)
        if route.otherwise is not None and call.source != Source.ARCHIVE:
            self.router.found(Source(call.source), operation, found.parameters, headers, scope)
        return reply

    def count_kept(self, served: Served, headers: Headers, scope: Scope) -> None:
        """Count a kept answer for who wants to know what portals use; ``answer`` does so itself."""
        if self.usage is not None:
            key = served.entry.key
            self.usage.note_kept(key.operation, key.asked, headers.single, scope["query_string"])

    def delivered(self, reply: Reply | Served) -> None:
        """An answer is on its way to the client."""
        if self.shadow is None:
            return
        if isinstance(reply, Served):
            self.shadow.offer(reply.entry.call, reply.entry.body)
        elif reply.call is not None:
            self.shadow.offer(reply.call, reply.body)

    async def _elsewhere(self, route: Route, call_of: Callable[..., Call]) -> tuple[Call, Reply | Served]:
        """The answer to a read of those who are asked next, and the call that brought it.

        Raises:
            ProxyError: What the last of them failed with.
        """
        if route.otherwise is not None:
            call = call_of(source=route.otherwise)  # 4
            try:
                return call, await self.legs[route.otherwise].handlers[call.operation.name](call)  # 5, 6
            except ProxyError as error:
                if error.kind is not NOT_FOUND or not route.archived:
                    raise
        call = call_of(source=Source.ARCHIVE)  # 4
        return call, await self.legs[Source.ARCHIVE].handlers[call.operation.name](call)  # 5, 6

    def _call(self, exchange: Exchange, found: Match, source: Source, query: Query, headers: Headers, body: bytes = b"") -> Call:
        """The request as it goes to one of those who may answer."""
        leg = self.legs[source]
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
            until=exchange.started + self._deadline,
            leads=not operation.writes,
            authorization=headers.text(b"authorization") if leg.knows_users else None,
        )

    def _may_end(self, task: asyncio.Task[Any]) -> bool:
        """Whether what is read in a task is of use to nobody, now that its visitor left."""
        return all(leg.reading.leave(task) for leg in self.legs.values())

    def _anew(self, headers: Headers) -> bool:
        """Whether the client asks for an answer that is not kept, and may."""
        return self._obeys_clients and b"no-cache" in (headers.get(b"cache-control") or b"").lower()
