"""Which rule would decide a request, and why: for the ``explain`` command and the console."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from app.archive.archive import Archive
from app.budget import Budget
from app.calls import Call
from app.cutover.decision import Route, Source
from app.cutover.live import open_store
from app.cutover.places import Places
from app.cutover.router import Router
from app.cutover.state import CutoverState
from app.metrics import Metrics
from app.parts import aliases_of, archived_of, build_backend, build_outbound, build_upstream
from app.readiness import Readiness
from app.settings import Settings
from translation.errors import ProxyError
from translation.operations import BY_NAME, OLD_BASES
from translation.query import read_query
from translation.targets import is_api, match, segments


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would become of a request.

    Attributes:
        operation: The operation's name.
        state: The cutover's state.
        version: Its version; 0 when nothing is kept.
        route: Who would answer, by which rule, and why.
        unread: The organisations whose lists of events could not be read, though they decide.
    """

    operation: str
    state: CutoverState
    version: int
    route: Route
    unread: tuple[Source, ...] = ()


def explain(router: Router, method: str, path: str, visitor: str) -> tuple[str, Route]:
    """The operation that a request names, and its route.

    Args:
        router: Chooses.
        method: The HTTP method.
        path: The path and query as a portal sends them, with or without the old base before.
        visitor: What tells the visitor apart.

    Raises:
        ProxyError: The path or method is none of an operation.
    """
    target, _, query = path.encode("utf-8").partition(b"?")
    raw = target if target.startswith(b"/") else b"/" + target
    if not is_api(segments(raw)):
        raw = f"/{OLD_BASES[0]}".encode("ascii") + raw
    found = match(segments(raw), method.upper())
    read = read_query(query, found.operation.query)
    return found.operation.name, router.explain(found.operation, found.parameters, visitor.encode("utf-8"), read)


async def explain_now(settings: Settings, method: str, path: str, visitor: str) -> Explanation:
    """The same for the command line: with the state that is kept, and with lists that are read now where they decide.

    Args:
        settings: What the proxy runs with.
        method: The HTTP method.
        path: As of ``explain``.
        visitor: As of ``explain``.

    Raises:
        ProxyError: The path or method is none of an operation.
        StoreAwayError: The state that is kept cannot be read.
        ArchiveError: The archive cannot be read.
    """
    metrics = Metrics()
    store = open_store(settings.state, settings.realtime.endpoint, settings.portal_name)
    try:
        kept = await store.current()
    finally:
        await store.close()
    state = settings.cutover.state() if kept is None else kept.state
    places = Places(aliases_of(settings))
    held = None if settings.archive.path is None else Archive(settings.archive.path)
    archived = None if held is None else archived_of(settings, held)
    router = Router(lambda: state, settings.cutover, None, places, metrics, both=settings.outbound is not None, archived=archived)
    unread = await _read_lists(settings, places, metrics) if router.needs_lists() or held is not None else ()
    if held is not None:
        held.close()
    operation, route = explain(router, method, path, visitor)
    return Explanation(operation, state, 0 if kept is None else kept.version, route, unread)


async def _read_lists(settings: Settings, places: Places, metrics: Metrics) -> tuple[Source, ...]:
    """Read the lists of events that there are; gives the organisations that failed."""
    upstreams = [build_upstream(settings.upstream) for _ in range(2)]
    budget, readiness = Budget(None, 1, 0), Readiness(metrics)
    backend = build_backend(settings, upstreams[0], budget, metrics, readiness)
    reads: dict[Source, Callable[[Call], Awaitable[Any]]] = {Source.REALTIME: backend.read}
    if settings.outbound is not None:
        reads[Source.OUTBOUND] = build_outbound(settings.outbound, upstreams[1], budget, metrics, readiness).value

    async def read(source: Source) -> Source | None:
        try:
            places.learn(source, "list_events", {}, await reads[source](Call(BY_NAME["list_events"], {}, {})))
        except ProxyError:
            return source
        return None

    try:
        found = await asyncio.gather(*map(read, reads))
    finally:
        await asyncio.gather(*(upstream.close() for upstream in upstreams))
    return tuple(source for source in found if source is not None)
