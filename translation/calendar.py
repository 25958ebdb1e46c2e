"""The personal calendar file, made here because the real-time API has no counterpart (CONTRACT row 22 and 1.3).

1. ``parse_items`` reads the ``data`` parameter of the link in an e-mail.
2. ``calendar_file`` writes one RFC 5545 VEVENT per item, from the event (and session) that the caller fetched.
3. ``calendar_filename`` and ``content_disposition`` name the download.

Where an event carries its calendar content is a [guess] (``CONTENT_FIELDS``); without any, its description is taken.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID, uuid5

import orjson
from icalendar import Calendar, Event, vText

from translation.calendar_content import clean, fill, plain_text
from translation.timezones import UTC_INDEX, to_utc

MAX_DATA_BYTES: Final = 8 * 1024
MAX_ITEMS: Final = 20
MAX_WILDCARDS: Final = 50
MAX_VALUE_LENGTH: Final = 1_000
# Longer content is cut: the file stays small whatever the organiser pasted into the event.
MAX_CONTENT_LENGTH: Final = 32_000

CONTENT_FIELDS: Final = ("calendarContent", "calendarcontent", "msevtmgt_calendarcontent")
RESERVED_WILDCARD: Final = "msevtmgt_checkin_url"
PRODID: Final = "-//evtmgmt-proxy//Personal calendar//EN"
# Fixed for ever: a calendar program knows an entry again by the UID derived from it.
_UID_NAMESPACE: Final = UUID("6c0f4f0e-3d0a-5b7e-9a38-5f1f3f0f7c22")

_FILENAME_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


class CalendarDataError(ValueError):
    """The data of a calendar link cannot be used.

    Attributes:
        reason: A sentence that names the offending part, never its value; safe to show to a visitor.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class CalendarItem:
    """One item of the ``data`` parameter: which event (or session), and what fills the wildcards.

    Attributes:
        readable_event_id: As the link has it.
        session_id: GUID of a session of the event; None for the event as a whole.
        data: Wildcard name to value. ``registrationId`` also tells apart the entries of two registrations.
    """

    readable_event_id: str
    session_id: str | None
    data: Mapping[str, str]


@dataclass(frozen=True)
class CalendarEntry:
    """An item with the payloads that the caller fetched for it: shapes of CONTRACT 1.2.

    Attributes:
        item: What the link asks for.
        event: The event.
        session: The session of that event that the item names; None when it names none, or none was found.
    """

    item: CalendarItem
    event: Mapping[str, Any]
    session: Mapping[str, Any] | None


def parse_items(text: str, *, is_event_id: Callable[[str], bool], is_guid: Callable[[str], bool]) -> tuple[CalendarItem, ...]:
    """Read the ``data`` parameter.

    Args:
        text: The percent-decoded JSON: an array of 1 to 20 objects ``{readableEventId, sessionId?, data?}``. Letter case of
            these three keys does not matter, other keys are passed over, and null means absent.
        is_event_id: Whether a text is a readable event id.
        is_guid: Whether a text is a GUID.

    Returns:
        The items in their order; values of ``data`` (text, number, boolean, null) as text.

    Raises:
        CalendarDataError: ``text`` is not such JSON, or exceeds a bound of this module.
    """
    try:
        raw = text.encode()
        rows = orjson.loads(raw) if len(raw) <= MAX_DATA_BYTES else None
    except ValueError:
        raise CalendarDataError("data is not valid JSON.") from None
    if len(raw) > MAX_DATA_BYTES:
        raise CalendarDataError(f"data is longer than {MAX_DATA_BYTES} bytes.")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ITEMS:
        raise CalendarDataError(f"data is not an array of 1 to {MAX_ITEMS} items.")
    return tuple(_item(f"data[{index}]", row, is_event_id, is_guid) for index, row in enumerate(rows))


def _item(where: str, row: object, is_event_id: Callable[[str], bool], is_guid: Callable[[str], bool]) -> CalendarItem:
    if not isinstance(row, dict):
        raise CalendarDataError(f"{where} is not an object.")
    fields = {key.lower(): value for key, value in row.items()}
    event_id = fields.get("readableeventid")
    if not isinstance(event_id, str) or not is_event_id(event_id):
        raise CalendarDataError(f"{where}.readableEventId is missing or is not a readable event id.")
    session_id = fields.get("sessionid") or None
    if session_id is not None and not (isinstance(session_id, str) and is_guid(session_id)):
        raise CalendarDataError(f"{where}.sessionId is not a GUID.")
    data = fields.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict) or len(data) > MAX_WILDCARDS:
        raise CalendarDataError(f"{where}.data is not an object of at most {MAX_WILDCARDS} wildcards.")
    return CalendarItem(event_id, session_id, {key: _wildcard_value(where, value) for key, value in data.items()})


def _wildcard_value(where: str, value: object) -> str:
    if isinstance(value, dict | list):
        raise CalendarDataError(f"{where}.data holds a value that is not a text, number or boolean.")
    # JSON's spelling of booleans and numbers, not Python's.
    text = value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
    if len(text) > MAX_VALUE_LENGTH:
        raise CalendarDataError(f"{where}.data holds a value longer than {MAX_VALUE_LENGTH} characters.")
    return text


def calendar_file(entries: Sequence[CalendarEntry], *, now: datetime) -> bytes:
    """Write the calendar file.

    DTSTART and DTEND are UTC: from the UTC field, else from the local one and the time-zone index. An event without an
    end, or with one that is not after its start, has no DTEND (RFC 5545, 3.6.1: it then ends when it starts). A
    ``{{wildcard}}`` of the content is filled from the item's data whatever its letter case, once (values are not searched
    for wildcards); one without data, and ``msevtmgt_checkin_url`` always, is removed. X-ALT-DESC is that HTML with the
    values escaped, DESCRIPTION the text of it, so with the values as they are. The UID depends on event id, session id and
    registration id alone; what repeats within one file is numbered. No ORGANIZER: the API names none.

    Args:
        entries: At least one.
        now: An aware time, written as DTSTAMP.

    Returns:
        UTF-8 text with CRLF, folded at 75 octets, to be sent as ``text/calendar; charset=utf-8``.

    Raises:
        CalendarDataError: There is no entry, an entry has no usable start time, or it names a session that was not found.
        ValueError: ``now`` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    if not entries:
        raise CalendarDataError(f"data is not an array of 1 to {MAX_ITEMS} items.")
    calendar = Calendar()
    calendar.add("version", _Text("2.0"))
    calendar.add("prodid", _Text(PRODID))
    calendar.add("calscale", _Text("GREGORIAN"))
    calendar.add("method", _Text("PUBLISH"))
    names = dict.fromkeys(_event_name(entry) for entry in entries)
    calendar.add("x-wr-calname", _Text(", ".join(names)))
    seen: Counter[str] = Counter()
    for index, entry in enumerate(entries):
        identity = _identity(entry.item)
        seen[identity] += 1
        calendar.add_component(_vevent(f"data[{index}]", entry, f"{identity}\n{seen[identity]}", now))
    written: bytes = calendar.to_ical()
    return written


def _vevent(where: str, entry: CalendarEntry, identity: str, now: datetime) -> Event:
    session, event = entry.session, entry.event
    if entry.item.session_id is not None and session is None:
        raise CalendarDataError(f"{where}.sessionId is not a session of this event.")
    if session is None:
        start, end = (_moment(event, name, "Date", event.get("timeZone")) for name in ("start", "end"))
    else:
        index = event.get("timeZone") if session.get("timeZone") is None else session["timeZone"]
        start, end = (_moment(session, name, "Time", index) for name in ("start", "end"))
    if start is None:
        raise CalendarDataError(f"{where} names {'an event' if session is None else 'a session'} without a start time.")
    vevent = Event()
    vevent.add("uid", _Text(str(uuid5(_UID_NAMESPACE, identity))))
    vevent.add("dtstamp", now.astimezone(UTC))
    vevent.add("dtstart", start)
    if end is not None and end > start:
        vevent.add("dtend", end)
    vevent.add("summary", _Text((_string(session, "name") if session else "") or _event_name(entry)))
    if location := _location(event, session or {}):
        vevent.add("location", _Text(location))
    content = _content(event, session or {})
    if content:
        values = {key.strip().lower(): clean(value) for key, value in entry.item.data.items()}
        values[RESERVED_WILDCARD] = ""
        markup = fill(content, values)
        vevent.add("description", _Text(plain_text(markup)))
        vevent.add("x-alt-desc", _Text(markup, params={"FMTTYPE": "text/html"}))
    vevent.add("priority", 3)
    return vevent


def _identity(item: CalendarItem) -> str:
    registration = next((value for key, value in item.data.items() if key.strip().lower() == "registrationid"), "")
    return clean("\n".join((item.readable_event_id, (item.session_id or "").lower(), registration)))


def _moment(payload: Mapping[str, Any], name: str, kind: str, index: object) -> datetime | None:
    moment = to_utc(_string(payload, f"{name}{kind}UTC"), UTC_INDEX)
    moment = moment or to_utc(_string(payload, f"{name}{kind}"), index)
    return moment.replace(microsecond=0) if moment else None


def _event_name(entry: CalendarEntry) -> str:
    return _string(entry.event, "eventName") or entry.item.readable_event_id


def _location(event: Mapping[str, Any], session: Mapping[str, Any]) -> str:
    building = session.get("building") or event.get("building") or {}
    # The event's room is in the event's building.
    room = session.get("room") or (None if session.get("building") else event.get("room")) or {}
    parts = [place if isinstance(place, str) else _string(place, "name") for place in (building, room)]
    if address := _string(building, "addressComposite"):
        parts += address.splitlines()
    else:
        parts += [_string(building, f"addressLine{line}") for line in (1, 2, 3)]
        parts.append(f"{_string(building, 'postalCode')} {_string(building, 'city')}")
        parts += [_string(building, "stateProvince"), _string(building, "country")]
    return ", ".join(dict.fromkeys(stripped for part in parts if (stripped := " ".join(part.split()))))


def _content(event: Mapping[str, Any], session: Mapping[str, Any]) -> str:
    own = (*CONTENT_FIELDS, "detailedDescription", "sessionSummary")
    candidates = [_string(session, name) for name in own] + [_string(event, name) for name in CONTENT_FIELDS]
    return next(filter(None, candidates), _string(event, "description"))[:MAX_CONTENT_LENGTH]


def _string(payload: object, name: str) -> str:
    value = payload.get(name) if isinstance(payload, Mapping) else None
    return clean(value).strip() if isinstance(value, str) else ""


class _Text(vText):
    """A TEXT value (RFC 5545, 3.3.11)."""

    # The library's own escaping makes a line end of the characters \N (as in C:\New), and none for X- properties.

    __slots__ = ()

    def to_ical(self) -> bytes:
        text = clean(self).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
        return text.encode("utf-8")


def calendar_filename(entries: Sequence[CalendarEntry]) -> str:
    """The name of the download: ASCII, ``<readable event id>.ics``, or ``calendar.ics`` when there are several entries."""
    return _ascii_filename(f"{entries[0].item.readable_event_id}.ics" if len(entries) == 1 else "calendar.ics")


def content_disposition(filename: str) -> str:
    """The Content-Disposition header (RFC 6266) that saves a calendar file as ``filename``.

    The header is ASCII and one line whatever the name. A name that is more than letters, digits and ``._-`` stands in
    ``filename*`` (RFC 8187), beside a plain ``.ics`` one for old clients; slashes become ``_`` and control characters go.
    """
    name = re.sub(r"[/\\]", "_", clean(filename).replace("\n", "")).lstrip(".")
    plain = _ascii_filename(name)
    if name in ("", plain):
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='!#$&+^`|~')}"


def _ascii_filename(name: str) -> str:
    stem = unicodedata.normalize("NFKD", name.removesuffix(".ics")).encode("ascii", "ignore").decode()
    stem = _FILENAME_UNSAFE.sub("_", stem).strip("._-")[:100]
    return f"{stem or 'calendar'}.ics"
