"""The console's pages of the outbox: what waits, and what a person decides on it."""

from functools import partial
from time import time
from typing import Final

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.admin.access import Access
from app.admin.frame import Frame
from app.admin.guarding import read_form, same_origin
from app.admin.problems import AdminError, Kind
from app.admin.sources import Sources
from app.admin.views.outbox import decisions_on, show_outbox
from app.outbox.deciding import decisions, drop, retry
from app.outbox.entries import Entry
from app.outbox.outbox import Outbox
from app.sqlite_files import StoreAwayError

log = structlog.get_logger("evtmgmt.admin")
_DECISIONS: Final = {"retry": (retry, "will be sent again"), "drop": (drop, "is deleted")}
_ROWS: Final = 200
_LINES: Final = 20


def add_outbox_pages(router: APIRouter, access: Access, sources: Sources, frame: Frame) -> None:
    """Add the pages to the console's.

    Args:
        router: The console's.
        access: Knows the form tokens.
        sources: What is shown.
        frame: Puts pages together.
    """

    @router.get("/outbox")
    async def outbox(request: Request) -> Response:
        shown = decided = None
        if sources.outbox is not None:
            kept = sources.outbox
            entries, summary = await kept.entries(_ROWS), await kept.summary()
            shown = show_outbox(entries, summary, await kept.decide(partial(decisions, limit=_LINES)), time())
            number = _number(request.query_params.get("decided", ""))
            last = next((line for line in shown.latest if line.number == number), None)
            # Read from the record, so that no address can make one up.
            decided = (
                None if last is None else f"Entry {last.entry} {_DECISIONS[last.what][1]}." if last.what in _DECISIONS else None
            )
        return await frame.page(request, "outbox", "outbox.html", await sources.snapshot(), outbox=shown, decided=decided)

    async def review(request: Request, fields: dict[str, str], status: int = 200, mistake: str | None = None) -> Response:
        """The page that asks for the reason."""
        what, row = fields.get("what", ""), None
        entry = await _entry(sources.outbox, _number(fields.get("entry", "")))
        if entry is None or sources.outbox is None:
            mistake, status = "There is no such entry any more: it was delivered or deleted.", Kind.InvalidChange.status
        elif what not in decisions_on(entry.state):
            mistake, status = f"That cannot be done with an entry that is {entry.state}.", Kind.InvalidChange.status
        else:
            (row,) = show_outbox([entry], await sources.outbox.summary(), (), time()).rows
        content = {"row": row, "what": what, "mistake": mistake, "why": fields.get("why", "")}
        return await frame.page(request, "outbox", "outbox-change.html", await sources.snapshot(), status, **content)

    @router.get("/outbox/change")
    async def ask(request: Request) -> Response:
        return await review(request, dict(request.query_params))

    @router.post("/outbox/change")
    async def change(request: Request) -> Response:
        same_origin(request)
        fields = await read_form(request)
        person = request.state.person
        if not access.credentials.is_form_token(person, fields.get("form_token", "")):
            raise AdminError(Kind.FormTooOld, "Go back, reload the page, and decide again.")
        what, number = fields.get("what", ""), _number(fields.get("entry", ""))
        if sources.outbox is None or what not in _DECISIONS:
            return await review(request, fields)
        who = person.who or "console"
        try:
            decide = partial(_DECISIONS[what][0], numbers=[number], who=who, why=fields.get("why", ""))
            done = await sources.outbox.decide(decide)
            lines = await sources.outbox.decide(partial(decisions, limit=_LINES))
        except StoreAwayError as away:
            sentence = f"The outbox cannot be changed now: {away}."
            return await review(request, fields, Kind.StoreAway.status, sentence)
        except ValueError as refused:
            return await review(request, fields, Kind.InvalidChange.status, f"{refused}.")
        if not done:
            return await review(request, fields)
        log.warning("outbox: decided", what=what, entry=number, who=who)
        made = next((line.number for line in lines if line.entry == number and line.what == what), 0)
        return RedirectResponse(f"/console/outbox?decided={made}", 303)


async def _entry(outbox: Outbox | None, number: int) -> Entry | None:
    if outbox is None:
        return None
    found = await outbox.decide(lambda store: store.sealed(number))
    return None if found is None else found[0]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
