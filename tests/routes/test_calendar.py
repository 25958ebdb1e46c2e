"""The personal calendar file end to end."""

import json
from typing import Any
from urllib.parse import urlencode

import icalendar
import pytest

from tests.examples import FAMILY, MUNICH, OPEN_DAY, TOKYO, assert_error, event_of, received
from tests.service import Service, running_proxy, settings_for


def path(items: Any) -> str:
    data = items if isinstance(items, str) else json.dumps(items)
    return "calendar/personal/ics?" + urlencode({"api-version": "2016-06-30", "data": data})


@pytest.mark.parametrize("event", [OPEN_DAY, MUNICH, TOKYO])
def test_an_event_becomes_a_calendar_file(service: Service, event: str) -> None:
    answer = service.get(path([{"readableEventId": event, "data": {"firstname": "Nia", "registrationId": "R-1"}}]))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert answer.headers["content-disposition"].startswith("attachment")
    calendar = icalendar.Calendar.from_ical(answer.content)
    (entry,) = calendar.walk("VEVENT")
    assert str(entry["SUMMARY"]) == event_of(service, event).fields["eventName"]
    assert (calendar["METHOD"], calendar["VERSION"]) == ("PUBLISH", "2.0")


def test_sessions_are_read_once_however_many_items_name_them(service: Service) -> None:
    sessions = event_of(service).sessions
    items = [{"readableEventId": OPEN_DAY, "sessionId": item["id"].upper()} for item in sessions]
    answer = service.get(path([*items, {"readableEventId": FAMILY}]))
    found = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert len(found) == len(items) + 1
    assert sorted(record.operation for record in received(service)) == ["get_event", "get_event", "list_sessions"]


def test_neither_the_token_nor_the_origin_of_a_caller_is_needed(service: Service) -> None:
    answer = service.client.get(f"{service.url}/evtmgmt/api/v1.0/{path([{'readableEventId': OPEN_DAY}])}")
    assert answer.status_code == 200


@pytest.mark.parametrize("items", ["", "no json", "{}", [], [{}], [{"readableEventId": "a/b"}], [{"readableEventId": 7}]])
def test_a_link_that_is_not_valid_is_told_why(service: Service, items: Any) -> None:
    answer = service.get(path(items))
    assert_error(answer, "InvalidCalendarData", 400)
    assert received(service) == []


def test_a_link_without_data(service: Service) -> None:
    assert assert_error(service.get("calendar/personal/ics"), "InvalidCalendarData", 400)["detail"] == "data is missing."
    assert_error(service.get("calendar/personal/ics?data=%FF"), "InvalidParameter", 400)
    assert_error(service.get("calendar/personal/ics?data=%zz"), "BadTarget", 400)


def test_an_event_or_session_that_is_gone_is_not_found(service: Service) -> None:
    assert_error(service.get(path([{"readableEventId": "Gone"}])), "NotFound", 404)
    missing = [{"readableEventId": OPEN_DAY, "sessionId": "0e3b2b6a-0000-4000-8000-000000000009"}]
    assert_error(service.get(path(missing)), "NotFound", 404)


def test_old_ids_in_old_mails_are_translated(service: Service) -> None:
    session = event_of(service).sessions[0]
    old = "0e3b2b6a-0000-4000-8000-000000000005"
    settings = settings_for(service.sandbox, aliases={"events": {"Old Day": OPEN_DAY}, "sessions": {old: session["id"]}})
    with running_proxy(settings) as (port, _):
        link = path([{"readableEventId": "old day", "sessionId": old.upper()}])
        answer = service.client.get(f"http://127.0.0.1:{port}/EvtMgmt/api/v2.0/{link}")
    (entry,) = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert session["name"] in str(entry["SUMMARY"])


def test_head_of_a_calendar_file(service: Service) -> None:
    answer = service.client.head(f"{service.url}/EvtMgmt/api/v2.0/{path([{'readableEventId': OPEN_DAY}])}")
    assert (answer.status_code, answer.content) == (200, b"")
