"""Tests of app/admin/highlighting.py."""

from hypothesis import given
from hypothesis import strategies as st

from app.admin.highlighting import highlighted


def test_whole_words_are_marked() -> None:
    left, right = highlighted("Doors open at 8.30, with coffee", "Doors open at 9.00, with coffee")
    assert left == [(True, "Doors open at "), (False, "8.30,"), (True, " with coffee")]
    assert right == [(True, "Doors open at "), (False, "9.00,"), (True, " with coffee")]


def test_missing_and_equal_values() -> None:
    assert highlighted(None, "a") == ([], [(False, "a")])
    assert highlighted("", None) == ([], [])
    left, right = highlighted("same", "same")
    assert left == right


@given(st.text(alphabet="ab c", max_size=12), st.text(alphabet="ab c", max_size=12))
def test_nothing_is_lost(left: str, right: str) -> None:
    parts = highlighted(left, right)
    assert ["".join(text for _, text in side) for side in parts] == [left, right]
    same = ["".join(text for is_same, text in side if is_same) for side in parts]
    assert same[0] == same[1]
