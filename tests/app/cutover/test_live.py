"""The state that serves: what is adopted when, what is logged, and that nothing stops it."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr, ValidationError

from app.configuration_error import ConfigurationError
from app.cutover.live import SHARED_STATE, TRIES, Live, needs_outbound, open_store
from app.cutover.redis_store import RedisStore
from app.cutover.settings import StateSettings
from app.cutover.sqlite import SqliteStore
from app.cutover.sqlite_file import FILE
from app.cutover.state import CutoverState, Latch, Stage, Switch
from app.cutover.store import ConflictError, Snapshot, Store, StoreAwayError
from tests.app.cutover.stores import KINDS, SEEN_WITHIN, MakeStore, consistent, in_time, replayed, stores
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio
ENDPOINT = "http://127.0.0.1:9/api/v1.0/orgs/7c4da5b8/eventmanagement/"
Log = list[dict[str, Any]]


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with running_redis("--appendonly", "yes", "--appendfsync", "always", hurried=True) as server:
        yield server


@pytest.fixture(params=KINDS)
async def make(request: pytest.FixtureRequest, redis: RedisServer, tmp_path: Path) -> AsyncIterator[MakeStore]:
    async with stores(request.param, tmp_path / "state", redis, uuid.uuid4().hex) as make:
        yield make


@pytest.fixture
def log() -> Iterator[Log]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
async def memory() -> AsyncIterator[SqliteStore]:
    store = SqliteStore(None)
    yield store
    await store.close()


@asynccontextmanager
async def following(store: Store, **options: Any) -> AsyncIterator[Live]:
    live = Live(store, **options)
    await live.start(CutoverState())
    task = asyncio.create_task(live.run())
    try:
        yield live
    finally:
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


def percent(value: float) -> Callable[[CutoverState], CutoverState]:
    return lambda state: state.model_copy(update={"percent": value})


async def changed(live: Live, value: float) -> Snapshot:
    return await in_time(lambda: live.change(percent(value), "a", "b"))


def events(log: Log, name: str) -> Log:
    return [line for line in log if line["event"] == name]


async def test_all_adopt_a_change_of_one_and_log_it_once(make: MakeStore, log: Log) -> None:
    async with following(make()) as one, following(make()) as other:
        adopted = asyncio.Event()
        told: list[Snapshot] = []
        other.on_change(told.append)
        other.on_change(lambda _: adopted.set())
        changed = await one.change(percent(25), "Ann", "first quarter")
        assert (one.snapshot, one.state.percent) == (changed, 25.0)
        await asyncio.wait_for(adopted.wait(), SEEN_WITHIN)
        assert other.snapshot == changed
        assert told == [changed]
        await until(lambda: len(events(log, "cutover changed")) == 2)
    for line in events(log, "cutover changed"):
        assert line == {
            "event": "cutover changed",
            "log_level": "warning",
            "place": one.store.place,
            "version": 2,
            "who": "Ann",
            "before": {"percent": 100.0},
            "after": {"percent": 25.0},
        }


async def test_changes_between_two_looks_are_logged_one_by_one(make: MakeStore, log: Log) -> None:
    store, other = make(), make()
    live = Live(store)
    await live.start(CutoverState())
    for version in range(1, 5):
        await other.change(CutoverState(percent=version), version, f"number {version}", "b")
    task = asyncio.create_task(live.run())
    await until(lambda: len(events(log, "cutover changed")) == 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [line["who"] for line in events(log, "cutover changed")] == ["number 1", "number 2", "number 3", "number 4"]
    assert live.snapshot.version == 5


async def test_edits_of_many_are_all_made(make: MakeStore) -> None:
    lives = [Live(make()) for _ in range(4)]
    for live in lives:
        await live.start(CutoverState(percent=0))

    def one_more(state: CutoverState) -> CutoverState:
        return CutoverState(percent=state.percent + 1)

    await asyncio.gather(*(live.change(one_more, f"w{number}", "count") for number, live in enumerate(lives * 3)))
    kept = await consistent(lives[0].store)
    assert (kept.version, kept.state.percent) == (13, 12.0)


async def test_an_expected_version_is_not_tried_again(make: MakeStore) -> None:
    live, other = Live(make()), Live(make())
    await live.start(CutoverState())
    await other.start(CutoverState())
    changed = await other.change(percent(5), "a", "b", expected=1)
    with pytest.raises(ConflictError) as conflict:
        await live.change(percent(6), "a", "b", expected=1)
    assert conflict.value.current == changed
    assert (await live.change(percent(6), "a", "b", expected=2)).version == 3


async def test_an_edit_that_makes_no_state_changes_nothing(memory: SqliteStore) -> None:
    live = Live(memory)
    first = await live.start(CutoverState())
    with pytest.raises(ValidationError, match="less than or equal to 100"):
        await live.change(percent(101), "a", "b")
    with pytest.raises(ValueError, match="why is missing"):
        await live.change(percent(1), "a", " ")
    with pytest.raises(ZeroDivisionError):
        await live.change(lambda _: percent(1 / 0)(CutoverState()), "a", "b")
    assert live.snapshot == first == await consistent(memory)


async def test_who_loses_every_time_is_told_in_the_end(memory: SqliteStore) -> None:
    live = Live(memory)
    await live.start(CutoverState())

    class Faster(SqliteStore):
        tries = 0

        async def current(self) -> Snapshot | None:
            return live.snapshot

        async def change(self, state: CutoverState, expected: int, who: str, why: str) -> Snapshot:
            self.tries += 1
            raise ConflictError(live.snapshot)

    faster = Faster(None)
    with pytest.raises(ConflictError):
        await Live(faster).change(percent(5), "a", "b")
    assert faster.tries == TRIES


async def test_a_slow_look_does_not_bring_back_what_a_change_replaced(memory: SqliteStore) -> None:
    """The look found version 2, and before it was adopted this process made version 3."""
    live = Live(memory)
    await live.start(CutoverState())
    second = await memory.change(CutoverState(percent=2), 1, "a", "b")
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(known: Snapshot) -> Snapshot:
        asked.set()
        await answer.wait()
        memory.wait_for_change = real
        return second

    real = memory.wait_for_change
    memory.wait_for_change = slow
    task = asyncio.create_task(live.run())
    await asked.wait()
    third = await live.change(percent(3), "a", "b")
    seen: list[Snapshot] = []
    live.on_change(seen.append)
    answer.set()
    fourth = await memory.change(CutoverState(percent=4), 3, "a", "b")
    await until(lambda: live.snapshot == fourth)
    assert seen == [fourth]
    assert third.version == 3
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_redis_killed_or_frozen_the_last_state_serves_without_a_wait(own_redis: RedisServer, log: Log) -> None:
    async with AsyncExitStack() as stack:
        store, other = (RedisStore(own_redis.url, "one", None) for _ in range(2))
        for opened in (store, other):
            stack.push_async_callback(opened.close)
        live, watching = [await stack.enter_async_context(following(opened)) for opened in (store, other)]
        served = await changed(live, 25)
        await until(lambda: watching.snapshot == served, SEEN_WITHIN)
        for away, back in ((own_redis.freeze, own_redis.thaw), (own_redis.kill, own_redis.start)):
            away()
            changing = asyncio.create_task(live.change(percent(50), "a", "b"))
            reads = 0
            while not changing.done() or live.away is None:
                assert live.snapshot is served  # no await: there is nothing to wait for
                reads += 1
                await asyncio.sleep(0)
            assert reads > 0
            with pytest.raises(StoreAwayError, match=r"Redis (does not answer within 250 ms|cannot be reached)"):
                changing.result()
            assert str(live.away).startswith("Redis ")
            back()
            await until(lambda: live.away is None, SEEN_WITHIN)
            served = await changed(live, 1 + served.state.percent)
            await until(lambda expected=served: watching.snapshot == expected, SEEN_WITHIN)
        assert served.state.percent == 27.0
        assert replayed(await in_time(lambda: store.audit(100))) == served.state.document()
        told = [line["event"] for line in log if line["event"].startswith("the state can")]
        gone, again = "the state cannot be changed now: what was known last serves", "the state can be changed again"
        assert told.count(again) >= 2
        assert told.count(gone) - told.count(again) in (0, 1, 2)  # each of the two may be away again: this machine may be slow


async def test_a_file_that_cannot_be_read_for_a_while_is_followed_again(tmp_path: Path, log: Log) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    def lead_to(place: str) -> None:
        """In one step: where nothing is for a moment, a folder may be made."""
        (tmp_path / "link").symlink_to(place)
        (tmp_path / "link").replace(tmp_path / "state")

    lead_to("folder")
    store, other = SqliteStore(tmp_path / "state"), SqliteStore(tmp_path / "state")
    async with following(store) as live:
        await other.open(CutoverState())
        lead_to("file")
        await until(lambda: live.away)
        assert live.state == CutoverState()
        lead_to("folder")
        changed = await other.change(CutoverState(percent=5), 1, "a", "b")
        await until(lambda: live.snapshot == changed)
        assert live.away is None
    for closing in (store, other):
        await closing.close()


async def test_a_defect_does_not_end_the_following(memory: SqliteStore, log: Log) -> None:
    async with following(memory) as live:
        real = memory.wait_for_change

        async def broken(known: Snapshot) -> Snapshot:
            raise ZeroDivisionError

        memory.wait_for_change = broken
        await until(lambda: live.away)
        memory.wait_for_change = real
        changed = await memory.change(CutoverState(percent=5), 1, "a", "b")
        await until(lambda: live.snapshot == changed)
        await until(lambda: live.away is None)
        assert len(events(log, "defect")) >= 1

        def listener(_: Snapshot) -> None:
            raise ZeroDivisionError

        live.on_change(listener)
        changed = await memory.change(CutoverState(percent=6), 2, "a", "b")
        await until(lambda: live.snapshot == changed)


async def test_a_change_is_logged_even_if_the_audit_cannot_be_read(memory: SqliteStore, log: Log) -> None:
    live = Live(memory)
    await live.start(CutoverState())

    async def away(limit: int, before_version: int | None = None) -> Any:
        raise StoreAwayError("away")

    memory.audit = away
    await live.change(percent(5), "a", "b")
    (line,) = events(log, "cutover changed")
    assert (line["version"], line["before"], line["after"]) == (2, {"percent": 100.0}, {"percent": 5.0})


async def test_the_start_says_what_an_operator_should_know(tmp_path: Path, log: Log) -> None:
    async def start(store: Store, initial: CutoverState, **options: Any) -> list[str]:
        log.clear()
        await Live(store, **options).start(initial)
        return [line["event"] for line in log]

    file, memory = SqliteStore(tmp_path), SqliteStore(None)
    split = CutoverState(stage=Stage.SPLIT)
    assert await start(file, split) == []
    assert await start(file, split) == []
    assert await start(file, CutoverState(percent=5)) == ["the state that was kept serves, not that of the settings"]
    assert log[0]["differs"] == ["percent", "stage"]
    assert await start(file, split, both=False) == ["the state that was kept needs outbound, which the settings do not name"]
    assert await start(memory, CutoverState(), both=False) == []
    assert await start(memory, CutoverState()) == [
        "changes of the cutover are forgotten when the proxy stops: set EVTMGMT_STATE__PATH"
    ]
    nobody = RedisStore(f"unix://{tmp_path}/nobody.sock", "one", None)
    assert await start(nobody, split) == ["the state is not kept now: that of the settings serves"]
    for store in (file, memory, nobody):
        await store.close()


async def test_without_outbound_nothing_that_needs_it_can_be_set(memory: SqliteStore) -> None:
    live = Live(memory, both=False)
    await live.start(CutoverState())
    for needing in (
        CutoverState(stage=Stage.OUTBOUND),
        CutoverState(stage=Stage.SHADOW),
        CutoverState(stage=Stage.SPLIT),
        CutoverState(operations={"list_events": Switch.OUTBOUND}),
        CutoverState(events={"A_*": Switch.OUTBOUND}),
        CutoverState(latches={"*": Latch(at=1, reason="slow")}),
    ):
        assert needs_outbound(needing)
        with pytest.raises(ValueError, match="this needs outbound: EVTMGMT_OUTBOUND__ENDPOINT"):
            await live.change(lambda _, needing=needing: needing, "a", "b")
    fine = CutoverState(operations={"list_events": Switch.OFF}, events={"A_*": Switch.REALTIME}, percent=3)
    assert (await live.change(lambda _: fine, "a", "b")).state == fine
    assert not needs_outbound(fine)


async def test_without_outbound_what_needed_it_is_cleared_in_steps(memory: SqliteStore) -> None:
    live = Live(memory, both=False)
    needing = {"events": {"A_*": Switch.OUTBOUND}, "latches": {"*": Latch(at=1, reason="slow")}}
    await live.start(CutoverState(stage=Stage.SPLIT, **needing))
    with pytest.raises(ValueError, match="this needs outbound"):
        await live.change(lambda state: state.model_copy(update={"stage": Stage.SHADOW}), "a", "b")
    for part, value in (("stage", Stage.REALTIME), ("events", {}), ("latches", {})):
        await live.change(lambda state, part=part, value=value: state.model_copy(update={part: value}), "a", "b")
    assert live.state == CutoverState()


async def test_without_an_archive_nothing_can_be_switched_to_it(memory: SqliteStore, log: Log) -> None:
    live = Live(memory, archive=False)
    await live.start(CutoverState(events={"gala": Switch.ARCHIVE}))
    assert len(events(log, "the state that was kept needs an archive, which the settings do not name")) == 1
    with pytest.raises(ValueError, match="this needs an archive: EVTMGMT_ARCHIVE__PATH is not set"):
        await live.change(lambda state: state.model_copy(update={"events": {**state.events, "x": Switch.ARCHIVE}}), "a", "b")
    # What was there before may stay.
    assert (await live.change(lambda state: state.model_copy(update={"percent": 7}), "a", "b")).state.percent == 7


async def test_the_settings_name_the_store(tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (open_store(StateSettings(), ENDPOINT).place, open_store(StateSettings(), ENDPOINT).durable) == ("memory", False)
    kept = open_store(StateSettings(path=tmp_path / "kept"), ENDPOINT)
    assert (kept.place, kept.durable) == (str(tmp_path / "kept" / FILE), True)
    monkeypatch.setenv(SHARED_STATE, str(tmp_path / "shared"))
    shared = open_store(StateSettings(), ENDPOINT)
    assert (shared.place, shared.durable) == (str(tmp_path / "shared" / FILE), False)
    settings = StateSettings(redis_url=SecretStr(redis.url))
    one, other = open_store(settings, ENDPOINT), open_store(settings, ENDPOINT.replace("7c4da5b8", "11111111"))
    assert (one.place, one.durable) == ("Redis", True)
    await one.open(CutoverState(percent=5))
    assert await other.current() is None
    same = open_store(settings, ENDPOINT.replace("http://127.0.0.1:9/", "https://elsewhere.invalid/"))
    assert (await same.open(CutoverState())).state.percent == 5
    for store in (one, other, same):
        await store.close()


def test_what_cannot_be_opened_is_told_as_a_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError) as path:
        open_store(StateSettings(path=tmp_path / "file"), ENDPOINT)
    assert path.value.problems == [f"EVTMGMT_STATE__PATH: {tmp_path / 'file'} is not a directory"]
    with pytest.raises(ConfigurationError) as address:
        open_store(StateSettings(redis_url=SecretStr("redis://u:geheim@host:port")), ENDPOINT)
    (problem,) = address.value.problems
    assert problem.startswith("EVTMGMT_STATE__REDIS_URL: must be an address")
    assert "geheim" not in json.dumps(problem)
