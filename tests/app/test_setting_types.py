"""app/setting_types.py: what all groups of settings have in common. The settings themselves: tests/app/test_settings.py."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.caching.settings import CacheSettings
from app.setting_types import Bytes, Group, Seconds, Words
from app.settings import GivenSettings


class Thing(Group):
    words: Words = ()
    seconds: Seconds = 1
    size: Bytes = 1_024


def words_of(refused: ValidationError) -> list[str]:
    return [error["msg"].removeprefix("Value error, ") for error in refused.errors()]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("", ()),
        ("  ", ()),
        (" , ,", ()),
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        (" a b , c ", ("a b", "c")),
        ('["a", "b"]', ("a", "b")),
        (' ["a,b"] ', ("a,b",)),
        ("[]", ()),
        (["a", "b"], ("a", "b")),
        (("a",), ("a",)),
        ("{a}", ("{a}",)),
        ("a[0], [b]", ("a[0]", "[b]")),
        ('a, "b"', ("a", '"b"')),
    ],
)
def test_words_are_json_or_parted_by_commas(given: Any, taken: tuple[str, ...]) -> None:
    assert Thing(words=given).words == taken


@pytest.mark.parametrize("given", ["[a]", '["a"', "[", "['a']", '["a"] b'])
def test_words_that_are_neither_are_told(given: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Thing(words=given)
    assert words_of(refused.value) == ['must be a JSON list such as ["a", "b"], or words parted by commas']


@pytest.mark.parametrize("given", [7, None, True, {"a": "b"}, '[{"a": 1}]', "[1]", "[null]", '[["a"]]'])
def test_words_of_another_kind_are_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        Thing(words=given)


@pytest.mark.parametrize(("least", "most"), [(0.001, 3_600)])
def test_seconds_are_more_than_none_and_at_most_an_hour(least: float, most: float) -> None:
    assert (Thing(seconds=least).seconds, Thing(seconds=most).seconds) == (least, most)
    for bad in (0, -1, most + 0.001, float("nan"), float("inf")):
        with pytest.raises(ValidationError):
            Thing(seconds=bad)


def test_sizes_are_at_least_a_kibibyte_and_at_most_two_gibibytes() -> None:
    assert (Thing(size=1_024).size, Thing(size=2**31).size) == (1_024, 2**31)
    for bad in (0, 1_023, 2**31 + 1):
        with pytest.raises(ValidationError):
            Thing(size=bad)


def test_a_name_that_is_none_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Thing.model_validate({"word": "a"})


def test_nothing_changes_after_the_start() -> None:
    with pytest.raises(ValidationError):
        Thing().seconds = 2  # type: ignore[misc]


def test_a_refusal_does_not_show_the_value() -> None:
    with pytest.raises(ValidationError) as refused:
        Thing.model_validate({"seconds": "s3cr3t", "words": ["a", {"s3cr3t": "s3cr3t"}], "size": "s3cr3t"})
    assert "s3cr3t" not in str(refused.value)


def groups(model: type[Any]) -> list[type[Any]]:
    inner = [field.annotation for field in model.model_fields.values()]
    found = [one for one in inner if isinstance(one, type) and hasattr(one, "model_fields")]
    return [*found, *(deeper for one in found for deeper in groups(one))]


def test_every_group_of_the_settings_is_such_a_group() -> None:
    found = groups(GivenSettings)
    assert CacheSettings in found
    assert len(found) >= 9
    assert all(issubclass(group, Group) for group in found)
