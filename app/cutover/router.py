"""The third step of a request: gathers what is known of it, and has ``decision.py`` choose who answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from typing import Any, Final

import orjson
import structlog

from app.abuse.addresses import ClientAddresses, Trusted
from app.admin.attempts import Attempts
from app.bodies import Scope
from app.cutover.archived import Archived
from app.cutover.decision import Facts, Route, Rule, Source, bucket_of, decide, follows_page, or_archived
from app.cutover.places import Pages, Places
from app.cutover.settings import Cutover
from app.cutover.state import CutoverState, Stage
from app.guard import Headers
from app.metrics import Metrics
from translation.errors import EVENT_PLACE_UNKNOWN, SWITCHED_OFF, ProxyError
from translation.operations import BY_NAME, Operation
from translation.query import EMPTY, Query

log = structlog.get_logger("evtmgmt.cutover")

OVERRIDE_HEADER: Final = b"x-evtmgmt-backend"
CREDENTIAL_HEADER: Final = b"x-evtmgmt-admin"
RETRY_SECONDS: Final = 10
LISTS_SECONDS: Final = 15.0
"""How often the lists of both sides are looked at, while they decide."""
FIRST_LISTS_SECONDS: Final = 5.0
"""How long a request waits for the first lists."""
_PAGES: Final = frozenset({"get_event", "list_passes", "list_custom_registration_fields"})
"""What a page with a registration form is made of (PORTAL-FACTS)."""
_ALWAYS_REALTIME: Final = Route(Source.REALTIME, Rule.STAGE, "the stage is realtime")


class Router:
    """Chooses who answers.

    Args:
        state: Gives the cutover's state of this moment.
        settings: How visitors are told apart.
        credential: The admin credential, for testers; None when there is none.
        places: Where things live.
        both: Whether there is an outbound organisation at all.
        metrics: Counts the testers' headers.
        pages: Where visitors' pages came from; by default nothing is known yet.
        addresses: Finds visitors' addresses; by default no proxy is believed.
        attempts: Counts wrong credentials: this header must not be the place where they are tried without end.
        archived: What the archive holds, where there is one.
    """

    def __init__(
        self,
        state: Callable[[], CutoverState],
        settings: Cutover,
        credential: str | None,
        places: Places,
        metrics: Metrics,
        *,
        both: bool,
        pages: Pages | None = None,
        addresses: ClientAddresses | None = None,
        attempts: Attempts | None = None,
        archived: Archived | None = None,
    ) -> None:
        self._state = state
        self._salt = settings.salt
        self._sticky = None if settings.sticky_header is None else settings.sticky_header.lower().encode("latin-1")
        self._credential = None if credential is None else credential.encode("utf-8")
        self._places = places
        self._pages = pages or Pages(settings.page_memory)
        self._metrics = metrics
        self._addresses = addresses or ClientAddresses(Trusted())
        self._attempts = attempts or Attempts()
        self._both = both
        self._archived = archived
        self._lists_tried = asyncio.Event()

    @property
    def state(self) -> CutoverState:
        """The cutover's state of this moment."""
        return self._state()

    def at_once(self, name: str, asked: tuple[str, ...], headers: Headers, scope: Scope) -> Source | None:
        """Who answers a read that was answered before; None when that takes a closer look, or it is switched off.

        Args:
            name: The operation's.
            asked: The values of its path parameters as the portal sent them, in their order.
            headers: The request's.
            scope: The ASGI scope.
        """
        state = self._state()
        if self._is_simple(state, headers):
            return Source.REALTIME if self._archived is None else self._archived.at_once(name, asked, self._places)
        if OVERRIDE_HEADER in headers.single or self._waits_for_lists(state):
            return None
        operation = BY_NAME[name]
        parameters = dict(zip(operation.parameters, asked, strict=True))
        return self._decide(state, operation, parameters, headers, scope, EMPTY).source

    async def choose(
        self, operation: Operation, parameters: Mapping[str, str], headers: Headers, scope: Scope, query: Query
    ) -> Route:
        """The route of a request.

        Args:
            operation: What is asked.
            parameters: Path parameters as the portal sent them.
            headers: The request's.
            scope: The ASGI scope: the visitor's address is in it.
            query: The query, taken apart.

        Returns:
            A route that has a source.

        Raises:
            ProxyError: ``SwitchedOff`` or ``EventPlaceUnknown``.
        """
        state = self._state()
        if self._is_simple(state, headers) and self._archived is None:
            return _ALWAYS_REALTIME
        if self._waits_for_lists(state):
            try:
                await asyncio.wait_for(self._lists_tried.wait(), FIRST_LISTS_SECONDS)
            except TimeoutError:
                self._lists_tried.set()  # the next ones need not wait as well
                log.warning("the lists of events were not read yet")
        if self._both and follows_page(operation) and (event := parameters.get("event")) is not None:
            await self._pages.hear(self._bucket(self._visitor(headers, scope)), self._places.new_name(event))
        route = self._decide(state, operation, parameters, headers, scope, query)
        if route.source is None:
            if route.rule is Rule.LISTED:
                raise ProxyError(EVENT_PLACE_UNKNOWN, retry_after=RETRY_SECONDS, cause=route.why)
            raise ProxyError(SWITCHED_OFF, cause=route.why)
        return route

    def found(self, source: Source, operation: Operation, parameters: Mapping[str, str], headers: Headers, scope: Scope) -> None:
        """It turned out who has a thing that either side might have had.

        Args:
            source: Who answered.
            operation: What was asked.
            parameters: Path parameters as the portal sent them.
            headers: The request's.
            scope: The ASGI scope.
        """
        event = parameters.get("event")
        if event is None:
            for thing in parameters.values():
                self._places.found(source, thing)
        elif operation.name in _PAGES:
            self._saw_page(self._bucket(self._visitor(headers, scope)), event, source)

    async def follow_lists(self, read: Mapping[Source, Callable[[], Awaitable[Any]]], *, always: bool = False) -> None:
        """Run for ever: while the published lists decide, have them read every so often.

        Args:
            read: Reads the list of an organisation; what it answers reaches ``Places`` by itself.
            always: Whether somebody wants to see them when they do not decide.
        """
        while True:
            if always or self._needs_lists(self._state()):
                await asyncio.gather(*(self._read(source, ask) for source, ask in read.items()))
                self._lists_tried.set()
            unknown = self._places.listed(Source.REALTIME) is None
            await asyncio.sleep(1.0 if unknown and (self._needs_lists(self._state()) or not always) else LISTS_SECONDS)

    @staticmethod
    async def _read(source: Source, ask: Callable[[], Awaitable[Any]]) -> None:
        try:
            await ask()
        except ProxyError as error:
            log.warning("the list of events could not be read", organisation=source, code=error.kind.code)
        except Exception as defect:  # the other list, and the next look, shall not suffer
            log.error("defect", organisation=source, exc_info=defect)

    def _is_simple(self, state: CutoverState, headers: Headers) -> bool:
        """Whether real-time answers whatever is asked."""
        if OVERRIDE_HEADER in headers.single:
            return False
        return state.stage is Stage.REALTIME and state.plain and not self._both

    def _needs_lists(self, state: CutoverState) -> bool:
        return self._both and (state.stage is Stage.SPLIT or (state.stage is Stage.REALTIME and bool(state.latches)))

    def _waits_for_lists(self, state: CutoverState) -> bool:
        if self._lists_tried.is_set() or not self._needs_lists(state):
            return False
        return any(self._places.listed(side) is None for side in (Source.REALTIME, Source.OUTBOUND))

    def explain(self, operation: Operation, parameters: Mapping[str, str], visitor: bytes, query: Query) -> Route:
        """The route that a request would have now: nothing is counted, remembered or waited for.

        Args:
            operation: What would be asked.
            parameters: Path parameters as a portal would send them.
            visitor: What tells the visitor apart.
            query: The query, taken apart.
        """
        return self._route(self._state(), self._facts(operation, parameters, visitor, query, None))

    def is_listed(self, event: str) -> bool:
        """Whether an organisation is known to publish an event: callers write whatever they like in its place."""
        return self._places.is_listed(event)

    def needs_lists(self) -> bool:
        """Whether the published lists decide now."""
        return self._needs_lists(self._state())

    def _decide(
        self,
        state: CutoverState,
        operation: Operation,
        parameters: Mapping[str, str],
        headers: Headers,
        scope: Scope,
        query: Query,
    ) -> Route:
        visitor = self._visitor(headers, scope) if self._both else b""
        facts = self._facts(operation, parameters, visitor, query, self._override(headers, scope))
        route = self._route(state, facts)
        is_page = operation.name in _PAGES or operation.writes
        if is_page and self._both and facts.event is not None and route.source is not None:
            self._saw_page(facts.bucket, facts.event, route.source)
        return route

    def _bucket(self, visitor: bytes) -> int:
        return bucket_of(self._salt, visitor)

    def _saw_page(self, bucket: int, event: str, source: Source) -> None:
        # Under one id: outbound's pages name the old one, whatever they were asked by.
        self._pages.seen(bucket, self._places.new_name(event), source)

    def _route(self, state: CutoverState, facts: Facts) -> Route:
        route = decide(state, facts)
        # Whatever is kept of a time when there was another organisation.
        switched_off = route.source is None and route.rule is not Rule.LISTED
        if not (self._both or switched_off or route.source in (Source.REALTIME, Source.ARCHIVE)):
            route = _ALWAYS_REALTIME
        return route if self._archived is None else or_archived(route, facts, lists=self._archived.lists)

    def _facts(
        self, operation: Operation, parameters: Mapping[str, str], visitor: bytes, query: Query, override: Source | None
    ) -> Facts:
        event = parameters.get("event")
        holders: frozenset[Source] = frozenset()
        if event is None:
            if operation.name == "get_personal_calendar":
                event = _first_event(query)
            elif parameters:
                holders, event = self._places.holders(next(iter(parameters.values())))
        bucket = self._bucket(visitor) if self._both else 0
        facts = Facts(
            operation,
            event,
            None if event is None else self._places.publishers(event),
            holders,
            bucket,
            override,
            None if event is None or not follows_page(operation) else self._pages.source(bucket, self._places.new_name(event)),
            None if event is None else self._other_name(event),
            has_archive=self._archived is not None,
        )
        if self._archived is None or (event is None and not parameters):
            return facts
        thing = event if event is not None and ("event" in parameters or not parameters) else next(iter(parameters.values()))
        return self._archived.told(facts, self._places.old_name(thing), self._places)

    def _other_name(self, event: str) -> str | None:
        names = self._places.old_name(event), self._places.new_name(event)
        return next((name for name in names if name.casefold() != event.casefold()), None)

    def _visitor(self, headers: Headers, scope: Scope) -> bytes:
        """What tells a visitor apart: the configured header, of a list its first entry; else the address that limits count."""
        told = None if self._sticky is None else headers.get(self._sticky)
        if told:
            return told.partition(b",")[0].strip()
        return self._addresses.of(scope, headers.all).key.encode("ascii")

    def _override(self, headers: Headers, scope: Scope) -> Source | None:
        wanted = headers.get(OVERRIDE_HEADER)
        if wanted is None:
            return None
        source = {
            b"realtime": Source.REALTIME,
            b"outbound": Source.OUTBOUND if self._both else None,
            b"archive": None if self._archived is None else Source.ARCHIVE,
        }.get(wanted.lower())
        accepted = self._is_tester(headers, scope) and source is not None
        self._metrics.overrides.labels("accepted" if accepted else "ignored").inc()
        return source if accepted else None

    def _is_tester(self, headers: Headers, scope: Scope) -> bool:
        given = headers.get(CREDENTIAL_HEADER)
        if self._credential is None or not given:
            return False
        client = self._addresses.of(scope, headers.all).key
        if self._attempts.wait(client):
            return False  # unseen: else the right one would be found among many all the same
        if compare_digest(given, self._credential):
            return True
        self._attempts.failed(client)
        return False


def _first_event(query: Query) -> str | None:
    """The event that a personal calendar link is about: the first, when it names several. Letter case of keys does not matter."""
    try:
        fields = {key.lower(): value for key, value in orjson.loads(query.value("data") or "")[0].items()}
    except (ProxyError, ValueError, LookupError, TypeError, AttributeError):
        return None  # whoever answers tells what is wrong with it
    event = fields.get("readableeventid")
    return event if isinstance(event, str) else None
