"""What replicas have of each other's answers: one asks, the others wait; who dies, is full or lies holds nobody up."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import pytest
from redis.asyncio import Redis

from app.caching import second_level as module
from app.caching.cache import ANY_SESSION, Entry, Key
from app.caching.finishing import pack
from app.caching.registrations import Registrations
from app.caching.second_level import SecondLevel, Turn
from app.caching.space import Space, space_of
from app.calls import Call
from app.metrics import Metrics
from app.shared.line import Line
from tests.redis_server import RedisServer, running_redis
from translation.operations import BY_NAME

pytestmark = pytest.mark.anyio
KEY = Key("get_event", ("Open_Day",), ("Open_Day",), ())
COUNT = KEY._replace(operation="count_event_registrations")
SESSION = Key("count_session_registrations", ("a",), ("a",), ())
BODY = b'{"eventName": "Open day"}' * 100
FRESH = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


class Replica:
    """One of several."""

    def __init__(self, url: str, space: Space, patience: float = 20, most: int = 100_000) -> None:
        self.metrics = Metrics()
        self.line = Line(url, self.metrics, patience)
        self.registrations = Registrations(self.line.redis, space.log, space.channel, self.metrics)
        self.space = space

        async def packed(entry: Entry) -> bytes:
            return pack(entry.body)

        self.level = SecondLevel(self.line, space, self.registrations, packed, self.metrics, 0.8, most)

    def counted(self, outcome: str, key: Key = KEY) -> float:
        labels = {"operation": key.operation, "outcome": outcome}
        return self.metrics.registry.get_sample_value("evtmgmt_second_level_total", labels) or 0

    async def settled(self) -> None:
        """What nobody waits for is done."""
        while self.level._tasks or self.line._under_way:
            await asyncio.gather(*self.level._tasks, *self.line._under_way, return_exceptions=True)

    async def brings(self, turn: Turn, body: bytes = BODY, key: Key = KEY, fresh: float = FRESH) -> None:
        call = Call(BY_NAME[key.operation], {}, {})
        turn.keep(Entry(key, call, body, b"application/json", b'W/"x"', []), [(b"x-a", b"b")], fresh, 600)
        await self.settled()

    async def close(self) -> None:
        await self.level.close()
        await self.registrations.close()
        await self.line.close()


@asynccontextmanager
async def replicas(server: RedisServer, number: int = 2, **more: Any) -> AsyncIterator[list[Replica]]:
    space = space_of(uuid.uuid4().hex, "", {}, "the token")
    made = [Replica(server.url, space, **more) for _ in range(number)]
    try:
        yield made
    finally:
        for replica in made:
            await replica.close()


async def request(asking: Awaitable[Any]) -> Any:
    """Each request is a task of its own."""

    async def run() -> Any:
        return await asking

    return await asyncio.create_task(run())


async def test_what_one_brings_another_has(server: RedisServer) -> None:
    async with replicas(server) as (one, two):
        assert await request(two.level.recall(KEY)) is None
        turn = await request(one.level.turn(KEY))
        assert turn.found is None
        await one.brings(turn)
        found = await request(two.level.recall(KEY))
        assert (found.answer.body, found.answer.packed) == (BODY, pack(BODY))
        assert (found.answer.headers, found.answer.content_type, found.answer.fresh) == (
            ((b"x-a", b"b"),),
            b"application/json",
            FRESH,
        )
        assert 0 <= found.age < 20
        assert not found.expired
        again = await request(two.level.turn(KEY))
        assert again.found == found or again.found.answer == found.answer
        assert not await two.line.redis.exists(two.space.names(KEY)[1])
        assert (one.counted("asked"), two.counted("found")) == (1, 2)
        assert 0 < await two.line.redis.pttl(two.space.names(KEY)[0]) <= 600_000


async def test_one_asks_while_the_others_wait(server: RedisServer) -> None:
    async with replicas(server, 4) as (one, *others):
        turn = await request(one.level.turn(KEY))
        waiting = [asyncio.create_task(other.level.turn(KEY)) for other in others]
        await held_up(others)
        await one.brings(turn)
        turns = await asyncio.wait_for(asyncio.gather(*waiting), 30)
        assert [got.found.answer.body for got in turns if got.found] == [BODY] * 3
        assert [other.counted("waited") for other in others] == [1, 1, 1]


async def held_up(others: list[Replica]) -> None:
    """Until all have seen that another one asks."""
    for other in others:
        asked = asyncio.Event()
        ask = other.line.ask

        async def seen(part: str, question: Any, *, counts: bool = True, asked: Any = asked, ask: Any = ask) -> Any:
            asked.set()
            return await ask(part, question, counts=counts)

        other.line.ask = seen  # type: ignore[method-assign, assignment]
        await asyncio.wait_for(asked.wait(), 30)


async def test_who_ends_its_turn_without_an_answer_lets_the_next_one_ask(server: RedisServer) -> None:
    async with replicas(server) as (one, two):
        turn = await request(one.level.turn(KEY))
        waiting = asyncio.create_task(two.level.turn(KEY))
        await held_up([two])
        turn.end()
        got = await asyncio.wait_for(waiting, 30)
        assert got.found is None
        assert two.counted("asked") == 1
        got.end()
        await two.settled()
        assert not await two.line.redis.exists(two.space.names(KEY)[1])


async def test_a_lock_is_renewed_and_a_dead_holder_holds_nobody_up(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.5)
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.01)
    async with replicas(server) as (one, two):
        turn = await request(one.level.turn(KEY))
        lock = one.space.names(KEY)[1]
        await one.line.redis.pexpire(lock, 60_000)
        async with asyncio.timeout(30):
            while await one.line.redis.pttl(lock) > 500:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert turn._renewing is not None
        turn._renewing.cancel()  # it died
        got = await asyncio.wait_for(two.level.turn(KEY), 30)
        assert got.found is None
        assert two.counted("asked") == 1
        turn.end()  # it was only slow, and must not take the lock of the other
        await one.settled()
        assert await two.line.redis.exists(lock)


async def test_nobody_waits_for_ever(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAIT", 0.05)
    async with replicas(server) as (one, two):
        await request(one.level.turn(KEY))
        assert (await asyncio.wait_for(two.level.turn(KEY), 30)).found is None
        assert two.counted("alone") == 1
        monkeypatch.setattr(module, "MOST_WAIT", 3_600)
        assert (await asyncio.wait_for(two.level.turn(KEY, perf_counter()), 30)).found is None


async def test_a_registration_makes_answers_from_before_stale(server: RedisServer) -> None:
    async with replicas(server) as (one, two):
        turn = await request(one.level.turn(COUNT))
        one.registrations.tell(["event open_day"])  # Dynamics may have answered before it
        assert one.registrations.is_pending(["event open_day"])
        await told(one)
        await one.brings(turn, key=COUNT)
        found = await request(two.level.recall(COUNT))
        assert found.expired
        turn = await request(two.level.turn(COUNT))
        assert turn.found is None
        await two.brings(turn, b"13", key=COUNT)
        found = await request(one.level.recall(COUNT))
        assert (found.answer.body, found.expired) == (b"13", False)
        # What is not told yet counts here already.
        one.registrations._pending["event open_day"] = -1
        assert (await request(one.level.recall(COUNT))).expired


async def told(replica: Replica) -> None:
    while replica.registrations._sending is not None:
        await asyncio.gather(replica.registrations._sending)


async def test_a_registration_of_unknown_sessions_is_one_of_all(server: RedisServer) -> None:
    async with replicas(server) as (one, two):
        await one.brings(await request(one.level.turn(SESSION)), b"3", key=SESSION)
        await one.brings(await request(one.level.turn(COUNT)), b"4", key=COUNT)
        one.registrations.tell([ANY_SESSION])
        await told(one)
        assert (await request(two.level.recall(SESSION))).expired
        assert not (await request(two.level.recall(COUNT))).expired


async def test_what_dynamics_does_not_know_is_known_to_all(server: RedisServer) -> None:
    async with replicas(server) as (one, two):
        turn = await request(one.level.turn(KEY))
        turn.keep_missing(10)
        await one.settled()
        got = await request(two.level.turn(KEY))
        assert got.found is not None
        assert got.found.answer.content_type is None
        # With 0 seconds it is not remembered, and what was known is forgotten.
        await one.brings(await taken(one))
        turn = await taken(one)
        turn.keep_missing(0)
        await one.settled()
        assert await request(two.level.recall(KEY)) is None


async def taken(replica: Replica) -> Turn:
    """A turn, whatever is there."""
    await replica.line.redis.delete(replica.space.names(KEY)[0])
    turn: Turn = await request(replica.level.turn(KEY))
    return turn


async def test_an_old_answer_is_shown_and_asked_for_anew(server: RedisServer) -> None:
    async with replicas(server) as (one, two):
        await one.brings(await request(one.level.turn(KEY)), fresh=0)
        assert (await request(two.level.recall(KEY))).answer.body == BODY
        two.level.clock = lambda: 0.0  # it was not brought while this one waited
        assert (await request(two.level.turn(KEY))).found is None


Change = Callable[[Redis, str], Awaitable[Any]]


async def foreign(redis: Redis, name: str) -> None:
    await redis.set(name, b"what somebody wrote")


async def damaged(redis: Redis, name: str) -> None:
    await redis.setrange(name, 40, b"\xff\xff")


async def exchanged(redis: Redis, name: str) -> None:
    await redis.rename(name, name + "x")
    await redis.set(name, (await redis.get(name + "x")).replace(b"30", b"99"))


async def of_another_kind(redis: Redis, name: str) -> None:
    await redis.delete(name)
    await redis.lpush(name, b"a", b"b")


@pytest.mark.parametrize("change", [foreign, damaged, exchanged, of_another_kind])
async def test_what_somebody_else_wrote_is_nothing(server: RedisServer, change: Change) -> None:
    async with replicas(server) as (one, two):
        await one.brings(await request(one.level.turn(KEY)))
        await change(one.line.redis, one.space.names(KEY)[0])
        assert await request(two.level.recall(KEY)) is None
        assert (await request(two.level.turn(KEY))).found is None


async def test_an_answer_from_the_future_is_nothing(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with replicas(server) as (one, two):
        turn = await request(one.level.turn(KEY))
        monkeypatch.setattr(turn, "_now", lambda: 9e9)
        await one.brings(turn)
        assert await request(two.level.recall(KEY)) is None


async def test_a_large_answer_is_not_shared(server: RedisServer) -> None:
    async with replicas(server, most=len(BODY) - 1) as (one, two):
        await one.brings(await request(one.level.turn(KEY)))
        assert await request(two.level.recall(KEY)) is None
        assert not await two.line.redis.exists(two.space.names(KEY)[1])


async def test_a_full_redis_is_read_and_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    with running_redis("--maxmemory-policy", "noeviction") as server:
        async with replicas(server) as (one, two):
            await one.brings(await request(one.level.turn(KEY)))
            await one.line.redis.config_set("maxmemory", "1")
            assert (await request(two.level.recall(KEY))).answer.body == BODY
            assert (await request(two.level.turn(KEY))).found is not None
            turn = await request(two.level.turn(COUNT))
            assert turn.found is None
            await two.brings(turn, key=COUNT)
            assert two.line.is_open
    assert "Redis has no memory left" in capsys.readouterr().out


async def test_a_replica_that_cannot_be_written_is_read(server: RedisServer) -> None:
    async with replicas(server) as (one, _):
        await one.brings(await request(one.level.turn(KEY)))
        with running_redis() as copy:
            async with Redis.from_url(copy.url) as redis:
                await redis.set(one.space.names(KEY)[0], await one.line.redis.get(one.space.names(KEY)[0]))
                await redis.replicaof("127.0.0.1", 1)
                await redis.config_set("replica-serve-stale-data", "yes")
            two = Replica(copy.url, one.space)
            try:
                assert (await request(two.level.recall(KEY))).answer.body == BODY
                turn = await request(two.level.turn(COUNT))
                assert turn.found is None
                assert two.line.is_open
            finally:
                await two.close()


async def test_without_redis_each_asks_for_itself() -> None:
    with running_redis(hurried=True) as server:
        async with replicas(server, patience=0.05) as (one, _):
            server.freeze()
            turn = await request(one.level.turn(KEY))
            assert turn.found is None
            assert await request(one.level.recall(KEY)) is None
            await one.brings(turn)
            assert one.counted("alone") == 1
            server.thaw()
