"""What the proxy says of itself: health, metrics and the description of the API. Answered by FastAPI."""

import os
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.faults.draining import Draining
from app.metrics import Metrics
from app.openapi import describe, documentation_page
from app.readiness import Readiness
from app.version import VERSION

_METHODS: Final = ["GET", "HEAD"]
_PAGE_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
}


def service_router(metrics: Metrics, readiness: Readiness, draining: Draining) -> APIRouter:
    """The routes of the service itself.

    Args:
        metrics: What ``/metrics`` shows.
        readiness: What ``/readyz`` says.
        draining: Whether the process is about to stop.
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
        reasons = [] if readiness.tokens_accepted else ["Dynamics refused the token or the origin"]
        reasons += readiness.reasons
        if not reasons:
            return JSONResponse({"status": "ready"})
        ready = readiness.ready
        return JSONResponse({"status": "degraded" if ready else "not ready", "reason": "; ".join(reasons)}, 200 if ready else 503)

    @router.api_route("/metrics", methods=_METHODS)
    async def show_metrics() -> Response:
        """All metrics in the Prometheus text format; of all workers when there are several."""
        registry = metrics.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
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
