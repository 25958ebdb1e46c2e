"""Pages that replicas tell each other of: the last one counts, for its time, and nobody else can read or make one."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from app.cutover import shared_pages as module
from app.cutover.decision import Source
from app.cutover.shared_pages import SharedPages
from app.metrics import Metrics
from app.shared.line import Line
from tests.clock import Clock
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio
REALTIME, OUTBOUND = Source.REALTIME, Source.OUTBOUND
SECRET = b"s" * 32
SECONDS = 600.0
RESTRICTED = ("--user", "default", "reset", "on", "nopass", "~*", "&*", "+@read", "+@scripting", "+time", "+select", "+client")
"""A user that may not write."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


class Replica:
    """One of several, with a clock of its own: only how much of it went by counts."""

    def __init__(self, url: str, name: str, *, secret: bytes = SECRET, seconds: float = SECONDS, patience: float = 20) -> None:
        self.metrics = Metrics()
        self.clock = Clock()
        self.line = Line(url, self.metrics, patience)
        self.pages = SharedPages(self.line, name, secret, seconds, self.clock)

    async def tells(self) -> None:
        """Until Redis took it: on a slow machine it may not answer in time."""
        async with asyncio.timeout(60):
            while not await self.pages._tell():  # noqa: ASYNC110 - Redis tells nobody when it is quick again
                await asyncio.sleep(0.1)

    async def told(self, bucket: int, event: str, source: Source) -> None:
        self.pages.seen(bucket, event, source)
        await self.tells()

    async def asks(self, bucket: int, event: str) -> Source | None:
        """As a registration does, in a task of its own."""
        await asyncio.create_task(self.pages.hear(bucket, event))
        return self.pages.source(bucket, event)

    async def heard(self, bucket: int, event: str) -> Source | None:
        """The same, until Redis answered."""
        async with asyncio.timeout(60):
            while True:
                before = self.alone
                source = await self.asks(bucket, event)
                if self.alone == before:
                    return source
                await asyncio.sleep(0.1)

    @property
    def alone(self) -> float:
        return self.metrics.registry.get_sample_value("evtmgmt_redis_alone_total", {"part": "pages"}) or 0


Making = Callable[..., Replica]


@pytest.fixture
def name() -> str:
    return f"pages:{uuid.uuid4()}"


@asynccontextmanager
async def making(url: str, name: str) -> AsyncIterator[Making]:
    made: list[Replica] = []

    def make(**more: object) -> Replica:
        made.append(Replica(url, **{"name": name, **more}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for replica in made:
        await replica.line.close()


@pytest.fixture
async def replica(server: RedisServer, name: str) -> AsyncIterator[Making]:
    async with making(server.url, name) as make:
        yield make


async def until(fits: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not fits():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.01)


async def test_a_page_of_one_replica_is_known_to_another(replica: Making) -> None:
    one, two = replica(), replica()
    await one.told(7, "Gala", OUTBOUND)
    assert two.pages.source(7, "Gala") is None  # without a registration nobody asks
    assert await two.heard(7, "GALA") is OUTBOUND
    assert await two.heard(8, "Gala") is None
    assert await two.heard(7, "Expo") is None
    assert two.pages.source(7, "gala") is OUTBOUND


@pytest.mark.parametrize("told_first", [0, 1])
async def test_the_last_page_counts_whoever_tells_first(replica: Making, told_first: int) -> None:
    one, two, three = replica(), replica(), replica()
    one.pages.seen(7, "Gala", OUTBOUND)
    one.clock.go(30)
    two.pages.seen(7, "Gala", REALTIME)
    two.clock.go(10)
    for teller in ((one, two), (two, one))[told_first]:
        await teller.tells()
    assert [await each.heard(7, "Gala") for each in (one, two, three)] == [REALTIME] * 3


async def test_what_a_replica_saw_later_itself_counts(replica: Making) -> None:
    one, two = replica(), replica()
    await one.told(7, "Gala", OUTBOUND)
    two.clock.go(10)
    two.pages.seen(7, "Gala", REALTIME)  # and is not told yet
    assert await two.heard(7, "Gala") is REALTIME
    one.pages.seen(7, "Gala", OUTBOUND)
    one.clock.go(10)
    await two.told(7, "Gala", REALTIME)
    assert await one.heard(7, "Gala") is REALTIME


async def test_a_page_told_once_more_is_as_young_as_when_it_was_seen_last(replica: Making) -> None:
    one, two = replica(), replica()
    await one.told(7, "Gala", OUTBOUND)
    one.clock.go(SECONDS - 10)  # Redis' own clock stands nearly still meanwhile
    await one.told(7, "Gala", OUTBOUND)
    assert await two.heard(7, "Gala") is OUTBOUND
    two.clock.go(SECONDS - 30)
    assert two.pages.source(7, "Gala") is OUTBOUND
    two.clock.go(31)
    assert two.pages.source(7, "Gala") is None


async def test_a_page_told_late_makes_none_older(replica: Making, name: str) -> None:
    one, two = replica(), replica()
    two.pages.seen(7, "Gala", OUTBOUND)
    two.clock.go(SECONDS / 2)
    await one.told(7, "Gala", OUTBOUND)
    before = await one.line.redis.zrange(name, 0, -1, withscores=True)
    await two.tells()
    assert await one.line.redis.zrange(name, 0, -1, withscores=True) == before


async def test_it_is_forgotten_when_its_time_is_over(server: RedisServer, replica: Making, name: str) -> None:
    one, two = replica(), replica()
    one.pages.seen(7, "Gala", OUTBOUND)
    one.clock.go(SECONDS + 1)
    one.pages.seen(8, "Gala", OUTBOUND)
    one.clock.go(SECONDS - 300)
    await one.tells()
    assert await one.line.redis.zcard(name) == 1
    assert [await two.heard(bucket, "Gala") for bucket in (7, 8)] == [None, OUTBOUND]
    assert SECONDS - 60 < await one.line.redis.ttl(name) <= SECONDS
    impatient = replica(seconds=200)  # of other settings
    assert await impatient.heard(8, "Gala") is None


async def test_the_oldest_of_too_many_is_forgotten(replica: Making, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAGES", 3)
    one, two = replica(), replica()
    for bucket in (1, 2, 1, 3, 4):
        await one.told(bucket, "Gala", REALTIME)
        one.clock.go(1)
    assert await one.line.redis.zcard(name) == 3
    assert [await two.heard(bucket, "Gala") for bucket in (1, 2, 3, 4)] == [REALTIME, None, REALTIME, REALTIME]


async def test_in_redis_is_nothing_that_others_can_read_or_make_up(replica: Making, name: str) -> None:
    one = replica()
    await one.told(4711, "Gala", OUTBOUND)
    await one.told(4712, "Gala", OUTBOUND)
    redis = one.line.redis
    members = await redis.zrange(name, 0, -1)
    assert {len(member) for member in members} == {12}
    assert len(set(members)) == 2
    assert not [member for member in members for word in (b"gala", b"471", b"out") if word in member.lower()]
    stranger = replica(secret=b"x" * 32)  # who knows all but the secret
    assert await stranger.heard(4711, "Gala") is None
    await stranger.told(4711, "Gala", REALTIME)
    assert await replica().heard(4711, "Gala") is OUTBOUND


async def test_who_has_another_name_has_other_pages(replica: Making) -> None:
    await replica().told(7, "Gala", OUTBOUND)
    assert await replica(name=f"pages:{uuid.uuid4()}").heard(7, "Gala") is None


async def test_a_page_from_the_future_counts_for_nothing(replica: Making, name: str) -> None:
    """The clock of Redis went back: to another server, say."""
    one, two = replica(), replica()
    one.clock.go(-100)
    one.pages.seen(7, "Gala", OUTBOUND)
    one.clock.go(100)
    await one.tells()
    (member,) = await one.line.redis.zrange(name, 0, -1)
    seconds, _ = await one.line.redis.time()
    await one.line.redis.zadd(name, {member: seconds + 3_600})
    assert await two.heard(7, "Gala") is None
    await two.told(7, "Gala", REALTIME)  # takes away what is too young
    await one.told(7, "Gala", OUTBOUND)  # and is not held up by it
    assert await replica().heard(7, "Gala") is OUTBOUND


async def calls(replica: Replica, command: str) -> int:
    return int((await replica.line.redis.info("commandstats")).get(f"cmdstat_{command}", {"calls": 0})["calls"])


async def test_pages_are_told_in_the_background_some_at_a_time(replica: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 20)
    one, two = replica(), replica()
    before = await calls(one, "eval")
    running = asyncio.create_task(one.pages.run())
    for _ in range(3):
        for bucket in range(50):
            one.pages.seen(bucket, "Gala", OUTBOUND)
    await until(lambda: not one.pages._some.is_set())
    assert await calls(one, "eval") == before + 3  # of 50 pages, however often each was seen
    assert [await two.heard(bucket, "Gala") for bucket in (0, 49)] == [OUTBOUND] * 2
    one.pages.seen(0, "Gala", REALTIME)
    two.clock.go(60)
    await until(lambda: not one.pages._some.is_set())
    assert await two.heard(0, "Gala") is REALTIME
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_is_untold_at_the_end_is_told(replica: Making) -> None:
    one, two = replica(), replica()
    one.pages.seen(7, "Gala", OUTBOUND)
    await one.pages.close()
    assert await two.heard(7, "Gala") is OUTBOUND


async def test_without_redis_own_pages_decide_and_are_told_when_it_is_back(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr("app.shared.line.AGAIN_SECONDS", 0.05)
    with running_redis() as server:
        async with making(server.url, name) as make:
            one, two = make(), make()
            running = asyncio.create_task(one.pages.run())
            server.kill()
            one.pages.seen(7, "Gala", OUTBOUND)
            assert await one.asks(7, "Gala") is OUTBOUND
            assert await two.asks(7, "Gala") is None
            assert (one.alone, two.alone) >= (1, 1)
            await until(lambda: not one.line.is_open)
            one.pages.seen(8, "Gala", REALTIME)
            await one.pages.close()  # asks nobody
            server.start()
            await until(lambda: not one.pages._some.is_set())
            await until(lambda: two.line.is_open)
            assert [await two.heard(bucket, "Gala") for bucket in (7, 8)] == [OUTBOUND, REALTIME]
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def test_a_frozen_redis_is_waited_for_no_longer_than_a_request_may(name: str) -> None:
    with running_redis() as server:
        async with making(server.url, name) as make:
            one, two = make(), make(patience=0.05)
            await one.told(7, "Gala", OUTBOUND)
            two.pages.seen(7, "Gala", REALTIME)
            two.clock.go(30)
            server.freeze()
            assert await two.asks(7, "Gala") is REALTIME
            assert two.alone == 1
            server.thaw()


async def test_a_redis_that_takes_nothing_can_be_asked(name: str) -> None:
    with running_redis(*RESTRICTED) as server:
        async with making(server.url, name) as make:
            one = make()
            one.pages.seen(7, "Gala", OUTBOUND)
            assert not await one.pages._tell()
            assert await one.heard(7, "Gala") is OUTBOUND
            assert one.line.is_open
            assert list(one.pages._untold) == [(7, "gala")]


async def test_of_what_nobody_takes_the_oldest_is_forgotten(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAGES", 3)
    async with making("unix:///nowhere/redis.sock", name) as make:
        one = make()
        for bucket in range(5):
            one.pages.seen(bucket, "Gala", OUTBOUND)
            assert not await one.pages._tell()
        assert list(one.pages._untold) == [(2, "gala"), (3, "gala"), (4, "gala")]
