"""The budget: never more calls than allowed, never a registration held back, reads in their order.

Most tests run in a loop whose time stands still while there is something to do, and jumps to the next timer when there is not.
Rates and times are chosen so that floats hold them exactly.
"""

import asyncio
import time
from collections.abc import Callable
from math import ceil, inf, nan

import pytest
import uvloop
from hypothesis import example, given
from hypothesis import strategies as st

from app.budget import Budget, BudgetSpentError, Need
from app.rates import Rate, read_rate
from tests.jumping import JumpingLoop, jump

REGISTRATION, READ, REFRESH = Need
TICK = 0.002
"""The timer rounds up to whole milliseconds."""


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def emptied(budget: Budget) -> Budget:
    while budget.take(READ):
        pass
    return budget


def per_second(rate: float) -> Rate:
    return Rate(rate, f"{rate}/s")


class Asked:
    """A call to ``admit``, and what came of it: None when admitted, at a time."""

    def __init__(self, loop: JumpingLoop, budget: Budget, need: Need) -> None:
        self.need = need
        self.asked = loop.now
        self.outcome: BudgetSpentError | None = None
        self.at = inf
        self._loop = loop
        self._budget = budget
        self.task = loop.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            await self._budget.admit(self.need)
        except BudgetSpentError as error:
            self.outcome = error
        self.at = self._loop.now

    @property
    def admitted(self) -> bool:
        return self.at < inf and self.outcome is None

    @property
    def refused(self) -> BudgetSpentError:
        assert self.outcome is not None
        return self.outcome


async def ask(loop: JumpingLoop, budget: Budget, *needs: Need) -> list[Asked]:
    """Ask, and let each come as far as it comes without time passing."""
    asked = []
    for need in needs:
        asked.append(Asked(loop, budget, need))
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    return asked


async def settled(asked: list[Asked]) -> None:
    await asyncio.gather(*(one.task for one in asked), return_exceptions=True)


async def refusal(budget: Budget, need: Need) -> BudgetSpentError:
    with pytest.raises(BudgetSpentError) as caught:
        await budget.admit(need)
    return caught.value


# The bucket

rates = st.sampled_from([0.5, 1.0, 4.0, 16.0])
bursts = st.integers(1, 12)
steps = st.integers(0, 96).map(lambda number: number / 32)


@given(rates, bursts, st.lists(steps, max_size=60))
def test_a_read_gets_a_token_exactly_when_no_stretch_of_time_has_had_its_share(
    rate: float, burst: int, gaps: list[float]
) -> None:
    """In every stretch: no more than the burst and what came in it; and never less than that."""
    watch = Watch()
    budget = Budget(per_second(rate), burst, 0, watch)
    taken: list[float] = []
    for gap in gaps:
        watch.now += gap
        full = any(len(taken) - first + 1 > burst + rate * (watch.now - taken[first]) for first in range(len(taken)))
        assert budget.take(READ) is not full
        if not full:
            taken.append(watch.now)


@given(rates, bursts, st.lists(st.tuples(steps, st.sampled_from(Need)), max_size=80))
def test_tokens_are_what_the_book_says(rate: float, burst: int, calls: list[tuple[float, Need]]) -> None:
    """Registrations always take; the debt ends at the burst; refreshes leave a quarter; nothing is above the burst."""
    watch = Watch()
    budget = Budget(per_second(rate), burst, 0, watch)
    book = float(burst)
    for gap, need in calls:
        watch.now += gap
        book = min(burst, book + gap * rate)
        assert budget.tokens == book
        allowed = {REGISTRATION: True, READ: book >= 1, REFRESH: book >= 1 and book > burst / 4}[need]
        assert budget.take(need) is allowed
        if allowed:
            book = max(-burst, book - 1)
        assert budget.tokens == book


def test_a_refresh_leaves_a_quarter_to_the_reads() -> None:
    budget = Budget(per_second(1), 200, 0, Watch())
    assert [budget.take(REFRESH) for _ in range(151)] == [True] * 150 + [False]
    assert [budget.take(READ) for _ in range(51)] == [True] * 50 + [False]


def test_a_small_bucket_has_refreshes_too() -> None:
    assert Budget(per_second(1), 1, 0, Watch()).take(REFRESH)


def test_registrations_overdraw_no_further_than_the_burst() -> None:
    watch = Watch()
    budget = Budget(per_second(1), 4, 0, watch)
    assert all(budget.take(REGISTRATION) for _ in range(100))
    assert budget.tokens == -4
    watch.now += 4.5
    assert not budget.take(READ)
    watch.now += 0.5
    assert budget.take(READ)


def test_without_a_rate_all_is_free_and_the_bucket_stays_full() -> None:
    budget = Budget(None, 2, 0, Watch())
    assert all(budget.take(need) for need in Need for _ in range(100))
    assert budget.tokens == 2


@given(st.lists(st.integers(-(2**25), 2**25).map(lambda number: number / 32) | steps, max_size=30))
def test_a_clock_that_jumps_gives_no_tokens_back_and_takes_none(jumps: list[float]) -> None:
    watch = Watch()
    budget = emptied(Budget(per_second(1), 8, 0, watch))
    for seconds in jumps:
        before = budget.tokens
        watch.now += seconds
        assert before <= budget.tokens <= 8
        if seconds <= 0:
            assert budget.tokens == before
    emptied(budget)
    rest = budget.tokens
    watch.now -= 1e6
    assert budget.tokens == rest
    watch.now += 2  # it goes on from there, not after a million seconds
    assert budget.tokens == rest + 2


# Waiting


@given(
    rates,
    bursts,
    st.integers(0, 48).map(lambda number: number / 16),
    st.lists(st.tuples(steps, st.sampled_from([READ, READ, READ, REFRESH])), max_size=40),
    st.integers(0, 12),
)
def test_a_read_waits_exactly_when_its_turn_comes_in_time(
    rate: float, burst: int, wait: float, calls: list[tuple[float, Need]], registrations: int
) -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = Budget(per_second(rate), burst, wait, loop.time)
        for _ in range(registrations):
            await budget.admit(REGISTRATION)
        asked: list[tuple[Asked, float]] = []
        for gap, need in calls:
            await asyncio.sleep(gap)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            seconds = (1 + budget.waiting - budget.tokens) / rate
            if abs(seconds - wait) < TICK:
                continue  # sleeping is exact to a nanosecond only
            waited = budget.waiting
            (one,) = await ask(loop, budget, need)
            if need is REFRESH:
                assert one.task.done()
                assert not (one.admitted and waited)
                continue
            asked.append((one, max(0.0, seconds)))
            if seconds > wait:
                assert one.at == one.asked, "a hopeless read waits for nothing"
                assert one.refused.reason == "spent"
                assert one.refused.retry_after == pytest.approx(max(1, ceil(seconds - 1e-4)), abs=0)
            else:
                assert one.outcome is None
        reads = [one for one, _ in asked]
        await settled(reads)
        admitted = [(one, seconds) for one, seconds in asked if one.admitted]
        for one, seconds in admitted:
            assert one.at == pytest.approx(one.asked + seconds, abs=TICK)
        times = [one.at for one, _ in admitted]
        assert times == sorted(times), "first come, first served"
        assert budget.waiting == 0

    jump(test)


moves = st.one_of(
    st.tuples(st.just("read"), st.just(0.0)),
    st.tuples(st.just("read"), st.just(0.0)),
    st.tuples(st.just("register"), st.just(0.0)),
    st.tuples(st.just("cancel"), st.integers(0, 9).map(float)),
    st.tuples(st.just("sleep"), steps),
    st.tuples(st.just("pause"), st.sampled_from([0.25, 1.0, 4.0])),
)


@given(rates, st.lists(moves, max_size=60))
@example(1.0, [("read", 0.0), ("read", 0.0), ("read", 0.0), ("cancel", 0.0), ("sleep", 3.0)])
def test_whoever_leaves_or_is_sent_away_no_token_is_lost_or_doubled(rate: float, script: list[tuple[str, float]]) -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(rate), 4_000, 3, loop.time))  # never full: all that comes is in the book
        reads: list[Asked] = []
        registrations = 0
        pause_end = start = loop.now
        paused = 0.0
        for kind, value in script:
            if kind == "read":
                reads += await ask(loop, budget, READ)
            elif kind == "register":
                (one,) = await ask(loop, budget, REGISTRATION)
                assert one.admitted
                assert one.at == one.asked
                registrations += 1
            elif kind == "cancel" and budget.waiting:
                waiting = [one for one in reads if not one.task.done()]
                waiting[int(value) % len(waiting)].task.cancel()
                await asyncio.sleep(0)
                assert budget.waiting == len(waiting) - 1, "the place is given back at once"
            elif kind == "sleep":
                await asyncio.sleep(value)
            elif kind == "pause" and budget.tokens <= 1_000:
                budget.pause(value)
                assert budget.waiting == 0
                paused += max(0.0, loop.now + value - max(pause_end, loop.now))
                pause_end = max(pause_end, loop.now + value)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            came = rate * (loop.now - start - paused + max(0.0, pause_end - loop.now))
            took = registrations + sum(one.admitted for one in reads)
            assert budget.tokens == pytest.approx(came - took, abs=1e-3)
        await settled(reads)
        served = [one.at for one in reads if one.admitted]
        assert served == sorted(served)
        assert all(one.at <= one.asked + 3 + TICK for one in reads if one.at < inf), "nobody waits longer"

    jump(test)


def test_readers_are_served_one_by_one_in_their_order() -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(4), 8, 3, loop.time))
        asked = await ask(loop, budget, *[READ] * 13)
        assert [one.task.done() for one in asked] == [False] * 12 + [True]
        assert budget.waiting == 12
        assert asked[-1].refused.retry_after == 4
        await settled(asked)
        assert [one.at - 1_000 for one in asked[:12]] == pytest.approx([turn / 4 for turn in range(1, 13)], abs=TICK)

    jump(test)


def test_nobody_overtakes_those_who_wait() -> None:
    async def test(loop: JumpingLoop) -> None:
        watch = Watch()
        budget = emptied(Budget(per_second(1), 8, 60, watch))
        first = await ask(loop, budget, READ)
        watch.now += 8  # the timer has not come yet, as in a busy loop
        assert not budget.take(READ)
        assert not budget.take(REFRESH)
        assert (await refusal(budget, REFRESH)).reason == "spent"
        second = await ask(loop, budget, READ)
        assert budget.waiting == 2
        await settled(first + second)
        assert first[0].admitted
        assert second[0].admitted
        assert first[0].at == second[0].at, "one timer serves all whose tokens have come"
        assert budget.tokens == 6

    jump(test)


@pytest.mark.parametrize("rate", [15.0, 300.0])
def test_late_timers_lose_no_tokens_of_the_smallest_bucket(rate: float) -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(rate), 1, 60, loop.time))
        asked = await ask(loop, budget, *[READ] * 100)
        await settled(asked)
        assert asked[-1].at - 1_000 == pytest.approx(100 / rate, abs=TICK)

    jump(test)


def test_a_loop_that_stood_still_lets_through_one_more_than_the_burst() -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(1), 4, 60, loop.time))
        asked = await ask(loop, budget, *[READ] * 20)
        loop.now += 15
        await asked[4].task
        await asyncio.sleep(0)
        assert [one.at - 1_000 for one in asked if one.admitted] == [15] * 5
        await settled(asked)
        assert budget.tokens <= 4

    jump(test)


@pytest.mark.parametrize("rate", [3.0, 7.0, 15.0, 49.0])
def test_who_was_let_in_on_the_last_moment_is_not_sent_away_for_a_rounding(rate: float) -> None:
    async def test(loop: JumpingLoop) -> None:
        for number in range(1, 40):
            await asyncio.sleep(number / 7)
            budget = emptied(Budget(per_second(rate), 1, number / rate, loop.time))
            asked = await ask(loop, budget, *[READ] * number)
            let_in = [one for one in asked if not one.task.done()]
            assert len(let_in) >= number - 1
            await settled(let_in)
            assert all(one.admitted for one in let_in)

    jump(test)


def test_a_registration_overtakes_and_the_reads_pay() -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(1), 8, 5, loop.time))
        waiting = await ask(loop, budget, READ, READ)
        registered = await ask(loop, budget, *[REGISTRATION] * 3)
        assert all(one.admitted and one.at == 1_000 for one in registered)
        await settled(waiting)
        assert [one.at - 1_000 for one in waiting] == pytest.approx([4, 5], abs=TICK)

    jump(test)


def test_who_waits_in_vain_after_registrations_is_told_before_the_time_is_over() -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(1), 8, 2.5, loop.time))
        waiting = await ask(loop, budget, READ, READ)
        await ask(loop, budget, *[REGISTRATION] * 4)
        await settled(waiting)
        assert [one.at - 1_000 for one in waiting] == pytest.approx([1, 1], abs=TICK)  # when its token was to come
        assert [(one.refused.reason, one.refused.retry_after) for one in waiting] == [("spent", 4)] * 2
        assert budget.tokens == pytest.approx(-3, abs=TICK)

    jump(test)


def test_who_leaves_the_queue_lets_the_others_move_up() -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(1), 8, 3, loop.time))
        asked = await ask(loop, budget, *[READ] * 3)
        asked[0].task.cancel()
        asked[1].task.cancel()
        await asyncio.sleep(0)
        assert budget.waiting == 1
        asked += await ask(loop, budget, READ)
        await settled(asked)
        assert [one.at - 1_000 for one in asked[2:]] == pytest.approx([1, 2], abs=TICK)

    jump(test)


def test_when_all_leave_nothing_is_left_and_the_next_starts_anew() -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(1), 8, 3, loop.time))
        asked = await ask(loop, budget, *[READ] * 3)
        for one in asked:
            one.task.cancel()
        await settled(asked)
        assert budget.waiting == 0
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []  # type: ignore[attr-defined]
        (last,) = await ask(loop, budget, READ)
        await settled([last])
        assert last.at - 1_000 == pytest.approx(1, abs=TICK)

    jump(test)


@pytest.mark.parametrize("late", [False, True])
def test_who_is_cancelled_at_the_moment_of_the_token_hands_it_on(late: bool) -> None:
    """``late``: the token was handed over, and the task has not run yet."""

    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(1), 8, 5, loop.time))
        moment = loop.time() + (1 + 1e-10 if late else 1 - 1e-10)  # just after, or just before, and in the same turn of the loop
        asked = await ask(loop, budget, READ, READ)

        def cancel() -> None:
            asked[0].task.cancel()
            loop.now += 0.001

        loop.call_at(moment, cancel)
        await settled(asked)
        assert asked[0].task.cancelled()
        assert asked[1].at - 1_000 == pytest.approx(1, abs=TICK)
        assert budget.tokens == pytest.approx(0, abs=TICK)

    jump(test)


def test_at_most_one_timer_runs() -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(4), 8, 3, loop.time))
        asked = await ask(loop, budget, *[READ] * 12)
        while budget.waiting:
            assert len([timer for timer in loop._scheduled if not timer.cancelled()]) == 1  # type: ignore[attr-defined]
            await asked[12 - budget.waiting].task
        assert all(one.admitted for one in asked)

    jump(test)


def test_a_token_that_is_there_needs_no_loop() -> None:
    budget = Budget(per_second(1), 3, 3, Watch())
    for need in Need:
        with pytest.raises(StopIteration):
            budget.admit(need).send(None)  # it ends without having waited for anything


# Pauses


def test_a_pause_refuses_reads_and_refreshes_and_no_registration() -> None:
    async def test(loop: JumpingLoop) -> None:
        for rate in (per_second(4), None):
            budget = Budget(rate, 8, 60, loop.time)
            budget.pause(30)
            for need in (READ, REFRESH):
                assert not budget.take(need)
                error = await refusal(budget, need)
                assert (error.reason, error.retry_after) == ("paused", 30)
                assert str(error) == "paused: again in 30 s"
            assert budget.take(REGISTRATION)
            await budget.admit(REGISTRATION)
            await asyncio.sleep(10.5)
            assert budget.paused_for == pytest.approx(19.5)
            assert (await refusal(budget, READ)).retry_after == 20
            await asyncio.sleep(19.25)
            assert (await refusal(budget, READ)).retry_after == 1
            await asyncio.sleep(0.26)
            assert budget.paused_for == 0
            await budget.admit(READ)

    jump(test)


def test_a_pause_sends_those_away_who_wait() -> None:
    async def test(loop: JumpingLoop) -> None:
        budget = emptied(Budget(per_second(1), 8, 60, loop.time))
        asked = await ask(loop, budget, *[READ] * 5)
        asked[1].task.cancel()  # and has not run yet
        budget.pause(30)
        await settled(asked)
        assert asked[1].task.cancelled()
        del asked[1]
        assert [(one.refused.reason, one.refused.retry_after) for one in asked] == [("paused", 30)] * 4
        assert {one.at for one in asked} == {1_000}
        assert len({id(one.refused) for one in asked}) == 4  # each its own: tracebacks grow
        assert budget.waiting == 0
        assert budget.tokens == 0

    jump(test)


def test_the_longest_pause_counts() -> None:
    watch = Watch()
    budget = Budget(per_second(1), 8, 0, watch)
    budget.pause(20)
    budget.pause(10)
    assert budget.paused_for == 20
    watch.now += 10
    budget.pause(5)
    assert budget.paused_for == 10
    budget.pause(60)
    assert budget.paused_for == 60


@pytest.mark.parametrize("seconds", [301, 86_400, inf])
def test_a_pause_ends_after_five_minutes(seconds: float) -> None:
    budget = Budget(per_second(1), 8, 0, Watch())
    budget.pause(seconds)
    assert budget.paused_for == 300


@pytest.mark.parametrize("seconds", [0, -5, -inf, nan])
def test_a_pause_of_nothing_is_none(seconds: float) -> None:
    budget = Budget(per_second(1), 8, 0, Watch())
    budget.pause(seconds)
    assert budget.paused_for == 0
    assert budget.tokens == 8


@pytest.mark.parametrize(("before", "after"), [(8, 2.0), (2, 2.0), (1, 1.0), (0, 0.0), (-3, -3.0)])
def test_after_a_pause_at_most_a_quarter_of_the_burst_comes_at_once(before: int, after: float) -> None:
    watch = Watch()
    budget = Budget(per_second(1), 8, 0, watch)
    for _ in range(8 - before):
        budget.take(REGISTRATION)
    budget.pause(100)
    watch.now += 50
    assert budget.tokens == after
    budget.pause(1)  # in a pause, and after it: nothing comes for that time
    watch.now += 50
    assert budget.tokens == after
    watch.now += 3
    assert budget.tokens == after + 3
    watch.now += 100
    assert budget.tokens == 8


def test_registrations_in_a_pause_are_paid_after_it() -> None:
    watch = Watch()
    budget = Budget(per_second(1), 8, 0, watch)
    budget.pause(100)
    assert all(budget.take(REGISTRATION) for _ in range(4))
    watch.now += 100
    assert budget.tokens == -2


def test_without_a_rate_a_pause_leaves_the_bucket_full() -> None:
    watch = Watch()
    budget = Budget(None, 8, 0, watch)
    budget.pause(10)
    assert budget.tokens == 8


@pytest.mark.anyio
@pytest.mark.parametrize("rate", [None, per_second(1)])
async def test_a_pause_may_end_while_it_is_looked_at(rate: Rate | None) -> None:
    """A real clock goes on between two looks; no answer may depend on their number."""
    for late in range(4):
        looks = iter([0.0] * (2 + late) + [10.0] * 20)  # two: at the beginning, and by the pause
        budget = Budget(rate, 8, 0, looks.__next__)
        budget.pause(10)
        if late:
            error = await refusal(budget, READ)
            assert (error.reason, error.retry_after) == ("paused", 10)
        else:
            await budget.admit(READ)


def test_a_clock_set_back_does_not_lengthen_a_pause() -> None:
    watch = Watch()
    budget = Budget(per_second(1), 8, 0, watch)
    budget.pause(30)
    watch.now -= 500
    assert budget.paused_for == 30
    watch.now += 30
    assert budget.paused_for == 0


# Refusals


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("rate", "need", "seconds"), [(100.0, READ, 1), (0.25, READ, 4), (0.001, READ, 300), (1.0, REFRESH, 50), (100.0, REFRESH, 1)]
)
async def test_a_refusal_says_when_to_come_again(rate: float, need: Need, seconds: int) -> None:
    budget = emptied(Budget(per_second(rate), 200, 0, Watch()))
    error = await refusal(budget, need)
    assert (error.reason, error.retry_after) == ("spent", seconds)


@pytest.mark.anyio
async def test_a_refusal_says_a_second_at_least() -> None:
    budget = Budget(per_second(1), 8, 0, Watch())
    while budget.take(REFRESH):
        pass
    assert budget.tokens == 2  # the reserve itself: the next moment there is more
    assert (await refusal(budget, REFRESH)).retry_after == 1


@pytest.mark.anyio
async def test_the_slowest_rate_is_no_trouble() -> None:
    rate = read_rate("0.000001/999999h")
    budget = emptied(Budget(rate, 1, 3_600, Watch()))
    assert (await refusal(budget, READ)).retry_after == 300


@pytest.mark.anyio
async def test_a_rounding_makes_no_second() -> None:
    for tenth in range(1, 500):
        watch = Watch()
        watch.now = tenth / 10
        budget = Budget(per_second(1), 1, 0, watch)
        budget.pause(30)
        assert (await refusal(budget, READ)).retry_after == 30


# Real loops


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_real_loops_wake_those_who_wait(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def test() -> None:
        budget = emptied(Budget(per_second(1_000), 5, 60))
        served: list[int] = []

        async def read(number: int) -> None:
            await budget.admit(READ)
            served.append(number)

        async with asyncio.timeout(30):
            tasks = [asyncio.create_task(read(number)) for number in range(50)]
            await asyncio.sleep(0)
            tasks[10].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert served == [number for number in range(50) if number != 10]
        assert budget.waiting == 0

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(test())


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_real_loops_are_not_kept_busy_by_those_who_wait(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """A timer that comes too early, as rounded ones do, would come again and again."""

    async def test() -> None:
        looks = 0

        def clock() -> float:
            nonlocal looks
            looks += 1
            return time.monotonic()

        budget = emptied(Budget(per_second(2_500), 1, 60, clock))
        looks = 0
        async with asyncio.timeout(30):
            await asyncio.gather(*(budget.admit(READ) for _ in range(100)))
        assert looks <= 100 + 2 * 100 + 5  # each once when it comes, and the timer's

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(test())
