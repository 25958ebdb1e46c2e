"""The application under a server that is not the sandbox's own, and without a peer that waits."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.exchange import complete
from sandbox.wire import Answer

pytestmark = pytest.mark.anyio

SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/nowhere",
    "raw_path": b"/nowhere",
    "query_string": b"a=%20",
    "headers": [(b"host", b"x")],
}


async def call(sandbox: Sandbox, *messages: dict[str, Any]) -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []
    incoming = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(incoming, {"type": "http.disconnect"})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await sandbox.application(dict(SCOPE), receive, send)
    return sent


async def test_any_asgi_server_will_do() -> None:
    sandbox = Sandbox()
    parts = {"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.request", "body": b"b"}
    sent = await call(sandbox, *parts)
    assert sent[0]["status"] == 404
    record = sandbox.recorder.find()[0]
    assert (record.request.target, record.request.body) == (b"/nowhere?a=%20", b"ab")


async def test_wire_faults_say_that_they_need_the_own_server() -> None:
    sandbox = Sandbox()
    sandbox.faults.add("reset")
    with pytest.raises(RuntimeError, match="own server"):
        await call(sandbox, {"type": "http.request"})
    assert sandbox.recorder.find()[0].outcome == "broken"


async def test_a_peer_that_leaves_within_its_body_is_not_a_request() -> None:
    sandbox = Sandbox()
    assert await call(sandbox, {"type": "http.request", "more_body": True}) == []
    assert sandbox.recorder.find() == []


async def test_lengths_are_completed() -> None:
    assert ("Content-Length", "2") in complete(Answer(200, b"{}")).headers
    assert "Content-Length" not in dict(complete(Answer(204)).headers)
