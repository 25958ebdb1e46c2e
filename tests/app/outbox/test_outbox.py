"""The outbox of a running proxy: what visitors are told, and what arrives."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from app.outbox import outbox
from app.outbox.entries import State, Summary
from app.outbox.store import Store
from app.sqlite_files import StoreAwayError
from tests.app.outbox.killing import PATIENCE
from tests.app.outbox.material import KEY
from tests.examples import CONFERENCE, FAMILY, OPEN_DAY, attendee, event_of, registration
from tests.service import ADMIN, Service, event_path, running_service

QUICK = {"enabled": True, "key": KEY, "rate": "off", "backoff_first": 0.05, "backoff_most": 0.1}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = str(tmp_path_factory.mktemp("state"))
    groups = {"outbox": {**QUICK, "oldest_ready": 60}, "state": {"path": path}, "admin": {"token": ADMIN}}
    with running_service(**groups) as service:
        for event in (OPEN_DAY, FAMILY, CONFERENCE):
            assert service.get(event_path(event, "/passes")).status_code == 200
        yield service


@pytest.fixture
def service(shared: Service) -> Iterator[Service]:
    shared.sandbox.control.reset()
    yield shared
    shared.sandbox.faults.clear()
    wait_delivered(shared)


def away(service: Service, **fault: Any) -> None:
    service.sandbox.faults.add("status", **{"operation": "register", "status": 503, "times": None, **fault})


def register(service: Service, event: str = OPEN_DAY, body: Any = None, **headers: str) -> httpx.Response:
    content = json.dumps(registration() if body is None else body)
    return service.post(
        event_path(event, "/registrations"), content=content, headers={"content-type": "application/json", **headers}
    )


def stored(answer: httpx.Response) -> bool:
    found = answer.headers.get("x-evtmgmt-outbox") == "stored"
    assert not found or (answer.status_code, answer.json()["status"]) == (200, "Success")
    return found


def wait_delivered(service: Service) -> None:
    deadline = monotonic() + PATIENCE
    store = Store(Path(str(service.settings.state.path)))
    while any(store.summary().states[state] for state in (State.WAITING, State.SENDING)):
        assert monotonic() < deadline
        sleep(0.02)
    store.close()


def wait_ready(service: Service, said: dict[str, str]) -> None:
    deadline = monotonic() + PATIENCE
    while service.client.get(f"{service.url}/readyz").json() != said:
        assert monotonic() < deadline
        sleep(0.02)


def people(service: Service) -> list[str]:
    return [item["attendee"]["email"] for item in service.sandbox.control.registrations()]


def person(name: str, **more: Any) -> dict[str, Any]:
    return registration(attendee(email=f"{name}@example.com", **more))


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "1"}}], ids=str)
def test_a_registration_that_was_not_taken_is_stored_and_arrives_once(service: Service, fault: dict[str, Any]) -> None:
    away(service, **fault)
    body = person(f"taken{fault['status']}", firstName="Zoë «علي» 東")
    answer = register(service, body=body, **{"x-request-id": "request-of-the-visitor"})
    assert stored(answer)
    assert answer.headers["x-evtmgmt-backend"] == "outbox"
    assert people(service) == []
    service.sandbox.faults.clear()
    wait_delivered(service)
    (kept,) = service.sandbox.control.registrations()
    assert (kept["event_id"], kept["attendee"]) == (OPEN_DAY, body["attendees"][0])
    record = service.sandbox.recorder.find(operation="register")[-1]
    assert record.request.header("x-request-id") == "request-of-the-visitor"
    assert service.metric('evtmgmt_requests_total{backend="outbox",operation="register",status="200"}') >= 1


def test_a_connection_that_is_refused_is_certain(service: Service) -> None:
    service.upstream.stop()
    try:
        assert stored(register(service, body=person("refused")))
    finally:
        service.upstream.start()
    wait_delivered(service)
    assert people(service) == ["refused@example.com"]


@pytest.mark.parametrize("kind", ["reset", "close", "truncate"])
def test_what_may_have_arrived_is_not_stored(service: Service, kind: str) -> None:
    service.sandbox.faults.add(kind, operation="register", effect=True)
    answer = register(service, body=person(f"unknown-{kind}"))
    assert (answer.status_code, answer.json()["errorCode"]) == (502, "RegistrationAnswerUnreadable")
    assert not stored(answer)
    wait_delivered(service)
    assert people(service).count(f"unknown-{kind}@example.com") <= 1


@pytest.mark.parametrize(
    ("event", "more", "whole", "reason"),
    [
        (CONFERENCE, {}, {}, "paid"),
        ("Nobody_Knows", {}, {}, "unknown_passes"),
        (OPEN_DAY, {"waitlisted": True}, {}, "waitlist"),
        (OPEN_DAY, {}, {"hipObject": {"Solution": "1"}}, "captcha"),
    ],
)
def test_what_must_not_be_promised_is_answered_with_the_error(
    service: Service, event: str, more: dict[str, Any], whole: dict[str, Any], reason: str
) -> None:
    away(service)
    counted = f'evtmgmt_outbox_refused_total{{reason="{reason}"}}'
    before = service.metric(counted)
    if event == CONFERENCE:
        more = {"passId": event_of(service, CONFERENCE).passes[0]["passId"]}
    answer = register(service, event, person("never", **more) | whole, origin=service.sandbox.realtime_origin)
    assert (answer.status_code, answer.json()["errorCode"], stored(answer)) == (502, "UpstreamFailed", False)
    assert answer.headers["access-control-allow-origin"] == service.sandbox.realtime_origin
    assert service.metric(counted) == before + 1


def test_a_finalization_is_never_stored(service: Service) -> None:
    service.sandbox.faults.add("status", operation="finalize_registration", status=503)
    answer = service.post(event_path(OPEN_DAY, "/registrations/finalize"), json={"purchaseId": "p"})
    assert (answer.status_code, stored(answer)) == (502, False)


def test_pressing_again_is_the_same_registration_also_when_dynamics_is_back(service: Service) -> None:
    away(service)
    assert stored(register(service, body=person("again")))
    assert stored(register(service, body=person("again", autoRegister=True)))
    service.sandbox.faults.clear()
    wait_delivered(service)
    assert stored(register(service, body=person("again", autoRegister=True)))
    (kept,) = service.sandbox.control.registrations()
    assert kept["attendee"]["autoRegister"] is True


def test_what_dynamics_takes_goes_the_usual_way(service: Service) -> None:
    answer = register(service, body=person("usual"))
    assert (answer.json()["status"], stored(answer), answer.headers["x-evtmgmt-backend"]) == ("Success", False, "realtime")
    assert people(service) == ["usual@example.com"]


def test_a_disk_that_refuses_leaves_the_visitor_with_the_error(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise StoreAwayError("the disk is full")

    away(service)
    monkeypatch.setattr(Store, "put", full)
    answer = register(service, body=person("full"))
    assert (answer.status_code, answer.json()["errorCode"], stored(answer)) == (502, "UpstreamFailed", False)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "repeat", full)
        service.sandbox.faults.clear()
        assert register(service, body=person("full")).json()["status"] == "Success"
    assert people(service) == ["full@example.com"]
    wait_ready(service, {"status": "degraded", "reason": "a registration could not be stored: the disk is full"})
    monkeypatch.undo()
    away(service)
    assert stored(register(service, body=person("stored")))
    wait_ready(service, {"status": "ready"})


def test_a_disk_that_refused_is_told_of_for_a_while(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise StoreAwayError("the disk is full")

    away(service)
    monkeypatch.setattr(Store, "put", full)
    assert not stored(register(service, body=person("full")))
    wait_ready(service, {"status": "degraded", "reason": "a registration could not be stored: the disk is full"})
    monkeypatch.setattr(outbox, "REFUSAL_SECONDS", 0)
    wait_ready(service, {"status": "ready"})
    monkeypatch.undo()
    assert stored(register(service, body=person("stored")))


def test_readiness_is_degraded_when_one_waits_for_too_long(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SUMMARY_SECONDS", 0.05)
    away(service)
    assert service.client.get(f"{service.url}/readyz").json() == {"status": "ready"}
    assert stored(register(service, body=person("late")))
    true = Store.summary
    monkeypatch.setattr(Store, "summary", lambda store: _older(true(store)))
    deadline = monotonic() + PATIENCE
    while (answer := service.client.get(f"{service.url}/readyz")).json()["status"] != "degraded":
        assert monotonic() < deadline
        sleep(0.02)
    assert answer.status_code == 200
    assert answer.json()["reason"].startswith("a registration waits in the outbox for ")
    monkeypatch.undo()
    service.sandbox.faults.clear()
    while service.client.get(f"{service.url}/readyz").json() != {"status": "ready"}:
        assert monotonic() < deadline
        sleep(0.02)


def _older(summary: Summary) -> Summary:
    return summary if summary.oldest is None else replace(summary, oldest=summary.oldest - 1_000)
