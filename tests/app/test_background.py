"""Mistakes of work in the background are told."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from app.background import tell_defect
from translation.errors import NOT_FOUND, ProxyError

pytestmark = pytest.mark.anyio


async def failing(error: BaseException | None) -> None:
    if error is not None:
        raise error


async def ended(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    task.add_done_callback(tell_defect)
    await asyncio.wait((task,))
    await asyncio.sleep(0)


async def test_a_mistake_of_the_program_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    await ended(failing(RuntimeError("a mistake of the program")))
    assert "a mistake of the program" in capsys.readouterr().out


@pytest.mark.parametrize("error", [None, ProxyError(NOT_FOUND), asyncio.CancelledError()])
async def test_nothing_else_is(error: BaseException | None, capsys: pytest.CaptureFixture[str]) -> None:
    await ended(failing(error))
    assert capsys.readouterr().out == ""
