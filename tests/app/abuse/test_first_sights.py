"""Tests of app/abuse/first_sights.py."""

from app.abuse import first_sights
from app.abuse.first_sights import FirstSights
from tests.clock import Clock


def test_a_form_waits_for_the_first_read_not_the_last() -> None:
    clock = Clock()
    sights = FirstSights(3, clock)
    sights.saw("ann", "E")
    clock.now += 2
    sights.saw("ann", "e")
    assert sights.wait("ann", "E") == 1
    clock.now += 1
    assert sights.wait("ann", "E") == 0
    assert sights.wait("ann", "other") == 3


def test_who_was_not_seen_passes_the_second_time() -> None:
    clock = Clock()
    sights = FirstSights(3, clock)
    assert sights.wait("bo", "E") == 3
    clock.now += 3
    assert sights.wait("bo", "E") == 0


def test_pairs_are_bounded() -> None:
    sights = FirstSights(3, Clock())
    for number in range(first_sights._MOST + 10):
        sights.saw(str(number), "E")
        sights.saw("0", "E")
    assert len(sights._seen) == first_sights._MOST
    assert ("0", "e") in sights._seen
    assert ("1", "e") not in sights._seen
