"""JSON reads with a counterpart: rows 1-7, 9, 10, 14 and ``sessions/{session}``."""

from collections.abc import Callable
from typing import Any

import orjson

from app.backend import Backend
from app.calls import JSON, Call, Reply


class Reads:
    """Answers reads from the backend.

    Args:
        backend: The organisation that is asked.
        learn: Is told of each answer.
    """

    def __init__(self, backend: Backend, learn: Callable[[Call, Any], None]) -> None:
        self._backend = backend
        self._learn = learn

    async def __call__(self, call: Call) -> Reply:
        """Answer one read."""
        value = await self._backend.read(call)
        self._learn(call, value)
        return Reply(200, JSON, orjson.dumps(value))
