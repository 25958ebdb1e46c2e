"""The one place that makes the application: of settings, the portal and the service's own pages."""

from functools import partial

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.abuse.addresses import ClientAddresses
from app.abuse.parts import build_addresses
from app.admin.parts import sources_of
from app.admin.sources import Sources
from app.assembly import build_portal
from app.calls import PROBLEM
from app.cutover.parts import Staging
from app.faults.draining import Draining
from app.gateway import REQUEST_ID, App
from app.hosting.host import Host
from app.logs import configure_logs
from app.metrics import Metrics
from app.outbox.outbox import Outbox
from app.parts import build_bridge
from app.problems import Problems
from app.readiness import Readiness
from app.redaction import Redactor
from app.rooms import rooms_of
from app.settings import Settings
from app.settings_sources import load_settings
from routes.bridge import bridge_router
from routes.service import service_router
from translation.errors import METHOD_NOT_ALLOWED, OPERATION_NOT_FOUND, ProxyError


def create_app(settings: Settings | None = None) -> Host:
    """The whole application, ready for uvicorn.

    Args:
        settings: What to run with; read from the environment when left out, as uvicorn's workers do.

    Raises:
        ConfigurationError: The environment's settings cannot be used.
    """
    settings = settings or load_settings()
    configure_logs(settings.log_level, Redactor(settings.secrets))
    draining = Draining()
    return Host(build_portal(settings, Metrics(), partial(_service, draining), draining), draining)


def _service(
    draining: Draining,
    settings: Settings,
    staging: Staging,
    metrics: Metrics,
    readiness: Readiness,
    problems: Problems,
    outbox: Outbox | None,
) -> tuple[App, frozenset[str]]:
    """The application for everything that is no operation of the old API."""
    # Starlette's redirects to paths without a slash at the end repeat the Host that the caller made up.
    service = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    service.include_router(service_router(metrics, readiness, draining))
    script = build_bridge(settings)
    if script is not None:
        service.include_router(bridge_router(script))
    if settings.admin.token is not None and staging.observed is not None:
        sources = sources_of(staging, staging.observed, metrics, outbox)
        _administer(service, settings.admin.token.get_secret_value(), build_addresses(settings), sources)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        kind = METHOD_NOT_ALLOWED if error.status_code == METHOD_NOT_ALLOWED.status else OPERATION_NOT_FOUND
        reply = problems.reply(ProxyError(kind), request.scope[REQUEST_ID], request.headers.get("accept-language"))
        return Response(reply.body, reply.status, media_type=PROBLEM.decode("ascii"), headers=error.headers)

    service.add_exception_handler(HTTPException, refused)
    return service, rooms_of(settings)


def _administer(service: FastAPI, token: str, addresses: ClientAddresses, sources: Sources) -> None:
    """Mount the admin API and the console."""
    # Templates cost a twentieth of a second, and most processes have no admin.
    from app.admin.access import Access
    from app.admin.credentials import Credentials
    from routes.admin import admin_router
    from routes.console import console_router

    access = Access(Credentials(token), addresses=addresses)
    service.include_router(admin_router(access, sources))
    service.include_router(console_router(access, sources))
