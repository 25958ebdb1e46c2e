"""What every page of the console has around it: who is signed in, the state, what was just changed, where one is."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.admin.access import Access
from app.admin.credentials import Means, Person
from app.admin.pages import Pages
from app.admin.sources import Sources
from app.admin.views.cutover import AuditLine, Cutover, show_cutover
from app.admin.words import steps
from app.cutover.store import Snapshot, StoreAwayError

PLACES: Final = {
    "overview": ("/console", "Overview"),
    "operations": ("/console/operations", "Operations"),
    "events": ("/console/events", "Events"),
    "differences": ("/console/differences", "Differences"),
    "readiness": ("/console/readiness", "Readiness"),
    "explain": ("/console/explain", "Explain"),
    "outbox": ("/console/outbox", "Outbox"),
    "audit": ("/console/audit", "Audit"),
}
"""The pages: address and name, in the order of the menu."""


class Frame:
    """Puts pages together.

    Args:
        access: Knows the form tokens.
        sources: What is read.
        pages: The templates.
    """

    def __init__(self, access: Access, sources: Sources, pages: Pages) -> None:
        self._access = access
        self._sources = sources
        self._pages = pages

    async def page(
        self, request: Request, here: str, template: str, snapshot: Snapshot, status: int = 200, **content: Any
    ) -> HTMLResponse:
        """A page for somebody who is signed in.

        Args:
            request: ``request.state.person`` is who is signed in.
            here: The name of the page in ``PLACES``.
            template: What it is made with.
            snapshot: The state, the same for all parts of the page.
            status: The HTTP status.
            **content: What else the template needs.
        """
        person: Person = request.state.person
        context = {
            "person": person,
            "signs_out": person.means is Means.SESSION,
            "form_token": self._access.credentials.form_token(person),
            "places": PLACES,
            "here": here,
            "cutover": self.cutover(snapshot),
            "done": await self._done(request),
            "both": self._sources.both,
            "steps": steps,
        }
        return HTMLResponse(self._pages.render(template, {**context, **content}), status)

    def bare(self, template: str, status: int = 200, **content: Any) -> HTMLResponse:
        """A page for anybody: sign-in, and errors."""
        return HTMLResponse(self._pages.render(template, content), status)

    def cutover(self, snapshot: Snapshot) -> Cutover:
        """The state as it is shown."""
        live = self._sources.live
        return show_cutover(snapshot, both=self._sources.both, durable=live.store.durable, place=live.store.place, away=live.away)

    async def _done(self, request: Request) -> AuditLine | None:
        """The change that was just made, as the address says: read from the audit log, so that no address can make one up."""
        version = request.query_params.get("done", "")
        if not (version.isascii() and version.isdigit() and len(version) < 19):
            return None
        try:
            lines = await self._sources.live.store.audit(1, int(version) + 1)
        except StoreAwayError:
            return None
        found = [line for line in lines if line.version == int(version)]
        return AuditLine.model_validate(found[0].document()) if found else None
