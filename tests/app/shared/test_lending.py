"""One budget for all: replicas together make no more calls than one would, and without Redis each keeps to its part."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from app.budget import Budget, BudgetSpentError, Need
from app.metrics import Metrics
from app.rates import Rate
from app.shared import lending as module
from app.shared.lending import Lending
from app.shared.line import Line
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio
REGISTRATION, READ, REFRESH = Need
SLOW = 1 / 3_600
"""A token an hour: what is lent is what was in the bucket."""
BURST = 40


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


class Replica:
    """One that makes calls."""

    def __init__(self, url: str, name: str, rate: float = SLOW, wait: float = 0) -> None:
        self.line = Line(url, Metrics(), 20)
        self.budget = Budget(Rate(rate, ""), BURST, wait)
        self.lending = Lending(self.line, name, self.budget, rate, BURST, 1)

    async def calls(self, most: int, need: Need = READ) -> int:
        """How many calls it may make."""
        made = 0
        for _ in range(most):
            try:
                await asyncio.create_task(self.budget.admit(need))
            except BudgetSpentError:
                break
            made += 1
        return made

    async def settled(self) -> None:
        while self.lending._asking is not None or self.line._under_way:
            await asyncio.gather(*filter(None, [self.lending._asking]), *self.line._under_way, return_exceptions=True)

    async def level(self) -> float:
        return float(await self.line.redis.hget(self.lending._keys[0], "level") or -1)

    async def close(self) -> None:
        await self.lending.close()
        await self.line.close()


@asynccontextmanager
async def replicas(url: str, number: int = 2, rate: float = SLOW, wait: float = 0) -> AsyncIterator[list[Replica]]:
    name = uuid.uuid4().hex
    made = [Replica(url, name, rate, wait) for _ in range(number)]
    for replica in made:
        await replica.lending.start()
    try:
        yield made
    finally:
        for replica in made:
            await replica.close()


async def test_all_together_make_no_more_calls_than_one_would(server: RedisServer) -> None:
    async with replicas(server.url, 4) as made:
        calls = 0
        for _ in range(3):
            calls += sum(await asyncio.gather(*(replica.calls(BURST) for replica in made)))
        for replica in made:
            await replica.settled()
        left = sum(replica.budget.tokens for replica in made)
        assert calls + left + await made[0].level() == pytest.approx(BURST, abs=0.1)
        assert calls >= BURST - 8  # a few may be lent to who does not need them


async def test_tokens_come_in_batches(server: RedisServer) -> None:
    async with replicas(server.url, 1) as (one,):
        asked = 0
        lend = one.lending._lend

        async def counted(*words: object) -> object:
            nonlocal asked
            asked += 1
            return await lend(*words)  # type: ignore[arg-type]

        one.lending._lend = counted  # type: ignore[method-assign]
        one.lending._used = 1_000
        assert await one.calls(20) == 20
        assert asked < 10


async def test_registrations_are_never_held_back_and_reads_pay(server: RedisServer) -> None:
    async with replicas(server.url) as (one, two):
        for _ in range(2):  # of more at once than the bucket holds, it would forget some
            assert await one.calls(BURST // 2 + 5, REGISTRATION) == BURST // 2 + 5
            await one.settled()
            await one.lending._borrow(0)
        assert await one.level() + one.budget.tokens == pytest.approx(-10, abs=1.1)
        assert await two.calls(5) <= 1  # what it had borrowed at its start


async def test_the_last_quarter_is_not_for_work_in_the_background(server: RedisServer) -> None:
    async with replicas(server.url) as (one, _):
        assert BURST * 0.5 <= await one.calls(BURST, REFRESH) <= BURST * 0.75 + 1
        assert await one.calls(BURST) >= BURST / 8
        assert await one.calls(1, REFRESH) == 0


async def test_a_pause_is_known_to_all(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    async with replicas(server.url) as (one, two):
        watching = asyncio.create_task(two.lending.run())
        one.budget.pause(120)
        async with asyncio.timeout(30):
            while not two.budget.paused_for:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert 0 < two.budget.paused_for <= 120
        with pytest.raises(BudgetSpentError, match="paused"):
            await two.budget.admit(READ)
        assert two.budget.take(REGISTRATION)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await two.settled()


async def test_who_needs_none_gives_back(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    async with replicas(server.url) as (one, two):
        await one.lending._borrow(5)
        assert one.budget.tokens >= 5
        idle = asyncio.create_task(one.lending.run())
        async with asyncio.timeout(30):
            while one.budget.tokens >= 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        idle.cancel()
        await asyncio.gather(idle, return_exceptions=True)
        await one.settled()
        assert await two.level() == pytest.approx(BURST - 1, abs=0.1)  # two has one


async def test_a_read_waits_for_its_token(server: RedisServer) -> None:
    async with replicas(server.url, rate=50, wait=20) as (one, two):
        assert await one.calls(BURST * 2) + await two.calls(BURST) == BURST * 3


async def test_without_redis_each_keeps_to_its_part_and_finds_back() -> None:
    with running_redis() as server:
        async with replicas(server.url, 2, rate=3_000.0, wait=20) as (one, two):
            await asyncio.gather(one.calls(10), two.calls(10))
            await one.lending._borrow(1)
            assert one.lending._holders == 2
            server.kill()
            await one.lending._borrow(1)
            assert not one.lending.on
            assert one.lending.share == 0.5
            assert await one.calls(BURST * 2) == BURST * 2  # its own rate goes on
            server.start()
            async with asyncio.timeout(30):
                while not one.lending.on:
                    one.line._again_at = 0
                    await asyncio.create_task(one.lending._borrow(1))
                    await asyncio.sleep(0.01)
            assert one.budget.tokens <= 1  # what it had by itself is gone


async def test_the_script_takes_a_clock_that_went_back(server: RedisServer) -> None:
    async with replicas(server.url, 1) as (one,):
        await one.line.redis.hset(one.lending._keys[0], mapping={"level": "5", "filled": "9e9", "pause": "9e9"})
        await one.lending._borrow(1)
        assert not one.budget.paused_for
        assert one.budget.tokens >= 1


async def test_another_portal_takes_over_when_the_one_that_lent_is_gone(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    async with replicas(server.url, 1) as (one,):
        other = Lending(one.line, one.lending._keys[0], one.budget, SLOW, BURST, 1)
        running = asyncio.create_task(other.run())
        await one.lending.close()
        async with asyncio.timeout(30):
            while one.budget.lender is not other:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await other.close()
        assert one.budget.lender is None
