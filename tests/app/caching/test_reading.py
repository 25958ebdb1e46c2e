"""How a read is answered, with a clock that is told the time: the life of an answer."""

import asyncio
from typing import Any

import pytest

from tests.app.desk import HIT, MISS, OF_EACH_CLASS, SPEAKER, STALE, Desk, call, failure, version
from translation import errors
from translation.errors import ProxyError
from translation.freshness import DEFAULTS, Freshness, Lifetime
from translation.operations import OPERATIONS, Serving
from translation.query import Query

pytestmark = pytest.mark.anyio

each_class = pytest.mark.parametrize(("name", "life"), [(OF_EACH_CLASS[kind], DEFAULTS[kind]) for kind in Freshness])
READS = [operation.name for operation in OPERATIONS if operation.serving is Serving.MAPPED and operation.method == "GET"]


# The life of an answer.


def test_the_times_are_those_that_are_promised() -> None:
    assert {
        Freshness.DETAILS: Lifetime(30, 600, 86_400),
        Freshness.COUNTS: Lifetime(5, 30, 600),
        Freshness.IMAGES: Lifetime(3_600, 86_400, 604_800),
    } == DEFAULTS


@pytest.mark.parametrize("name", READS)
async def test_every_read_is_kept(name: str) -> None:
    desk = Desk()
    assert await desk.ask(name) == (MISS, b"1", 0)
    assert await desk.ask(name) == (HIT, b"1", 0)
    assert len(desk.calls) == 1


@each_class
async def test_a_fresh_answer_is_given_without_a_call(name: str, life: Lifetime) -> None:
    desk = Desk()
    await desk.ask(name)
    desk.clock.go(life.fresh * 0.79)
    assert await desk.ask(name) == (HIT, b"1", round(life.fresh * 0.79, 6))
    await desk.settled()
    assert len(desk.calls) == 1


@each_class
@pytest.mark.parametrize("part", [0.8, 0.999])
async def test_in_the_last_fifth_of_its_time_it_is_fetched_anew_when_it_is_asked_for(
    name: str, life: Lifetime, part: float
) -> None:
    desk = Desk()
    await desk.ask(name)
    desk.clock.go(life.fresh * part)
    await desk.settled()
    assert len(desk.calls) == 1  # not before somebody asks
    desk.gate.clear()
    assert {(await desk.ask(name))[:2] for _ in range(20)} == {(HIT, b"1")}
    desk.gate.set()
    await desk.settled()
    assert len(desk.calls) == 2
    assert await desk.ask(name) == (HIT, b"2", 0)
    desk.clock.go(life.fresh * 0.79)
    assert (await desk.ask(name))[:2] == (HIT, b"2")


async def test_the_part_after_which_it_is_fetched_ahead_is_a_setting() -> None:
    desk = Desk(refresh_ahead=1)
    await desk.ask("get_event")
    desk.clock.go(29.99)
    assert (await desk.ask("get_event"))[0] == HIT
    await desk.settled()
    assert len(desk.calls) == 1


@each_class
@pytest.mark.parametrize("end", [False, True])
async def test_a_stale_answer_is_given_at_once_and_fetched_once_in_the_background(name: str, life: Lifetime, end: bool) -> None:
    desk = Desk()
    await desk.ask(name)
    age = life.fresh + (life.stale_while_revalidate - 0.5 if end else 0)
    desk.clock.go(age)
    desk.gate.clear()
    assert {await desk.ask(name) for _ in range(50)} == {(STALE, b"1", age)}
    desk.gate.set()
    await desk.settled()
    assert len(desk.calls) == 2
    assert await desk.ask(name) == (HIT, b"2", 0)


@each_class
async def test_an_older_answer_is_not_given_when_there_is_a_new_one(name: str, life: Lifetime) -> None:
    desk = Desk(stale_wait=60)
    await desk.ask(name)
    desk.clock.go(life.fresh + life.stale_while_revalidate)
    desk.gate.clear()
    asks = [desk.ask_soon(name) for _ in range(20)]
    await desk.asked(2)
    assert not any(task.done() for task in asks)
    desk.gate.set()
    assert set(await asyncio.gather(*asks)) == {(MISS, b"2", 0)}
    assert len(desk.calls) == 2


async def test_an_operation_has_the_times_of_its_own_setting() -> None:
    desk = Desk(details={"fresh": 7}, operations={"list_tracks": {"fresh": 100}})
    for name in ("get_event", "list_tracks"):
        await desk.ask(name)
    desk.clock.go(8)
    assert [(await desk.ask(name))[0] for name in ("get_event", "list_tracks")] == [STALE, HIT]
    await desk.settled()


async def test_times_of_nothing_ask_each_time() -> None:
    desk = Desk(details={"fresh": 0, "stale_while_revalidate": 0})
    assert [await desk.ask("get_event") for _ in range(3)] == [(MISS, b"1", 0), (MISS, b"2", 0), (MISS, b"3", 0)]


# One answer for what is the same, and for nothing else.


async def test_what_differs_in_anything_that_dynamics_sees_is_kept_apart() -> None:
    desk = Desk()
    different = [
        call("get_event"),
        call("get_event", {"event": "Other"}),
        call("get_event", {"event": "event"}),
        call("get_event", {"event": "Old"}, {"event": "Event"}),  # is told the id that it asked for
        call("get_event", query=version(1)),
        call("list_sessions"),
        call("get_speaker_image"),
    ]
    assert [(await desk.ask(asked))[0] for asked in different] == [MISS] * 7
    assert [await desk.ask(asked) for asked in different] == [(HIT, b"%d" % (number + 1), 0) for number in range(7)]


async def test_what_dynamics_does_not_see_keeps_nothing_apart() -> None:
    desk = Desk()
    same = [
        call("get_speaker_image"),
        call("get_speaker_image", {"speaker": SPEAKER.upper()}),
        call("get_speaker_image", trace=(("x-request-id", "7"),)),
        call("get_speaker_image", query=Query((), client_token=True, dropped=5)),
    ]
    assert [(await desk.ask(asked))[0] for asked in same] == [MISS, HIT, HIT, HIT]


async def test_many_values_of_a_parameter_keep_eight_answers() -> None:
    desk = Desk()
    await desk.ask(call("get_event", {"event": "Other"}))
    for value in range(100):
        await desk.ask(call("get_event", query=version(value)))
    assert [value for value in range(100) if desk.kept(call("get_event", query=version(value)))] == list(range(92, 100))
    assert desk.kept(call("get_event", {"event": "Other"}))


# 404 and other refusals are answers.


@pytest.mark.parametrize(("setting", "seconds"), [({}, 10), ({"not_found": 60}, 60)])
async def test_a_404_is_given_again_for_a_while(setting: dict[str, Any], seconds: float) -> None:
    desk = Desk(**setting)
    desk.error = failure(errors.NOT_FOUND)
    with pytest.raises(ProxyError) as first:
        await desk.ask("get_event")
    assert (first.value.kind, first.value.kept) == (errors.NOT_FOUND, False)
    desk.clock.go(seconds - 0.1)
    with pytest.raises(ProxyError) as second:
        await desk.ask("get_event")
    assert (second.value.kind, second.value.kept) == (errors.NOT_FOUND, True)
    assert len(desk.calls) == 1
    desk.error = None
    assert (await desk.ask(call("get_event", {"event": "Other"})))[0] == MISS
    desk.clock.go(0.1)
    assert await desk.ask("get_event") == (MISS, b"3", 0)


async def test_a_404_is_asked_each_time_if_so_set() -> None:
    desk = Desk(not_found=0)
    desk.error = failure(errors.NOT_FOUND)
    for number in range(1, 4):
        with pytest.raises(ProxyError):
            await desk.ask("get_event")
        assert len(desk.calls) == number


@each_class
async def test_a_404_takes_the_place_of_what_was_kept(name: str, life: Lifetime) -> None:
    desk = Desk()
    await desk.ask(name)
    desk.clock.go(life.fresh + life.stale_while_revalidate)
    desk.error = failure(errors.NOT_FOUND)
    with pytest.raises(ProxyError, match="NotFound"):
        await desk.ask(name)
    assert desk.kept(name) is None
    desk.clock.go(10)
    desk.error = failure(errors.UPSTREAM_UNREACHABLE)
    with pytest.raises(ProxyError, match="UpstreamUnreachable"):
        await desk.ask(name)


async def test_a_404_in_the_background_counts_as_well() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(31)
    desk.error = failure(errors.NOT_FOUND)
    assert (await desk.ask("get_event"))[0] == STALE
    await desk.settled()
    with pytest.raises(ProxyError) as refused:
        await desk.ask("get_event")
    assert (refused.value.kind, refused.value.kept, len(desk.calls)) == (errors.NOT_FOUND, True, 2)


async def test_what_is_found_again_is_kept_again() -> None:
    desk = Desk(not_found=100, obey_clients=True)
    desk.error = failure(errors.NOT_FOUND)
    with pytest.raises(ProxyError):
        await desk.ask("get_event")
    desk.error = None
    assert await desk.ask(call("get_event", anew=True)) == (MISS, b"2", 0)
    assert await desk.ask("get_event") == (HIT, b"2", 0)
    desk.clock.go(60)
    assert (await desk.ask("get_event"))[0] == STALE  # the 404 is forgotten
    await desk.settled()


async def test_a_404_is_forgotten_when_there_is_an_answer() -> None:
    desk = Desk(not_found=100, max_entries=1)
    desk.error = failure(errors.NOT_FOUND)
    with pytest.raises(ProxyError):
        await desk.ask("get_event")
    desk.error = None
    await desk.ask(call("get_event", anew=True))
    await desk.ask("list_tracks")  # which takes its place
    assert (await desk.ask("get_event"))[0] == MISS


async def test_a_rejection_is_an_answer_that_is_not_kept() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(631)
    desk.error = failure(errors.UPSTREAM_REJECTED, status=410)
    for number in (2, 3):
        with pytest.raises(ProxyError, match="UpstreamRejected"):
            await desk.ask("get_event")
        assert len(desk.calls) == number


async def test_memories_of_404_are_bounded() -> None:
    desk = Desk(not_found=1_000)
    desk.error = failure(errors.NOT_FOUND)
    for number in range(8_193):
        with pytest.raises(ProxyError):
            await desk.ask(call("get_event", {"event": f"E{number}"}))
    for event, calls in (("E8192", 8_193), ("E1", 8_193), ("E0", 8_194)):
        with pytest.raises(ProxyError):
            await desk.ask(call("get_event", {"event": event}))
        assert len(desk.calls) == calls


# The shortcut.


async def test_a_target_that_was_answered_is_found_at_once() -> None:
    desk = Desk()
    assert desk.reading.shortcut(b"/a", b"b=1") is None
    await desk.ask("get_event")
    kept = desk.kept("get_event")
    assert kept is not None
    desk.reading.remember(b"/a", b"b=1", kept, 3)
    shortcut = desk.reading.shortcut(b"/a", b"b=1")
    assert shortcut is not None
    assert (shortcut.dropped, shortcut.key) == (3, kept.key)
    served = desk.reading.kept(shortcut.key)
    assert served is not None
    assert (served.entry, served.outcome) == (kept, HIT)
    assert desk.reading.shortcut(b"/a", b"b=2") is None
    assert desk.reading.shortcut(b"/ab", b"=1") is None
    desk.clock.go(631)
    assert desk.reading.kept(shortcut.key) is None  # it would have to wait
