"""A sandbox in its own thread for every test, and callers that send what each API asks for."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from sandbox import Sandbox, SandboxThread


class Caller:
    """Calls one API with its token and origin."""

    def __init__(self, client: httpx.Client, endpoint: str, token: str, origin: str) -> None:
        self._client = client
        self._endpoint = endpoint
        self._token = token
        self._origin = origin

    def get(self, path: str, *, token: str | None = None, **headers: str) -> httpx.Response:
        return self._client.get(self.url(path, token), headers={"Origin": self._origin, **headers})

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {"Origin": self._origin, "Content-Type": "application/json", **headers}
        return self._client.post(self.url(path), content=json.dumps(body), headers=sent)

    def url(self, path: str, token: str | None = None) -> str:
        mark = "&" if "?" in path else "?"
        return f"{self._endpoint}{path}{mark}emApplicationtoken={quote(token or self._token, safe='')}"

    def count(self, event: str) -> int:
        found: int = self.get(f"events/{event}/registrations/count").json()
        return found


def attendee(**more: Any) -> dict[str, Any]:
    return {"firstName": "Nia", "lastName": "Madeup", "email": "nia@example.com", "passId": "", **more}


def attendees(*people: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"attendees": list(people) or [attendee()], **more}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread() as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60, trust_env=False) as opened:
        yield opened


@pytest.fixture
def realtime(sandbox: Sandbox, client: httpx.Client) -> Caller:
    return Caller(client, sandbox.realtime_endpoint, sandbox.realtime_token, sandbox.realtime_origin)


@pytest.fixture
def outbound(sandbox: Sandbox, client: httpx.Client) -> Caller:
    return Caller(client, sandbox.outbound_endpoint, sandbox.outbound_token, sandbox.outbound_origin)
