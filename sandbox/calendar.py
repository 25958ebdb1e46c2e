"""The personal calendar file of the outbound organisation (CONTRACT 1.3)."""

import re
from html import escape
from typing import Any

import orjson

from sandbox.data.build import CALENDAR_CONTENT
from sandbox.data.model import Event, Fields


def read_items(data: str | None) -> list[dict[str, Any]]:
    """Return the items of the `data` parameter. Raises: ValueError when it is not a list of objects with an event."""
    items = orjson.loads(data or "")
    if not isinstance(items, list) or not items:
        raise ValueError("data is not a list")
    if not all(isinstance(item, dict) and isinstance(item.get("readableEventId"), str) for item in items):
        raise ValueError("an item has no readableEventId")
    return items


def calendar_file(entries: list[tuple[Event, Fields | None, dict[str, Any]]]) -> bytes:
    """Return an iCalendar file with one entry per (event, session or None, wildcard values)."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Sandbox//Events//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    lines.append(f"X-WR-CALNAME:{_text(entries[0][0].fields['eventName'])}")
    for event, session, values in entries:
        lines += _entry(event, session, values)
    return "\r\n".join(_folded([*lines, "END:VCALENDAR", ""])).encode()


def _entry(event: Event, session: Fields | None, values: dict[str, Any]) -> list[str]:
    fields = event.fields
    start = session["startTimeUTC"] if session else fields["startDateUTC"]
    end = session["endTimeUTC"] if session else fields["endDateUTC"] or start
    content = re.sub(r"\{\{(\w+)\}\}", lambda found: escape(str(values.get(found[1], ""))), CALENDAR_CONTENT)
    place = fields["building"]["name"] if fields["building"] else ""
    return [
        "BEGIN:VEVENT",
        f"UID:{session['id'] if session else fields['eventId']}",
        f"DTSTAMP:{_moment(start)}",
        f"DTSTART:{_moment(start)}",
        f"DTEND:{_moment(end)}",
        f"SUMMARY:{_text(session['name'] if session else fields['eventName'])}",
        f"LOCATION:{_text(place)}",
        f"X-ALT-DESC;FMTTYPE=text/html:{_text(content)}",
        "PRIORITY:3",
        "END:VEVENT",
    ]


def _moment(text: str) -> str:
    return text.replace("-", "").replace(":", "")


def _text(value: str) -> str:
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return value


def _folded(lines: list[str]) -> list[str]:
    # RFC 5545 3.1: at most 75 octets a line; 18 characters are never more than 72 octets.
    return [line if line.isascii() and len(line) <= 75 else "\r\n ".join(re.findall(".{1,18}", line)) for line in lines]
