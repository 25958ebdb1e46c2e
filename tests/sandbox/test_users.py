from tests.sandbox.conftest import Caller, attendee, attendees

ANN = {"Authorization": "Bearer ann"}


def test_who_is_signed_in(outbound: Caller) -> None:
    assert outbound.get("users/authenticated", **ANN).json()["firstName"] == "Ann"
    for stranger in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic ann"}):
        answer = outbound.get("users/authenticated", **stranger)
        assert (answer.status_code, answer.json()["type"]) == (401, "AnonymousAccessNotAllowed")


def test_own_registrations_and_cancelling(outbound: Caller) -> None:
    before = outbound.count("Members_Evening")
    outbound.post("events/Members_Evening/registrations", attendees(), **ANN)
    mine = outbound.get("users/authenticated/registrations", **ANN).json()
    assert [item["event"]["readableEventId"] for item in mine] == ["Members_Evening"]
    assert outbound.get("users/authenticated/registrations", Authorization="Bearer bjorn").json() == []
    path = f"users/authenticated/registrations/{mine[0]['id']}/cancel"
    assert outbound.post(path, Authorization="Bearer bjorn").status_code == 404
    assert outbound.count("Members_Evening") == before + 1
    assert outbound.post(path, **ANN).json()["status"] == "Success"
    assert outbound.get("users/authenticated/registrations", **ANN).json() == []
    assert outbound.count("Members_Evening") == before


def test_waitlist(outbound: Caller) -> None:
    outbound.post("events/Winter_Gala/registrations", attendees(attendee(waitlisted=True)), **ANN)
    items = outbound.get("users/authenticated/waitlist-items", **ANN).json()
    assert [item["event"]["readableEventId"] for item in items] == ["Winter_Gala"]


def test_registering_for_a_session(outbound: Caller) -> None:
    path = "events/Agenda_Summit/sessions"
    session = outbound.get(path, **ANN).json()[0]
    assert (session["alreadyRegistered"], session["userEligibleToRegister"]) == (False, True)
    assert outbound.post(f"{path}/{session['id']}/registrations", **ANN).json()["status"] == "Success"
    assert outbound.get(path, **ANN).json()[0]["alreadyRegistered"]
    assert not outbound.get(path).json()[0]["alreadyRegistered"]
    assert outbound.post(f"{path}/{session['id']}/registrations").status_code == 401


def test_a_full_session_fails(outbound: Caller) -> None:
    path = "events/Pottery_Workshop/sessions"
    session = outbound.get(path).json()[0]
    assert outbound.post(f"{path}/{session['id']}/registrations", **ANN).json()["status"] == "Failed"
