"""Stores for tests: what several processes are to each other is played by several stores, or by real processes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from app.cutover.redis_store import RedisStore
from app.cutover.sqlite import SqliteStore
from app.cutover.state import CutoverState, Stage, Switch
from app.cutover.store import Change, ConflictError, Snapshot, Store, StoreAwayError
from tests.redis_server import RedisServer

KINDS = ("memory", "sqlite", "redis")
SEEN_WITHIN = 60.0
"""Seconds in which a change is seen by all, on a machine that stands still now and then.

That they are two where nothing is slow follows from how often is looked (test_store.py).
"""
MakeStore = Callable[[], Store]
Found = TypeVar("Found")


@asynccontextmanager
async def stores(kind: str, directory: Path, server: RedisServer, organisation: str) -> AsyncIterator[MakeStore]:
    """Gives a function that makes stores of one place, each as another process would have it; all are closed at the end."""
    async with AsyncExitStack() as stack:
        memory = SqliteStore(None)

        def make() -> Store:
            made: Store
            match kind:
                case "memory":
                    return memory  # it is one process's
                case "sqlite":
                    made = SqliteStore(directory)
                case _:
                    made = RedisStore(server.url, organisation, None)
            stack.push_async_callback(made.close)
            return made

        stack.push_async_callback(memory.close)
        yield make


async def in_time(ask: Callable[[], Awaitable[Found]]) -> Found:
    """What is found as soon as this machine lets Redis answer in time."""

    async def again() -> Found:
        while True:
            with suppress(StoreAwayError):
                return await ask()
            await asyncio.sleep(0.02)

    return await asyncio.wait_for(again(), SEEN_WITHIN)


def replayed(changes: list[Change]) -> dict[str, Any]:
    """What the audit makes of nothing: the state as JSON. ``changes`` are all there are, the newest first."""
    document: dict[str, Any] = {}
    for number, change in enumerate(reversed(changes), 1):
        assert change.version == number
        assert change.before == {part: document[part] for part in change.before}
        assert number == 1 or change.before.keys() == change.after.keys()
        assert change.after != change.before
        document |= change.after
    return document


async def consistent(store: Store) -> Snapshot:
    """What is kept, after a look whether state and audit agree."""
    kept = await store.current()
    assert kept is not None
    changes = await store.audit(100_000)
    found = len(changes), changes[0].version, changes[0].at
    assert found == (kept.version, kept.version, kept.at), found
    assert replayed(changes) == kept.state.document()
    return kept


def state_of(version: int) -> CutoverState:
    """The state that processes to be killed write as that version: several parts, so that half of one would show."""
    return CutoverState(
        stage=list(Stage)[version % 4],
        percent=version % 101,
        operations={"list_events": list(Switch)[version % 3]},
        events={f"Event_{version}_*": Switch.OFF},
    )


def change_for_ever(kind: str, place: str, acknowledge: Connection) -> None:
    """In a process of its own, until it is killed: one change after the other, each told when the store has told it."""
    asyncio.run(_change_for_ever(kind, place, acknowledge))


async def _change_for_ever(kind: str, place: str, acknowledge: Connection) -> None:
    acknowledge.send(0)  # from here on it may be killed
    store: Store = SqliteStore(Path(place)) if kind == "sqlite" else RedisStore(place, "kills", None)
    kept = await store.open(state_of(1))
    while True:
        with suppress(StoreAwayError):
            try:
                kept = await store.change(state_of(kept.version + 1), kept.version, "killed", "one more")
                acknowledge.send(kept.version)
            except ConflictError as faster:
                kept = faster.current
