"""Each reading of raw answers, by tables."""

from typing import Any

import pytest

from app.checkup.material import NOTHING, Material
from app.checkup.readings import (
    MAX_NAMES,
    blank_keys,
    counts,
    guids,
    image_addresses,
    missing_fields,
    readings,
    track_relation,
    unknown_fields,
    wrapped_lists,
)
from app.checkup.report import Verdict
from app.settings import Answers
from translation.shapes import BLANKS

GUID = "0e3b2b6a-0000-4000-8000-000000000001"


def material(**raw: Any) -> Material:
    return Material(raw, Answers())


def test_without_answers_there_is_nothing_to_look_at() -> None:
    found = readings(material())
    assert {item.seen for item in found} == {None}
    assert {item.verdict for item in found} == {Verdict.OK}
    assert len({item.name for item in found}) == len(found)


@pytest.mark.parametrize(
    ("raw", "seen", "found"),
    [
        ({"list_events": [], "list_tracks": []}, False, "all 2 lists are plain"),
        ({"list_events": {"value": [], "@odata.count": 0}}, True, "list_events: an object with value, @odata.count"),
        ({"get_event": {"data": {"eventName": "A"}}}, True, "get_event: an object with data"),
        ({"get_event": [{"eventName": "A"}]}, True, "get_event: a list"),
        ({"get_event": {"eventName ": "A"}}, False, "all 0 lists are plain"),
        ({"count_event_registrations": 3}, None, NOTHING),
    ],
)
def test_wrapped_lists(raw: dict[str, Any], seen: bool | None, found: str) -> None:
    reading = wrapped_lists(material(**raw))
    assert (reading.seen, reading.found) == (seen, found)


@pytest.mark.parametrize(
    ("value", "seen", "found"),
    [
        (3, False, "bare numbers"),
        ({"count": 3}, True, "count_event_registrations: an object with count"),
        ("3", True, "count_event_registrations: a text"),
        (3.0, True, "count_event_registrations: another value"),
    ],
)
def test_counts(value: Any, seen: bool, found: str) -> None:
    reading = counts(material(count_event_registrations=value))
    assert (reading.seen, reading.found) == (seen, found)


def test_image_addresses() -> None:
    urls = ["https://host.invalid/a", "//host.invalid/b", "speakers/x/image", "", None]
    reading = image_addresses(material(list_speakers=[{"imageUrl": url} for url in urls]))
    assert (reading.seen, reading.found) == (True, "2 absolute, 1 relative, 2 without")
    assert image_addresses(material(list_speakers=[{}])).seen is None


def test_missing_and_unknown_fields() -> None:
    whole = dict.fromkeys(BLANKS["SessionTrack"])
    assert missing_fields(material(list_tracks=[whole])).seen is False
    assert unknown_fields(material(list_tracks=[whole])).seen is False
    odd = material(list_tracks=[whole, {"id": GUID, "name": "A", "colour": "red"}])
    assert (missing_fields(odd).seen, missing_fields(odd).found) == (True, "SessionTrack: description")
    assert (unknown_fields(odd).seen, unknown_fields(odd).found) == (True, "SessionTrack: colour")
    assert missing_fields(material(list_tracks=[])).seen is None


def test_long_lists_of_names_are_cut() -> None:
    reading = unknown_fields(material(list_tracks=[{f"field{number}": 1 for number in range(MAX_NAMES + 2)}]))
    assert reading.found.endswith(f"field{MAX_NAMES - 1} and 2 more")


def test_custom_fields_are_not_counted_as_missing() -> None:
    event = {name: None for name in BLANKS["Event"] if name != "customFields"}
    assert missing_fields(material(get_event=event)).seen is False


def test_blank_keys() -> None:
    assert blank_keys(material(get_event={"building": {" name": "A"}, "b\u00a0": []})).found == "blanks around: b, name"
    assert blank_keys(material(get_event={"name": " A "})).seen is False


def test_guids() -> None:
    assert guids(material(list_tracks=[{"id": GUID}])).verdict is Verdict.OK
    odd = guids(material(list_tracks=[{"id": GUID}], list_speakers=[{"id": 7}], list_sessions=[{}]))
    assert (odd.found, odd.verdict) == ("other ids in: list_sessions, list_speakers", Verdict.BREAKS)


@pytest.mark.parametrize(
    ("track", "session", "seen", "found", "verdict"),
    [
        ({"sessions": []}, {}, True, "track.sessions", Verdict.OK),
        ({}, {"tracks": []}, True, "session.tracks", Verdict.OK),
        ({}, {"sessionTracks": [], "trackId": GUID}, True, "session.sessionTracks, session.trackId", Verdict.OK),
        ({}, {"trackIds": [GUID]}, True, "session.trackIds", Verdict.OK),
        ({"sessions": None}, {"trackId": None}, False, "nothing relates tracks and sessions", Verdict.NOTE),
    ],
)
def test_track_relation(track: dict[str, Any], session: dict[str, Any], seen: bool, found: str, verdict: Verdict) -> None:
    reading = track_relation(material(list_tracks=[track], list_sessions=[session]))
    assert (reading.seen, reading.found, reading.verdict) == (seen, found, verdict)


def test_without_tracks_there_is_no_relation_to_find() -> None:
    assert track_relation(material(list_tracks=[], list_sessions=[{"tracks": []}])).seen is None
