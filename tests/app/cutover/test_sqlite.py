"""The state in a file: kills at any moment, a full disk, a file that is moved away."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.cutover.sqlite import SqliteStore
from app.cutover.sqlite_file import FILE
from app.cutover.state import CutoverState, Stage
from app.cutover.store import Snapshot, StoreAwayError
from tests.app.cutover.killing import kill_rounds
from tests.app.cutover.stores import SEEN_WITHIN, consistent, state_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "state")
    yield store
    await store.close()


def kept_in(directory: str) -> Snapshot | None:
    """What a new process finds, after a look whether all of it agrees."""

    async def look() -> Snapshot | None:
        store = SqliteStore(Path(directory))
        try:
            return await consistent(store) if await store.current() is not None else None
        finally:
            await store.close()

    return asyncio.run(look())


def test_a_killed_process_leaves_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    """100 kills."""
    newest: dict[str, int] = {}

    def look(place: str, acknowledged: int) -> None:
        snapshot = kept_in(place)
        assert snapshot is not None
        assert snapshot.state == state_of(snapshot.version)
        # What was told is kept. Each of the two may have been killed between the change and the telling.
        assert newest.get(place, 0) <= acknowledged <= snapshot.version <= acknowledged + 2
        newest[place] = snapshot.version

    # A few rounds in each place: all that was ever kept there is looked at after each.
    kill_rounds("sqlite", [str(tmp_path / str(number // 5)) for number in range(50)], look)
    assert min(newest.values()) > 5


def test_a_process_that_is_killed_while_it_makes_the_file_leaves_one_that_can_be_used(tmp_path: Path) -> None:
    def look(place: str, acknowledged: int) -> None:
        snapshot = kept_in(place)
        assert snapshot is None or snapshot.state == state_of(snapshot.version)
        assert acknowledged <= (0 if snapshot is None else snapshot.version) <= acknowledged + 3

    kill_rounds("sqlite", [str(tmp_path / str(number)) for number in range(25)], look, opened=False)


def test_what_is_kept_outlives_the_process(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from app.cutover.sqlite import SqliteStore; from app.cutover.state import CutoverState\n"
        "async def run():\n"
        "    store = SqliteStore(Path(sys.argv[1])); await store.open(CutoverState())\n"
        "    await store.change(CutoverState(percent=7), 1, 'a', 'b')\n"
        "asyncio.run(run())"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)

    async def kept() -> Snapshot:
        store = SqliteStore(tmp_path)
        try:
            return await store.open(CutoverState())
        finally:
            await store.close()

    assert asyncio.run(kept()).state == CutoverState(percent=7)


async def test_memory_is_forgotten_with_its_store() -> None:
    for _ in range(2):
        store = SqliteStore(None)
        assert await store.current() is None
        await store.open(CutoverState())
        await store.close()


async def test_the_loop_goes_on_while_the_file_is_held(store: SqliteStore) -> None:
    """Another process holds the file: the change waits in its thread, is told, and succeeds later; reads go on."""
    first = await store.open(CutoverState())
    other = SqliteStore(Path(store.place).parent)
    holder = sqlite3.connect(store.place, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    change = asyncio.create_task(store.change(CutoverState(percent=1), 1, "a", "b"))
    turns = 0
    while not change.done():
        assert await other.current() == first
        turns += 1
    with pytest.raises(StoreAwayError, match="held by another process; try again"):
        change.result()
    assert turns > 10
    holder.execute("ROLLBACK")
    holder.close()
    assert (await store.change(CutoverState(percent=1), 1, "a", "b")).version == 2
    await consistent(store)
    await other.close()


async def test_all_access_is_in_one_thread(store: SqliteStore) -> None:
    await store.open(CutoverState())
    await asyncio.gather(*(store.current() for _ in range(20)))
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("cutover-state")] == ["cutover-state_0"]


async def test_a_full_disk_refuses_the_change_and_leaves_the_state(store: SqliteStore) -> None:
    first = await store.open(CutoverState())

    def full(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")

    await store._do(full)
    large = CutoverState(events={f"Event_{number}": "off" for number in range(2_000)})
    with pytest.raises(StoreAwayError, match=r"the disk that holds .* is full"):
        await store.change(large, 1, "a", "b")
    with pytest.raises(StoreAwayError, match=r"the disk that holds .* is full"):
        await store.put_document("usage", "a", {"n": "x" * 100_000})
    assert await consistent(store) == first
    await store._do(lambda connection: connection.execute("PRAGMA max_page_count=100000").close())
    assert (await store.change(large, 1, "a", "b")).version == 2


async def test_a_disk_that_refuses_to_write_refuses_the_change(store: SqliteStore) -> None:
    """The system's own bound on the size of files: each write ahead of it fails."""
    first = await store.open(CutoverState())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(store.place + "-wal"), hard))  # noqa: ASYNC240
    try:
        with pytest.raises(StoreAwayError, match="the disk"):
            await store.change(CutoverState(percent=5), 1, "a", "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await consistent(store) == first
    assert (await store.change(CutoverState(percent=5), 1, "a", "b")).version == 2
    await consistent(store)


async def test_a_start_with_a_full_disk_takes_what_is_kept(tmp_path: Path) -> None:
    """SQLite itself cannot even read then: the files beside the state's cannot be made."""
    before, store = SqliteStore(tmp_path), SqliteStore(tmp_path)
    await before.open(CutoverState())
    kept = await before.change(CutoverState(stage=Stage.SPLIT), 1, "a", "b")
    await before.close()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        store.check()
        found = await store.open(CutoverState())
        with pytest.raises(StoreAwayError, match="the disk refuses"):
            await store.change(CutoverState(), 2, "a", "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert found == kept
    assert await store.current() == kept
    assert (await store.change(CutoverState(), 2, "a", "b")).version == 3
    await consistent(store)
    await store.close()


async def test_where_the_first_state_cannot_be_written_that_of_the_settings_serves(store: SqliteStore) -> None:
    store.check()
    holder = sqlite3.connect(store.place, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    first = await store.open(CutoverState(percent=5))
    assert (first.version, first.state) == (0, CutoverState(percent=5))
    holder.execute("ROLLBACK")
    holder.close()
    # It is kept as soon as it can be.
    kept = await asyncio.wait_for(store.wait_for_change(first), SEEN_WITHIN)
    assert (kept.version, kept.state) == (1, first.state)
    assert (await store.audit(1))[0].who == "settings"
    await consistent(store)


async def test_a_file_that_is_moved_away_is_made_anew_from_what_serves(store: SqliteStore) -> None:
    await store.open(CutoverState())
    kept = await store.change(CutoverState(stage=Stage.SPLIT), 1, "a", "b")
    os.rename(store.place, store.place + "-elsewhere")
    assert await store.current() == kept
    (line,) = await store.audit(10)
    assert (line.version, line.who, line.before, line.after) == (2, "proxy", {}, kept.state.document())
    assert (await store.change(CutoverState(stage=Stage.REALTIME), 2, "a", "b")).version == 3
    other = SqliteStore(Path(store.place).parent)
    assert (await other.open(CutoverState(percent=1))).version == 3
    await other.close()


async def test_a_backup_that_is_put_in_place_is_taken_up(store: SqliteStore, tmp_path: Path) -> None:
    first = await store.open(CutoverState())
    backup = tmp_path / "backup"
    with sqlite3.connect(store.place) as source, sqlite3.connect(backup) as target:
        source.backup(target)
    source.close()
    target.close()
    second = await store.change(CutoverState(percent=3), 1, "a", "b")
    for end in ("-wal", "-shm"):
        os.unlink(store.place + end)
    os.rename(backup, store.place)
    assert await asyncio.wait_for(store.wait_for_change(second), SEEN_WITHIN) == first
    await consistent(store)


async def test_a_directory_that_went_away_is_told_until_it_is_back(store: SqliteStore, tmp_path: Path) -> None:
    first = await store.open(CutoverState())
    (tmp_path / "state").rename(tmp_path / "unmounted")
    (tmp_path / "state").write_text("")
    for _ in range(2):
        with pytest.raises(StoreAwayError, match="is not a directory"):
            await store.current()
    (tmp_path / "state").unlink()
    (tmp_path / "unmounted").rename(tmp_path / "state")
    assert await store.current() == first


async def test_a_state_of_another_version_of_the_proxy_is_told(store: SqliteStore, tmp_path: Path) -> None:
    first = await store.open(CutoverState())
    other = sqlite3.connect(store.place)
    other.execute("UPDATE state SET version = 2, document = json_set(document, '$.wind', 'south')")
    other.commit()
    with pytest.raises(StoreAwayError, match="cannot be read by this version of the proxy: Extra inputs are not permitted"):
        await store.wait_for_change(first)
    with pytest.raises(StoreAwayError, match="cannot be read by this version"):
        SqliteStore(tmp_path / "state").check()
    other.execute("UPDATE state SET document = json_remove(document, '$.wind')")
    other.commit()
    other.close()
    assert (await store.wait_for_change(first)).version == 2


async def test_what_another_store_holds_is_remembered_once(store: SqliteStore) -> None:
    snapshot = Snapshot(7, 5.5, CutoverState(percent=4))
    for _ in range(2):
        await store.remember(snapshot)
    assert await store.current() == snapshot
    await store.remember(Snapshot(8, 6.5, CutoverState(percent=5)))
    newest, oldest = await store.audit(10)
    assert (newest.version, newest.who, newest.before, newest.after) == (8, "redis", {"percent": 4.0}, {"percent": 5.0})
    assert oldest.version == 7
    # Back to one host: its own changes go on from there.
    assert (await store.change(CutoverState(), 8, "a", "b")).version == 9


async def test_it_says_where_it_is(tmp_path: Path) -> None:
    assert SqliteStore(tmp_path).place == str(tmp_path / FILE)
    assert SqliteStore(tmp_path).durable
    assert not SqliteStore(tmp_path, durable=False).durable
    assert not SqliteStore(None).durable
