"""Registrations are told to all replicas, whatever becomes of messages and of Redis."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from app.caching.registrations import MICROSECONDS, Registrations
from app.metrics import Metrics
from app.shared import redis_news
from app.shared.redis_connection import open_redis
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio
EVENT, OTHER = "event open_day", "event forum"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


class Replica:
    """One that hears."""

    def __init__(self, url: str, name: str) -> None:
        self.redis = open_redis(url, text=False)
        self.metrics = Metrics()
        self.told = Registrations(self.redis, name, f"{name}:news", self.metrics)
        self.told.hearers = (self._hear,)
        self.heard: set[str] = set()
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def _hear(self, tags: frozenset[str]) -> None:
        self.heard |= tags
        self._changed.set()

    async def listen(self) -> None:
        """Hear from now on; returns when it listens."""
        await self.told._news.listen()
        await self.told._news.wait()
        self._running = asyncio.create_task(self.told.run())

    async def has_heard(self, *tags: str) -> None:
        async with asyncio.timeout(30):
            while not set(tags) <= self.heard:
                self._changed.clear()
                await self._changed.wait()

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self.told.close()
        await self.redis.aclose()


@asynccontextmanager
async def replicas(url: str, number: int = 2) -> AsyncIterator[list[Replica]]:
    name = uuid.uuid4().hex
    made = [Replica(url, name) for _ in range(number)]
    try:
        yield made
    finally:
        for replica in made:
            await replica.close()


async def until(fits: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await fits():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_registration_reaches_all_at_once(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_news, "LOOK_SECONDS", 60)
    async with replicas(server.url, 3) as (one, two, three):
        for replica in (one, two, three):
            await replica.listen()
        one.told.tell([EVENT, "session a"])
        for replica in (one, two, three):
            await replica.has_heard(EVENT, "session a")
        assert two.metrics.registry.get_sample_value("evtmgmt_registrations_heard_total") == 2


async def test_a_lost_message_is_caught_up_with(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_news, "LOOK_SECONDS", 0.02)
    async with replicas(server.url) as (one, two):
        one.told.tell([EVENT])
        await until(lambda: exists(one))
        await two.listen()  # it was not there when the message came
        await two.has_heard(EVENT)
        two.told._news._channel = "nothing is ever told here"
        await two.told._news.close()
        one.told.tell([OTHER])
        await two.has_heard(OTHER)


async def exists(replica: Replica) -> bool:
    return bool(await replica.redis.exists(replica.told._log_name))


async def test_what_was_heard_is_not_heard_again(server: RedisServer) -> None:
    async with replicas(server.url) as (one, two):
        one.told.tell([EVENT])
        await until(lambda: exists(one))
        await two.told._look()
        assert two.heard == {EVENT}
        two.heard.clear()
        await two.told._look()
        assert two.heard == set()
        one.told.tell([OTHER])
        await until(lambda: nothing_pending(one))
        await two.told._look()
        assert two.heard == {OTHER}


async def nothing_pending(replica: Replica) -> bool:
    return not replica.told._pending


async def test_what_cannot_be_told_is_known_to_be_pending_and_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_news, "LOOK_SECONDS", 0.02)
    with running_redis() as server:
        async with replicas(server.url) as (one, two):
            await one.listen()
            await two.listen()
            server.kill()
            one.told.tell([EVENT])
            assert one.told.is_pending([OTHER, EVENT])
            assert not one.told.is_pending([OTHER])
            await until(lambda: no_attempt(one))
            assert one.told.is_pending([EVENT])
            server.start()
            await two.has_heard(EVENT)
            await until(lambda: nothing_pending(one))


async def no_attempt(replica: Replica) -> bool:
    return replica.told._sending is None


async def test_what_became_stale_again_while_it_was_told_is_told_again(server: RedisServer) -> None:
    async with replicas(server.url) as (one, _):
        told = 0
        evaluate = one.redis.eval

        async def and_again(*words: object) -> object:
            nonlocal told
            told += 1
            answer = await evaluate(*words)  # type: ignore[misc, arg-type]
            if told == 1:
                one.told.tell([EVENT])  # while the first is on its way back
            return answer

        one.redis.eval = and_again  # type: ignore[method-assign, assignment]
        one.told.tell([EVENT])
        await until(lambda: nothing_pending(one))
        assert told == 2
        (_, first), *rest = await one.redis.zrange(one.told._log_name, 0, -1, withscores=True)
        assert not rest
        one.told.tell([EVENT])
        await until(lambda: nothing_pending(one))
        ((_, second),) = await one.redis.zrange(one.told._log_name, 0, -1, withscores=True)
        assert second > first


async def test_scores_go_on_when_the_clock_goes_back_and_old_ones_are_forgotten(server: RedisServer) -> None:
    async with replicas(server.url) as (one, two):
        seconds, _ = await one.redis.time()
        ahead = (seconds + 3_600) * MICROSECONDS
        old = (seconds - 3 * 86_400) * MICROSECONDS
        await one.redis.zadd(one.told._log_name, {OTHER: ahead, "event of last week": old})
        one.told.tell([EVENT])
        await until(lambda: nothing_pending(one))
        assert await one.redis.zrange(one.told._log_name, 0, -1) == [OTHER.encode(), EVENT.encode()]
        assert await one.redis.zscore(one.told._log_name, EVENT) == ahead + 1
        await two.told._look()
        # All is lost, and the clock is right again: what comes now has lower scores, and is heard.
        await one.redis.delete(one.told._log_name)
        two.heard.clear()
        one.told.tell([EVENT])
        await until(lambda: nothing_pending(one))
        await two.told._look()
        assert two.heard == {EVENT}


async def test_the_last_registrations_are_told_at_the_end(server: RedisServer) -> None:
    async with replicas(server.url) as (one, two):
        one.told._pending[EVENT] = 1
        await one.told.close()
        await two.told._look()
        assert two.heard == {EVENT}


async def test_an_end_while_redis_is_away_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    async with replicas("redis://127.0.0.1:1/0", 1) as (one,):
        one.told.tell([EVENT])
    assert "other replicas were not told" in capsys.readouterr().out
