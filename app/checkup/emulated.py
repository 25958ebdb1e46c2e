"""What the proxy makes itself, tried out on the answers of one event, for ``evtmgmt-proxy check``: rows 15 and 22."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.checkup.report import Line, Verdict
from translation.calendar import CalendarDataError, CalendarEntry, CalendarItem, calendar_file
from translation.operations import BY_NAME
from translation.tracks import sessions_of_track, track_ids


def track_line(tracks: Sequence[Mapping[str, Any]], sessions: Sequence[Mapping[str, Any]]) -> Line:
    """How many sessions are found for each track.

    Args:
        tracks: Those of the event, in the old form.
        sessions: Those of the event, in the old form.
    """
    operation = BY_NAME["list_track_sessions"]
    ids = track_ids(tracks)
    found = [sessions_of_track(track, tracks, sessions) for track in ids]
    if not ids:
        words, verdict = "the event has no tracks", Verdict.SKIPPED
    elif None in found:
        assert operation.refusal is not None  # noqa: S101 - the table says so
        words, verdict = f"nothing relates tracks and sessions: answered with {operation.refusal.status}", Verdict.NOTE
    else:
        words, verdict = f"sessions per track: {', '.join(str(len(part or ())) for part in found)}", Verdict.OK
    return Line(operation=operation.name, row=operation.row, found=words, verdict=verdict)


def calendar_line(event_id: str, event: Mapping[str, Any], sessions: Sequence[Mapping[str, Any]]) -> Line:
    """Whether calendar files can be written for the event and its first session.

    Args:
        event_id: Its readable id.
        event: In the old form.
        sessions: Those of the event, in the old form.
    """
    operation = BY_NAME["get_personal_calendar"]
    entries = [CalendarEntry(CalendarItem(event_id, None, {}), event, None)]
    entries += [CalendarEntry(CalendarItem(event_id, str(session["id"]), {}), event, session) for session in sessions[:1]]
    try:
        files = [calendar_file([entry], now=datetime.now(UTC)) for entry in entries]
    except CalendarDataError:
        words, verdict = "the event or its session has no start time that can be read, so no calendar file", Verdict.NOTE
    else:
        words, verdict = f"can be written, {' and '.join(str(len(file)) for file in files)} bytes", Verdict.OK
    return Line(operation=operation.name, row=operation.row, found=words, verdict=verdict)
