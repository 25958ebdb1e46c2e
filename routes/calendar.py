"""The personal calendar file: row 22, emulated from the event and its sessions (CONTRACT 1.3)."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from app.caching.reading import Reading
from app.calls import Call, Reply
from translation.aliases import Aliases
from translation.calendar import (
    CalendarDataError,
    CalendarEntry,
    CalendarItem,
    calendar_file,
    calendar_filename,
    content_disposition,
    parse_items,
)
from translation.errors import INVALID_CALENDAR_DATA, NOT_FOUND, ProxyError
from translation.grammar import is_event_id, is_guid

_TYPE: Final = b"text/calendar; charset=utf-8; method=PUBLISH"


class PersonalCalendar:
    """Writes calendar files. The link stands in e-mails, so it carries neither token nor Origin.

    Args:
        reading: Reads what the answer is made of.
        aliases: Ids changed by the migration: e-mails are older than it.
    """

    def __init__(self, reading: Reading, aliases: Aliases) -> None:
        self._reading = reading
        self._aliases = aliases

    async def __call__(self, call: Call) -> Reply:
        """Answer one calendar file.

        Raises:
            ProxyError: ``InvalidCalendarData`` with the reason, ``NotFound``, or what the backend raises.
        """
        data = call.query.value("data")
        if data is None:
            raise ProxyError(INVALID_CALENDAR_DATA, detail="data is missing.")
        try:
            items = parse_items(data, is_event_id=is_event_id, is_guid=is_guid)
            entries = await self._entries(items, call)
            body = calendar_file(entries, now=datetime.now(UTC))
        except CalendarDataError as error:
            raise ProxyError(INVALID_CALENDAR_DATA, detail=error.reason) from None
        disposition = content_disposition(calendar_filename(entries))
        return Reply(200, _TYPE, body, [(b"content-disposition", disposition.encode("latin-1"))])

    async def _entries(self, items: tuple[CalendarItem, ...], call: Call) -> list[CalendarEntry]:
        """Each event and session list is read once, however many items name it."""
        events = dict.fromkeys(self._aliases.event(item.readable_event_id) for item in items)
        with_sessions = dict.fromkeys(self._aliases.event(item.readable_event_id) for item in items if item.session_id)
        asked = [("get_event", event) for event in events] + [("list_sessions", event) for event in with_sessions]
        answers = await asyncio.gather(
            *(self._reading.value(name, {"event": event}, call.trace, until=call.until) for name, event in asked)
        )
        found: dict[tuple[str, str], Any] = dict(zip(asked, answers, strict=True))
        return [
            CalendarEntry(item, found["get_event", event], self._session(item, found.get(("list_sessions", event), [])))
            for item in items
            for event in (self._aliases.event(item.readable_event_id),)
        ]

    def _session(self, item: CalendarItem, sessions: list[dict[str, Any]]) -> dict[str, Any] | None:
        if item.session_id is None:
            return None
        wanted = self._aliases.session(item.session_id).lower()
        for session in sessions:
            if isinstance(session["id"], str) and session["id"].lower() == wanted:
                return session
        raise ProxyError(NOT_FOUND, cause="the event has no such session")
