"""Tests of app/abuse/shared_windows.py beside a real Redis. Frozen and killed ones: tests/app/shared/test_line.py."""

from collections.abc import AsyncIterator, Iterator

import pytest
from limits import RateLimitItemPerSecond
from redis.asyncio import Redis

from app.abuse.shared_windows import SharedWindows
from app.metrics import Metrics
from app.shared.line import Line
from tests.redis_server import RedisServer, running_redis

LIMIT = RateLimitItemPerSecond(5, 3_600)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
async def lines(redis: RedisServer) -> AsyncIterator[list[Line]]:
    """Two processes' ways to Redis, patient enough for this machine."""
    lines = [Line(redis.url, Metrics(), 20) for _ in range(2)]
    yield lines
    for line in lines:
        await line.close()


async def test_no_address_of_a_visitor_is_in_redis(redis: RedisServer, lines: list[Line]) -> None:
    assert await SharedWindows(lines[0], "a secret").take("registrations_per_client/198.51.100.9", LIMIT) == 0
    async with Redis.from_url(redis.url) as client:
        keys = [key async for key in client.scan_iter()]
    assert [key for key in keys if b"evtmgmt:rates" in key]
    assert not [key for key in keys if b"198.51" in key]


async def test_two_processes_count_together(lines: list[Line]) -> None:
    one, two = (SharedWindows(line, "a secret") for line in lines)
    other = SharedWindows(lines[0], "another portal's")
    told = [await windows.take("198.51.100.7", LIMIT) for windows in (one, two) * 8]
    assert None not in told
    refused = [bool(seconds) for seconds in told]
    assert refused[-6:] == [True] * 6
    assert 1 <= refused.count(False) <= 5
    assert 0 < (await one.take("198.51.100.7", LIMIT) or 0) <= 2 * 3_600
    assert await other.take("198.51.100.7", LIMIT) == 0


async def test_without_redis_nothing_is_said() -> None:
    metrics = Metrics()
    line = Line("redis://127.0.0.1:1/0", metrics)
    try:
        assert await SharedWindows(line, "a secret").take("a", LIMIT) is None
    finally:
        await line.close()
    assert metrics.registry.get_sample_value("evtmgmt_redis_alone_total", {"part": "rates"}) == 1
