"""JSON reads end to end: each operation of the table against the sandbox."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.examples import (
    FORUM,
    JSON_READS,
    MUNICH,
    OPEN_DAY,
    QUESTIONS,
    RIYADH,
    TOKYO,
    example,
    named,
    received,
)
from tests.service import Service, event_path
from translation.operations import Answer, Operation
from translation.shapes import SHAPES


@pytest.mark.parametrize("operation", JSON_READS, ids=named)
def test_a_read_is_answered_in_the_old_form(service: Service, operation: Operation) -> None:
    answer = example(operation.name, service).send(service)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    value: Any = answer.json()
    if operation.answer is Answer.COUNT:
        assert isinstance(value, int)
        assert not isinstance(value, bool)
        return
    items = value if isinstance(value, list) else [value]
    assert isinstance(value, list) == (operation.answer in (Answer.LIST, Answer.EVENT_LIST))
    assert operation.shape is not None
    for item in items:
        assert set(SHAPES[operation.shape].model_fields) <= set(item)


@pytest.mark.parametrize("operation", JSON_READS, ids=named)
def test_head_answers_the_headers_of_get(service: Service, operation: Operation) -> None:
    path = example(operation.name, service).path
    head, get = (service.client.request(method, f"{service.url}/EvtMgmt/api/v2.0/{path}") for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content)) == get.headers["content-length"]
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("event", [OPEN_DAY, MUNICH, TOKYO, RIYADH])
@pytest.mark.parametrize("base", ["EvtMgmt/api/v2.0/", "evtmgmt/API/V1.0/", "/EvtMgmt//api/v2.0//"])
def test_an_event_is_found_under_every_base_and_in_every_script(service: Service, event: str, base: str) -> None:
    answer = service.client.get(f"{service.url}/{base}{event_path(event)}/")
    assert answer.status_code == 200
    assert answer.json()["readableEventId"] == event


def test_the_list_holds_what_is_published_and_has_a_date(service: Service) -> None:
    names = {event["readableEventId"] for event in service.get("events/published").json()}
    assert {OPEN_DAY, MUNICH, TOKYO, RIYADH, "Evening_Meetup"} <= names
    assert not names & {"Date_To_Follow", "Draft_Festival", "Quiet_Preview", "Partner_Briefing"}


def test_events_are_mended_for_old_portals(service: Service) -> None:
    form = service.get("events/Form_Webinar").json()
    assert (form["registrationForm"], form["customFields"]) == (None, {})
    assert service.get("events/Guarded_Expo").json()["enableCaptcha"] is False
    assert service.get("events/Members_Evening").json()["allowAnonymousRegistrations"] is True


def test_custom_registration_fields_are_a_list_even_when_there_are_none(service: Service) -> None:
    assert service.get(f"events/{OPEN_DAY}/custom-registration-fields").json() == []
    assert len(service.get(f"events/{QUESTIONS}/custom-registration-fields").json()) == 4
    service.sandbox.faults.add("null")
    assert service.get(f"events/{QUESTIONS}/custom-registration-fields").json() == []


def test_the_image_of_a_speaker_is_named_relative_to_the_old_base(service: Service) -> None:
    speakers = service.get(f"events/{OPEN_DAY}/speakers").json()
    assert [speaker["imageUrl"] for speaker in speakers] == [f"speakers/{speaker['id']}/image" for speaker in speakers]
    assert all(service.get(speaker["imageUrl"]).status_code == 200 for speaker in speakers)


@pytest.mark.parametrize("wrapper", ["value", "data"])
def test_wrapped_answers_are_unwrapped(service: Service, wrapper: str) -> None:
    plain = service.get(f"events/{OPEN_DAY}/sessions").json()
    service.sandbox.faults.add("wrap", key=wrapper)
    assert service.get(f"events/{OPEN_DAY}/sessions").json() == plain
    service.sandbox.faults.add("count_object", key=wrapper)
    assert service.get(f"events/{OPEN_DAY}/registrations/count").json() == 12


def test_unknown_fields_are_kept_and_missing_ones_are_null(service: Service) -> None:
    service.sandbox.faults.add("merge", body={"isVirtual": True})
    assert service.get(f"events/{OPEN_DAY}").json()["isVirtual"] is True
    service.sandbox.faults.add("without", keys=["building", "customFields"])
    event = service.get(f"events/{OPEN_DAY}").json()
    assert (event["building"], event["customFields"]) == (None, {})


def test_what_does_not_exist_is_not_found_in_words(service: Service) -> None:
    answer = service.get("events/Nowhere")
    assert (answer.status_code, answer.json()["errorCode"], answer.json()["type"]) == (404, "NotFound", "EndpointNotFound")
    # A sentence of Dynamics is handed on with 4xx rejections only.
    assert "The event does not exist." not in answer.text


@pytest.mark.parametrize(
    "event",
    [
        "two words",
        "a+b",
        'it\'s "quoted"',
        "tea & cake = good",
        "100,5 (net)!*~:@$",
        "👩‍👩‍👧‍👦 🎉",
        "مؤتمر الرياض",
        "東京　会議",
        "e\u0301 é",
        "a|b^c`{d}[e]<f>",
    ],
)
def test_an_id_arrives_upstream_byte_for_byte(service: Service, event: str) -> None:
    service.sandbox.faults.add("body", body={"eventName": "found"}, status=200)
    answer = service.get(event_path(event))
    assert (answer.status_code, answer.json()["readableEventId"]) == (200, event)
    (record,) = received(service)
    token = quote(service.sandbox.realtime_token, safe="")
    path = service.sandbox.realtime_endpoint.removeprefix(service.sandbox.base_url) + f"events/{quote(event, safe='')}"
    assert record.request.target == f"{path}?emApplicationtoken={token}".encode()


def test_an_id_that_the_portal_left_unescaped_is_escaped_upstream(service: Service) -> None:
    service.sandbox.faults.add("body", body={"eventName": "found"}, status=200)
    answer = service.raw(
        b"GET /EvtMgmt/api/v2.0/events/it's+(a)!;b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".replace(b";", b",")
    )
    assert answer.startswith(b"HTTP/1.1 200 ")
    (record,) = received(service)
    assert b"/events/it%27s%2B%28a%29%21%2Cb?" in record.request.target


def test_the_query_travels_only_as_far_as_the_table_says(service: Service) -> None:
    ours = quote(service.sandbox.realtime_token, safe="")
    service.get(f"events/{FORUM}?API-Version=2016%2d06&emApplicationToken=theirs&EMAPPLICATIONTOKEN=x&_=1&ts=2&secret=3")
    (record,) = received(service)
    query = record.request.target.partition(b"?")[2].decode()
    assert query == f"emApplicationtoken={ours}&API-Version=2016%2d06"


def test_filters_of_the_list_travel(service: Service) -> None:
    unit = "5f1c2b7e-0000-4000-8000-0000000000a2"
    events = service.get(f"events/published?businessUnitId={unit}").json()
    assert [event["readableEventId"] for event in events] == ["Journey_Launch"]
