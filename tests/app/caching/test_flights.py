"""Tests of app/caching/flights.py: alone, and through the whole service with a thousand callers."""

import asyncio
import gc
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from app.caching.flights import Flights
from tests.service import Service, running_service
from translation.errors import UPSTREAM_TIMEOUT, ProxyError

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


async def landed(runway: Runway) -> None:
    """Let what is under way end, and what follows from it."""
    runway.land.set()
    for _ in range(5):
        await asyncio.sleep(0)


async def left(*tasks: asyncio.Task[int]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_is_launched_goes_on_without_passengers() -> None:
    flights, runway = Flights[str, int](), Runway()
    flight = flights.launch("a", runway)
    assert (flight.pinned, flight.passengers, "a" in flights) == (True, 0, True)
    tasks = await joined(flights, runway, 3)
    assert flight.passengers == 3
    await left(*tasks)
    assert (flight.passengers, runway.cancelled.is_set(), "a" in flights) == (0, False, True)
    later = await joined(flights, runway, 1)
    await landed(runway)
    assert [await later[0], flight.task.result(), runway.started] == [1, 1, 1]
    assert "a" not in flights


async def test_launching_what_is_under_way_keeps_it_there() -> None:
    flights, runway = Flights[str, int](), Runway()
    tasks = await joined(flights, runway, 2)
    flight = flights.launch("a", runway)
    assert flights.launch("a", runway) is flight
    assert (flight.pinned, flight.passengers) == (True, 2)
    await left(*tasks)
    assert not runway.cancelled.is_set()
    await landed(runway)
    assert (flight.task.result(), runway.started) == (1, 1)


async def test_a_flight_knows_when_it_began() -> None:
    flights, runway = Flights[str, int](), Runway()
    first = flights.launch("a", runway)
    second = flights.launch("b", runway)
    assert flights.launch("a", runway).started == first.started <= second.started
    await flights.close()


# Calls that a caller leads.


async def led(flights: Flights[str, int], runway: Runway, followers: int) -> list[asyncio.Task[int]]:
    """Who leads a call, and those who follow."""
    leader = asyncio.create_task(flights.lead("a", runway))
    await asyncio.sleep(0)
    return [leader, *await joined(flights, runway, followers)]


async def test_who_leads_makes_the_call_itself() -> None:
    flights, runway = Flights[str, int](), Runway()
    before = len(asyncio.all_tasks())
    leader, *others = await led(flights, runway, 3)
    assert flights.carries("a", leader)
    assert len(asyncio.all_tasks()) == before + 4
    runway.land.set()
    assert await asyncio.gather(leader, *others) == [1] * 4
    assert not flights._led
    assert "a" not in flights
    assert await flights.lead("a", runway) == 2


async def test_who_would_lead_a_call_that_is_under_way_joins_it() -> None:
    flights, runway = Flights[str, int](), Runway()
    tasks = await joined(flights, runway, 1)
    later = asyncio.create_task(flights.lead("a", runway))
    await asyncio.sleep(0)
    runway.land.set()
    assert await asyncio.gather(*tasks, later) == [1, 1]


async def test_the_error_of_a_led_call_is_everybodys_once() -> None:
    flights, runway = Flights[str, int](), Runway()
    tasks = await led(flights, runway, 2)
    runway.error = ProxyError(UPSTREAM_TIMEOUT)
    runway.land.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [runway.error] * 3
    runway.error = None
    assert await flights.lead("a", runway) == 2


async def test_an_error_that_nobody_waits_for_any_more_is_not_complained_of() -> None:
    flights, runway = Flights[str, int](), Runway()
    leader, follower = await led(flights, runway, 1)
    follower.cancel()
    await asyncio.wait([follower])
    runway.error = ProxyError(UPSTREAM_TIMEOUT)
    runway.land.set()
    with pytest.raises(ProxyError):
        await leader
    del leader, follower
    gc.collect()  # an exception that was never looked at is told of when it is forgotten, and told is a failure here


async def test_who_leads_leaves_the_others_their_call_and_the_last_ends_it() -> None:
    flights, runway = Flights[str, int](), Runway()
    leader, *others = await led(flights, runway, 2)
    assert not flights.leave(leader)
    others[0].cancel()
    await asyncio.wait([others[0]])
    assert "a" in flights
    others[1].cancel()
    await asyncio.wait([others[1]])
    assert "a" not in flights
    await runway.cancelled.wait()
    assert runway.started == 1


async def test_the_others_get_what_a_leader_brings_who_has_no_use_for_it() -> None:
    flights, runway = Flights[str, int](), Runway()
    leader, follower = await led(flights, runway, 1)
    assert not flights.leave(leader)
    runway.land.set()
    assert await asyncio.gather(leader, follower) == [1, 1]


async def test_a_leader_alone_may_be_cancelled_and_nobody_joins_it_then() -> None:
    flights, runway = Flights[str, int](), Runway()
    (leader,) = await led(flights, runway, 0)
    assert flights.leave(leader)
    assert "a" not in flights
    leader.cancel()
    later = asyncio.create_task(flights.lead("a", runway))
    await runway.cancelled.wait()
    assert "a" in flights  # the end of the first one is not that of the second
    runway.land.set()
    assert await later == 2


async def test_who_leads_nothing_may_be_cancelled() -> None:
    flights, runway = Flights[str, int](), Runway()
    (task,) = await joined(flights, runway, 1)
    assert flights.leave(task)
    runway.land.set()
    assert await task == 1


async def test_a_leader_that_is_cut_off_leaves_the_others_to_start_anew() -> None:
    flights, runway = Flights[str, int](), Runway()
    leader, *others = await led(flights, runway, 3)
    others[0].cancel()
    leader.cancel()
    runway.land.set()
    assert await asyncio.gather(*others[1:]) == [2, 2]
    with pytest.raises(asyncio.CancelledError):
        await others[0]
    assert runway.started == 2


async def test_a_led_call_that_is_launched_as_well_goes_on() -> None:
    flights, runway = Flights[str, int](), Runway()
    (leader,) = await led(flights, runway, 0)
    flight = flights.launch("a", runway)
    assert not flights.leave(leader)
    runway.error = ZeroDivisionError("a mistake")
    runway.land.set()
    with capture_logs() as logs:
        await asyncio.wait([leader, flight.landing])
        await asyncio.sleep(0)
    assert [line["event"] for line in logs] == ["defect"]
    assert leader.exception() is flight.landing.exception()


async def test_a_led_call_that_was_parted_from_is_for_those_who_wait() -> None:
    flights, old, new = Flights[str, int](), Runway(), Runway()
    leader, follower = await led(flights, old, 1)
    flights.part(lambda key: key == "a")
    later = asyncio.create_task(flights.lead("a", new))
    await asyncio.sleep(0)
    old.land.set()
    assert await asyncio.gather(leader, follower) == [1, 1]
    assert flights.carries("a", later)
    new.land.set()
    assert await later == 1


async def test_a_call_knows_whether_new_callers_join_it() -> None:
    flights = Flights[str, int]()
    seen: list[bool] = []
    go = asyncio.Event()

    async def call() -> int:
        await go.wait()
        seen.append(flights.carries("a", asyncio.current_task()))
        return 1

    assert not flights.carries("a", None)
    first = flights.launch("a", call)
    assert flights.carries("a", first.task)
    assert not flights.carries("b", first.task)
    assert not flights.carries("a", asyncio.current_task())
    assert not flights.carries("a", None)
    flights.part(lambda key: key == "a")
    assert not flights.carries("a", first.task)
    second = flights.launch("a", call)
    go.set()
    await asyncio.gather(first.task, second.task)
    assert seen == [False, True]
    assert not flights.carries("a", second.task)


async def test_who_comes_after_a_parting_starts_anew_and_who_waits_gets_what_comes() -> None:
    flights, old, new, other = Flights[str, str](), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def call(event: asyncio.Event, word: str) -> str:
        await event.wait()
        return word

    before = [asyncio.create_task(flights.join("a", lambda: call(old, "old"))) for _ in range(2)]
    untouched = asyncio.create_task(flights.join("b", lambda: call(other, "other")))
    await asyncio.sleep(0)
    flights.part(lambda key: key == "a")
    assert ("a" in flights, "b" in flights) == (False, True)
    after = [asyncio.create_task(flights.join("a", lambda: call(new, "new"))) for _ in range(2)]
    await asyncio.sleep(0)
    old.set()
    assert await asyncio.gather(*before) == ["old", "old"]
    assert "a" in flights  # the end of the old one is none of the new one's business
    another = asyncio.create_task(flights.join("a", lambda: call(old, "a third")))
    await asyncio.sleep(0)
    new.set()
    other.set()
    assert await asyncio.gather(*after, another, untouched) == ["new", "new", "new", "other"]


async def test_the_last_to_leave_a_parted_call_ends_it_and_no_other() -> None:
    flights, old, new = Flights[str, int](), Runway(), Runway()
    before = await joined(flights, old, 2)
    flights.part(lambda key: True)
    after = await joined(flights, new, 1)
    await left(*before)
    await old.cancelled.wait()
    assert "a" in flights
    await landed(new)
    assert await after[0] == 1


async def test_parting_nothing_is_nothing() -> None:
    flights = Flights[str, int]()
    flights.part(lambda key: True)
    assert "a" not in flights


async def test_closing_ends_what_is_under_way() -> None:
    flights, joined_by_some, launched = Flights[str, int](), Runway(), Runway()
    tasks = await joined(flights, joined_by_some, 2)
    flight = flights.launch("b", launched)
    await asyncio.sleep(0)
    await flights.close()
    assert (joined_by_some.cancelled.is_set(), launched.cancelled.is_set()) == (True, True)
    assert flight.task.cancelled()
    assert {type(found) for found in await asyncio.gather(*tasks, return_exceptions=True)} == {asyncio.CancelledError}
    assert ("a" in flights, "b" in flights) == (False, False)
    await flights.close()


async def test_closing_waits_until_all_has_ended() -> None:
    flights, ended = Flights[str, int](), asyncio.Event()

    async def stubborn() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            ended.set()
        return 1

    flights.launch("a", stubborn)
    await asyncio.sleep(0)
    await flights.close()
    assert ended.is_set()


async def test_closing_ends_what_was_parted_too() -> None:
    flights, runway = Flights[str, int](), Runway()
    flight = flights.launch("a", runway)
    await asyncio.sleep(0)
    flights.part(lambda key: True)
    await flights.close()
    ended = flight.task.done()
    await landed(runway)
    assert ended


@pytest.mark.parametrize("watched", [True, False])
async def test_a_defect_of_what_was_launched_is_logged_once(watched: bool) -> None:
    flights, runway = Flights[str, int](), Runway()
    runway.error = LookupError("a defect")
    with capture_logs() as lines:
        flight = flights.launch("a", runway)
        flights.launch("a", runway)
        tasks = await joined(flights, runway, 2) if watched else []
        await landed(runway)
        await asyncio.gather(*tasks, return_exceptions=True)
    assert [(line["event"], line["log_level"], line["exc_info"]) for line in lines] == [("defect", "error", runway.error)]
    assert flight.task.exception() is runway.error


async def test_errors_of_the_list_and_the_end_of_a_call_are_no_defects() -> None:
    flights, runway, other = Flights[str, int](), Runway(), Runway()
    runway.error = ProxyError(UPSTREAM_TIMEOUT)
    with capture_logs() as lines:
        flights.launch("a", runway)
        flights.launch("b", other)
        await asyncio.sleep(0)
        await landed(runway)
        await flights.close()
        await asyncio.sleep(0)
    assert other.cancelled.is_set()
    assert lines == []


async def test_a_defect_that_all_passengers_see_is_theirs_to_tell() -> None:
    flights, runway = Flights[str, int](), Runway()
    runway.error = LookupError()
    with capture_logs() as lines:
        tasks = await joined(flights, runway, 2)
        await landed(runway)
        await asyncio.gather(*tasks, return_exceptions=True)
    assert lines == []


async def test_a_launched_error_that_nobody_awaits_is_no_noise_of_the_loop() -> None:
    noise: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    flights, runway = Flights[str, int](), Runway()
    runway.error = ProxyError(UPSTREAM_TIMEOUT)
    flights.launch("a", runway)
    await landed(runway)
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
