"""What visitors get while Dynamics fails, is away, or hangs: with a clock that is told the time."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from tests.app.desk import HIT, MISS, OF_EACH_CLASS, STALE, Desk, call, failure
from translation import errors
from translation.errors import ErrorKind, ProxyError
from translation.freshness import DEFAULTS, Freshness, Lifetime

pytestmark = pytest.mark.anyio

each_class = pytest.mark.parametrize(("name", "life"), [(OF_EACH_CLASS[kind], DEFAULTS[kind]) for kind in Freshness])
each_failure = pytest.mark.parametrize(
    "kind",
    [
        errors.UPSTREAM_FAILED,
        errors.UPSTREAM_ANSWER_INVALID,
        errors.UPSTREAM_ANSWER_TOO_LARGE,
        errors.UPSTREAM_REFUSED_PROXY,
        errors.TOO_MANY_REQUESTS,
    ],
)
each_absence = pytest.mark.parametrize("kind", [errors.UPSTREAM_UNREACHABLE, errors.UPSTREAM_TIMEOUT])
COUNT = "count_event_registrations"


# Dynamics answers, but with an error.


@each_class
@each_failure
async def test_an_older_answer_is_given_when_dynamics_fails(name: str, life: Lifetime, kind: ErrorKind) -> None:
    desk = Desk()
    await desk.ask(name)
    desk.error = failure(kind)
    for age in (life.fresh + life.stale_while_revalidate, life.fresh + life.stale_if_error - 0.5):
        desk.clock.now = 1_000 + age
        assert await desk.ask(name) == (STALE, b"1", age)
    assert len(desk.calls) == 3
    desk.clock.go(100)
    with pytest.raises(ProxyError, match=kind.code):
        await desk.ask(name)
    desk.error = None
    assert await desk.ask(name) == (MISS, b"5", 0)


@each_failure
async def test_what_was_never_answered_is_an_error(kind: ErrorKind) -> None:
    desk = Desk()
    desk.error = failure(kind)
    for number in (1, 2):  # and is not kept
        with pytest.raises(ProxyError, match=kind.code):
            await desk.ask("get_event")
        assert len(desk.calls) == number


async def test_a_failing_call_is_not_repeated_at_every_ask() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(631)
    desk.error = failure(errors.UPSTREAM_FAILED)
    tried = []
    for second in range(200):
        calls = len(desk.calls)
        assert (await desk.ask("get_event"))[:2] == (STALE, b"1")
        await desk.settled()
        if len(desk.calls) > calls:
            tried.append(second)
        desk.clock.go(1)
    assert tried == [0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181]  # 1, 2, 4, 8, 16 and then 30 seconds


async def test_a_failure_of_one_answer_holds_no_other_back() -> None:
    desk = Desk()
    for name in ("get_event", "list_tracks"):
        await desk.ask(name)
    desk.clock.go(631)
    desk.error = failure(errors.UPSTREAM_FAILED)
    await desk.ask("get_event")
    desk.error = None
    assert (await desk.ask("list_tracks"))[0] == MISS


async def test_the_time_that_dynamics_asks_for_is_left_to_it() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(631)
    desk.error = failure(errors.TOO_MANY_REQUESTS, retry_after=120)
    assert (await desk.ask("get_event"))[0] == STALE
    desk.error = None
    desk.clock.go(119)
    assert (await desk.ask("get_event"))[0] == STALE
    await desk.settled()
    assert len(desk.calls) == 2
    desk.clock.go(1)
    assert await desk.ask("get_event") == (MISS, b"3", 0)


async def test_after_a_success_the_count_of_failures_starts_anew() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(631)
    for error, seconds in ((failure(errors.UPSTREAM_FAILED), 20), (failure(errors.UPSTREAM_FAILED), 20), (None, 631)):
        desk.error = error
        await desk.ask("get_event")
        desk.clock.go(seconds)
    desk.error = failure(errors.UPSTREAM_FAILED)
    await desk.ask("get_event")
    desk.clock.go(1)
    calls = len(desk.calls)
    await desk.ask("get_event")
    assert len(desk.calls) == calls + 1


async def test_a_failure_ahead_of_time_is_not_repeated_at_every_hit() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(25)
    desk.error = failure(errors.UPSTREAM_FAILED)
    for _ in range(10):
        assert (await desk.ask("get_event"))[0] == HIT
        await desk.settled()
    assert len(desk.calls) == 2


# Dynamics cannot be reached, or does not answer.


@each_class
@each_absence
async def test_when_dynamics_is_away_an_answer_is_given_longest(name: str, life: Lifetime, kind: ErrorKind) -> None:
    desk = Desk(when_unreachable=2_592_000)
    await desk.ask(name)
    desk.error = failure(kind)
    for age in (life.fresh + life.stale_while_revalidate, life.fresh + life.stale_if_error, life.fresh + 2_592_000 - 0.5):
        desk.clock.now = 1_000 + age
        assert await desk.ask(name) == (STALE, b"1", age)
        await desk.settled()
    desk.clock.go(1)
    with pytest.raises(ProxyError, match=kind.code):
        await desk.ask(name)


@each_absence
async def test_beyond_the_time_for_errors_an_old_answer_is_given_on_the_first_failure_too(kind: ErrorKind) -> None:
    desk = Desk()
    await desk.ask(COUNT)
    desk.clock.go(700)
    desk.error = failure(errors.UPSTREAM_FAILED)
    with pytest.raises(ProxyError, match="UpstreamFailed"):
        await desk.ask(COUNT)
    desk.error = failure(kind)
    assert await desk.ask(COUNT) == (STALE, b"1", 700)


async def test_a_short_time_for_absence_shortens_no_other() -> None:
    desk = Desk(when_unreachable=0)
    await desk.ask("get_event")
    desk.error = failure(errors.UPSTREAM_UNREACHABLE)
    desk.clock.go(86_429)
    assert (await desk.ask("get_event"))[0] == STALE


@each_absence
async def test_while_dynamics_is_away_one_call_a_backoff_period_is_made_for_all(kind: ErrorKind) -> None:
    desk = Desk()
    names = ["get_event", "list_sessions", "list_passes", COUNT, "list_tracks", "get_speaker_image"]
    for name in names:
        await desk.ask(name)
    desk.clock.go(640)
    desk.error = failure(kind)
    tried = []
    for second in range(3_600):
        calls = len(desk.calls)
        for name in names:
            found = await desk.ask(name)
            assert found[0] == (STALE if name != "get_speaker_image" or 640 + second >= 3_600 else HIT)
            assert found[2] == 640 + second
        await desk.settled()
        assert len(desk.calls) - calls <= 1
        tried += [second] * (len(desk.calls) - calls)
        desk.clock.go(1)
    assert tried[:7] == [0, 1, 3, 7, 15, 31, 61]
    assert {later - earlier for earlier, later in pairwise(tried[6:])} == {30}
    desk.error = None
    desk.clock.go(30)
    await desk.ask("list_tracks")  # the one that finds Dynamics back
    await desk.settled()
    assert [(await desk.ask(name))[0] for name in names[:5]] == [MISS, MISS, MISS, MISS, HIT]


async def test_any_answer_of_dynamics_ends_the_outage() -> None:
    desk = Desk()
    for name in ("get_event", "list_tracks"):
        await desk.ask(name)
    desk.clock.go(631)
    desk.error = failure(errors.UPSTREAM_UNREACHABLE)
    assert (await desk.ask("get_event"))[0] == STALE
    desk.error = failure(errors.NOT_FOUND)
    with pytest.raises(ProxyError):
        await desk.ask(call("get_event", {"event": "Unknown"}))
    desk.error = None
    assert (await desk.ask("list_tracks"))[0] == MISS


async def test_a_spent_budget_does_not_end_the_outage() -> None:
    desk = Desk()
    for name in ("get_event", "list_tracks"):
        await desk.ask(name)
    desk.clock.go(631)
    desk.error = failure(errors.UPSTREAM_UNREACHABLE)
    await desk.ask("get_event")
    desk.error = failure(errors.TOO_MANY_REQUESTS, retry_after=1)
    with pytest.raises(ProxyError):
        await desk.ask(call("get_event", {"event": "Unknown"}))
    desk.error = None
    assert (await desk.ask("list_tracks"))[0] == STALE
    await desk.settled()


async def test_what_was_never_answered_is_asked_even_when_dynamics_is_away() -> None:
    desk = Desk()
    desk.error = failure(errors.UPSTREAM_UNREACHABLE)
    for number in (1, 2):
        with pytest.raises(ProxyError, match="UpstreamUnreachable"):
            await desk.ask("get_event")
        assert len(desk.calls) == number


@pytest.mark.parametrize("error", [failure(errors.UPSTREAM_REJECTED, status=400), RuntimeError("a mistake of the program")])
async def test_what_is_refused_in_the_background_is_not_asked_for_again_at_once(error: Exception) -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(31)
    desk.error = error
    for _ in range(5):
        assert (await desk.ask("get_event"))[0] == STALE
        await desk.settled()
    assert len(desk.calls) == 2
    desk.clock.go(1)
    assert (await desk.ask("get_event"))[0] == STALE
    await desk.settled()
    assert len(desk.calls) == 3


# Dynamics hangs.


@each_class
async def test_nobody_waits_for_a_hanging_dynamics_beyond_the_time_of_errors_either(name: str, life: Lifetime) -> None:
    desk = Desk(stale_wait=0, when_unreachable=2_000_000)
    await desk.ask(name)
    desk.clock.go(life.fresh + life.stale_if_error + 1)
    desk.gate.clear()
    assert (await desk.ask(name))[0] == STALE
    desk.gate.set()
    await desk.settled()
    assert (await desk.ask(name))[0] == HIT


async def passes_of_the_loop(task: "asyncio.Task[Any]") -> bool:
    """Whether a task ends without waiting for anything but its turn."""
    for _ in range(20):
        await asyncio.sleep(0)
    return task.done()


async def test_a_visitor_waits_so_long_for_a_hanging_dynamics_and_the_next_not_at_all() -> None:
    desk = Desk(stale_wait=0.3)
    await desk.ask("get_event")
    desk.clock.go(631)
    desk.gate.clear()
    first = desk.ask_soon("get_event")
    assert not await passes_of_the_loop(first)
    assert await first == (STALE, b"1", 631)
    second = desk.ask_soon("get_event")
    assert await passes_of_the_loop(second)
    assert await second == (STALE, b"1", 631)
    desk.gate.set()
    await desk.settled()
    assert (len(desk.calls), desk.cancelled) == (2, 0)  # the call went on
    assert await desk.ask("get_event") == (HIT, b"2", 0)


async def test_who_leaves_while_an_old_answer_would_do_does_not_end_the_call() -> None:
    desk = Desk(stale_wait=60)
    await desk.ask("get_event")
    desk.clock.go(631)
    desk.gate.clear()
    visitor = desk.ask_soon("get_event")
    await desk.asked(2)
    visitor.cancel()
    await asyncio.wait([visitor])
    desk.gate.set()
    await desk.settled()
    assert await desk.ask("get_event") == (HIT, b"2", 0)


async def test_a_wait_of_nothing_gives_the_old_answer_at_once() -> None:
    desk = Desk(stale_wait=0)
    await desk.ask("get_event")
    desk.clock.go(631)
    desk.gate.clear()
    visitor = desk.ask_soon("get_event")
    assert await passes_of_the_loop(visitor)
    assert (await visitor)[0] == STALE
    desk.gate.set()
    await desk.settled()


async def test_a_defect_is_told_to_who_waits() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(631)
    desk.error = RuntimeError("a mistake of the program")
    with pytest.raises(RuntimeError):
        await desk.ask("get_event")
