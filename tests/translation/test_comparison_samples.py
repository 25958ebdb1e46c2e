"""What is shown of values that differ."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.strategies import JSON
from translation.comparison_samples import MOST, label, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (None, None),
        (True, "true"),
        (75.5, "75.5"),
        (10**400, "a very large number"),
        ({"a": 1}, "an object of 1 fields"),
        (["b", "a", 1], "1, a, b"),
        ([{}], "a list of 1"),
        ("write to ann@example.com, please", "write to [e-mail], please"),
        ("mailto:ann%40example.com?x", "mailto:[e-mail]"),
    ],
)
def test_values(value: Any, text: str | None) -> None:
    assert shown(value, None)[0] == text


def test_long_texts_are_shown_where_they_differ() -> None:
    left, right = shown("x" * 5_000 + "LEFT" + "y" * 5_000, "x" * 5_000 + "RIGHT" + "y" * 5_000)
    assert left is not None
    assert right is not None
    assert (len(left), len(right)) == (MOST, MOST)
    assert left.startswith("…" + "x" * 40 + "LEFT")
    assert right.startswith("…" + "x" * 40 + "RIGHT")
    assert left.endswith("…")


@pytest.mark.parametrize("at", range(MOST - 12, MOST + 3))
def test_no_cut_shows_a_part_of_an_address(at: int) -> None:
    left, _ = shown("." * at + " annabelle@example.com" + "." * 500, None)
    assert left is not None
    assert "anna" not in left


def test_labels() -> None:
    assert label("Annual_Forum") == "Annual_Forum"
    assert label(None) == label({}) == ""
    assert len(label("x" * 1_000)) == MOST


@given(JSON | st.text(max_size=400), JSON | st.text(max_size=400))
def test_any_value_is_short_and_can_be_written(left: Any, right: Any) -> None:
    for text in shown(left, right):
        assert text is None or len(text) <= MOST
        orjson.dumps(text)
