"""Tests of app/abuse/shared_windows.py beside a real Redis: frozen, killed and well."""

import asyncio
from collections.abc import Iterator

import pytest
from limits import RateLimitItemPerSecond
from redis.asyncio import Redis

from app.abuse.shared_windows import AGAIN_SECONDS, PATIENCE, SharedWindows
from app.metrics import Metrics
from tests.redis_server import RedisServer, running_redis

LIMIT = RateLimitItemPerSecond(5, 3_600)

pytestmark = pytest.mark.anyio


class Time:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


async def told(windows: SharedWindows, time: Time, key: str) -> float:
    """What Redis says, however slow this machine is: a first answer that comes too late serves the next question."""
    for _ in range(200):
        seconds = await windows.take(key, LIMIT)
        if seconds is not None:
            return seconds
        time.now += AGAIN_SECONDS
    raise AssertionError("Redis never answered in time")


async def test_no_address_of_a_visitor_is_in_redis(redis: RedisServer) -> None:
    time = Time()
    windows = SharedWindows(redis.url, "a secret", Metrics(), time)
    try:
        await told(windows, time, "registrations_per_client/198.51.100.9")
    finally:
        await windows.close()
    async with Redis.from_url(redis.url) as client:
        keys = [key async for key in client.scan_iter()]
    assert [key for key in keys if key.startswith(b"evtmgmt:rates")]
    assert not [key for key in keys if b"198.51" in key]


async def test_two_processes_count_together(redis: RedisServer) -> None:
    time = Time()
    one, two = (SharedWindows(redis.url, "a secret", Metrics(), time) for _ in range(2))
    other = SharedWindows(redis.url, "another portal's", Metrics(), time)
    try:
        refused = [await told(windows, time, "198.51.100.7") > 0 for windows in (one, two) * 8]
        assert refused[-6:] == [True] * 6
        assert 1 <= refused.count(False) <= 5
        assert 0 < await told(one, time, "198.51.100.7") <= 2 * 3_600
        assert await told(other, time, "198.51.100.7") == 0
        keys = await one._redis.keys("*")
        assert keys
        assert not any("198.51.100" in str(key) for key in keys)
    finally:
        for windows in (one, two, other):
            await windows.close()


async def test_a_frozen_or_dead_redis_is_left_alone_and_found_again() -> None:
    with running_redis() as server:
        time, metrics = Time(), Metrics()
        windows = SharedWindows(server.url, "a secret", metrics, time)
        try:
            assert await told(windows, time, "a") == 0
            server.freeze()
            time.now += AGAIN_SECONDS
            loop = asyncio.get_running_loop()
            before = loop.time()
            assert await windows.take("a", LIMIT) is None
            assert loop.time() - before >= PATIENCE * 0.9
            assert await windows.take("a", LIMIT) is None  # not asked again so soon
            assert not [task for task in windows._under_way if task.done()]
            assert len(windows._under_way) <= 1
            server.thaw()
            assert await told(windows, time, "b") == 0
            server.kill()
            time.now += AGAIN_SECONDS
            assert await windows.take("a", LIMIT) is None
            server.start()
            assert await told(windows, time, "c") == 0
        finally:
            await windows.close()
        assert metrics.registry.get_sample_value("evtmgmt_rates_alone_total") >= 3  # type: ignore[operator]
