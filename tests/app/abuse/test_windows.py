"""Tests of app/abuse/windows.py."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerSecond

from app.abuse.windows import Windows

LIMIT = RateLimitItemPerSecond(5, 10)


class Time:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_limit_is_held_and_then_let_go() -> None:
    time = Time()
    windows = Windows(clock=time)
    assert [windows.take("a", LIMIT) > 0 for _ in range(7)] == [False] * 5 + [True] * 2
    assert windows.take("b", LIMIT) == 0
    time.now += windows.take("a", LIMIT) + 0.001
    assert windows.take("a", LIMIT) == 0


@given(st.lists(st.floats(0, 15), max_size=60), st.integers(1, 6), st.integers(1, 12))
def test_never_more_than_twice_the_limit_in_a_window_and_the_wait_is_true(pauses: list[float], amount: int, seconds: int) -> None:
    limit, time = RateLimitItemPerSecond(amount, seconds), Time()
    windows = Windows(clock=time)
    passed: deque[float] = deque()
    for pause in pauses:
        time.now += pause
        wait = windows.take("a", limit)
        if not wait:
            passed.append(time.now)
            recent = [moment for moment in passed if moment > time.now - seconds]
            assert len(recent) <= 2 * amount
        else:
            assert wait <= 2 * seconds
            later = Windows(clock=time)
            later._counts = windows._counts.copy()
            then, time.now = time.now, time.now + wait + 0.01
            assert later.take("a", limit) == 0
            time.now = then


@given(st.lists(st.integers(0, 50), max_size=200))
def test_keys_are_bounded_and_the_longest_unseen_is_forgotten(keys: list[int]) -> None:
    windows = Windows(most=8, clock=Time())
    for key in keys:
        windows.count(str(key), LIMIT)
        assert len(windows) <= 8
    last = list(dict.fromkeys(str(key) for key in reversed(keys)))[:8]
    assert {key for key, *_ in windows._counts} == set(last)


@given(st.integers(1, 20), st.integers(1, 40))
def test_strangers_do_not_use_up_what_one_may_do(own: int, others: int) -> None:
    windows = Windows(clock=Time())
    for number in range(others):
        windows.take(f"other {number % 3}", LIMIT)
    assert sum(not windows.take("own", LIMIT) for _ in range(own)) == min(own, LIMIT.amount)
