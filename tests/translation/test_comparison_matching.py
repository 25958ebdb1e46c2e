"""Which thing is which: by id, through aliases, by name; never by position."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.strategies import OBJECTS
from translation.comparison_fields import KINDS, THING
from translation.comparison_matching import pairs, same_id

SESSION, EVENT = KINDS["Session"], KINDS["Event"]


def session(identity: str | None, name: str | None = None, start: str | None = None) -> dict[str, Any]:
    return {"id": identity, "name": name, "startTime": start}


def joined(left: list[dict[str, Any]], right: list[dict[str, Any]], **aliases: str) -> set[tuple[Any, Any]]:
    return {(a and a["id"], b and b["id"]) for a, b in pairs(SESSION, left, right, aliases)}


def test_by_id_in_any_letter_case() -> None:
    assert joined([session("A"), session("b")], [session("B"), session("a")]) == {("A", "a"), ("b", "B")}


def test_an_alias_goes_before_the_same_id() -> None:
    assert joined([session("a")], [session("a"), session("n")], a="N") == {("a", "n"), (None, "a")}
    assert joined([session("a")], [session("a")], a="N") == {("a", "a")}


def test_leftovers_by_name() -> None:
    left = [session("1", "Opening  Keynote"), session("2", "Gone")]
    right = [session("9", "New"), session("8", "opening keynote")]
    assert joined(left, right) == {("1", "8"), ("2", None), (None, "9")}


def test_things_of_one_name_by_what_stands_beside() -> None:
    left = [session(str(number), "Break", f"2031-03-04T{number:02}:00:00") for number in (9, 12, 15)]
    right = [session(f"n{number}", "Break", f"2031-03-04T{number:02}:00:00.000") for number in (15, 12)]
    assert joined(left, right) == {("9", None), ("12", "n12"), ("15", "n15")}


def test_without_names_only_equal_ones_or_those_without_ids() -> None:
    assert joined([session("1")], [session("2")]) == {("1", None), (None, "2")}
    assert joined([session(None)], [session(None)]) == {(None, None)}
    assert [tuple(pair) for pair in pairs(THING, [{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 3}], {})] == [
        ({"a": 1}, {"a": 3}),
        ({"a": 2}, {"a": 2}),
    ]


def test_positions_do_not_matter() -> None:
    left = [session("1", "Break"), session("2", "Break"), session("3", "Talk"), session("4")]
    right = [session("a", "Break"), session("b", "Break"), session("c", "Talk")]
    found = {frozenset(joined(list(ours), right)) for ours in permutations(left)}
    found |= {frozenset(joined(left, list(theirs))) for theirs in permutations(right)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        ("A", "a", True),
        ("a", "new", True),
        ("A", "NEW", True),
        ("b", "new", False),
        (1, 1, True),
        (1, True, False),
        (None, "a", False),
    ],
)
def test_same_id(left: Any, right: Any, alike: bool) -> None:
    assert same_id(left, right, {"a": "New"}) is alike


@given(st.lists(OBJECTS, max_size=6), st.lists(OBJECTS, max_size=6))
def test_each_thing_is_in_one_pair(left: list[Any], right: list[Any]) -> None:
    for kind in (EVENT, SESSION, THING):
        found = pairs(kind, left, right, {"a": "b"})
        assert sorted(id(pair.left) for pair in found if pair.left is not None) == sorted(map(id, left))
        assert sorted(id(pair.right) for pair in found if pair.right is not None) == sorted(map(id, right))
        assert all(pair.left is not None or pair.right is not None for pair in found)
