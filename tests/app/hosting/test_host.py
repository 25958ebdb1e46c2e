"""The outermost application: it starts and ends with the server."""

import asyncio
import gc
import weakref
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


async def test_what_served_before_is_free_as_soon_as_it_is_let_go_of() -> None:
    async with Sandbox() as sandbox:
        settings = settings_for(sandbox, upstream={"budget": "off", "total_timeout": 1, "read_timeout": 1})
        host, next_one = create_app(settings), create_app(settings).generation
        await host.generation.start()
        gone = asyncio.Event()
        before = weakref.ref(host.generation.portals[""].gateway, lambda _: gone.set())
        gc.disable()  # what is freed is freed by the host
        try:
            await host.replace(next_one)
            async with asyncio.timeout(30):
                await gone.wait()
            assert before() is None
        finally:
            gc.enable()
            await host._close(None)
