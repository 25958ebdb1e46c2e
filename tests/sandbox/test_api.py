"""The guards that both APIs have (CONTRACT 1 and 2)."""

import httpx
import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import Caller

BOTH = pytest.mark.parametrize("backend", ["realtime", "outbound"])


@pytest.fixture
def api(backend: str, realtime: Caller, outbound: Caller) -> Caller:
    return realtime if backend == "realtime" else outbound


@BOTH
def test_token_and_origin_are_asked_for(backend: str, api: Caller, client: httpx.Client) -> None:
    url = api.url("events/published")
    assert client.get(url).status_code == 400
    assert client.get(url.partition("?")[0], headers={"Origin": "http://localhost:4200"}).status_code == 400
    assert api.get("events/published", token="wrong").status_code == 401
    assert api.get("events/published", Origin="http://other.example.com").status_code == 403
    assert api.get("events/published").status_code == 200


@BOTH
def test_a_token_with_a_bare_plus_is_wrong(backend: str, api: Caller, sandbox: Sandbox, client: httpx.Client) -> None:
    endpoint, token = sandbox.realtime_endpoint, sandbox.realtime_token
    if backend == "outbound":
        endpoint, token = sandbox.outbound_endpoint, sandbox.outbound_token
    url = f"{endpoint}events/published?emApplicationtoken={token}"
    assert client.get(url, headers={"Origin": sandbox.realtime_origin}).status_code == 401


@BOTH
def test_each_organisation_has_its_own_token(backend: str, api: Caller, sandbox: Sandbox) -> None:
    other = sandbox.outbound_token if backend == "realtime" else sandbox.realtime_token
    assert api.get("events/published", token=other).status_code == 401


@BOTH
def test_unknown_things(backend: str, api: Caller) -> None:
    assert api.get("events/No_Such_Event").status_code == 404
    assert api.get("no/such/endpoint").status_code == 404
    wrong = api.post("events/published")
    assert wrong.status_code == 405
    assert wrong.headers["Allow"] == "GET"
    assert "Message" in wrong.json()


@BOTH
def test_quota(backend: str, api: Caller, sandbox: Sandbox) -> None:
    organisation = sandbox.realtime if backend == "realtime" else sandbox.outbound
    organisation.behaviour.change({"quota_limit": 2})
    assert [api.get("events/published").status_code for _ in range(3)] == [200, 200, 429]
    assert 1 <= int(api.get("events/published").headers["Retry-After"]) <= 300


@BOTH
def test_cors_for_the_registered_origin_only(backend: str, api: Caller, client: httpx.Client) -> None:
    origin = "http://localhost:4200"
    assert api.get("events/published").headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Origin" not in api.get("events/published", Origin="http://x.invalid").headers
    url = api.url("events/published")
    allowed = client.options(url, headers={"Origin": origin})
    assert allowed.status_code == 204
    assert "content-type" in allowed.headers["Access-Control-Allow-Headers"]
    assert client.options(url, headers={"Origin": "http://x.invalid"}).status_code == 403


@BOTH
def test_every_part_of_every_listed_event_is_readable(backend: str, api: Caller) -> None:
    events = api.get("events/published").json()
    assert len(events) >= 12
    for event in events:
        path = f"events/{event['readableEventId']}"
        assert api.get(path).json() == event
        for part in ("passes", "sessions", "tracks", "speakers", "sponsorships", "custom-registration-fields"):
            assert isinstance(api.get(f"{path}/{part}").json(), list)
        assert isinstance(api.count(event["readableEventId"]), int)


@BOTH
def test_images(backend: str, api: Caller) -> None:
    speaker = api.get("events/Contoso_Open_Day/speakers").json()[0]["id"]
    sponsorship = api.get("events/Contoso_Open_Day/sponsorships").json()[0]["id"]
    for path in (f"speakers/{speaker}/image", f"sponsorships/{sponsorship.upper()}/logo"):
        image = api.get(path)
        assert image.headers["Content-Type"] == "image/png"
        assert image.content.startswith(b"\x89PNG")
    assert api.get("speakers/9d1d0b4e-0000-4000-8000-000000000000/image").status_code == 404


@BOTH
def test_session_counts(backend: str, api: Caller) -> None:
    session = api.get("events/Contoso_Open_Day/sessions").json()[1]
    assert api.get(f"sessions/{session['id']}/registrations/count").json() == session["registrationCount"] == 2
    assert api.get("sessions/9d1d0b4e-0000-4000-8000-000000000000/registrations/count").status_code == 404
