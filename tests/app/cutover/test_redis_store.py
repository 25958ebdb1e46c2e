"""The state in Redis: a server that is killed, frozen, emptied or refuses; processes that are killed."""

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from app.cutover.redis_store import DEADLINE_SECONDS, RedisStore
from app.cutover.sqlite import SqliteStore
from app.cutover.state import CutoverState, Stage
from app.cutover.store import ConflictError, Snapshot, StoreAwayError
from tests.app.cutover.killing import kill_rounds
from tests.app.cutover.stores import SEEN_WITHIN, consistent, in_time, state_of
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio
MakeRedisStore = Callable[..., RedisStore]


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    """For tests that leave it as it is."""
    with running_redis() as server:
        yield server


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """One that keeps what it has told, when it is killed."""
    with running_redis("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def hurried() -> Iterator[RedisServer]:
    """One that is waited for no longer than a portal waits."""
    with running_redis(hurried=True) as server:
        yield server


@pytest.fixture
def forgetful() -> Iterator[RedisServer]:
    """One that starts empty."""
    with running_redis() as server:
        yield server


@pytest.fixture
async def make() -> AsyncIterator[MakeRedisStore]:
    async with AsyncExitStack() as stack:

        def make(server: RedisServer, directory: Path | None = None, organisation: str = "one") -> RedisStore:
            store = RedisStore(server.url, organisation, SqliteStore(directory) if directory is not None else None)
            stack.push_async_callback(store.close)
            return store

        yield make


@pytest.fixture
def deadline(make: MakeRedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are late as early as a portal's: where answers are lost, it is waited until then."""
    monkeypatch.setattr("app.cutover.redis_store.DEADLINE_SECONDS", DEADLINE_SECONDS)


async def back(store: RedisStore) -> Snapshot:
    """What is kept, as soon as the store is there again."""

    kept = await in_time(store.current)
    assert kept is not None
    return kept


def test_a_killed_process_leaves_the_old_state_or_the_new_one(shared: RedisServer) -> None:
    """60 kills."""
    newest = 0

    def look(place: str, acknowledged: int) -> None:
        nonlocal newest

        async def kept() -> Snapshot:
            store = RedisStore(place, "kills", None)
            try:
                current = await store.current()
                assert current is not None
                changes = await store.audit(200)
                assert [change.version for change in changes] == list(range(current.version, current.version - len(changes), -1))
                assert changes[0].after == {part: current.state.document()[part] for part in changes[0].after}
                return current
            finally:
                await store.close()

        snapshot = asyncio.run(kept())
        assert snapshot.state == state_of(snapshot.version)
        assert newest <= acknowledged <= snapshot.version <= acknowledged + 2
        newest = snapshot.version

    kill_rounds("redis", [shared.url] * 30, look)
    assert newest > 30


@pytest.mark.usefixtures("deadline")
async def test_a_killed_redis_is_told_and_what_it_told_is_kept(server: RedisServer, make: MakeRedisStore) -> None:
    store = make(server)
    kept = await store.open(state_of(1))
    for _ in range(5):
        begun = asyncio.Event()
        burst = asyncio.create_task(changes_until_away(store, kept, begun))
        await begun.wait()
        await asyncio.sleep(0.01)
        server.kill()
        told = await burst
        with pytest.raises(StoreAwayError, match="Redis cannot be reached"):
            await store.change(CutoverState(), told.version, "a", "b")
        server.start()
        kept = await back(store)
        assert kept.version - told.version in (0, 1)
        assert kept.state == state_of(kept.version)
        await consistent(store)
    assert kept.version > 5


async def changes_until_away(store: RedisStore, kept: Snapshot, begun: asyncio.Event) -> Snapshot:
    while True:
        try:
            kept = await store.change(state_of(kept.version + 1), kept.version, "a", "b")
            begun.set()
        except StoreAwayError:
            if begun.is_set():
                return kept


async def test_a_frozen_redis_carries_out_nothing_that_was_given_up(hurried: RedisServer, make: MakeRedisStore) -> None:
    store, other = make(hurried), make(hurried)
    await store.open(CutoverState())
    first = await back(store)
    await back(other)
    hurried.freeze()
    for changing in (store, other):
        with pytest.raises(StoreAwayError, match="Redis does not answer within 250 ms"):
            await changing.change(CutoverState(percent=5), 1, "a", "b")
    hurried.thaw()
    assert await back(store) == first
    # The change was on its way when Redis froze: it comes too late.
    current, now = await in_time(store._read)
    hurried.freeze()
    with pytest.raises(StoreAwayError):
        await store._write(Snapshot(2, 5.0, CutoverState(percent=5)), current, "a", "b", (1, 1), now)
    await asyncio.sleep(0.1)
    hurried.thaw()
    assert await back(store) == first
    assert await back(other) == first
    assert (await in_time(lambda: store.change(CutoverState(percent=5), 1, "a", "b"))).version == 2
    await in_time(lambda: consistent(store))


@pytest.mark.usefixtures("deadline")
async def test_a_change_whose_answer_was_lost_is_found(
    shared: RedisServer, make: MakeRedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(shared, organisation=uuid.uuid4().hex)
    await store.open(CutoverState())
    write = store._write

    async def lost(*arguments: object) -> str:
        await write(*arguments)
        raise StoreAwayError("Redis does not answer")

    monkeypatch.setattr(store, "_write", lost)
    assert (await store.change(CutoverState(percent=5), 1, "a", "b")).version == 2
    monkeypatch.setattr(store, "_write", write)
    assert (await consistent(store)).state == CutoverState(percent=5)


async def test_a_redis_that_is_too_slow_changes_nothing(
    shared: RedisServer, make: MakeRedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(shared, organisation=uuid.uuid4().hex)
    first = await store.open(CutoverState())
    monkeypatch.setattr("app.cutover.redis_store.DEADLINE_SECONDS", -5)
    with pytest.raises(StoreAwayError, match="Redis was too slow: nothing was changed"):
        await store.change(CutoverState(percent=5), 1, "a", "b")
    monkeypatch.undo()
    assert await consistent(store) == first


async def test_what_redis_lost_is_put_back(forgetful: RedisServer, make: MakeRedisStore) -> None:
    store, other = make(forgetful), make(forgetful)
    await store.open(CutoverState())
    older = await store.change(CutoverState(percent=5), 1, "a", "b")
    await other.current()  # knows the older one
    newest = await store.change(CutoverState(percent=6), 2, "a", "b")
    forgetful.kill()
    forgetful.start()
    assert await back(other) == older
    assert await back(store) == newest
    assert await asyncio.wait_for(other.wait_for_change(older), SEEN_WITHIN) == newest
    lines = await store.audit(10)
    assert [(line.version, line.who) for line in lines] == [(3, "proxy"), (2, "proxy")]
    assert (lines[0].before, lines[0].after) == ({"percent": 5.0}, {"percent": 6.0})
    assert (await other.change(CutoverState(percent=7), 3, "a", "b")).version == 4
    # Who starts after the loss takes what is there, whatever the settings say.
    assert (await make(forgetful).open(CutoverState())).version == 4


async def test_a_start_without_redis_takes_what_was_known_on_this_host(
    server: RedisServer, make: MakeRedisStore, tmp_path: Path
) -> None:
    store = make(server, tmp_path)
    await store.open(CutoverState())
    kept = await store.change(CutoverState(stage=Stage.SPLIT), 1, "a", "b")
    server.kill()
    restarted = make(server, tmp_path)
    assert await restarted.open(CutoverState(percent=3)) == kept
    server.start()
    # Meanwhile others went on.
    newest = await make(server).change(CutoverState(stage=Stage.SHADOW), 2, "a", "b")
    assert await asyncio.wait_for(restarted.wait_for_change(kept), SEEN_WITHIN) == newest
    server.kill()
    assert await make(server, tmp_path).open(CutoverState()) == newest


async def test_a_start_without_redis_and_without_memory_takes_the_settings(server: RedisServer, make: MakeRedisStore) -> None:
    server.kill()
    store = make(server)
    first = await store.open(CutoverState(percent=3))
    assert (first.version, first.state) == (0, CutoverState(percent=3))
    with pytest.raises(StoreAwayError, match="Redis cannot be reached"):
        await store.change(CutoverState(), 0, "a", "b")
    server.start()
    kept = await back(store)
    assert (kept.version, kept.state) == (1, first.state)
    assert (await store.audit(1))[0].who == "settings"


async def test_an_older_memory_of_this_host_does_not_win_over_redis(
    shared: RedisServer, make: MakeRedisStore, tmp_path: Path
) -> None:
    local = SqliteStore(tmp_path)
    await local.remember(Snapshot(40, 5.0, CutoverState(percent=1)))
    await local.close()
    organisation = uuid.uuid4().hex
    first = await make(shared, organisation=organisation).open(CutoverState(percent=2))
    assert await make(shared, tmp_path, organisation).open(CutoverState()) == first
    # Where Redis holds nothing it is what there is: an installation that takes up Redis keeps its state.
    other = make(shared, tmp_path, uuid.uuid4().hex)
    assert await other.open(CutoverState()) == first
    assert (await other.audit(1))[0].who == "proxy"


async def test_a_memory_that_cannot_be_written_hinders_nothing(shared: RedisServer, make: MakeRedisStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = make(shared, tmp_path / "file", uuid.uuid4().hex)
    await store.open(CutoverState())
    assert (await store.change(CutoverState(percent=5), 1, "a", "b")).version == 2
    await consistent(store)


async def test_organisations_and_databases_share_a_redis(shared: RedisServer, make: MakeRedisStore) -> None:
    one, other = make(shared, organisation="QQQ"), make(shared, organisation="bbb")
    await one.open(CutoverState(percent=1))
    await other.open(CutoverState(percent=2))
    assert (await one.open(CutoverState())).state.percent == 1
    assert (await make(shared, organisation="qqq").open(CutoverState())).state.percent == 1
    elsewhere = RedisStore(f"{shared.url}?db=3", "QQQ", None)
    assert await elsewhere.current() is None
    await elsewhere.close()
    keys = [str(key) async for key in one._redis.scan_iter("evtmgmt:*")]
    assert keys
    assert not any("qqq" in key.lower() for key in keys)


async def test_a_state_of_another_version_of_the_proxy_is_told(shared: RedisServer, make: MakeRedisStore) -> None:
    store = make(shared, organisation=uuid.uuid4().hex)
    first = await store.open(CutoverState())
    await store._redis.hset(store._key("state"), mapping={"version": "2", "document": '{"wind": "south"}'})
    with pytest.raises(StoreAwayError, match="cannot be read by this version of the proxy: Extra inputs are not permitted"):
        await store.wait_for_change(first)
    assert await store.open(CutoverState(percent=3)) == Snapshot(0, store._known.at, CutoverState(percent=3))


async def test_who_was_faster_is_told(shared: RedisServer, make: MakeRedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the script, so that the script itself has to find it."""
    organisation = uuid.uuid4().hex
    store, other = make(shared, organisation=organisation), make(shared, organisation=organisation)
    first = await store.open(CutoverState())
    faster = await other.change(CutoverState(percent=5), 1, "a", "b")
    looks = iter([(first, 1e12)])
    real = store._look

    async def look() -> tuple[Snapshot | None, float]:
        return next(looks, None) or await real()

    monkeypatch.setattr(store, "_look", look)
    with pytest.raises(ConflictError) as conflict:
        await store.change(CutoverState(percent=6), 1, "a", "b")
    assert conflict.value.current == faster


async def test_closing_leaves_nothing_open(shared: RedisServer, tmp_path: Path) -> None:
    store = RedisStore(shared.url, uuid.uuid4().hex, SqliteStore(tmp_path))
    known = await store.open(CutoverState())
    waiting = asyncio.create_task(store.wait_for_change(known))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await store.close()
    with sqlite3.connect(tmp_path / "cutover.sqlite3") as connection:
        assert connection.execute("SELECT version FROM state").fetchone() == (1,)
    connection.close()
