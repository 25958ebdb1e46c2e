"""Each reading of raw events, by tables."""

from collections.abc import Callable
from typing import Any

import pytest

from app.checkup.events import (
    anonymous_registration,
    calendar_content,
    captcha,
    custom_fields,
    event_dates,
    event_ids,
    registration_form,
)
from app.checkup.material import NOTHING, Material
from app.checkup.report import Reading, Verdict
from app.settings import Answers

GOOD = {
    "readableEventId": "Open_Day",
    "customFields": {},
    "startDate": "2031-03-04T09:00:00",
    "endDate": "2031-03-04T17:00:00",
    "allowAnonymousRegistrations": True,
    "enableCaptcha": False,
    "registrationForm": None,
}
EMBED = {"registrationForm": "<div data-form-id='1'></div>"}
OLD_EMBED = {"registrationForm": "<script>MsCrmMkt.MsCrmFormLoader</script>"}
KEEP = Answers(registration_form="keep", allow_anonymous_registrations="keep")


def material(*listed: dict[str, Any], looked_at: dict[str, Any] | None = None, answers: Answers | None = None) -> Material:
    raw: dict[str, Any] = {"list_events": [GOOD | event for event in listed]}
    return Material(raw if looked_at is None else raw | {"get_event": GOOD | looked_at}, answers or Answers())


@pytest.mark.parametrize(
    ("read", "odd", "what"),
    [
        (custom_fields, {"customFields": None}, "no customFields"),
        (event_dates, {"endDate": ""}, "a date is missing"),
        (registration_form, EMBED, "a form embed"),
        (anonymous_registration, {"allowAnonymousRegistrations": None}, "not allowed"),
        (captcha, {"enableCaptcha": True}, "a captcha is wanted"),
    ],
)
def test_odd_events_are_counted(read: Callable[[Material], Reading], odd: dict[str, Any], what: str) -> None:
    assert (read(material({}, {})).seen, read(material({}, {})).found) == (False, f"{what}: 0 of 2 listed")
    one = read(material({}, odd, odd, looked_at={}))
    assert (one.seen, one.found) == (True, f"{what}: 2 of 3 listed; the one looked at: no")
    other = read(material({}, looked_at=odd))
    assert (other.seen, other.found) == (True, f"{what}: 0 of 1 listed; the one looked at: yes")
    assert (read(material()).seen, read(material()).found) == (None, NOTHING)
    assert {item.verdict for item in (one, other)} == {Verdict.OK}


def test_events_without_any_date_are_told_apart() -> None:
    undated = {"startDate": None, "endDate": None}
    assert event_dates(material({}, {"endDate": None}, undated)).handling.endswith("left out of the list: 1.")
    assert event_dates(material(undated | {"endDateUTC": "2031-03-04T17:00:00Z"})).handling.endswith("left out of the list: 0.")


@pytest.mark.parametrize("identity", [None, 7, "", "a/b", "..", "x" * 201])
def test_an_event_without_a_usable_id_breaks_portals(identity: object) -> None:
    reading = event_ids(material({}, {"readableEventId": identity}))
    assert (reading.seen, reading.verdict) == (True, Verdict.BREAKS)
    assert reading.found.endswith("1 of 2 listed")
    assert event_ids(material({"readableEventId": "東京_技術会議"})).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("embed", "answers", "verdict"),
    [
        (EMBED, None, Verdict.OK),
        (EMBED, KEEP, Verdict.BREAKS),
        (OLD_EMBED, KEEP, Verdict.OK),
        ({"registrationForm": " "}, KEEP, Verdict.OK),
    ],
)
def test_a_kept_form_breaks_unless_it_is_for_the_old_loader(
    embed: dict[str, Any], answers: Answers | None, verdict: Verdict
) -> None:
    assert registration_form(material({}, embed, answers=answers)).verdict is verdict


def test_a_form_that_the_bridge_does_not_understand_is_a_note() -> None:
    bridge = Answers(registration_form="bridge")
    found = registration_form(material({}, EMBED, {"registrationForm": 7}, answers=bridge))
    assert (found.verdict, found.found) == (Verdict.NOTE, "a form embed that the bridge does not understand: 2 of 3 listed")
    assert "EVTMGMT_ANSWERS__FORM_LOADERS" in found.handling
    base = "https://public-eur.mkt.dynamics.com/x"
    known = (
        f"<div data-form-id='{'0' * 8}-0000-0000-0000-{'0' * 12}' data-form-api-url='{base}' data-cached-form-url='{base}'></div>"
    )
    known += "<script src='https://formui-eur.mkt.dynamics.com/FormLoader.bundle.js'></script>"
    found = registration_form(material({}, {"registrationForm": known}, {"registrationForm": " "}, answers=bridge))
    assert (found.verdict, found.seen) == (Verdict.OK, False)


def test_kept_refusals_of_anonymous_visitors_are_a_note() -> None:
    closed = {"allowAnonymousRegistrations": False}
    assert anonymous_registration(material(closed, answers=KEEP)).verdict is Verdict.NOTE
    assert anonymous_registration(material({}, answers=KEEP)).verdict is Verdict.OK


def test_calendar_content() -> None:
    reading = calendar_content(material({}, looked_at={"calendarContent": "Dear {{firstname}}"}))
    assert (reading.seen, reading.found) == (True, "in calendarContent")
    assert calendar_content(material({}, looked_at={})).seen is False
    assert calendar_content(material()).seen is None
