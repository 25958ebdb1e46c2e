"""A call of each operation of the table that the sandbox answers, and the service that most tests share."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from sandbox.data.model import Event
from sandbox.organisation import Organisation
from sandbox.recorder import Record
from tests.service import Service, running_service
from translation.operations import BY_NAME, OPERATIONS, Answer, Operation, Serving

OPEN_DAY, MUNICH, TOKYO, RIYADH = "Contoso_Open_Day", "Münchner Herbstgespräche", "東京_技術会議", "مؤتمر_الرياض"
CONFERENCE, QUESTIONS, FORUM, FAMILY = "Contoso_Ltd_Conference", "Survey_Seminar", "Annual_Forum_2031", "Family_Day"
JSON_READS = [
    operation
    for operation in OPERATIONS
    if operation.serving is Serving.MAPPED
    and operation.answer in (Answer.EVENT_LIST, Answer.EVENT, Answer.LIST, Answer.ITEM, Answer.COUNT)
]
IMAGES = [operation for operation in OPERATIONS if operation.answer is Answer.IMAGE]
MAPPED = [operation for operation in OPERATIONS if operation.serving is Serving.MAPPED]
REFUSED = [operation for operation in OPERATIONS if operation.serving is Serving.REFUSED]
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def named(operation: Operation) -> str:
    """How a test names an operation."""
    return operation.name


@dataclass
class Example:
    """One call: the path under the old base, the body, the path parameters in it."""

    operation: Operation
    path: str
    body: Any = None
    parameters: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, service: Service, **headers: str) -> httpx.Response:
        content = None if self.body is None else json.dumps(self.body)
        sent = {"content-type": "application/json"} if self.operation.writes else {}
        url = f"{service.url}/EvtMgmt/api/v2.0/{self.path}"
        return service.client.request(self.operation.method, url, content=content, headers=sent | self.headers | headers)


def attendee(**more: Any) -> dict[str, Any]:
    return {"firstName": "Nia", "lastName": "Madeup", "email": "nia@example.com", "passId": "", **more}


def registration(*attendees: dict[str, Any]) -> dict[str, Any]:
    return {"attendees": list(attendees) or [attendee()]}


def event_of(service: Service, name: str = OPEN_DAY) -> Event:
    return service.sandbox.realtime.events[name]


def purchase(organisation: Organisation, service: Service) -> str:
    """A paid purchase, to be finalized."""
    desk = service.sandbox.control._desks[organisation.backend]  # the payment provider's way in
    with organisation.lock:
        event = organisation.events[CONFERENCE]
        opened = desk.open_purchase(event, [attendee(passId=event.passes[0]["passId"])])
        desk.pay(opened, 0.0)
    return opened.purchase_id


def example(name: str, service: Service, event: str = OPEN_DAY) -> Example:
    """A call of an operation that succeeds, or that is refused by the proxy."""
    operation = BY_NAME[name]
    found = event_of(service, event)
    parameters = {
        "event": event,
        "session": found.sessions[0]["id"],
        "track": found.tracks[0]["id"] if found.tracks else "",
        "speaker": found.speakers[0]["id"] if found.speakers else "",
        "sponsorship": found.sponsorships[0]["id"] if found.sponsorships else "",
        "registration": "0e3b2b6a-0000-4000-8000-000000000001",
    }
    body: Any = None
    if name == "register":
        body = registration()
    elif name == "finalize_registration":
        body = {"purchaseId": purchase(service.sandbox.realtime, service)}
    elif operation.writes:
        body = {"attendeeId": "0e3b2b6a-0000-4000-8000-000000000002"}
    path = operation.path
    for parameter in operation.parameters:
        path = path.replace(f"{{{parameter}}}", quote(parameters[parameter], safe=""))
    if name == "get_personal_calendar":
        items = [{"readableEventId": event, "sessionId": parameters["session"], "data": {"firstname": "Nia"}}]
        path += "?" + urlencode({"api-version": "2016-06-30", "data": json.dumps(items)})
    return Example(operation, path, body, {key: parameters[key] for key in operation.parameters})


def received(service: Service, operation: str | None = None) -> list[Record]:
    """What upstream received, by operation name."""
    return service.sandbox.recorder.find(operation=operation)


def sent_headers(record: Record) -> dict[str, list[str]]:
    """The headers that upstream received: lower-case name to all values."""
    found: dict[str, list[str]] = {}
    for name, value in record.request.headers:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def assert_error(answer: httpx.Response, code: str, status: int) -> dict[str, Any]:
    """The answer is that row of the closed list, in the form that portals and machines read; gives the body."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json; charset=utf-8")
    body: dict[str, Any] = answer.json()
    assert body["errorCode"] == code
    assert (body["status"], body["statusCode"]) == (status, status)
    assert body["Message"] == body["errorMessage"] != ""
    assert body["correlationId"] == answer.headers["x-request-id"] != "0"
    assert answer.headers["cache-control"] == "no-store"
    return body


def _sharing(**upstream: float) -> AbstractContextManager[Service]:
    return running_service(
        upstream={"max_answer_bytes": 2**20, "max_image_bytes": 2**17, **upstream},
        portal={"origins": ["https://portal.invalid", "http://localhost:4200"]},
    )


def anew(running: Service) -> Service:
    """A service as it is when it has just started: no faults, no records, the generated data, ready."""
    if not running.client.get(f"{running.url}/readyz").is_success:
        running.sandbox.faults.clear()
        assert running.get("events/published").is_success
    running.sandbox.control.reset()
    return running


@pytest.fixture(scope="session")
def shared_service() -> Iterator[Service]:
    """One service for all tests that need no settings of their own."""
    with _sharing() as running:
        yield running


@pytest.fixture(scope="session")
def shared_hurried() -> Iterator[Service]:
    """One that gives up soon, for tests of what ends by a time-out: a machine may stand still as long."""
    with _sharing(read_timeout=0.4) as running:
        yield running


@pytest.fixture
def service(shared_service: Service) -> Service:
    """The shared service as it is when it has just started."""
    return anew(shared_service)


@pytest.fixture
def hurried(shared_hurried: Service) -> Service:
    """The shared service that gives up soon, as it is when it has just started."""
    return anew(shared_hurried)
