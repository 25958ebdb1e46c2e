"""The admin API: the cutover's state and what is known of it, as JSON under ``/admin``. Answered by FastAPI."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Header, Query
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.admin.access import Access
from app.admin.changes import NoOutboundError, Order, apply, mistakes
from app.admin.guarding import read_json, same_origin
from app.admin.problems import AdminError, Kind
from app.admin.sources import Sources
from app.admin.views.cutover import Audit, Cutover, show_audit, show_cutover
from app.admin.views.differences import Differences, show_differences
from app.admin.views.events import Events, show_events
from app.admin.views.operations import Operations, show_operations
from app.admin.views.readiness import Readiness, show_readiness
from app.cutover.decision import Rule, Source
from app.cutover.store import ConflictError, Snapshot, StoreAwayError
from app.gateway import REQUEST_ID
from app.version import VERSION
from translation.errors import ProxyError

log = structlog.get_logger("evtmgmt.admin")
_PROBLEM: Final = "application/problem+json"
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_MOST_LINES: Final = 200


class Problem(BaseModel):
    """An error (RFC 9457). ``code`` is one of a closed list; ``current`` is the state, where it was changed meanwhile."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    correlationId: str  # noqa: N815 - as everywhere in the product
    current: Cutover | None = None


class Explanation(BaseModel):
    """Who would answer a request, and why; ``source`` is null when nobody would. With ``archived`` the archive is asked last."""

    operation: str
    source: Source | None
    otherwise: Source | None
    archived: bool
    rule: Rule
    why: str


def admin_router(access: Access, sources: Sources) -> APIRouter:
    """The routes of the admin API.

    Args:
        access: Who may ask.
        sources: What is read, and changed.
    """
    responses: dict[int | str, dict[str, Any]] = {"default": {"model": Problem, "content": {_PROBLEM: {}}}}
    router = APIRouter(prefix="/admin", tags=["admin"], route_class=_route_class(access), responses=responses)

    def shown(snapshot: Snapshot) -> Cutover:
        store = sources.live.store
        return show_cutover(snapshot, both=sources.both, durable=store.durable, place=store.place, away=sources.live.away)

    @router.get("/cutover")
    async def show(response: Response) -> Cutover:
        """The state of the cutover. Its version is the answer's ETag."""
        snapshot = await sources.snapshot()
        response.headers["ETag"] = _etag(snapshot)
        return shown(snapshot)

    @router.patch("/cutover", openapi_extra=_body_of(Order))
    async def change(
        request: Request,
        response: Response,
        if_match: Annotated[str | None, Header(description="The state's ETag, or *.")] = None,
    ) -> Cutover:
        """Change the state. What is left out stays; null takes a switch away."""
        same_origin(request)
        try:
            order = Order.model_validate(await read_json(request))
        except ValidationError as invalid:
            raise AdminError(Kind.InvalidChange, mistakes(invalid)) from None
        if order.empty:
            raise AdminError(Kind.InvalidChange, "Nothing is wished: name stage, percent, operations, events or clear_latches.")
        expected = _version(if_match)
        who = order.who or request.state.person.who or "admin API"
        try:
            snapshot = await sources.live.change(lambda state: apply(state, order, both=sources.both), who, order.why, expected)
        except ConflictError as conflict:
            current = conflict.current
            raise AdminError(
                Kind.VersionMismatch,
                f"The state is version {current.version} now: look at it, and change that.",
                {"ETag": _etag(current)},
                current=shown(current).model_dump(mode="json"),
            ) from None
        except NoOutboundError as refused:
            raise AdminError(Kind.NoOutbound, str(refused)) from None
        except ValueError as refused:
            raise AdminError(Kind.InvalidChange, str(refused)) from None
        except StoreAwayError as away:
            raise AdminError(Kind.StoreAway, f"{away}. What was known last serves.", {"Retry-After": "5"}) from None
        response.headers["ETag"] = _etag(snapshot)
        return shown(snapshot)

    @router.get("/cutover/audit")
    async def audit(
        before: Annotated[int | None, Query(ge=1, description="Only changes older than this version.")] = None,
        limit: Annotated[int, Query(ge=1, le=_MOST_LINES)] = 50,
    ) -> Audit:
        """Who changed what, when and why, the newest first."""
        try:
            return show_audit(await sources.live.store.audit(limit + 1, before), limit)
        except StoreAwayError as away:
            raise AdminError(Kind.StoreAway, f"{away}.", {"Retry-After": "5"}) from None

    @router.get("/cutover/operations")
    async def operations() -> Operations:
        """All operations: where each is served, how it fares, how alike both sides answer."""
        snapshot = await sources.snapshot()
        return show_operations(snapshot.state, await sources.reports.traffic(), await sources.reports.parity())

    @router.get("/cutover/events")
    async def events() -> Events:
        """All published events: which organisation lists each, and where its page comes from."""
        return show_events((await sources.snapshot()).state, sources.places, sources.archive, both=sources.both)

    @router.get("/cutover/differences")
    async def differences(operation: str | None = None, everything: bool = False) -> Differences:
        """What differs between both sides, by operation and field, with samples."""
        return show_differences(await sources.reports.parity(), operation, everything=everything)

    @router.get("/cutover/readiness")
    async def readiness() -> Readiness:
        """What still stands against the next stage."""
        return show_readiness((await sources.snapshot()).state.stage, await sources.standing())

    @router.get("/cutover/explain")
    async def explain(path: str, method: str = "GET", visitor: str = "") -> Explanation:
        """Which rule decides who answers a request, and why."""
        try:
            name, route = sources.explain(method, path, visitor)
        except ProxyError as error:
            raise AdminError(Kind.NoOperation, f"{error.kind.title}.") from None
        return Explanation(
            operation=name,
            source=route.source,
            otherwise=route.otherwise,
            archived=route.archived,
            rule=route.rule,
            why=route.why,
        )

    # Described once, when all routes are there; it does not describe itself.
    document = _describe(router)

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        """The admin API, described for machines."""
        return JSONResponse(document)

    return router


def _route_class(access: Access) -> type[APIRoute]:
    """Routes that nobody passes without the token, and whose errors are the closed list's."""

    class AdminRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                response: Response
                try:
                    request.state.person = access.person(request)
                    response = await answer(request)
                except RequestValidationError as invalid:
                    first = invalid.errors()[0]
                    response = _refused(request, AdminError(Kind.InvalidQuery, f"{first['loc'][-1]}: {first['msg']}."))
                except AdminError as error:
                    response = _refused(request, error)
                except Exception as defect:
                    log.error("defect", request_id=request.scope.get(REQUEST_ID), exc_info=defect)
                    response = _refused(request, AdminError(Kind.Defect, "The log tells more, under the correlation id."))
                response.headers.update(_HEADERS)
                return response

            return guarded

    return AdminRoute


def _refused(request: Request, error: AdminError) -> Response:
    document = error.document(request.scope.get(REQUEST_ID, ""))
    return JSONResponse(document, error.kind.status, error.headers, media_type=_PROBLEM)


def _etag(snapshot: Snapshot) -> str:
    return f'"{snapshot.version}"'


def _version(if_match: str | None) -> int | None:
    """The version that a change is meant for; None for whichever there is.

    Proxies that compress make entity tags weak, which nobody can help: they are taken as if they were not.
    """
    if if_match is None:
        raise AdminError(Kind.VersionMissing, "Send If-Match with the ETag of the state that you have seen, or with *.")
    if if_match.strip() == "*":
        return None
    tag = if_match.strip().removeprefix("W/").strip('"')
    # What is no version of ours is not kept, so that the answer shows the one that is.
    return int(tag) if tag.isascii() and tag.isdigit() and len(tag) < 19 else -1


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}},
    }


def _describe(router: APIRouter) -> dict[str, Any]:
    document = get_openapi(
        title="Cutover of evtmgmt-proxy",
        version=VERSION,
        summary="What the staged cutover does, and how it is changed.",
        routes=router.routes,
    )
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {
            "type": "http",
            "scheme": "basic",
            "description": "The password is the admin token, the name is for the audit log.",
        },
    }
    document["security"] = [{"bearer": []}, {"basic": []}]
    return document
