"""The breaker: what opens it, what closes it, and who is let through meanwhile."""

import pytest

from app.faults.breaker import Breaker, BreakerOpenError, Change, State
from app.faults.settings import Faults
from tests.clock import Clock

SETTINGS = Faults(breaker_window=30, breaker_minimum=4, breaker_percent=50, breaker_open=2, breaker_open_most=7, breaker_probes=2)


class Scene:
    """A breaker, its clock, and what it told."""

    def __init__(self, settings: Faults = SETTINGS) -> None:
        self.clock = Clock()
        self.told: list[Change] = []
        self.breaker = Breaker(settings, self.told.append, self.clock)

    def calls(self, outcomes: str) -> None:
        """Calls one after the other: ``+`` is answered, ``-`` fails, ``?`` is left by who made it."""
        for outcome in outcomes:
            ticket = self.breaker.enter()
            match outcome:
                case "+":
                    self.breaker.succeeded(ticket)
                case "-":
                    self.breaker.failed(ticket, "status 500")
                case _:
                    self.breaker.unknown(ticket)

    def is_shut(self) -> bool:
        try:
            ticket = self.breaker.enter()
        except BreakerOpenError:
            return True
        self.breaker.unknown(ticket)
        return False


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ("---", State.CLOSED),  # too few
        ("----", State.OPEN),
        ("++--", State.OPEN),
        ("+++--", State.CLOSED),
        ("+++---", State.OPEN),
        ("--??????", State.CLOSED),  # who left says nothing
        ("--++", State.CLOSED),  # an answer opens nothing
    ],
)
def test_what_opens_it(outcomes: str, state: State) -> None:
    scene = Scene()
    scene.calls(outcomes)
    assert scene.breaker.state is state


def test_calls_that_are_older_than_the_window_do_not_count() -> None:
    scene = Scene()
    scene.calls("---")
    scene.clock.go(31)
    scene.calls("-")
    assert scene.breaker.state is State.CLOSED
    scene.clock.go(15)
    scene.calls("--")
    assert scene.breaker.state is State.CLOSED
    scene.calls("-")
    assert scene.breaker.state is State.OPEN


def test_an_open_one_says_when_to_come_again() -> None:
    scene = Scene()
    scene.calls("----")
    for gone, seconds in ((0, 2), (0.5, 2), (0.6, 1), (0.8, 1)):
        scene.clock.go(gone)
        with pytest.raises(BreakerOpenError) as shut:
            scene.breaker.enter()
        assert shut.value.retry_after == seconds
    assert scene.told == [Change(State.OPEN, 4, 4, 2, "status 500")]


def test_a_few_calls_try_and_their_success_closes_it() -> None:
    scene = Scene()
    scene.calls("----")
    scene.clock.go(2)
    first, second = scene.breaker.enter(), scene.breaker.enter()
    assert scene.breaker.state is State.HALF_OPEN
    assert scene.is_shut()
    scene.breaker.succeeded(first)
    assert scene.is_shut()  # the second is still under way
    scene.breaker.succeeded(second)
    assert scene.breaker.state is State.CLOSED
    scene.calls("---")  # what was counted before is forgotten
    assert [change.state for change in scene.told] == [State.OPEN, State.HALF_OPEN, State.CLOSED]


def test_a_try_that_nobody_waited_for_leaves_its_place_to_another() -> None:
    scene = Scene()
    scene.calls("----")
    scene.clock.go(2)
    scene.calls("?????")
    assert scene.breaker.state is State.HALF_OPEN
    scene.calls("++")
    assert scene.breaker.state is State.CLOSED


def test_a_failed_try_opens_it_for_longer_up_to_a_bound() -> None:
    scene = Scene()
    scene.calls("----")
    for seconds in (2, 4, 7, 7):
        scene.clock.go(seconds - 0.01)
        assert scene.is_shut()
        scene.clock.go(0.01)
        scene.calls("+-")
        assert scene.breaker.state is State.OPEN
    assert [change.seconds for change in scene.told if change.state is State.OPEN] == [2, 4, 7, 7, 7]


@pytest.mark.parametrize(("quiet", "seconds"), [(1, 4), (31, 2)])
def test_only_time_without_failures_heals(quiet: float, seconds: float) -> None:
    scene = Scene()
    scene.calls("----")
    scene.clock.go(2)
    scene.calls("++")
    scene.clock.go(quiet)
    scene.calls("----")
    assert scene.told[-1].seconds == seconds


def test_what_was_sent_before_it_opened_decides_nothing_later() -> None:
    scene = Scene()
    early = [scene.breaker.enter() for _ in range(6)]
    scene.calls("----")
    scene.clock.go(2)
    (trying,) = [scene.breaker.enter()]
    scene.breaker.succeeded(early[0])
    scene.breaker.succeeded(early[1])
    scene.breaker.failed(early[2], "late")
    scene.breaker.unknown(early[3])
    assert scene.breaker.state is State.HALF_OPEN
    assert not scene.breaker.stands(early[4])
    assert scene.breaker.stands(trying)
    scene.breaker.succeeded(trying)
    scene.calls("+")
    assert scene.breaker.stands(early[4])  # closed again: why not


def test_an_answer_whose_body_broke_off_counts_as_well() -> None:
    scene = Scene()
    tickets = [scene.breaker.enter() for _ in range(2)]
    for ticket in tickets:
        scene.breaker.succeeded(ticket)
    for ticket in tickets:
        scene.breaker.failed(ticket, "ReadError")
    assert scene.breaker.state is State.OPEN
