"""translation/aliases.py: old ids in any letter case, in paths and bodies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.strategies import OBJECTS, plain_json
from translation.aliases import NO_ALIASES, Aliases

OLD_SESSION = "7F3B9A52-0C1D-4E8F-9A6B-2D5C8E1F0A34"
NEW_SESSION = "11111111-2222-4333-8444-555555555555"
OLD_PASS = "aaaaaaaa-0c1d-4e8f-9a6b-2d5c8e1f0a34"
NEW_PASS = "bbbbbbbb-2222-4333-8444-555555555555"

ALIASES = Aliases.of(
    events={"Old_Event": "New_Event_2027", "GROSSE_STRASSE": "Straße_2027", "Circle": "Old_Event"},
    sessions={OLD_SESSION: NEW_SESSION},
    passes={OLD_PASS: NEW_PASS},
    fields={"Diet": "msdyn_diet"},
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Old_Event", "New_Event_2027"),
        ("old_event", "New_Event_2027"),
        ("OLD_EVENT", "New_Event_2027"),
        ("große_straße", "Straße_2027"),
        ("Other", "Other"),
        ("oTHER", "oTHER"),
        ("New_Event_2027", "New_Event_2027"),
        ("Old_Event ", "Old_Event "),
        ("Circle", "Old_Event"),
    ],
)
def test_an_event_in_any_letter_case_and_one_step_only(old: str, new: str) -> None:
    assert ALIASES.event(old) == new


@pytest.mark.parametrize("form", [str.lower, str.upper, str], ids=["lower", "upper", "as written"])
def test_a_session_in_any_letter_case(form: Any) -> None:
    assert ALIASES.session(form(OLD_SESSION)) == NEW_SESSION
    assert ALIASES.session(NEW_SESSION) == NEW_SESSION


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {}),
        ({"event": "oLD_eVENT"}, {"event": "New_Event_2027"}),
        ({"session": OLD_SESSION.lower()}, {"session": NEW_SESSION}),
        ({"event": "Old_Event", "session": OLD_SESSION}, {"event": "New_Event_2027", "session": NEW_SESSION}),
        ({"track": OLD_SESSION}, {"track": OLD_SESSION}),
        ({"speaker": OLD_PASS}, {"speaker": OLD_PASS}),
    ],
)
def test_path_parameters(asked: dict[str, str], sent: dict[str, str]) -> None:
    before = dict(asked)
    assert ALIASES.parameters(asked) == sent
    assert asked == before
    assert NO_ALIASES.parameters(asked) == asked


def test_an_attendee_gets_todays_ids_and_keeps_the_rest() -> None:
    attendee = {
        "firstName": "Old_Event",
        "passId": OLD_PASS.upper(),
        "attendeeSessions": [{"sessionId": OLD_SESSION.lower(), "waitlisted": True}, {"sessionId": "other"}],
        "responses": [{"id": "DIET", "value": "Diet", "values": ["Diet"]}, {"id": "jobtitle", "value": OLD_PASS}],
        "extra": {"passId": OLD_PASS},
    }
    ALIASES.attendee(attendee)
    assert attendee == {
        "firstName": "Old_Event",
        "passId": NEW_PASS,
        "attendeeSessions": [{"sessionId": NEW_SESSION, "waitlisted": True}, {"sessionId": "other"}],
        "responses": [{"id": "msdyn_diet", "value": "Diet", "values": ["Diet"]}, {"id": "jobtitle", "value": OLD_PASS}],
        "extra": {"passId": OLD_PASS},
    }


@pytest.mark.parametrize(
    "attendee",
    [
        {},
        {"passId": ""},
        {"passId": None, "attendeeSessions": None, "responses": None},
        {"passId": 1, "attendeeSessions": {}, "responses": "x"},
        {"attendeeSessions": [None, 1, "x", {}], "responses": [[], {"id": None}]},
    ],
)
def test_an_attendee_without_ids_stays_as_it_is(attendee: dict[str, Any]) -> None:
    changed = {**attendee}
    ALIASES.attendee(changed)
    assert changed == attendee


@given(OBJECTS)
def test_any_attendee_is_walked(attendee: dict[str, Any]) -> None:
    ALIASES.attendee(attendee)
    assert plain_json(attendee)


@given(st.dictionaries(st.sampled_from(["event", "session", "track"]), st.text(max_size=20)))
def test_without_aliases_nothing_changes(parameters: dict[str, str]) -> None:
    assert NO_ALIASES.parameters(parameters) == parameters
