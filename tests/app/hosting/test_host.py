"""The outermost application: it starts and ends with the server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.cutover.sqlite_file import FILE
from app.main import create_app
from sandbox.server import Sandbox
from tests.service import settings_for

pytestmark = pytest.mark.anyio


async def lifespan(host: Any) -> list[dict[str, Any]]:
    """What a server is told that starts and stops at once."""
    told: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup" if not told else "lifespan.shutdown"}

    await host({"type": "lifespan"}, receive, send)
    return told


async def test_a_server_is_told_that_the_start_and_the_end_are_complete() -> None:
    before = asyncio.all_tasks()
    async with Sandbox() as sandbox:
        told = await lifespan(create_app(settings_for(sandbox)))
    assert [message["type"] for message in told] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert asyncio.all_tasks() == before


async def test_a_start_that_fails_stops_the_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with Sandbox() as sandbox:
        host = create_app(settings_for(sandbox, state={"path": tmp_path}))
        (tmp_path / FILE).write_bytes(b"no database " * 1_000)
        told = await lifespan(host)
    assert [message["type"] for message in told] == ["lifespan.startup.failed"]
    assert "the start failed" in capsys.readouterr().out
