from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox import Sandbox
from sandbox.data.plans import PARTNER_WEBAPP, SOUTH_UNIT
from tests.sandbox.conftest import Caller, attendee, attendees
from tests.sandbox.raw import ask


def listed(realtime: Caller, query: str = "") -> set[str]:
    return {event["readableEventId"] for event in realtime.get(f"events/published{query}").json()}


def test_only_live_and_published_events_are_listed(realtime: Caller) -> None:
    found = listed(realtime)
    assert {"Journey_Launch", "東京_技術会議", "مؤتمر_الرياض", "Münchner Herbstgespräche"} <= found
    assert not found & {"Quiet_Preview", "Draft_Festival", "Legacy_Roadshow", "Annual_Forum", "Partner_Briefing"}
    assert realtime.get("events/Draft_Festival").status_code == 404


def test_list_filters(realtime: Caller) -> None:
    assert listed(realtime, f"?webappId={PARTNER_WEBAPP}") == listed(realtime) | {"Partner_Briefing"}
    assert listed(realtime, f"?businessUnitId={SOUTH_UNIT}") == {"Journey_Launch"}


def test_paths_are_read_to_the_letter(sandbox: Sandbox, realtime: Caller) -> None:
    target = realtime.url("events/published").removeprefix(sandbox.base_url)
    line = f"Origin: {sandbox.realtime_origin}"
    assert b" 200 " in ask(sandbox, target, "GET", line)
    assert b" 404 " in ask(sandbox, target.replace("events/", "Events/"), "GET", line)
    assert b" 404 " in ask(sandbox, target.replace("events/", "events//"), "GET", line)
    assert b" 404 " in ask(sandbox, target.replace("published", "published/"), "GET", line)
    assert b" 400 " in ask(sandbox, target.replace("emApp", "EmApp"), "GET", line)
    assert b" 405 " in ask(sandbox, target, "HEAD", line)


def test_unknown_organisation(sandbox: Sandbox, realtime: Caller, client: httpx.Client) -> None:
    url = realtime.url("events/published").replace(sandbox.realtime.org_id, "0" * 8)
    assert client.get(url, headers={"Origin": sandbox.realtime_origin}).status_code == 404


def test_what_is_not_supported(realtime: Caller) -> None:
    assert realtime.get("users/authenticated").status_code == 401
    assert realtime.get("events/Guarded_Expo/captcha").status_code == 400
    assert realtime.get("users/authenticated/registrations").status_code == 404
    assert realtime.get("tracks/9d1d0b4e-0000-4000-8000-000000000000/sessions").status_code == 404
    assert realtime.get("calendar/personal/ics").status_code == 404


def test_answers_are_untidy(sandbox: Sandbox, realtime: Caller) -> None:
    events = {event["readableEventId"]: event for event in realtime.get("events/published").json()}
    assert len(events["Contoso_Open_Day"]) == 31
    assert len(events["Contoso_Ltd_Conference"]) < 31
    assert "customFields" not in events["Payment_Masterclass"]
    assert "<script" in events["Form_Webinar"]["registrationForm"]
    urls = [item["imageUrl"] for item in realtime.get("events/Contoso_Open_Day/speakers").json()]
    assert urls[1].startswith(sandbox.realtime_endpoint + "speakers/")
    assert urls[0].startswith("speakers/")


@pytest.mark.parametrize(
    ("event", "list_name", "key"),
    [
        ("Contoso_Open_Day", "tracks", "sessions"),
        ("Annual_Forum_2031", "sessions", "tracks"),
        ("Contoso_Ltd_Conference", "sessions", "sessionTracks"),
        ("Agenda_Summit", "sessions", "trackIds"),
        ("東京_技術会議", "sessions", "trackId"),
    ],
)
def test_tracks_and_sessions_are_related_in_several_ways(realtime: Caller, event: str, list_name: str, key: str) -> None:
    assert all(item[key] for item in realtime.get(f"events/{event}/{list_name}").json())


def test_new_operations(sandbox: Sandbox, realtime: Caller, client: httpx.Client) -> None:
    session = realtime.get("events/Contoso_Open_Day/sessions").json()[0]
    assert realtime.get(f"sessions/{session['id']}").json() == session
    assert realtime.get("events/Contoso_Open_Day/qrcode").content.startswith(b"\x89PNG")
    assert client.get(sandbox.realtime_endpoint + "events/Contoso_Open_Day/qrcode").status_code == 400
    checkin = client.post(sandbox.realtime_endpoint + "checkins?registrationId=R-1")
    assert checkin.status_code == 302
    assert client.get(checkin.headers["Location"]).status_code == 200
    assert sandbox.realtime.checkins[0]["query"] == {"registrationId": "R-1"}


def test_a_registration_is_a_success_without_status_and_counted_later(sandbox: Sandbox, realtime: Caller) -> None:
    sandbox.realtime.behaviour.processing_delay = None
    before = realtime.count("Contoso_Open_Day")
    answer = realtime.post("events/Contoso_Open_Day/registrations", attendees())
    assert (answer.status_code, answer.json()) == (200, {"purchaseId": None})
    assert realtime.count("Contoso_Open_Day") == before
    assert sandbox.control.process() == 1
    assert realtime.count("Contoso_Open_Day") == before + 1


@pytest.mark.parametrize("shape", [{}, {"purchaseId": None}, None, "accepted"])
def test_the_shape_of_the_success_is_a_setting(sandbox: Sandbox, realtime: Caller, shape: Any) -> None:
    sandbox.realtime.behaviour.registration_answer = shape
    assert realtime.post("events/Contoso_Open_Day/registrations", attendees()).json() == shape


def test_refused_registrations(sandbox: Sandbox, realtime: Caller) -> None:
    path = "events/Contoso_Open_Day/registrations"
    assert realtime.post(path, attendees(attendee(email="x"))).status_code == 400
    assert realtime.post(path, attendees(), **{"Content-Type": "text/plain"}).status_code == 415
    sandbox.realtime.behaviour.error_key = "detail"
    assert realtime.post("events/Pottery_Workshop/registrations", attendees()).json() == {"detail": "The event is fully booked."}


def test_a_paid_registration_leads_to_the_payment_page(sandbox: Sandbox, realtime: Caller, client: httpx.Client) -> None:
    path = "events/Payment_Masterclass"
    bought = realtime.get(f"{path}/passes").json()[0]
    answer = realtime.post(f"{path}/registrations", attendees(attendee(passId=bought["passId"]))).json()
    assert list(answer) == ["redirectUrl "]
    query = parse_qs(urlsplit(answer["redirectUrl "]).query)
    assert query["returnUrl"] == ["http://localhost:4200/"]
    body = {"purchaseId": query["purchaseId"][0]}
    assert realtime.post(f"{path}/registrations/finalize", body).status_code == 400
    assert realtime.post(f"{path}/registrations/finalize", {"purchaseId": "x"}).status_code == 404
    client.post(sandbox.base_url + "/pay", data=body)
    assert realtime.post(f"{path}/registrations/finalize", body).json() == {"purchaseId": None}
    sandbox.control.process()
    assert realtime.get(f"{path}/passes").json()[0]["numberOfPassesLeft"] == bought["numberOfPassesLeft"] - 1
