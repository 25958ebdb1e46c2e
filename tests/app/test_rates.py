"""Rates as operators write them, and what is told of those that are none."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rates import Rate, read_rate, shared_among


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15/s", 15),
        ("900/min", 15),
        ("6000/5min", 20),
        ("20 / s", 20),
        (" 54000/h\n", 15),
        ("54000/H", 15),
        ("0.5/s", 0.5),
        ("1/2.5s", 0.4),
        ("6000 / 5 Min", 20),
        ("100000/s", 100_000),
        ("1/h", 1 / 3_600),
    ],
)
def test_rates_are_read(text: str, expected: float) -> None:
    assert read_rate(text) == Rate(expected, text.strip())


@pytest.mark.parametrize("text", ["off", "OFF", " Off "])
def test_off_is_no_rate(text: str) -> None:
    assert read_rate(text) is None


FORM = "must be calls per time such as 15/s, 900/min or 6000/5min, or off"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "/s",
        "15/",
        "-15/s",
        "15/-1s",
        "nan/s",
        "inf/s",
        "1e3/s",
        "15/m",
        "15/d",
        "fifteen/s",
        "15/s/s",
        "15 s",
        "on",
        "15/sec",
        ".5/s",
        "5./s",
        "१५/s",
        "9999999999/s",
        "1/9999999h",
        "0x1/s",
        "15/s off",
        "1 5/s",
        "15,5/s",
    ],
)
def test_what_is_no_rate_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="^" + FORM.replace(".", r"\.") + "$"):
        read_rate(text)


@pytest.mark.parametrize("text", ["0/s", "0.000000/h", "15/0s", "0/0min"])
def test_a_rate_of_nothing_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be more than nothing; off means that calls are not limited$"):
        read_rate(text)


@pytest.mark.parametrize("text", ["100001/s", "100000.1/s", "999999999/min", "1/0.000001s"])
def test_an_absurd_rate_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be at most 100000/s$"):
        read_rate(text)


@given(st.text(max_size=12) | st.from_regex(r"\A[\d.]{1,9} ?/ ?[\d.]{0,7} ?(s|min|h)\Z"))
def test_whatever_is_written_is_a_usable_rate_or_told(text: str) -> None:
    with contextlib.suppress(ValueError):
        rate = read_rate(text)
        assert rate is None or 0 < rate.per_second <= 100_000


@pytest.mark.parametrize(
    ("workers", "burst", "expected"), [(1, 200, (15.0, 200)), (4, 200, (3.75, 50)), (3, 200, (5.0, 66)), (8, 5, (1.875, 1))]
)
def test_workers_share(workers: int, burst: int, expected: tuple[float, int]) -> None:
    assert shared_among(workers, Rate(15, "900/min"), burst) == (Rate(expected[0], "900/min"), expected[1])


def test_off_is_shared_as_off() -> None:
    assert shared_among(2, None, 200) == (None, 100)
