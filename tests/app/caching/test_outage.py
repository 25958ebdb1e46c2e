"""app/caching/outage.py: how long Dynamics is left alone, and who may try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.caching.outage import FIRST_BACKOFF, LONGEST_BACKOFF, Outage, backoff
from tests.clock import Clock

SEQUENCE = [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
INSTANT = 2.0**-20


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage(clock: Clock) -> Outage:
    return Outage(clock)


def test_the_sequence() -> None:
    assert [backoff(failures) for failures in range(1, 9)] == SEQUENCE
    assert (FIRST_BACKOFF, LONGEST_BACKOFF) == (1, 30)


@given(st.integers(1, 10**12))
def test_a_backoff_is_never_shorter_than_the_one_before_nor_longer_than_the_longest(failures: int) -> None:
    assert FIRST_BACKOFF <= backoff(failures) <= backoff(failures + 1) <= LONGEST_BACKOFF


def test_all_is_well_at_first(outage: Outage, clock: Clock) -> None:
    assert not outage.on
    for _ in range(100):
        assert outage.may_try()
    clock.go(1_000)
    assert outage.may_try()
    assert not outage.on


def test_one_caller_per_period_may_try(outage: Outage, clock: Clock) -> None:
    outage.failed()
    for seconds in SEQUENCE:
        assert outage.on
        assert not outage.may_try()
        clock.go(seconds - INSTANT)
        assert not outage.may_try()
        clock.go(INSTANT)
        assert [outage.may_try() for _ in range(50)] == [True] + [False] * 49
        outage.failed()  # what the one that tried found


def test_failures_within_a_period_count_once(outage: Outage, clock: Clock) -> None:
    for _ in range(1_000):  # visitors whose calls were under way
        outage.failed()
    clock.go(1 - INSTANT)
    outage.failed()
    clock.go(INSTANT)
    assert outage.may_try()
    for _ in range(1_000):
        outage.failed()
    clock.go(2 - INSTANT)
    assert not outage.may_try()
    clock.go(INSTANT)
    assert outage.may_try()


def test_a_failure_after_the_period_lengthens_it(outage: Outage, clock: Clock) -> None:
    """The one that tried was kept waiting longer than the period."""
    outage.failed()
    clock.go(1)
    assert outage.may_try()  # until 2 s later
    clock.go(20)
    outage.failed()  # the third: 4 s from now
    clock.go(4 - INSTANT)
    assert not outage.may_try()
    clock.go(INSTANT)
    assert outage.may_try()


def test_an_answer_ends_it(outage: Outage, clock: Clock) -> None:
    outage.failed()
    clock.go(1)
    assert outage.may_try()
    outage.worked()
    assert not outage.on
    assert all(outage.may_try() for _ in range(10))


def test_the_next_outage_begins_with_the_shortest_period(outage: Outage, clock: Clock) -> None:
    for seconds in SEQUENCE:
        outage.failed()
        clock.go(seconds)
        assert outage.may_try()
    outage.worked()
    outage.failed()  # at once, in what was the last period
    clock.go(1 - INSTANT)
    assert not outage.may_try()
    clock.go(INSTANT)
    assert outage.may_try()


@given(
    st.lists(st.sampled_from(["failed", "worked", "may_try"]) | st.integers(0, 256).map(lambda number: number / 8), max_size=60)
)
def test_nobody_waits_longer_than_the_longest_period(steps: list[str | float]) -> None:
    clock = Clock()
    outage = Outage(clock)
    failed = False
    for step in steps:
        if step == "failed":
            outage.failed()
            failed = True
        elif step == "worked":
            outage.worked()
            failed = False
        elif isinstance(step, float):
            clock.go(step)
        else:
            assert outage.may_try() or failed
        assert outage.on == failed
    clock.go(LONGEST_BACKOFF)
    assert outage.may_try()
