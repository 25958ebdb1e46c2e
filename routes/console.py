"""The console: pages under ``/console`` on which people see the cutover and change it. They work without scripts as well."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.admin.access import Access, end_session, set_session
from app.admin.changes import RefusedError, Wish, apply
from app.admin.confirming import FIELDS, confirm, read_wish
from app.admin.drawing import answers_chart
from app.admin.frame import PLACES, Frame
from app.admin.guarding import read_form, same_origin
from app.admin.pages import ASSET_HEADERS, PAGE_HEADERS, Pages
from app.admin.problems import AdminError, Kind
from app.admin.sources import Sources
from app.admin.views.cutover import show_audit
from app.admin.views.differences import field_row, show_differences
from app.admin.views.events import show_events
from app.admin.views.operations import show_operations
from app.admin.views.overview import show_overview
from app.admin.views.readiness import show_readiness
from app.cutover.state import Stage, Switch
from app.cutover.store import ConflictError, Snapshot, StoreAwayError
from app.gateway import REQUEST_ID
from routes.outbox import add_outbox_pages
from translation.errors import ProxyError

log = structlog.get_logger("evtmgmt.admin")
_HOME: Final = "/console"
_SIGN_IN: Final = "/console/sign-in"
_OPEN: Final = frozenset({_SIGN_IN, "/console/static/{name}"})
"""Routes for anybody."""
_NEXT: Final = re.compile(r"/console(?:/[a-z]+){0,2}(?:\?[\w=&%.+*()\[\]-]*)?", re.ASCII)
_LINES: Final = 50
_LATEST: Final = 5


def console_router(access: Access, sources: Sources) -> APIRouter:
    """The routes of the console.

    Args:
        access: Who may look and change.
        sources: What is shown.
    """
    pages = Pages()
    frame = Frame(access, sources, pages)
    router = APIRouter(prefix=_HOME, include_in_schema=False, route_class=_route_class(access, frame))
    page = frame.page

    @router.get("")
    async def overview(request: Request) -> Response:
        snapshot, traffic, gauges = await asyncio.gather(
            sources.snapshot(), sources.reports.traffic(), asyncio.to_thread(sources.gauges)
        )
        shown = show_overview(traffic, gauges)
        latest = await _audit(sources, _LATEST)
        return await page(
            request,
            "overview",
            "overview.html",
            snapshot,
            overview=shown,
            chart=answers_chart(shown.minutes),
            latest=latest,
            stages=list(Stage),
        )

    @router.get("/live")
    async def live(request: Request) -> Response:
        """The part of the overview that changes all the time."""
        snapshot, traffic, gauges = await asyncio.gather(
            sources.snapshot(), sources.reports.traffic(), asyncio.to_thread(sources.gauges)
        )
        shown = show_overview(traffic, gauges)
        return await page(request, "overview", "live.html", snapshot, overview=shown, chart=answers_chart(shown.minutes))

    @router.get("/operations")
    async def operations(request: Request) -> Response:
        snapshot, traffic, parity = await asyncio.gather(sources.snapshot(), sources.reports.traffic(), sources.reports.parity())
        table = show_operations(snapshot.state, traffic, parity)
        switches = [switch for switch in Switch if switch is not Switch.ARCHIVE]
        return await page(request, "operations", "operations.html", snapshot, table=table, switches=switches)

    @router.get("/events")
    async def events(request: Request) -> Response:
        snapshot = await sources.snapshot()
        table = show_events(snapshot.state, sources.places, sources.archive, both=sources.both)
        switches = [switch for switch in Switch if switch is not Switch.ARCHIVE or sources.archive is not None]
        return await page(request, "events", "events.html", snapshot, table=table, switches=switches)

    @router.get("/differences")
    async def differences(request: Request) -> Response:
        snapshot, parity = await asyncio.gather(sources.snapshot(), sources.reports.parity())
        operation = request.query_params.get("operation")
        everything = "everything" in request.query_params
        table = show_differences(parity, operation, everything=everything)
        return await page(
            request, "differences", "differences.html", snapshot, table=table, operation=operation, everything=everything
        )

    @router.get("/differences/field")
    async def field(request: Request) -> Response:
        snapshot, parity = await asyncio.gather(sources.snapshot(), sources.reports.parity())
        operation, path = (request.query_params.get(name, "") for name in ("operation", "path"))
        found = parity.operations.get(operation, {}).get(path)
        if found is None:
            raise AdminError(Kind.NoSuchField)
        return await page(request, "differences", "field.html", snapshot, row=field_row(operation, path, found))

    @router.get("/readiness")
    async def readiness(request: Request) -> Response:
        snapshot, standing = await asyncio.gather(sources.snapshot(), sources.standing())
        shown = show_readiness(snapshot.state.stage, standing)
        return await page(request, "readiness", "readiness.html", snapshot, readiness=shown, stages=list(Stage))

    @router.get("/explain")
    async def explain(request: Request) -> Response:
        snapshot = await sources.snapshot()
        asked = {name: request.query_params.get(name, "") for name in ("method", "path", "visitor")}
        found = mistake = None
        if asked["path"]:
            try:
                found = sources.explain(asked["method"] or "GET", asked["path"], asked["visitor"])
            except ProxyError as error:
                mistake = error.kind.title
        return await page(request, "explain", "explain.html", snapshot, asked=asked, found=found, mistake=mistake)

    @router.get("/audit")
    async def audit(request: Request) -> Response:
        before = request.query_params.get("before", "")
        older = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        snapshot = await sources.snapshot()
        lines = await sources.live.store.audit(_LINES + 1, older)
        return await page(request, "audit", "audit.html", snapshot, audit=show_audit(lines, _LINES), older=older is not None)

    async def review(
        request: Request, fields: dict[str, str], snapshot: Snapshot, status: int = 200, mistake: str | None = None
    ) -> Response:
        """The page that shows what a change makes otherwise, and asks for the reason."""
        here = fields.get("back", "")
        here = here if here in PLACES else "overview"
        confirmation = None
        standing: list[Any] = []
        try:
            wish = read_wish(fields)
            after = apply(snapshot.state, wish, both=sources.both)
            confirmation = confirm(snapshot.state, after, wish, durable=sources.live.store.durable)
            if confirmation.forward:
                standing = show_readiness(snapshot.state.stage, await sources.standing()).obstacles
        except RefusedError as refused:
            mistake, status = str(refused), max(status, Kind.InvalidChange.status)
        return await page(
            request,
            here,
            "change.html",
            snapshot,
            status,
            fields={name: fields[name] for name in FIELDS if name in fields},
            back=PLACES[here][0],
            confirmation=confirmation,
            standing=standing,
            mistake=mistake,
            why=fields.get("why", ""),
        )

    @router.get("/change")
    async def ask(request: Request) -> Response:
        return await review(request, dict(request.query_params), await sources.snapshot())

    @router.post("/change")
    async def change(request: Request) -> Response:
        same_origin(request)
        fields = await read_form(request)
        person = request.state.person
        if not access.credentials.is_form_token(person, fields.get("form_token", "")):
            raise AdminError(Kind.FormTooOld, "Go back, reload the page, and make the change again.")
        version = fields.get("version", "")
        expected = int(version) if version.isascii() and version.isdigit() and len(version) < 19 else -1
        try:
            wish: Wish = read_wish(fields)
            snapshot = await sources.live.change(
                lambda state: apply(state, wish, both=sources.both), person.who or "console", fields.get("why", ""), expected
            )
        except ConflictError as conflict:
            sentence = "Somebody changed the state meanwhile. Below is what your change would make of it now."
            return await review(request, fields, conflict.current, Kind.VersionMismatch.status, sentence)
        except StoreAwayError as away:
            sentence = f"The state cannot be changed now: {away}."
            return await review(request, fields, await sources.snapshot(), Kind.StoreAway.status, sentence)
        except ValidationError:
            raise  # a state that was refused must not pass for a reason that is missing
        except ValueError as refused:
            return await review(
                request, fields, await sources.snapshot(), Kind.InvalidChange.status, f"{refused}.".replace("..", ".")
            )
        back = fields.get("back", "")
        place = PLACES[back if back in PLACES else "overview"][0]
        return RedirectResponse(f"{place}?done={snapshot.version}", 303)

    add_outbox_pages(router, access, sources, frame)

    @router.get("/sign-in")
    async def sign_in_form(request: Request) -> Response:
        return frame.bare("sign-in.html", next=_next(request.query_params.get("next")), who="", mistake=None)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        same_origin(request)
        fields = await read_form(request)
        who, place = fields.get("who", "").strip(), _next(fields.get("next"))
        try:
            if not who:
                raise AdminError(Kind.InvalidChange, "Say who you are: your name stands beside your changes in the audit log.")
            session = access.sign_in(request, fields.get("token", ""), who)
        except AdminError as error:
            sentence = "This is not the admin token." if error.kind is Kind.NotSignedIn else error.detail
            refused = frame.bare("sign-in.html", error.kind.status, next=place, who=who, mistake=sentence)
            refused.headers.update({name: value for name, value in error.headers.items() if name != "WWW-Authenticate"})
            return refused
        response = RedirectResponse(place, 303)
        set_session(request, response, session)
        return response

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        same_origin(request)
        fields = await read_form(request)
        if not access.credentials.is_form_token(request.state.person, fields.get("form_token", "")):
            raise AdminError(Kind.FormTooOld)
        response = RedirectResponse(_SIGN_IN, 303)
        end_session(request, response)
        return response

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        asset = pages.asset(name)
        if asset is None:
            raise AdminError(Kind.NoSuchPage)
        return Response(asset.content, headers={**ASSET_HEADERS, "Content-Type": asset.media_type})

    @router.get("/{rest:path}")
    async def unknown(rest: str) -> Response:
        raise AdminError(Kind.NoSuchPage)

    return router


async def _audit(sources: Sources, limit: int) -> list[Any]:
    """The newest changes, or none while the store is away."""
    try:
        return show_audit(await sources.live.store.audit(limit), limit).changes
    except StoreAwayError:
        return []


def _next(wanted: str | None) -> str:
    """Where to go after sign-in: a page of the console, whatever the address says."""
    return wanted if wanted is not None and _NEXT.fullmatch(wanted) else _HOME


def _route_class(access: Access, frame: Frame) -> type[APIRoute]:
    """Routes that send those who are not signed in to the sign-in page, and whose errors are pages."""

    class ConsoleRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()
            guarded = self.path_format not in _OPEN

            async def shown(request: Request) -> Response:
                response: Response
                try:
                    person = access.visitor(request) if guarded else None
                    if guarded and person is None:
                        response = _to_sign_in(request)
                    else:
                        request.state.person = person
                        response = await answer(request)
                except AdminError as error:
                    response = frame.bare("error.html", error.kind.status, title=error.kind.title, detail=error.detail)
                    response.headers.update(error.headers)
                except StoreAwayError as away:
                    response = frame.bare("error.html", 503, title=Kind.StoreAway.title, detail=f"{away}.")
                except Exception as defect:
                    request_id = request.scope.get(REQUEST_ID, "")
                    log.error("defect", request_id=request_id, exc_info=defect)
                    sentence = f"The log tells more, under the request id {request_id}."
                    response = frame.bare("error.html", 500, title=Kind.Defect.title, detail=sentence)
                for name, value in PAGE_HEADERS.items():
                    response.headers.setdefault(name, value)
                return response

            return shown

    return ConsoleRoute


def _to_sign_in(request: Request) -> Response:
    """The sign-in page, from where one comes back here."""
    path = request.scope["path"]
    query = request.scope["query_string"].decode("latin-1")
    wanted = f"{path}?{query}" if query else path
    if request.method != "GET" or path == _HOME or _next(wanted) != wanted:
        return RedirectResponse(_SIGN_IN, 303)
    return RedirectResponse(f"{_SIGN_IN}?{urlencode({'next': wanted})}", 303)
