"""What the proxy says of itself: health, metrics and the description of the API. Answered by FastAPI."""

import os
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics import exposition as open_metrics

from app.faults.draining import Draining
from app.hosting.standing import Standing
from app.metric_kinds import OnePortal
from app.metrics import Metrics
from app.openapi import describe, documentation_page
from app.scraping import Scrapers
from app.version import VERSION

OPEN_METRICS: Final = "application/openmetrics-text"
_METHODS: Final = ["GET", "HEAD"]
_REFUSED: Final = {
    "www-authenticate": 'Bearer realm="metrics"',
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}
_PAGE_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


def service_router(metrics: Metrics, standing: Standing, draining: Draining, scrapers: Scrapers) -> APIRouter:
    """The routes of the service itself.

    Args:
        metrics: What ``/metrics`` shows.
        standing: What ``/readyz`` says.
        draining: Whether the process is about to stop.
        scrapers: Who may read ``/metrics``.
    """
    router = APIRouter(tags=["service"])
    document = describe(VERSION)
    page = documentation_page(document)

    @router.api_route("/livez", methods=_METHODS, response_class=PlainTextResponse)
    async def live() -> str:
        """The process runs. Nothing else is asked, so that a sick upstream restarts nobody."""
        return "ok\n"

    @router.api_route("/readyz", methods=_METHODS)
    async def ready() -> JSONResponse:
        """Configured, not about to stop, and Dynamics has not refused the token. What is degraded is told, and serves on."""
        if draining.leaving:
            return JSONResponse({"status": "not ready", "reason": "the process was told to stop"}, 503)
        ready, said = standing.report()
        return JSONResponse(said, 200 if ready else 503)

    @router.api_route("/metrics", methods=_METHODS)
    async def show_metrics(request: Request, portal: str | None = None, accept: Annotated[str, Header()] = "") -> Response:
        """All metrics in the Prometheus text format; of all workers when there are several, of one portal when it is named.

        Who asks for OpenMetrics, as Prometheus does, gets that, with the traces that stand for some of the numbers.
        """
        if not scrapers.admits(request.headers.get("authorization")):
            return PlainTextResponse("EVTMGMT_METRICS__TOKEN is needed as a bearer token\n", 401, _REFUSED)
        registry: CollectorRegistry = metrics.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        if portal is not None:
            one = CollectorRegistry()
            one.register(OnePortal(registry, portal))
            registry = one
        if OPEN_METRICS in accept.lower():
            text = open_metrics.generate_latest(registry)  # type: ignore[no-untyped-call]
            return Response(text, media_type=open_metrics.CONTENT_TYPE_LATEST)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @router.api_route("/openapi.json", methods=_METHODS)
    async def openapi() -> JSONResponse:
        """The old API, described for machines."""
        return JSONResponse(document)

    @router.api_route("/docs", methods=_METHODS, response_class=HTMLResponse)
    async def documentation() -> HTMLResponse:
        """The old API, described for people."""
        return HTMLResponse(page, headers=_PAGE_HEADERS)

    return router
