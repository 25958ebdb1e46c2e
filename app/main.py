"""The one place that assembles all parts."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.backend import Backend
from app.background import tell_defect
from app.budget import Budget, Need
from app.caching.cache import Cache
from app.caching.finishing import Finisher
from app.caching.reading import Reading
from app.caching.warming import warm_up
from app.calls import PROBLEM
from app.cors import Cors
from app.cutover.decision import Source
from app.cutover.places import Places
from app.cutover.router import Router
from app.cutover.settings import Outbound
from app.cutover.state import Stage
from app.delivery import Delivery
from app.gateway import REQUEST_ID, Gateway, Leg
from app.logs import access_log, configure_logs
from app.metrics import Metrics
from app.organisation import Organisation
from app.outbound import Outbound as OutboundBackend
from app.problems import Problems
from app.rates import read_rate, shared_among
from app.readiness import Readiness
from app.record import Recorder
from app.redaction import Redactor
from app.settings import Settings
from app.settings_sources import load_settings
from app.transport import build_transport
from app.upstream import Upstream
from app.version import VERSION
from routes import both_handlers, outbound_handlers, realtime_handlers
from routes.service import ROOMS, service_router
from translation.aliases import Aliases
from translation.errors import METHOD_NOT_ALLOWED, OPERATION_NOT_FOUND, ProxyError
from translation.messages import Messages
from translation.repairs import Repairs

WORKERS: Final = "WEB_CONCURRENCY"
"""The environment variable in which ``serve`` tells its processes how many they are."""
USER_AGENT: Final = f"evtmgmt-proxy/{VERSION}"


def create_app(settings: Settings | None = None) -> Gateway:
    """The whole application, ready for uvicorn.

    Args:
        settings: What to run with; read from the environment when left out, as uvicorn's workers do.

    Raises:
        ConfigurationError: The environment's settings cannot be used.
    """
    settings = settings or load_settings()
    configure_logs(settings.log_level, Redactor(settings.secrets))
    metrics = Metrics()
    state = settings.cutover.state()
    readiness = Readiness(metrics, lambda: _NEEDED[state.stage])
    aliases = aliases_of(settings)
    budget = build_budget(settings)
    places = Places(aliases)
    upstream = build_upstream(settings)
    backend = build_backend(settings, upstream, budget, metrics, readiness)
    cache = Cache(settings.cache.max_bytes, settings.cache.max_entries, metrics)
    finisher = Finisher(cache, settings.cache.max_entry_bytes, settings.upstream.total_timeout, settings.cache.browsers)
    problems = Problems(Messages(settings.messages))
    cors = Cors(settings.origins)
    credential = None if settings.admin.token is None else settings.admin.token.get_secret_value()
    both = settings.outbound is not None
    router = Router(lambda: state, settings.cutover, credential, places, metrics, both=both)

    def reading(source: Source) -> Reading:
        return Reading(settings.cache, cache, finisher, metrics, source=source)

    images = settings.upstream.max_image_bytes
    sides = {Source.REALTIME: reading(Source.REALTIME)}
    handlers = realtime_handlers(backend, sides[Source.REALTIME], aliases, images, places if both else None)
    legs = {Source.REALTIME: Leg(sides[Source.REALTIME], handlers, aliases.parameters)}
    organisations: list[Organised] = [Organised(Source.REALTIME, upstream, backend.probe)]
    if settings.outbound is not None:
        old_upstream = build_upstream(settings)
        outbound = build_outbound(settings.outbound, old_upstream, budget, metrics, readiness)
        sides[Source.OUTBOUND] = reading(Source.OUTBOUND)
        handlers = outbound_handlers(outbound, sides[Source.OUTBOUND], images, places)
        legs[Source.OUTBOUND] = Leg(sides[Source.OUTBOUND], handlers, aliases.old_parameters, knows_users=True)
        for source, first in ((Source.REALTIME_FIRST, Source.REALTIME), (Source.OUTBOUND_FIRST, Source.OUTBOUND)):
            union = reading(source)
            legs[source] = Leg(union, both_handlers(first, union, sides, aliases, metrics), aliases.parameters)
        organisations.append(Organised(Source.OUTBOUND, old_upstream, outbound.probe))
    return Gateway(
        legs=legs,
        router=router,
        service=_service(settings, router, legs, organisations, metrics, readiness, problems),
        service_rooms=ROOMS,
        limits=settings.limits,
        cors=cors,
        delivery=Delivery(cors, finisher, settings.limits.answer_timeout),
        problems=problems,
        recorder=Recorder(metrics),
        allow_query=settings.answers.allow_query,
        obeys_clients=settings.cache.obey_clients,
    )


_NEEDED: Final = {
    Stage.OUTBOUND: (Source.OUTBOUND,),
    Stage.SHADOW: (Source.OUTBOUND,),
    Stage.SPLIT: (Source.OUTBOUND, Source.REALTIME),
    Stage.REALTIME: (Source.REALTIME,),
}
"""Whose tokens have to be good for visitors to be served."""


@dataclass(frozen=True, slots=True)
class Organised:
    """An organisation's name, its connections, and a cheap call to it."""

    source: Source
    upstream: Upstream
    probe: Callable[[], Awaitable[None]]


def aliases_of(settings: Settings) -> Aliases:
    """Ids changed by the migration."""
    return Aliases.of(**settings.aliases.model_dump())


def build_budget(settings: Settings) -> Budget:
    """This process's part of the calls that may be made to Dynamics, of both APIs together."""
    rate, burst = shared_among(workers(), read_rate(settings.upstream.budget), settings.upstream.budget_burst)
    return Budget(rate, burst, settings.upstream.budget_wait)


def build_upstream(settings: Settings) -> Upstream:
    """The connections to an organisation."""
    return Upstream(
        build_transport(settings.upstream, USER_AGENT),
        total_timeout=settings.upstream.total_timeout,
        max_answer_bytes=settings.upstream.max_answer_bytes,
    )


def build_backend(
    settings: Settings,
    upstream: Upstream,
    budget: Budget,
    metrics: Metrics,
    readiness: Readiness,
    name: str = Source.REALTIME,
) -> Backend:
    """The real-time organisation, as the settings describe it."""
    repairs = Repairs(
        keep_registration_form=settings.answers.registration_form == "keep",
        keep_anonymous=settings.answers.allow_anonymous_registrations == "keep",
        captcha=False,
        upstream_hosts=frozenset({(urlsplit(settings.realtime.endpoint).hostname or "").lower()}),
    )
    realtime = settings.realtime
    token = realtime.token.get_secret_value()
    organisation = Organisation(name, realtime.endpoint, token, realtime.origin, upstream, budget, metrics)
    return Backend(organisation, realtime.configured, repairs, aliases_of(settings), metrics, readiness)


def build_outbound(
    settings: Outbound,
    upstream: Upstream,
    budget: Budget,
    metrics: Metrics,
    readiness: Readiness,
    name: str = Source.OUTBOUND,
) -> OutboundBackend:
    """The outbound organisation, as the settings describe it."""
    token = settings.token.get_secret_value()
    organisation = Organisation(name, settings.endpoint, token, settings.origin, upstream, budget, metrics)
    base = None if settings.public_url is None else (settings.endpoint, settings.public_url)
    return OutboundBackend(organisation, readiness, base)


def workers() -> int:
    """How many processes share the work, as ``serve`` tells them."""
    return int(os.environ.get(WORKERS, "1"))


def _service(
    settings: Settings,
    router: Router,
    legs: Mapping[Source, Leg],
    organisations: list[Organised],
    metrics: Metrics,
    readiness: Readiness,
    problems: Problems,
) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        probes = {str(organisation.source): organisation.probe for organisation in organisations}
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(readiness.watch(probes))]
        if len(organisations) > 1:
            read = {
                source: partial(legs[source].reading.value, "list_events", {}, (), Need.REFRESH)
                for source in (Source.REALTIME, Source.OUTBOUND)
            }
            tasks.append(asyncio.create_task(router.follow_lists(read)))
        if settings.cache.enabled and settings.cache.warm:
            warmed = legs[Source.OUTBOUND if router.state.stage in (Stage.OUTBOUND, Stage.SHADOW) else Source.REALTIME].reading
            tasks.append(asyncio.create_task(warm_up(warmed, settings.cache.warm_events, settings.cache.warm_rate / workers())))
        for task in tasks:
            task.add_done_callback(tell_defect)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(leg.reading.close() for leg in legs.values()))
            await asyncio.gather(*(organisation.upstream.close() for organisation in organisations))
            access_log.flush()

    # Starlette's redirects to paths without a slash at the end repeat the Host that the caller made up.
    service = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    service.include_router(service_router(metrics, readiness))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        kind = METHOD_NOT_ALLOWED if error.status_code == METHOD_NOT_ALLOWED.status else OPERATION_NOT_FOUND
        reply = problems.reply(ProxyError(kind), request.scope[REQUEST_ID], request.headers.get("accept-language"))
        return Response(reply.body, reply.status, media_type=PROBLEM.decode("ascii"), headers=error.headers)

    service.add_exception_handler(HTTPException, refused)
    return service
