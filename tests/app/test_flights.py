"""Tests of app/flights.py: alone, and through the whole service with a thousand callers."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from app.flights import Flights
from tests.service import Service, running_service

pytestmark = pytest.mark.anyio


class Runway:
    """Calls that land when told to."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = asyncio.Event()
        self.land = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.started += 1
        try:
            await self.land.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.error is not None:
            raise self.error
        return self.started


async def joined(flights: Flights[str, int], runway: Runway, number: int, key: str = "a") -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(flights.join(key, runway)) for _ in range(number)]
    await asyncio.sleep(0)  # each has begun
    await asyncio.sleep(0)  # and so has their call
    return tasks


async def test_callers_at_once_share_a_call_and_later_ones_do_not() -> None:
    flights, runway = Flights[str, int](), Runway()
    tasks = await joined(flights, runway, 50)
    assert "a" in flights
    runway.land.set()
    assert await asyncio.gather(*tasks) == [1] * 50
    assert "a" not in flights
    assert await flights.join("a", runway) == 2


async def test_other_keys_are_other_calls() -> None:
    flights, runway = Flights[str, int](), Runway()
    tasks = await joined(flights, runway, 2, "a") + await joined(flights, runway, 2, "b")
    runway.land.set()
    await asyncio.gather(*tasks)
    assert runway.started == 2


async def test_who_leaves_does_not_end_it_for_the_others() -> None:
    flights, runway = Flights[str, int](), Runway()
    first, *others = await joined(flights, runway, 3)
    first.cancel()  # the one that started it
    with pytest.raises(asyncio.CancelledError):
        await first
    runway.land.set()
    assert await asyncio.gather(*others) == [1, 1]


async def test_the_last_to_leave_ends_it_and_the_next_starts_anew() -> None:
    flights, runway = Flights[str, int](), Runway()
    tasks = await joined(flights, runway, 3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert "a" not in flights  # before it has ended: nobody joins what is being cancelled
    await runway.cancelled.wait()
    runway.land.set()
    assert await flights.join("a", runway) == 2


async def test_an_error_is_everybodys_once_and_nobody_elses() -> None:
    flights, runway = Flights[str, int](), Runway()
    runway.error = LookupError()
    tasks = await joined(flights, runway, 3)
    runway.land.set()
    assert [type(found) for found in await asyncio.gather(*tasks, return_exceptions=True)] == [LookupError] * 3
    runway.error = None
    assert await flights.join("a", runway) == 2


async def test_an_error_that_nobody_awaits_is_no_noise() -> None:
    noise: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    flights, runway = Flights[str, int](), Runway()
    runway.error = LookupError()
    (task,) = await joined(flights, runway, 1)
    runway.land.set()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    del task
    gc.collect()
    await asyncio.sleep(0)
    assert noise == []


@pytest.fixture(scope="module")
def patient() -> Iterator[Service]:
    with running_service(limits={"concurrency": 2_000}, log_level="error") as running:
        yield running


async def test_a_thousand_identical_reads_are_one_call(patient: Service) -> None:
    shared = 'evtmgmt_shared_reads_total{operation="get_event"}'

    async def read(number: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", patient.port)
        writer.write(b"GET /EvtMgmt/api/v2.0/events/Contoso_Open_Day?ts=%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        return head[:15]

    with patient.sandbox.realtime.lock:  # the organisation does not answer before all have asked
        reads = [asyncio.create_task(read(number)) for number in range(1_000)]
        while await asyncio.to_thread(patient.metric, shared) < 999:
            pass
    assert set(await asyncio.gather(*reads)) == {b"HTTP/1.1 200 OK"}
    assert len(patient.sandbox.recorder.find(operation="get_event")) == 1
