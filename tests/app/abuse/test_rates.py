"""Tests of app/abuse/rates.py."""

import pytest

from app.abuse.rates import read_limit, seconds_to_wait


@pytest.mark.parametrize(
    ("text", "amount", "seconds"),
    [("10/minute", 10, 60), ("10/min", 10, 60), (" 300 / 5min ", 300, 300), ("100/h", 100, 3_600), ("9/Day", 9, 86_400)],
)  # fmt: skip
def test_what_operators_write(text: str, amount: int, seconds: int) -> None:
    limit = read_limit(text)
    assert limit is not None
    assert (limit.amount, limit.get_expiry()) == (amount, seconds)


def test_off_is_no_limit() -> None:
    assert read_limit(" OFF ") is None


@pytest.mark.parametrize(
    "text", ["", "10", "10/", "0/s", "10/0min", "-1/s", "1.5/s", "10/week", "10/m", "9999999/s", "1/2d", "on", "١/s"]
)
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        read_limit(text)


def test_the_wait_of_a_full_window_is_until_it_has_become_the_last_and_shrunk() -> None:
    limit = read_limit("10/min")
    assert limit is not None
    assert seconds_to_wait(limit, 0, 60, 9, 90) == 0
    assert seconds_to_wait(limit, 0, 60, 10, 90) == 30
    assert seconds_to_wait(limit, 10, 30, 5, 90) == 0 + 30 - 5 * 60 / 10
    assert seconds_to_wait(limit, 10, 60, 1, 120) == 6
