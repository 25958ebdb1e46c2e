"""The old API handed through, as visitors go through it: captcha, sign-in, payment and the calendar file."""

from concurrent.futures import ThreadPoolExecutor

from tests.examples import CONFERENCE, attendee, received, registration
from tests.old_side import ANN, PORTAL, Direct, old_event, old_example, running_old
from tests.service import Service, event_path


def hip(service: Service, challenge: dict[str, str], solution: str | None = None) -> dict[str, str]:
    flow = challenge["FlowId"]
    solved = service.client.get(f"{service.sandbox.control_url}captcha/{flow}").json()["solution"]
    return {"Solution": solution or solved, "Token": flow, "Type": "visual", "FlowId": flow}


def test_the_captcha_from_the_challenge_to_the_registration(old: Service) -> None:
    event = "Guarded_Expo"
    assert old.get(f"events/{event}").json()["enableCaptcha"] is True
    path = f"events/{event}/registrations"

    def challenge() -> dict[str, str]:
        answer = old.get(f"events/{event}/captcha", headers={"origin": PORTAL})
        assert answer.headers["cache-control"] == "no-store"
        found: dict[str, str] = answer.json()
        return found

    first, second = challenge(), challenge()
    assert first["FlowId"] != second["FlowId"]
    # The script comes from where it always came from.
    assert first["HipUrl"].startswith(old.sandbox.base_url + "/hip/")
    assert first["ObjectName"] in old.client.get(first["HipUrl"]).text
    body = registration() | {"hipObject": hip(old, first)}
    answer = old.post(path, json=body)
    assert answer.json()["status"] == "Success"
    assert received(old, "register")[-1].request.json() == body
    # A spent challenge, a wrong one, none.
    for wrong in (body["hipObject"], hip(old, second, "000000"), None):
        failed = old.post(path, json=registration() | {"hipObject": wrong})
        assert failed.status_code == 200
        assert (failed.json()["status"], failed.json()["errorMessage"]) == ("Failed", "The characters do not match the picture.")
    assert len(old.sandbox.control.registrations()) == 1


def test_what_is_for_one_visitor_is_not_shared_by_two_of_the_same_moment() -> None:
    with running_old(cache={"warm": False}) as service, ThreadPoolExecutor(8) as threads:
        service.sandbox.faults.add("latency", times=None, seconds=0.2)  # so that they are under way together
        flows = threads.map(lambda _: service.get("events/Guarded_Expo/captcha").json()["FlowId"], range(4))
        users = threads.map(
            lambda name: service.get("users/authenticated", headers={"authorization": f"Bearer {name}"}).json()["firstName"],
            ["ann", "bjorn"] * 2,
        )
        assert len(set(flows)) == 4
        assert list(users) == ["Ann", "Björn"] * 2


def test_a_signed_in_visitor_from_the_first_page_to_the_cancellation(old: Service) -> None:
    user = old.get("users/authenticated", headers=ANN)
    assert user.json()["firstName"] == "Ann"
    assert user.headers["cache-control"] == "no-store"
    assert old.get("users/authenticated/registrations", headers=ANN).json() == []
    session = old_event(old, "Agenda_Summit").sessions[0]["id"]
    taken = old.post(f"events/Agenda_Summit/sessions/{session}/registrations", json={}, headers=ANN)
    assert taken.json()["status"] == "Success"
    again = old.post(f"events/Agenda_Summit/sessions/{session}/registrations", json={}, headers=ANN).json()
    assert (
        again
        == Direct(old).request("POST", f"events/Agenda_Summit/sessions/{session}/registrations", headers=ANN, json={}).json()
    )
    (mine,) = old.get("users/authenticated/registrations", headers=ANN).json()
    assert mine["event"]["readableEventId"] == "Agenda_Summit"
    assert [item["id"] for item in mine["sessionRegistrations"]] == [session]
    sessions = old.get("events/Agenda_Summit/sessions", headers=ANN).json()
    assert [item["id"] for item in sessions if item["alreadyRegistered"]] == [session]
    waiting = registration(attendee(email="ann@example.com", waitlisted=True))
    assert old.post("events/Winter_Gala/registrations", json=waiting, headers=ANN).json()["status"] == "Success"
    (queued,) = old.get("users/authenticated/waitlist-items", headers=ANN).json()
    assert queued["event"]["readableEventId"] == "Winter_Gala"
    bjorn = {"authorization": "Bearer bjorn"}
    assert old.get("users/authenticated/registrations", headers=bjorn).json() == []
    cancel = f"users/authenticated/registrations/{mine['id']}/cancel"
    assert old.post(cancel, json={}, headers=bjorn).status_code == 404
    assert old.post(cancel, json={}).status_code == 401
    # The portal sends no body.
    assert old.post(cancel, headers=ANN).json()["status"] == "Success"
    assert old.get("users/authenticated/registrations", headers=ANN).json() == []


def test_a_paid_registration_is_finalized_by_the_portal(old: Service) -> None:
    bought = old_event(old, "Payment_Masterclass").passes[0]["passId"]
    begun = old.post("events/Payment_Masterclass/registrations", json=registration(attendee(passId=bought))).json()
    assert begun["status"] == "Initiated"
    done = old.post("events/Payment_Masterclass/registrations/finalize", json={"purchaseId": begun["purchaseId"]})
    assert done.json() == {**done.json(), "status": "Success", "purchaseId": begun["purchaseId"]}
    redirected = old.post(
        event_path(CONFERENCE, "/registrations"),
        json=registration(attendee(passId=old_event(old, CONFERENCE).passes[0]["passId"])),
    ).json()
    assert (redirected["status"], redirected["redirectUrl"].partition("?")[0]) == ("Redirect", f"{old.sandbox.base_url}/pay")


def test_the_calendar_file_is_the_organisations(old: Service) -> None:
    call = old_example("get_personal_calendar", old)
    answer = call.send(old)
    assert answer.content == Direct(old).get(call.path).content
    assert answer.headers["content-disposition"] == 'attachment; filename="calendar.ics"'
    record = received(old)[0]
    # The data of the link travels byte for byte.
    assert call.path.partition("data=")[2] in record.request.target.decode()
    broken = old.get("calendar/personal/ics?data=nonsense")
    assert (broken.status_code, broken.content) == (400, Direct(old).get("calendar/personal/ics?data=nonsense").content)
