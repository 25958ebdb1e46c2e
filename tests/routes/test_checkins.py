"""Check-ins end to end: the one operation without a token."""

import pytest

from tests.examples import assert_error, example, received, sent_headers
from tests.service import Service


def test_a_checkin_arrives_without_a_token_and_its_redirect_is_handed_on(service: Service) -> None:
    call = example("create_checkin", service)
    answer = call.send(service, authorization="Bearer x", cookie="a=b")
    assert (answer.status_code, answer.content) == (302, b"")
    assert answer.headers["location"] == f"{service.sandbox.base_url}/checked-in"
    (record,) = received(service)
    assert (
        record.request.target == service.sandbox.realtime_endpoint.removeprefix(service.sandbox.base_url).encode() + b"checkins"
    )
    assert record.request.json() == call.body
    assert sent_headers(record)["origin"] == [service.sandbox.realtime_origin]
    assert not {"authorization", "cookie"} & set(sent_headers(record))


def test_the_token_of_the_caller_is_not_handed_on_either(service: Service) -> None:
    assert service.post("checkins?emApplicationtoken=theirs", json={}).status_code == 302
    (record,) = received(service)
    assert b"?" not in record.request.target


def test_a_form_is_handed_on_as_it_is(service: Service) -> None:
    body = b"registrationId=R-1&name=%E6%9D%B1+x"
    sent = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert service.post("checkins", content=body, headers=sent).status_code == 302
    (record,) = received(service)
    assert (record.request.body, sent_headers(record)["content-type"]) == (body, [sent["content-type"]])


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_checkin_that_is_just_accepted(service: Service, status: int) -> None:
    service.sandbox.faults.add("status", status=status, body="")
    answer = service.post("checkins", json={})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("location", ["javascript:alert(1)", "/relative", "", "//elsewhere.invalid/", "https://a.invalid/\u00e9"])
def test_a_redirect_to_no_web_address_is_not_handed_on(service: Service, location: str) -> None:
    service.sandbox.faults.add("redirect", location=location)
    answer = service.post("checkins", json={})
    assert_error(answer, "RegistrationAnswerUnreadable", 502)
    assert "location" not in answer.headers


def test_other_types_of_bodies_are_refused(service: Service) -> None:
    assert_error(service.post("checkins", content=b"x", headers={"content-type": "text/plain"}), "UnsupportedMediaType", 415)
    assert received(service) == []


def test_a_refused_checkin_says_nothing_of_the_token(service: Service) -> None:
    service.sandbox.faults.add("status", status=401)
    assert_error(service.post("checkins", json={}), "UpstreamRefusedProxy", 502)
    assert service.client.get(f"{service.url}/readyz").status_code == 200
