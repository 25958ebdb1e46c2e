"""Reading alone, beside a scripted Dynamics: for tests of what it does with time and failures."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

from app.caching.cache import Cache, Entry, key_of
from app.caching.finishing import Finisher
from app.caching.reading import Reading
from app.caching.served import Outcome, Served
from app.caching.settings import CacheSettings
from app.calls import JSON, Call, Reply
from app.metrics import Metrics
from tests.clock import Clock
from translation.errors import ErrorKind, ProxyError
from translation.operations import BY_NAME, OPERATIONS, Answer, Serving
from translation.query import Query

SESSION = "0e3b2b6a-0000-4000-8000-00000000000a"
SPEAKER = "0e3b2b6a-0000-4000-8000-00000000000b"
OF_EACH_CLASS = {"details": "get_event", "counts": "count_event_registrations", "images": "get_speaker_image"}
"""An operation of each class of freshness."""
PATHS = {"event": "Event", "session": SESSION, "speaker": SPEAKER, "sponsorship": SPEAKER}


def call(name: str, asked: Mapping[str, str] | None = None, sent: Mapping[str, str] | None = None, **more: Any) -> Call:
    """A call of an operation, of the one event by default."""
    operation = BY_NAME[name]
    asked = asked or {parameter: PATHS[parameter] for parameter in operation.parameters}
    return Call(operation, asked, sent or asked, **more)


def version(value: int) -> Query:
    """A query that Dynamics gets."""
    return Query((("api-version", b"api-version=%d" % value),), client_token=False, dropped=0)


class Desk:
    """A reading, its clock, and the Dynamics that it asks, which answers the number of the call.

    Attributes:
        calls: What Dynamics was asked.
        error: What it fails with, if anything.
        bodies: What it answers instead, by operation name.
        gate: Closed, it lets nobody through.
    """

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.calls: list[Call] = []
        self.error: Exception | None = None
        self.bodies: dict[str, bytes] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.cancelled = 0
        self._came = asyncio.Event()
        self.metrics = Metrics()
        given = CacheSettings.model_validate(settings)
        self.cache = Cache(given.max_bytes, given.max_entries, self.metrics)
        finisher = Finisher(self.cache, given.max_entry_bytes, 30, given.browsers)
        self.reading = Reading(given, self.cache, finisher, self.metrics, self.clock)
        self._answers = {
            operation.name: self.reading.through(operation, self._dynamics)
            for operation in OPERATIONS
            if operation.serving is Serving.MAPPED and operation.method == "GET"
        }
        self._outside = asyncio.all_tasks()

    async def ask(self, asked: Call | str) -> tuple[str, bytes, float]:
        """Read; gives what the cache did (empty where it has no say), the body and the age."""
        asked = call(asked) if isinstance(asked, str) else asked
        found = await self._answers[asked.operation.name](asked)
        if isinstance(found, Served):
            return found.outcome.value, found.entry.body, round(found.age, 6)
        body = found.body if found.chunks is None else b"".join([chunk async for chunk in found.chunks])
        return "", body, 0.0

    def ask_soon(self, asked: Call | str) -> "asyncio.Task[tuple[str, bytes, float]]":
        return asyncio.create_task(self.ask(asked))

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while rest := asyncio.all_tasks() - self._outside - {asyncio.current_task()}:
            await asyncio.wait(rest)

    async def asked(self, number: int) -> None:
        """Wait until Dynamics was asked so often."""
        while len(self.calls) < number:
            self._came.clear()
            await self._came.wait()

    def kept(self, asked: Call | str) -> Entry | None:
        """What is in the cache, given or not."""
        return self.cache.get(key_of(call(asked) if isinstance(asked, str) else asked))

    async def _dynamics(self, asked: Call) -> Reply:
        self.calls.append(asked)
        self._came.set()
        number = len(self.calls)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        body = self.bodies.get(asked.operation.name, b"%d" % number)
        if asked.operation.answer is Answer.IMAGE:
            return Reply(200, b"image/png", chunks=_streamed(body), resources=AsyncExitStack())
        return Reply(200, JSON, body)


async def _streamed(body: bytes) -> AsyncIterator[bytes]:
    yield body


def failure(kind: ErrorKind, **more: Any) -> ProxyError:
    return ProxyError(kind, cause="made up", **more)


HIT, STALE, MISS = Outcome.HIT.value, Outcome.STALE.value, Outcome.MISS.value
