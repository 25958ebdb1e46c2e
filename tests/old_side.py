"""A proxy that hands everything to the outbound organisation, and that organisation asked without it, as portals did."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, urlencode

import httpx
import pytest

from app.cutover.router import Router
from sandbox.data.model import Event
from tests.examples import CONFERENCE, OPEN_DAY, Example, anew, purchase, registration
from tests.service import Service, running_both
from translation.operations import BY_NAME, OPERATIONS

PORTAL = "https://portal.invalid"
ANN = {"authorization": "Bearer ann"}
"""A user of the sandbox's outbound organisation."""
OLD = [operation for operation in OPERATIONS if operation.row is not None]
"""The operations of the old API."""


async def _never(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


@contextmanager
def only_asked() -> Iterator[None]:
    """Proxies that are made here read the published lists when a visitor asks for them, and not by themselves."""
    with patch.object(Router, "follow_lists", _never):
        yield


@contextmanager
def running_old(stage: str = "outbound", **groups: Any) -> Iterator[Service]:
    """A proxy that hands everything to the outbound organisation, and asks for nothing by itself."""
    with only_asked(), running_both(stage, **groups) as service:
        yield service


@pytest.fixture(scope="module")
def shared_old() -> Iterator[Service]:
    """One proxy in the stage ``outbound`` for all tests of a module that need no settings of their own."""
    with running_old(upstream={"max_answer_bytes": 2**20}, portal={"origins": [PORTAL]}) as running:
        yield running


@pytest.fixture
def old(shared_old: Service) -> Service:
    """The shared one as it is when it has just started."""
    return anew(shared_old)


@dataclass
class Direct:
    """The outbound organisation's own address."""

    service: Service

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A call with token and origin, as a portal made it. The path is sent as it stands."""
        sandbox = self.service.sandbox
        token = f"emApplicationtoken={quote(sandbox.outbound_token, safe='')}"
        url = f"{sandbox.outbound_endpoint}{path}{'&' if '?' in path else '?'}{token}"
        headers = {"origin": sandbox.outbound_origin, **more.pop("headers", {})}
        return self.service.client.request(method, url, headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)


def old_event(service: Service, name: str = OPEN_DAY) -> Event:
    return service.sandbox.outbound.events[name]


def old_example(name: str, service: Service, event: str = OPEN_DAY) -> Example:
    """A call of an operation that the old API answers with success."""
    operation = BY_NAME[name]
    found = old_event(service, CONFERENCE if name == "finalize_registration" else event)
    parameters = {
        "event": found.readable_id,
        "session": found.sessions[0]["id"] if found.sessions else "",
        "track": found.tracks[0]["id"] if found.tracks else "",
        "speaker": found.speakers[0]["id"] if found.speakers else "",
        "sponsorship": found.sponsorships[0]["id"] if found.sponsorships else "",
        "registration": "0e3b2b6a-0000-4000-8000-000000000001",
    }
    if name == "cancel_registration":
        parameters["registration"] = registered(service, OPEN_DAY)
    body: Any = None
    if name == "register":
        body = registration()
    elif name == "finalize_registration":
        body = {"purchaseId": purchase(service.sandbox.outbound, service)}
    elif operation.writes:
        body = {}
    path = operation.path
    for parameter in operation.parameters:
        path = path.replace(f"{{{parameter}}}", quote(parameters[parameter], safe=""))
    if name == "get_personal_calendar":
        items = [{"readableEventId": event, "sessionId": parameters["session"], "data": {"firstname": "Nia"}}]
        path += "?" + urlencode({"api-version": "2016-06-30", "data": json.dumps(items)})
    signed_in = operation.path.startswith("users/") or name == "register_user_for_session"
    return Example(operation, path, body, {key: parameters[key] for key in operation.parameters}, dict(ANN) if signed_in else {})


def registered(service: Service, event: str) -> str:
    """The id of a registration of the signed-in user, made by the way."""
    answer = Direct(service).request("POST", f"events/{quote(event)}/registrations", json=registration(), headers=ANN)
    assert answer.json()["status"] == "Success"
    (mine,) = Direct(service).get("users/authenticated/registrations", headers=ANN).json()
    return str(mine["id"])


def raw_answer(body: bytes, status: str = "200 OK", *headers: str) -> str:
    """The ``body`` of the fault ``raw``: a whole answer, byte for byte."""
    length = f"Content-Length: {len(body)}"
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json; charset=utf-8", "Connection: close", *headers, length]
    return "\r\n".join([*lines, "", ""]) + body.decode("latin-1")
