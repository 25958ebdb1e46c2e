import json
from urllib.parse import quote

import httpx
import pytest
from icalendar import Calendar

from sandbox import Sandbox
from tests.sandbox.conftest import Caller, attendee, attendees
from tests.sandbox.raw import ask


@pytest.mark.parametrize(
    "change",
    [
        ("v2.0", "v1.0"),
        ("/EvtMgmt/", "/evtmgmt/"),
        ("EvtMgmt/api/v2.0/", "EvtMgmt/api/v2.0//"),
        ("Events/Published", "EVENTS/published/"),
        ("emApplicationtoken", "EMAPPLICATIONTOKEN"),
    ],
)
def test_iis_habits(sandbox: Sandbox, outbound: Caller, change: tuple[str, str]) -> None:
    target = outbound.url("Events/Published").removeprefix(sandbox.base_url).replace(*change)
    assert b" 200 " in ask(sandbox, target, "GET", f"Origin: {sandbox.outbound_origin}")


def test_head_has_no_body(sandbox: Sandbox, outbound: Caller) -> None:
    target = outbound.url("events/published").removeprefix(sandbox.base_url)
    answer = ask(sandbox, target, "HEAD", f"Origin: {sandbox.outbound_origin}")
    assert b" 200 " in answer
    assert answer.endswith(b"\r\n\r\n")


def test_blank_fields_are_null_never_left_out(outbound: Caller) -> None:
    for event in outbound.get("events/published").json():
        assert len(event) == 31
        assert event["registrationForm"] is None


def test_images_need_neither_token_nor_origin(sandbox: Sandbox, outbound: Caller, client: httpx.Client) -> None:
    url = outbound.get("events/Legacy_Roadshow/speakers").json()[0]["imageUrl"]
    assert client.get(sandbox.outbound_endpoint + url).content.startswith(b"\x89PNG")


def test_errors_hold_what_old_portals_read(outbound: Caller) -> None:
    error = outbound.get("events/nowhere").json()
    assert set(error) == {"Message", "errorMessage", "type", "statusCode", "correlationId"}


def test_old_ids(outbound: Caller) -> None:
    assert outbound.get("events/Annual_Forum").status_code == 200
    assert outbound.get("events/Annual_Forum_2031").status_code == 404


def test_sessions_of_a_track(outbound: Caller) -> None:
    sessions = outbound.get("events/Loose_Tracks_Day/sessions").json()
    track = outbound.get("events/Loose_Tracks_Day/tracks").json()[1]["id"]
    assert outbound.get(f"tracks/{track}/sessions").json() == [sessions[1], sessions[3]]


def test_a_registration_counts_at_once(outbound: Caller) -> None:
    before = outbound.count("Contoso_Open_Day")
    assert outbound.post("events/Contoso_Open_Day/registrations", attendees()).json()["status"] == "Success"
    assert outbound.count("Contoso_Open_Day") == before + 1


def test_failed_and_refused(outbound: Caller) -> None:
    failed = outbound.post("events/Pottery_Workshop/registrations", attendees()).json()
    assert (failed["status"], failed["errorMessage"]) == ("Failed", "The event is fully booked.")
    assert outbound.post("events/Contoso_Open_Day/registrations", {}).json()["Message"]
    anonymous = outbound.post("events/Members_Evening/registrations", attendees())
    assert (anonymous.status_code, anonymous.json()["type"]) == (401, "AnonymousAccessNotAllowed")


def test_redirect_to_the_payment_page(outbound: Caller, client: httpx.Client) -> None:
    path = "events/Contoso_Ltd_Conference"
    bought = outbound.get(f"{path}/passes").json()[0]["passId"]
    answer = outbound.post(f"{path}/registrations", attendees(attendee(passId=bought))).json()
    assert answer["status"] == "Redirect"
    assert "Pay 299.00" in client.get(answer["redirectUrl"]).text


def test_own_payment_page_then_finalize(outbound: Caller) -> None:
    path = "events/Payment_Masterclass"
    before = outbound.count("Payment_Masterclass")
    bought = outbound.get(f"{path}/passes").json()[0]["passId"]
    answer = outbound.post(f"{path}/registrations", attendees(attendee(passId=bought))).json()
    assert answer["status"] == "Initiated"
    assert outbound.count("Payment_Masterclass") == before
    body = {"purchaseId": answer["purchaseId"]}
    assert outbound.post(f"{path}/registrations/finalize", body).json()["status"] == "Success"
    assert outbound.count("Payment_Masterclass") == before + 1
    assert outbound.post(f"{path}/registrations/finalize", {"purchaseId": "x"}).json()["status"] == "Failed"


def test_captcha_guards_a_registration(sandbox: Sandbox, outbound: Caller) -> None:
    path = "events/Guarded_Expo"
    assert outbound.post(f"{path}/registrations", attendees()).json()["status"] == "Failed"
    flow = outbound.get(f"{path}/captcha").json()["FlowId"]
    hip = {"Solution": sandbox.captcha.solution(flow), "Token": flow, "Type": "visual", "FlowId": flow}
    assert outbound.post(f"{path}/registrations", attendees(hipObject=hip)).json()["status"] == "Success"
    assert outbound.post(f"{path}/registrations", attendees(hipObject=hip)).json()["status"] == "Failed"


def test_personal_calendar(sandbox: Sandbox, outbound: Caller, client: httpx.Client) -> None:
    session = outbound.get("events/東京_技術会議/sessions").json()[1]
    items = [
        {"readableEventId": "Münchner Herbstgespräche", "data": {"firstname": "<Ann>", "registrationId": "R-1"}},
        {"readableEventId": "東京_技術会議", "sessionId": session["id"]},
    ]
    url = f"{sandbox.outbound_endpoint}calendar/personal/ics?api-version=2016-06-30&data="
    answer = client.get(url + quote(json.dumps(items)))
    assert answer.headers["Content-Type"] == "text/calendar"
    first, second = Calendar.from_ical(answer.content).walk("VEVENT")
    assert first["SUMMARY"] == "Münchner Herbstgespräche & Straßenfest"
    assert "Dear &lt\\;Ann&gt\\;\\, your registration R-1" in str(first["X-ALT-DESC"])
    assert second["SUMMARY"] == session["name"]
    assert b"DTSTART:20311105T014500Z" in answer.content
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    for bad in ("", "{}", "[]", '[{"x":1}]'):
        assert client.get(url + quote(bad)).status_code == 400
