"""What the proxy makes itself, tried out."""

from typing import Any

import pytest

from app.checkup.emulated import calendar_line, track_line
from app.checkup.report import Verdict

A, B = "0e3b2b6a-0000-4000-8000-00000000000a", "0e3b2b6a-0000-4000-8000-00000000000b"


@pytest.mark.parametrize(
    ("tracks", "sessions", "found", "verdict"),
    [
        ([], [{"id": A}], "the event has no tracks", Verdict.SKIPPED),
        ([{"id": A}], [{"id": B}], "nothing relates tracks and sessions: answered with 501", Verdict.NOTE),
        ([{"id": A}, {"id": B}], [{"id": "1", "trackId": A}], "sessions per track: 1, 0", Verdict.OK),
    ],
)
def test_tracks(tracks: list[dict[str, Any]], sessions: list[dict[str, Any]], found: str, verdict: Verdict) -> None:
    line = track_line(tracks, sessions)
    assert (line.operation, line.row, line.found, line.verdict) == ("list_track_sessions", 15, found, verdict)


START = {"startDateUTC": "2031-03-04T09:00:00Z", "startTimeUTC": "2031-03-04T09:00:00Z", "id": A}


@pytest.mark.parametrize(
    ("event", "sessions", "verdict"),
    [
        (START, [], Verdict.OK),
        (START, [START], Verdict.OK),
        (START, [{"id": A}], Verdict.NOTE),
        ({"startDate": "soon"}, [], Verdict.NOTE),
    ],
)
def test_calendar(event: dict[str, Any], sessions: list[dict[str, Any]], verdict: Verdict) -> None:
    line = calendar_line("Open_Day", event, sessions)
    assert (line.operation, line.row, line.verdict) == ("get_personal_calendar", 22, verdict)
