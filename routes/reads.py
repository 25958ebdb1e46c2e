"""JSON reads with a counterpart: rows 1-7, 9, 10, 14 and ``sessions/{session}``."""

import orjson

from app.backend import Backend
from app.calls import JSON, Call, Reply
from routes.tracks import TrackMemory


class Reads:
    """Answers reads from the backend.

    Args:
        backend: The organisation that is asked.
        memory: Learns which event a track belongs to.
    """

    def __init__(self, backend: Backend, memory: TrackMemory) -> None:
        self._backend = backend
        self._memory = memory

    async def __call__(self, call: Call) -> Reply:
        """Answer one read."""
        value = await self._backend.read(call)
        if call.operation.name == "list_tracks":
            self._memory.learn(call.sent["event"], value)
        return Reply(200, JSON, orjson.dumps(value))
