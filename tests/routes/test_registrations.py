"""Registrations end to end: what arrives in the organisation, and what the portal is told."""

import json
from typing import Any

import pytest

from tests.examples import (
    CONFERENCE,
    FAMILY,
    MUNICH,
    OPEN_DAY,
    QUESTIONS,
    TOKYO,
    assert_error,
    attendee,
    event_of,
    example,
    received,
    registration,
    sent_headers,
)
from tests.service import Service, event_path

RESULT = {"status", "errorMessage", "errorCode", "redirectUrl", "purchaseId"}


def register(service: Service, event: str = OPEN_DAY, body: Any = None, **headers: str) -> Any:
    content = json.dumps(registration() if body is None else body)
    sent = {"content-type": "application/json", **headers}
    return service.post(event_path(event, "/registrations"), content=content, headers=sent)


@pytest.mark.parametrize("event", [OPEN_DAY, MUNICH, TOKYO])
def test_an_accepted_registration_is_a_success_and_arrives_as_it_was_sent(service: Service, event: str) -> None:
    person = attendee(
        firstName="Zoë «علي» 東", waitlisted=False, autoRegister=True, responses=[], attendeeSessions=[], extra=None
    )
    answer = register(service, event, registration(person))
    assert answer.status_code == 200
    assert (set(answer.json()) >= RESULT, answer.json()["status"]) == (True, "Success")
    (record,) = received(service, "register")
    assert record.request.json() == {"attendees": [person]}
    assert sent_headers(record)["content-type"] == ["application/json"]
    (kept,) = service.sandbox.control.registrations()
    assert (kept["event_id"], kept["attendee"]) == (event, person)


def test_several_attendees_with_sessions_and_answers(service: Service) -> None:
    assert register(service, FAMILY, registration(attendee(), attendee(firstName="Ida"))).json()["status"] == "Success"
    session = event_of(service, QUESTIONS).sessions[0]["id"]
    person = attendee(
        responses=[
            {"id": "jobtitle", "value": "Potter", "values": None},
            {"id": "new_topics", "value": "Events, Consent", "values": ["Events", "Consent"]},
            {"id": "new_shirtsize", "value": "M"},
        ],
        attendeeSessions=[{"sessionId": session, "waitlisted": False}],
    )
    assert register(service, QUESTIONS, registration(person)).json()["status"] == "Success"
    assert received(service, "register")[-1].request.json() == registration(person)


def test_a_captcha_of_an_old_portal_is_not_sent_on(service: Service) -> None:
    hip = {"Solution": "1234", "Token": "t", "Type": "visual", "FlowId": "f"}
    assert register(service, body=registration() | {"hipObject": hip}).json()["status"] == "Success"
    assert received(service, "register")[0].request.json() == registration()


def test_a_paid_registration_leads_to_the_payment_page(service: Service) -> None:
    bought = event_of(service, CONFERENCE).passes[0]["passId"]
    result = register(service, CONFERENCE, registration(attendee(passId=bought))).json()
    assert result["status"] == "Redirect"
    assert result["redirectUrl"].startswith(f"{service.sandbox.base_url}/pay?purchaseId={result['purchaseId']}&")


def test_a_paid_registration_is_finalized(service: Service) -> None:
    call = example("finalize_registration", service)
    answer = call.send(service)
    assert (answer.status_code, answer.json()["status"]) == (200, "Success")
    (record,) = received(service, "finalize_registration")
    assert record.request.json() == call.body


def test_finalizing_what_nobody_bought_is_not_found(service: Service) -> None:
    answer = service.post(f"events/{OPEN_DAY}/registrations/finalize", json={"purchaseId": "x", "hipObject": None})
    assert_error(answer, "NotFound", 404)


@pytest.mark.parametrize("kind", ["empty", "null"])
@pytest.mark.parametrize("status", [200, 202, 204])
def test_an_answer_without_content_is_a_success(service: Service, kind: str, status: int) -> None:
    service.sandbox.faults.add(kind, status=status)
    answer = register(service)
    assert (answer.status_code, answer.json()["status"]) == (200, "Success")


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        ({"status": "success"}, "Success", None),
        ({"Status": "Success"}, "Success", None),
        ({"status": "Initiated", "purchaseId": "p"}, "Initiated", None),
        ({"redirectUrl ": "https://pay.invalid/?purchaseId=p"}, "Redirect", None),
        ({"status": "Failed", "errorMessage": "Sold out."}, "Failed", "Sold out."),
        ({"errorMessage": "Sold <b>out</b>."}, "Failed", "Sold out ."),
        (42, "Success", None),
    ],
)
def test_every_form_of_result_is_told_in_the_old_words(service: Service, given: Any, status: str, message: str | None) -> None:
    service.sandbox.faults.add("body", body=given)
    result = register(service).json()
    assert (result["status"], result["errorMessage"]) == (status, message)


def test_a_payment_page_without_a_web_address_is_no_success(service: Service) -> None:
    service.sandbox.faults.add("body", body={"redirectUrl": "javascript:alert(1)"})
    answer = register(service)
    assert_error(answer, "RegistrationAnswerUnreadable", 502)
    assert "javascript:" not in answer.text


def test_a_refusal_shows_the_sentence_of_dynamics_and_nothing_else(service: Service) -> None:
    answer = register(service, "Pottery_Workshop")
    body = assert_error(answer, "UpstreamRejected", 400)
    assert body["Message"] == "The event is fully booked."
    assert answer.headers["content-language"] == "und"


def test_a_refusal_without_a_sentence_has_one_of_the_proxy(service: Service) -> None:
    service.sandbox.faults.add("status", status=422, body="")
    assert "check what you entered" in assert_error(register(service), "UpstreamRejected", 422)["Message"]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "The body is not JSON."),
        (b"{", "The body is not JSON."),
        (b"\xff", "The body is not JSON."),
        (b"[]", "The body"),
        (b"{}", "attendees"),
        (b'{"attendees":[]}', "attendees"),
        (b'{"attendees":[{"firstName":7}]}', "attendees[0].firstName"),
        (b'{"attendees":[{"firstName":"A","email":{"secret@example.com":1}}]}', "attendees[0].email"),
    ],
)
def test_a_body_that_is_not_valid_is_refused_by_field_and_not_sent(service: Service, content: bytes, detail: str) -> None:
    answer = service.post(f"events/{OPEN_DAY}/registrations", content=content, headers={"content-type": "application/json"})
    assert assert_error(answer, "InvalidBody", 400)["detail"].startswith(detail)
    assert "secret" not in answer.text
    assert received(service) == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_of_another_type_is_refused(service: Service, content_type: str) -> None:
    assert_error(register(service, **{"content-type": content_type}), "UnsupportedMediaType", 415)
    assert received(service) == []


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "TEXT/JSON", "application/problem+json", ""])
def test_every_name_of_json_is_taken(service: Service, content_type: str) -> None:
    assert register(service, **{"content-type": content_type}).json()["status"] == "Success"


def test_a_compressed_body_is_refused(service: Service) -> None:
    assert_error(register(service, **{"content-encoding": "gzip"}), "UnsupportedMediaType", 415)
    assert received(service) == []
