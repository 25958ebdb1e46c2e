"""The one place that assembles all parts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.admin.parts import sources_of
from app.admin.sources import Sources
from app.answering import Answering, Leg
from app.background import tell_defect
from app.budget import Need
from app.caching.cache import Cache
from app.caching.finishing import Finisher
from app.caching.reading import Reading
from app.caching.warming import warm_up
from app.calls import PROBLEM
from app.cors import Cors
from app.cutover.decision import Source
from app.cutover.parts import Staging, stage
from app.cutover.state import Stage
from app.delivery import Delivery
from app.gateway import REQUEST_ID, Gateway
from app.logs import access_log, configure_logs
from app.metrics import Metrics
from app.outbox.outbox import Outbox
from app.outbox.parts import build_outbox
from app.parts import aliases_of, build_backend, build_budget, build_upstream, workers
from app.problems import Problems
from app.readiness import Readiness
from app.record import Recorder
from app.redaction import Redactor
from app.settings import Settings
from app.settings_sources import load_settings
from routes import both_handlers, outbound_handlers, realtime_handlers
from routes.service import ADMIN_ROOMS, ROOMS, service_router
from translation.errors import METHOD_NOT_ALLOWED, OPERATION_NOT_FOUND, ProxyError
from translation.messages import Messages


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
    budget = build_budget(settings)
    staging, readiness = stage(settings, budget, metrics)
    aliases = aliases_of(settings)
    upstream = build_upstream(settings.upstream)
    staging.upstreams.append(upstream)
    backend = build_backend(settings, upstream, budget, metrics, readiness, observe=staging.observer(Source.REALTIME))
    cache = Cache(settings.cache.max_bytes, settings.cache.max_entries, metrics)
    finisher = Finisher(cache, settings.cache.max_entry_bytes, settings.upstream.total_timeout, settings.cache.browsers)
    problems = Problems(Messages(settings.messages))
    cors = Cors(settings.origins)

    def reading(source: Source) -> Reading:
        return Reading(settings.cache, cache, finisher, metrics, source=source)

    images = settings.upstream.max_image_bytes
    sides = {Source.REALTIME: reading(Source.REALTIME)}
    outbox = build_outbox(settings, backend, sides[Source.REALTIME].registered, metrics, readiness)
    places = staging.places if staging.observed else None
    handlers = realtime_handlers(backend, sides[Source.REALTIME], aliases, images, places, outbox)
    legs = {Source.REALTIME: Leg(sides[Source.REALTIME], handlers, aliases.parameters)}
    probes = {Source.REALTIME: backend.probe}
    if staging.outbound is not None:
        sides[Source.OUTBOUND] = reading(Source.OUTBOUND)
        handlers = outbound_handlers(staging.outbound, sides[Source.OUTBOUND], images, staging.places)
        legs[Source.OUTBOUND] = Leg(sides[Source.OUTBOUND], handlers, aliases.old_parameters, knows_users=True)
        probes[Source.OUTBOUND] = staging.outbound.probe
        for source, first in ((Source.REALTIME_FIRST, Source.REALTIME), (Source.OUTBOUND_FIRST, Source.OUTBOUND)):
            union = reading(source)
            legs[source] = Leg(union, both_handlers(first, union, sides, aliases, metrics), aliases.parameters)
    answering = Answering(
        legs,
        staging.router,
        settings.limits,
        settings.answers.allow_query,
        settings.cache.obey_clients,
        staging.shadow,
        None if staging.observed is None else staging.observed.usage,
    )
    return Gateway(
        answering=answering,
        service=_service(settings, staging, legs, probes, metrics, readiness, problems, outbox),
        service_rooms=ROOMS if settings.admin.token is None else ROOMS | ADMIN_ROOMS,
        limits=settings.limits,
        cors=cors,
        delivery=Delivery(cors, finisher, settings.limits.answer_timeout),
        problems=problems,
        recorder=Recorder(metrics, None if staging.observed is None else staging.observed.traffic.answered),
    )


def _service(
    settings: Settings,
    staging: Staging,
    legs: Mapping[Source, Leg],
    probes: Mapping[Source, Callable[[], Awaitable[None]]],
    metrics: Metrics,
    readiness: Readiness,
    problems: Problems,
    outbox: Outbox | None,
) -> FastAPI:
    def background() -> list[Coroutine[Any, Any, Any]]:
        found: list[Coroutine[Any, Any, Any]] = [readiness.watch(probes), *staging.tasks()]
        if len(probes) > 1 or settings.admin.token is not None:
            read = {side: partial(legs[side].reading.value, "list_events", {}, (), Need.REFRESH) for side in probes}
            found.append(staging.router.follow_lists(read, always=settings.admin.token is not None))
        if settings.cache.enabled and settings.cache.warm:
            first = Source.OUTBOUND if staging.router.state.stage in (Stage.OUTBOUND, Stage.SHADOW) else Source.REALTIME
            rate = settings.cache.warm_rate / workers()
            found.append(warm_up(legs[first].reading, settings.cache.warm_events, rate))
        return found

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await staging.start()
        tasks = [asyncio.create_task(work) for work in background()]
        for task in tasks:
            task.add_done_callback(tell_defect)
        if outbox is not None:
            outbox.start()
        try:
            yield
        finally:
            if outbox is not None:
                await outbox.close(settings.limits.shutdown_timeout)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(leg.reading.close() for leg in legs.values()))
            await staging.close()
            access_log.flush()

    # Starlette's redirects to paths without a slash at the end repeat the Host that the caller made up.
    service = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    service.include_router(service_router(metrics, readiness))
    if settings.admin.token is not None and staging.observed is not None:
        _administer(service, settings.admin.token.get_secret_value(), sources_of(staging, staging.observed, metrics, outbox))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        kind = METHOD_NOT_ALLOWED if error.status_code == METHOD_NOT_ALLOWED.status else OPERATION_NOT_FOUND
        reply = problems.reply(ProxyError(kind), request.scope[REQUEST_ID], request.headers.get("accept-language"))
        return Response(reply.body, reply.status, media_type=PROBLEM.decode("ascii"), headers=error.headers)

    service.add_exception_handler(HTTPException, refused)
    return service


def _administer(service: FastAPI, token: str, sources: Sources) -> None:
    """Mount the admin API and the console."""
    # Templates cost a twentieth of a second, and most processes have no admin.
    from app.admin.access import Access
    from app.admin.credentials import Credentials
    from routes.admin import admin_router
    from routes.console import console_router

    access = Access(Credentials(token))
    service.include_router(admin_router(access, sources))
    service.include_router(console_router(access, sources))
