"""What all workers have counted together: nothing lost that was written, and nothing counted twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from app.cutover import reports as module
from app.cutover.reports import RECENT_SECONDS, STILL_HERE_SECONDS, Reports
from app.cutover.sqlite import SqliteStore
from app.cutover.store import FOLDED, StoreAwayError
from app.cutover.traffic import Traffic
from app.cutover.usage import Usage
from tests.clock import Clock
from translation.comparison import Comparison, Verdict
from translation.parity import Parity

pytestmark = pytest.mark.anyio
KINDS = ("parity", "usage", "traffic", "recent")


class Store(SqliteStore):
    """A store that tells what was put, and that may be away."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.put: list[str] = []
        self.away = False

    async def put_document(self, kind: str, owner: str, document: dict[str, Any]) -> None:
        self._look()
        await super().put_document(kind, owner, document)
        self.put.append(kind)

    async def documents(self, kind: str) -> dict[str, dict[str, Any]]:
        self._look()
        return await super().documents(kind)

    def _look(self) -> None:
        if self.away:
            raise StoreAwayError("the disk is full")


class Worker:
    """One worker's tallies and its reports."""

    def __init__(self, directory: Path, clock: Clock, window: float = 0) -> None:
        self.store = Store(directory)
        self.parity = Parity()
        self.usage = Usage("salt", clock)
        self.traffic = Traffic(clock)
        self.reports = Reports(self.store, self.parity, self.usage, self.traffic, window, clock)
        self.clock = clock

    def work(self, times: int = 1) -> None:
        for _ in range(times):
            self.traffic.observe("realtime", "get_event", False, 0.1)
            self.traffic.answered("realtime", "get_event", 200)
            self.usage.note("get_event", "E", {b"authorization": b"Bearer x"}, b"")
            self.parity.add(Comparison("get_event", {"name": {Verdict.EQUAL: 1}}), self.clock.now)

    async def seen(self) -> tuple[int, int, int]:
        """What is seen of all: calls, requests, comparisons."""
        traffic, usage, parity = await self.reports.traffic(), await self.reports.usage(), await self.reports.parity()
        window = traffic.window(3_600)
        calls = window["get_event", "realtime"].calls if window else 0
        fields = parity.operations.get("get_event", {})
        return calls, usage.total("operations", 7).get("get_event", 0), fields["name"].seen.total if fields else 0


@pytest.fixture(autouse=True)
def every_level() -> None:
    """Services of other tests have set what is logged."""
    structlog.reset_defaults()


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = 1_800_000_000.0
    return clock


@pytest.fixture
async def workers(tmp_path: Path, clock: Clock) -> AsyncIterator[list[Worker]]:
    found = [Worker(tmp_path, clock) for _ in range(3)]
    yield found
    for worker in found:
        await worker.store.close()


async def test_nothing_is_nothing(workers: list[Worker]) -> None:
    assert await workers[0].seen() == (0, 0, 0)
    await workers[0].reports.write()
    assert await workers[1].seen() == (0, 0, 0)


async def test_all_workers_are_added_up(workers: list[Worker], clock: Clock) -> None:
    for number, worker in enumerate(workers, 1):
        worker.work(number)
        await worker.reports.write()
    assert [await worker.seen() for worker in workers] == [(6, 6, 6)] * 3
    workers[0].work()
    assert await workers[0].seen() == (7, 7, 7)
    assert await workers[1].seen() == (6, 6, 6)
    clock.go(5)
    await workers[0].reports.write()
    assert await workers[1].seen() == (7, 7, 7)
    usage = await workers[1].reports.usage()
    assert usage.visitors(7) == 1


async def test_the_last_minutes_are_seen_soon_and_the_hour_is_written_seldom(workers: list[Worker], clock: Clock) -> None:
    one, other, _ = workers
    for step in range(240):
        one.work()
        await one.reports.write()
        assert (await other.seen())[0] == step + 1
        clock.go(5)
    assert one.store.put.count("recent") == 240
    assert one.store.put.count("traffic") == 240 * 5 / STILL_HERE_SECONDS
    recent = await other.reports.recent()
    assert recent.window(60)["get_event", "realtime"].calls in (12, 13)
    assert recent.window(3_600)["get_event", "realtime"].calls <= RECENT_SECONDS / 5 + 2


async def test_recent_reaches_as_far_as_the_window(tmp_path: Path, clock: Clock) -> None:
    one, other = Worker(tmp_path, clock, window=600), Worker(tmp_path, clock, window=600)
    one.work()
    clock.go(590)
    await one.reports.write()
    assert (await other.reports.recent()).window(600)["get_event", "realtime"].calls == 1
    for worker in (one, other):
        await worker.store.close()


async def test_what_did_not_change_is_written_to_show_that_the_worker_lives(workers: list[Worker], clock: Clock) -> None:
    one = workers[0]
    one.work()
    for _ in range(5):
        await one.reports.write()
        clock.go(5)
    assert sorted(one.store.put) == sorted(KINDS)
    clock.go(STILL_HERE_SECONDS)
    await one.reports.write()
    assert sorted(one.store.put) == sorted(KINDS * 2)


async def test_what_a_worker_left_is_kept_and_counted_once(
    workers: list[Worker], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, here, late = workers
    gone.work()
    await gone.reports.write()
    gone.work(2)
    await gone.reports.write(last=True)
    here.work(2)
    monkeypatch.setattr(module, "GONE_SECONDS", -1.0)  # all that was ever written is old
    await here.reports.write()
    with capture_logs() as logs:
        assert await late.seen() == (5, 5, 5)
        assert (await late.reports.recent()).window(60) == {}
    assert logs == []
    owners = [set(await late.store.documents(kind)) for kind in KINDS]
    assert owners == [{FOLDED}] * 4
    assert (await late.store.documents("recent"))[FOLDED] == {}
    monkeypatch.undo()

    here.work(10)
    clock.go(5)
    with capture_logs() as logs:
        await here.reports.write()
    assert [line["event"] for line in logs] == ["was taken for gone: counting begins anew"]
    assert await here.seen() == await late.seen() == (5, 5, 5)
    here.work(4)
    await here.reports.write()
    assert await here.seen() == await late.seen() == (9, 9, 9)


async def test_a_store_that_is_away_is_borne_and_said_once(workers: list[Worker], clock: Clock) -> None:
    one, other, _ = workers
    other.work(5)
    await other.reports.write()
    one.work(2)
    one.store.away = True
    with capture_logs() as logs:
        for _ in range(3):
            await one.reports.write()
            assert await one.seen() == (2, 2, 2)
            assert (await one.reports.recent()).window(60)["get_event", "realtime"].calls == 2
    assert [(line["event"], line["cause"]) for line in logs] == [("tallies cannot be written now", "the disk is full")]
    one.store.away = False
    await one.reports.write()
    assert await one.seen() == await other.seen() == (7, 7, 7)


async def test_documents_of_other_versions_are_left_out(workers: list[Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, _ = workers
    one.work()
    for kind in KINDS:
        await one.store.put_document(kind, "of a later version", {"schema": 99})
    with capture_logs() as logs:
        assert await one.seen() == (1, 1, 1)
        assert await one.seen() == (1, 1, 1)
        assert (await one.reports.recent()).window(60)
    assert sorted(line["kind"] for line in logs) == sorted(KINDS)
    monkeypatch.setattr(module, "GONE_SECONDS", -1.0)
    await one.reports.write()
    assert await other.seen() == (1, 1, 1)


async def test_it_writes_once_more_at_the_end(workers: list[Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, _ = workers
    task = asyncio.create_task(one.reports.run())
    await asyncio.sleep(0)
    one.work(3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await other.seen() == (3, 3, 3)


async def test_it_goes_on_after_a_defect(workers: list[Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, _ = workers
    monkeypatch.setattr(module, "WRITE_SECONDS", 0)
    written = asyncio.Event()
    defects = [ZeroDivisionError()]
    document = one.usage.document

    def once() -> dict[str, Any]:
        if defects:
            raise defects.pop()
        written.set()
        return document()

    monkeypatch.setattr(one.usage, "document", once)
    one.work()
    with capture_logs() as logs:
        task = asyncio.create_task(one.reports.run())
        async with asyncio.timeout(60):
            await written.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [line["event"] for line in logs] == ["defect"]
    assert await other.seen() == (1, 1, 1)
