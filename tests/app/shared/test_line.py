"""The way to Redis: what it answers is given, what it does not is done without, and nobody waits for it twice."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from redis.asyncio import Redis

from app.metrics import Metrics
from app.shared import line as module
from app.shared.line import AGAIN_SECONDS, FAILURES, MOST_QUESTIONS, PLACES, Line
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio
PART = "cache"


class Time:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@asynccontextmanager
async def lined(url: str, patience: float = 20, **more: Any) -> AsyncIterator[tuple[Line, Metrics]]:
    metrics = Metrics()
    line = Line(url, metrics, patience, **more)
    try:
        yield line, metrics
    finally:
        await line.close()


def alone(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("evtmgmt_redis_alone_total", {"part": PART}) or 0


def up(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("evtmgmt_redis_up")


async def ping(redis: Redis) -> bool:
    return bool(await redis.ping())


async def asked(line: Line, **more: Any) -> bool | None:
    """One request's question: each request is a task of its own."""
    return await asyncio.create_task(line.ask(PART, ping, **more))


async def found_again(line: Line, time: Time) -> None:
    """Until a probe was answered in time, however slow this machine is."""
    for _ in range(200):
        time.now += AGAIN_SECONDS
        if line.is_open:
            return
        assert line._probe is not None
        await asyncio.gather(line._probe)
    raise AssertionError("Redis was never found again")


async def test_what_redis_answers_is_given(server: RedisServer) -> None:
    async with lined(server.url) as (line, metrics):
        await line.open()
        assert await asked(line) is True
        assert (alone(metrics), up(metrics)) == (0, 1)
        line.tell(PART, lambda redis: redis.set("told", "1"))
        await asyncio.gather(*line._under_way)
        assert await line.redis.get("told") == b"1"


async def test_a_frozen_one_is_waited_for_once_and_found_again_by_a_probe(capsys: pytest.CaptureFixture[str]) -> None:
    with running_redis(hurried=True) as server:
        time = Time()
        async with lined(server.url, 0.05, clock=time) as (line, metrics):
            await found_again(line, time)
            server.freeze()
            assert await asked(line) is None
            assert line.is_open  # once may be this process's own fault
            for _ in range(FAILURES - 1):
                assert await asked(line) is None
            assert not line.is_open
            assert up(metrics) == 0
            started = len(line._under_way)
            assert await asked(line) is None
            line.tell(PART, ping)
            assert len(line._under_way) <= started  # nobody asks it any more
            assert alone(metrics) == FAILURES + 2
            time.now += AGAIN_SECONDS
            assert not line.is_open  # a probe is under way: no request waits for it
            probe = line._probe
            assert probe is not None
            assert not line.is_open
            assert line._probe is probe  # and it is the only one
            await asyncio.gather(probe)
            assert not line.is_open
            server.thaw()
            await found_again(line, time)
            assert up(metrics) == 1
            server.kill()
            for _ in range(FAILURES):
                assert await asked(line) is None
            assert not line.is_open
            server.start()
            await found_again(line, time)
    assert capsys.readouterr().out.count("left alone") >= 2


async def test_a_request_loses_no_more_than_its_allowance_however_much_it_asks(server: RedisServer) -> None:
    ticks = count()

    async def slow(redis: Redis) -> bool:
        next(ticks)
        return await ping(redis)

    async with lined(server.url, 20, clock=lambda: 15.0 * next(ticks)) as (line, _):
        said = []

        async def request() -> None:
            # By this clock each question takes 15 seconds at least.
            for _ in range(3):
                said.append(await line.ask(PART, slow))
            said.append(await line.ask(PART, slow, counts=False))

        await asyncio.create_task(request())
        assert said[0] is True
        assert said[2] is None
        assert said[3] is True  # that is no time lost: it waits for another replica
        assert line.is_open
        await asyncio.create_task(request())  # the next request has an allowance of its own
        assert said[4] is True


async def test_a_loop_that_was_late_itself_does_not_blame_redis() -> None:
    with running_redis() as server:
        server.freeze()
        time = count(step=1)  # a second passes at each look
        async with lined(server.url, 0.01, clock=lambda: float(next(time))) as (line, metrics):
            assert await asked(line) is None
            assert line.is_open
            assert alone(metrics) == 1


async def test_who_finds_no_place_goes_on_alone(server: RedisServer) -> None:
    async with lined(server.url, 0.2) as (line, metrics):
        hold = asyncio.Event()
        sent = []

        async def long(redis: Redis) -> bool:
            return await hold.wait()

        async def late(redis: Redis) -> bool:
            sent.append(True)
            return True

        tasks = [asyncio.create_task(line.ask(PART, long)) for _ in range(PLACES)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await asyncio.create_task(line.ask(PART, late)) is None
        assert alone(metrics) >= 1
        hold.set()
        await asyncio.gather(*tasks, *line._under_way, return_exceptions=True)
        assert not sent  # nobody would have had anything of it
        line._failures = 0
        line._under_way |= {asyncio.create_task(hold.wait()) for _ in range(MOST_QUESTIONS)}
        before = alone(metrics)
        assert await asked(line) is None
        line.tell(PART, ping)
        assert alone(metrics) == before + 2
        await asyncio.gather(*line._under_way)
        line._under_way.clear()


async def test_a_refusal_costs_no_time_so_the_line_stays_open(server: RedisServer, capsys: pytest.CaptureFixture[str]) -> None:
    async with lined(server.url) as (line, metrics):
        for _ in range(3):
            assert await line.ask(PART, lambda redis: redis.execute_command("NOSUCH", "a-secret")) is None
        assert line.is_open
        assert alone(metrics) == 3
    said = capsys.readouterr().out
    assert said.count("Redis refuses what replicas share") == 1
    assert "a-secret" not in said


async def test_nobody_there_at_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    async with lined("redis://:geheim@127.0.0.1:1/0") as (line, metrics):
        await line.open()
        assert not line.is_open
        assert up(metrics) == 0
        assert await asked(line) is None
    assert "geheim" not in capsys.readouterr().out


async def test_a_closed_line_answers_nobody(server: RedisServer) -> None:
    async with lined(server.url) as (line, _):
        waiting = asyncio.create_task(line.ask(PART, lambda redis: asyncio.Event().wait()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await line.close()
        assert await waiting is None
        assert await asked(line) is None
        assert not line._under_way


async def test_a_defect_is_told_and_fails_no_request(server: RedisServer, capsys: pytest.CaptureFixture[str]) -> None:
    async def wrong(redis: Redis) -> bool:
        raise LookupError("a mistake of ours")

    async with lined(server.url) as (line, _):
        assert await line.ask(PART, wrong) is None
        assert line.is_open
    assert "a mistake of ours" in capsys.readouterr().out


async def test_waiting_for_what_another_request_asked_is_bounded_too(server: RedisServer) -> None:
    async with lined(server.url, 0.001) as (line, _):
        never = asyncio.create_task(asyncio.Event().wait())
        assert await asyncio.create_task(line.wait(never)) is False
        never.cancel()
        await asyncio.gather(never, return_exceptions=True)
        assert await asyncio.create_task(line.wait(never)) is True
    assert module.PATIENCE == 0.05  # what docs/scale.md says


async def test_of_questions_under_way_at_the_same_time_one_failure_counts(server: RedisServer) -> None:
    """A moment in which Redis waits for a core must not look like a Redis that is away."""
    time = Time()

    async def silent(_: Redis) -> bool:
        raise TimeoutError

    async with lined(server.url, clock=time) as (line, _):

        async def fail(number: int) -> None:
            """So many begin together, and fail a moment later."""
            asking = [asyncio.create_task(line.ask(PART, failing)) for _ in range(number)]
            while line._places._value > PLACES - number:  # noqa: ASYNC110 - what it waits for tells nobody
                await asyncio.sleep(0)
            time.now += 0.1
            stall.set()
            await asyncio.gather(*asking)
            stall.clear()
            time.now += 0.1

        stall = asyncio.Event()

        async def failing(redis: Redis) -> bool:
            await stall.wait()
            return await silent(redis)

        for _ in range(FAILURES - 1):
            await fail(5)
            assert line.is_open
        await fail(5)
        assert not line.is_open
        assert line._probe is None


async def test_what_a_start_loses_is_not_taken_from_what_it_sets_going(server: RedisServer) -> None:
    """Else all background work, which lives as long as the process, would go on without Redis before long."""

    async def slow(_: Redis) -> bool:
        await asyncio.sleep(60)
        return True

    async with lined(server.url, patience=1) as (line, metrics):

        async def start() -> tuple[bool | None, ...]:
            await line.ask(PART, ping, counts=False)
            works = line.ask(PART, slow), line.ask(PART, ping)
            return tuple([await asyncio.create_task(work) for work in works])

        assert await asyncio.create_task(start()) == (None, True)
        assert alone(metrics) == 1
