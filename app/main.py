"""The one place that makes the application: of settings, the portals and the service's own pages."""

from functools import partial

from fastapi import FastAPI, Request, Response
from opentelemetry.trace import TracerProvider
from starlette.exceptions import HTTPException

from app.abuse.parts import build_addresses
from app.admin.parts import sources_of
from app.admin.sources import Sources
from app.assembly import build_front, build_portal
from app.calls import PROBLEM
from app.cutover.parts import Staging
from app.faults.draining import Draining
from app.gateway import REQUEST_ID, App
from app.hosting.budgets import Budgets
from app.hosting.generation import Generation
from app.hosting.host import Host
from app.hosting.installation import Installation, alone, load_installation
from app.hosting.reloading import Reloader
from app.hosting.standing import Standing
from app.hosting.watching import files_hash
from app.logs import configure_logs
from app.metric_kinds import NO_PORTAL, Registry
from app.metrics import Metrics
from app.outbox.outbox import Outbox
from app.parts import build_bridge
from app.problems import Problems
from app.readiness import Readiness
from app.redaction import Redactor
from app.rooms import SERVICE, rooms_of
from app.scraping import Scrapers
from app.settings import Settings
from app.telemetry.pages import telemetry_of_pages
from app.telemetry.parts import build_tracing
from app.telemetry.tracing import Tracing
from routes.bridge import bridge_router
from routes.service import service_router
from translation.errors import METHOD_NOT_ALLOWED, OPERATION_NOT_FOUND, PORTAL_NOT_FOUND, ErrorKind, ProxyError
from translation.messages import Messages


def create_app(given: Settings | Installation | None = None) -> Host:
    """The whole application, ready for uvicorn.

    Args:
        given: What to run with, for good. When left out, it is read from environment and files, and followed.

    Raises:
        ConfigurationError: The settings cannot be used.
    """
    seen = files_hash() if given is None else b""
    installation = load_installation() if given is None else alone(given) if isinstance(given, Settings) else given
    metrics = Metrics(Registry(portals=installation.has_table))
    standing, draining = Standing(metrics), Draining()
    tracing = build_tracing(installation.process.telemetry, metrics)
    make = partial(_generation, metrics, standing, draining, Budgets(), tracing)
    generation = make(installation)
    standing.readiness = {name: portal.readiness for name, portal in generation.portals.items()}
    if given is not None:
        return Host(generation, draining, tracing=tracing)
    reloader = Reloader(load_installation, files_hash, make, standing, metrics, seen)
    return Host(generation, draining, reloader, tracing)


def _generation(
    metrics: Metrics,
    standing: Standing,
    draining: Draining,
    budgets: Budgets,
    tracing: Tracing | None,
    installation: Installation,
    before: Generation | None = None,
) -> Generation:
    """All portals of an installation, beside those that serve up to now.

    Raises:
        ConfigurationError: The place of a state cannot be used.
    """
    # What was a secret stays one: the lines of requests under way may hold it.
    secrets = (*installation.secrets, *(() if before is None else before.installation.secrets))
    configure_logs(installation.process.log_level, Redactor(secrets))
    portals = {}
    sample = installation.process.telemetry.sample
    provider = None if tracing is None else tracing.provider
    for name, settings in installation.portals.items():
        own = metrics.of(name)
        service = partial(_service, None if installation.has_table else (standing, draining), provider=provider)
        old = None if before is None else before.portals.get(name)
        traces = None if tracing is None else tracing.traces(own.portal, sample)
        portals[name] = build_portal(settings, own, budgets, service, draining, old, traces)
    if not installation.has_table:
        return Generation(installation, portals, None, before)
    pages = _pages(Problems(Messages({})), PORTAL_NOT_FOUND, provider)
    pages.include_router(service_router(metrics, standing, draining, Scrapers(installation.process.metrics.token)))
    of_none = None if tracing is None else tracing.traces(None, sample)
    front = build_front(installation.process.limits, metrics.of(NO_PORTAL), pages, SERVICE, draining, of_none)
    return Generation(installation, portals, front, before)


def _service(
    of_all: tuple[Standing, Draining] | None,
    settings: Settings,
    staging: Staging,
    metrics: Metrics,
    readiness: Readiness,
    problems: Problems,
    outbox: Outbox | None,
    provider: TracerProvider | None = None,
) -> tuple[App, frozenset[str]]:
    """The application for everything at a portal that is no operation of the old API.

    Args:
        of_all: What the pages of the whole service tell of; None where they are no portal's.
        settings: The portal's.
        staging: Its cutover.
        metrics: Its metrics.
        readiness: Whether its tokens are taken.
        problems: Writes its errors.
        outbox: Its outbox, where there is one.
        provider: Who traces its pages; None for nobody.
    """
    service = _pages(problems, OPERATION_NOT_FOUND, provider)
    rooms = rooms_of(settings)
    if of_all is not None:
        service.include_router(service_router(metrics, *of_all, Scrapers(settings.metrics.token)))
    else:
        rooms -= SERVICE
    script = build_bridge(settings)
    if script is not None:
        service.include_router(bridge_router(script))
    if settings.admin.token is not None and staging.observed is not None:
        sources = sources_of(staging, staging.observed, metrics, outbox)
        _administer(service, settings, settings.admin.token.get_secret_value(), sources)
    return service, rooms


def _pages(problems: Problems, nothing: ErrorKind, provider: TracerProvider | None) -> FastAPI:
    """An application without pages so far."""
    # Starlette's redirects to paths without a slash at the end repeat the Host that the caller made up.
    telemetry = telemetry_of_pages(provider)
    service = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, telemetry=telemetry)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        kind = METHOD_NOT_ALLOWED if error.status_code == METHOD_NOT_ALLOWED.status else nothing
        reply = problems.reply(ProxyError(kind), request.scope[REQUEST_ID], request.headers.get("accept-language"))
        # A cache in front may keep a 404 or 405 that says nothing of it (RFC 9110 15.1), with somebody's correlation id.
        own = {**(error.headers or {}), "cache-control": "no-store", "x-content-type-options": "nosniff"}
        return Response(reply.body, reply.status, media_type=PROBLEM.decode("ascii"), headers=own)

    service.add_exception_handler(HTTPException, refused)
    return service


def _administer(service: FastAPI, settings: Settings, token: str, sources: Sources) -> None:
    """Mount the admin API and the console."""
    # Templates cost a twentieth of a second, and most processes have no admin.
    from app.admin.access import Access
    from app.admin.credentials import Credentials
    from routes.admin import admin_router
    from routes.console import console_router

    access = Access(Credentials(token, portal=settings.portal_name), addresses=build_addresses(settings))
    service.include_router(admin_router(access, sources))
    if not settings.portal_name:
        service.include_router(console_router(access, sources))
