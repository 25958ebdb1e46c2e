"""The one place that assembles all parts."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.backend import Backend
from app.background import tell_defect
from app.budget import Budget
from app.caching.cache import Cache
from app.caching.finishing import Finisher
from app.caching.reading import Reading
from app.caching.warming import warm_up
from app.calls import PROBLEM
from app.cors import Cors
from app.delivery import Delivery
from app.gateway import REQUEST_ID, Gateway
from app.logs import access_log, configure_logs
from app.metrics import Metrics
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
from routes import handlers
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
    readiness = Readiness(metrics)
    aliases = Aliases.of(**settings.aliases.model_dump())
    upstream = build_upstream(settings)
    backend = build_backend(settings, upstream, aliases, metrics, readiness)
    cache = Cache(settings.cache.max_bytes, settings.cache.max_entries, metrics)
    finisher = Finisher(cache, settings.cache.max_entry_bytes, settings.upstream.total_timeout, settings.cache.browsers)
    reading = Reading(settings.cache, cache, finisher, metrics)
    problems = Problems(Messages(settings.messages))
    cors = Cors(settings.origins)
    return Gateway(
        handlers=handlers(backend, reading, aliases, settings.upstream.max_image_bytes),
        service=_service(settings, backend, reading, upstream, metrics, readiness, problems),
        service_rooms=ROOMS,
        limits=settings.limits,
        cors=cors,
        reading=reading,
        delivery=Delivery(cors, finisher, settings.limits.answer_timeout),
        problems=problems,
        recorder=Recorder(metrics),
        aliases=aliases,
        allow_query=settings.answers.allow_query,
        backend=backend.name,
    )


def build_upstream(settings: Settings) -> Upstream:
    """The connections to the real-time organisation."""
    return Upstream(
        build_transport(settings.upstream, USER_AGENT),
        total_timeout=settings.upstream.total_timeout,
        max_answer_bytes=settings.upstream.max_answer_bytes,
    )


def build_backend(settings: Settings, upstream: Upstream, aliases: Aliases, metrics: Metrics, readiness: Readiness) -> Backend:
    """The real-time organisation, as the settings describe it."""
    repairs = Repairs(
        keep_registration_form=settings.answers.registration_form == "keep",
        keep_anonymous=settings.answers.allow_anonymous_registrations == "keep",
        captcha=False,
        upstream_hosts=frozenset({(urlsplit(settings.realtime.endpoint).hostname or "").lower()}),
    )
    rate, burst = shared_among(workers(), read_rate(settings.upstream.budget), settings.upstream.budget_burst)
    budget = Budget(rate, burst, settings.upstream.budget_wait)
    return Backend(settings.realtime, upstream, budget, repairs, aliases, metrics, readiness)


def workers() -> int:
    """How many processes share the work, as ``serve`` tells them."""
    return int(os.environ.get(WORKERS, "1"))


def _service(
    settings: Settings,
    backend: Backend,
    reading: Reading,
    upstream: Upstream,
    metrics: Metrics,
    readiness: Readiness,
    problems: Problems,
) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(readiness.watch(backend.probe))]
        if settings.cache.enabled and settings.cache.warm:
            tasks.append(asyncio.create_task(warm_up(reading, settings.cache.warm_events, settings.cache.warm_rate / workers())))
        for task in tasks:
            task.add_done_callback(tell_defect)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await reading.close()
            await upstream.close()
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
