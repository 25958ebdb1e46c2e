"""Ignore rules: what they cover, and what is said of those that cannot be used."""

import time

import pytest

from translation.comparison_rules import read_rules


def covered(rule: str, operation: str, path: str) -> bool:
    return any(found.covers(path) for found in read_rules([rule]).of(operation))


@pytest.mark.parametrize(
    ("rule", "operation", "path"),
    [
        ("list_events:[].description", "list_events", "[].description"),
        (" list_events : [].Description ", "list_events", "[].description"),
        ("description", "get_event", "description"),
        ("*.image", "get_event", "image"),
        ("*.image", "list_speakers", "[].image"),
        ("*.image", "list_sessions", "[].speakers[].image"),
        ("building*", "get_event", "building"),
        ("building*", "get_event", "building.city"),
        ("building.*", "get_event", "building.city"),
        ("list_*:*.id", "list_sessions", "[].id"),
        ("*:[]", "list_events", "[]"),
        ("customFields.theme", "get_event", "customFields.theme"),
        ("*speakers[]*", "list_sessions", "[].speakers[].name"),
        ("list_events:(answer)", "list_events", "(answer)"),
        ("get_event:*", "get_event", "anything.at[].all"),
        ("*a*b*c*", "get_event", "xaxbxcx"),
    ],
)
def test_covered(rule: str, operation: str, path: str) -> None:
    assert covered(rule, operation, path)


@pytest.mark.parametrize(
    ("rule", "operation", "path"),
    [
        ("list_events:[].description", "get_event", "[].description"),
        ("description", "list_events", "[].description"),
        ("*.image", "list_speakers", "[].imageUrl"),
        ("*.image", "list_speakers", "[].bigimage"),
        ("building.*", "get_event", "building"),
        ("[]", "list_events", "[].name"),
        ("*a*b*c*", "get_event", "xcxbxa"),
        ("a*a", "get_event", "a"),
    ],
)
def test_not_covered(rule: str, operation: str, path: str) -> None:
    assert not covered(rule, operation, path)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("", "no rule such as"),
        ("list_events:", "no rule such as"),
        ("x" * 201, "no rule such as"),
        ("list_event:[].name", "'list_event' is no operation that reads"),
        ("register:status", "'register' is no operation that reads"),
        ("[0].name", "no field path such as"),
        ("[].a name", "no field path such as"),
        ("a..b", "no field path such as"),
        ("a.", "no field path such as"),
        (".a", "no field path such as"),
    ],
)
def test_mistakes(rule: str, words: str) -> None:
    with pytest.raises(ValueError, match="no ") as raised:
        read_rules([rule])
    assert words in str(raised.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ValueError, match="no ") as raised:
        read_rules(["good", "nothing:x", "a..b"])
    assert len(str(raised.value).splitlines()) == 2


def test_many_stars_take_no_time() -> None:
    started = time.process_time()
    assert not covered("*a" * 90, "get_event", "a" * 80 + "b")
    assert time.process_time() - started < 5
