"""Adding up comparisons: counts, noise, times, samples, merging, the document."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.strategies import JSON
from translation.comparison import Comparison, Difference, Verdict
from translation.parity import MAX_FIELDS, MAX_OPERATIONS, Field, Parity, Tally

VERDICTS = tuple(Verdict)


def found(operation: str = "get_event", path: str = "name", item: str = "E", **counts: int) -> Comparison:
    """A comparison of one path, with a difference for each verdict that is not equal."""
    verdicts = {Verdict(name.replace("_", " ")): count for name, count in counts.items()}
    differences = [Difference(path, verdict, item, "old", "new") for verdict in verdicts if verdict is not Verdict.EQUAL]
    return Comparison(operation, {path: verdicts}, differences)


def field_of(parity: Parity, operation: str = "get_event", path: str = "name") -> Field:
    return parity.operations[operation][path]


def test_counts_and_times() -> None:
    parity = Parity()
    parity.add(found(equal=3), 10)
    parity.add(found(differs=1, missing_left=2), 20)
    parity.add(found(missing_right=4), 15)
    name = field_of(parity)
    assert (name.seen, name.noise) == (Tally(3, 1, 2, 4), Tally())
    assert (name.first, name.last) == (15, 20)
    assert name.seen.share == 0.7


def test_times_are_of_differences() -> None:
    parity = Parity()
    parity.add(found(equal=1), 10)
    assert (field_of(parity).first, field_of(parity).last) == (None, None)


def test_what_differs_no_more_than_noise_does_not_differ() -> None:
    parity = Parity()
    parity.add(found(equal=90, differs=10), 1)
    assert field_of(parity).differs
    assert parity.percent() == 90
    parity.add(found(equal=900, differs=100), 1, noise=True)
    assert field_of(parity).seen == Tally(90, 10)
    assert not field_of(parity).differs
    assert parity.percent("get_event") == 100
    parity.add(found(differs=20), 1)
    assert field_of(parity).differs


def test_noise_of_a_small_sample_may_be_more_than_was_seen() -> None:
    parity = Parity()
    parity.add(found(equal=80, differs=20), 1)
    parity.add(found(equal=9, differs=1), 1, noise=True)
    assert not field_of(parity).differs


def test_noise_is_no_sample_and_has_no_time() -> None:
    parity = Parity()
    parity.add(found(differs=1), 1, noise=True)
    assert field_of(parity) == Field(noise=Tally(0, 1))


def test_percent() -> None:
    parity = Parity()
    assert parity.percent() is None
    parity.add(found(equal=1), 1)
    parity.add(found("list_passes", differs=3), 1)
    assert (parity.percent("get_event"), parity.percent("list_passes"), parity.percent()) == (100, 0, 25)
    assert parity.percent("list_tracks") is None
    parity.add(Comparison("count_event_registrations"), 1)
    assert "count_event_registrations" not in parity.operations


def test_the_most_different_first() -> None:
    parity = Parity()
    for path, times in (("a", 1), ("b", 3), ("c", 0), ("d", 1)):
        parity.add(found(path=path, differs=times, equal=1), 1)
    assert [(operation, path) for operation, path, _ in parity.different()] == [
        ("get_event", "b"),
        ("get_event", "a"),
        ("get_event", "d"),
    ]
    assert parity.different("list_passes") == []


def test_the_newest_samples_one_per_item() -> None:
    parity = Parity()
    for number in range(9):
        parity.add(found(differs=1, item=f"E{number % 7}"), number)
    assert [(sample.at, sample.difference.item) for sample in field_of(parity).samples] == [
        (8, "E1"),
        (7, "E0"),
        (6, "E6"),
        (5, "E5"),
        (4, "E4"),
    ]


def test_of_one_item_the_newest_sample_is_kept() -> None:
    parity = Parity()
    for now in (2, 3, 1):
        parity.add(found(differs=1), now)
    assert [sample.at for sample in field_of(parity).samples] == [3]


def test_operations_and_fields_are_bounded() -> None:
    parity = Parity()
    for number in range(MAX_FIELDS + 7):
        parity.add(found(path=f"p{number}", differs=1), 1)
    assert len(parity.operations["get_event"]) == MAX_FIELDS + 1
    assert field_of(parity, path="*").seen.differs == 7
    for number in range(MAX_OPERATIONS + 7):
        parity.add(found(f"o{number}", equal=1), 1)
    assert len(parity.operations) == MAX_OPERATIONS + 1


COMPARISONS = st.builds(
    lambda operation, path, item, counts: found(operation, path, item, **counts),
    st.sampled_from(["get_event", "list_passes"]),
    st.sampled_from(["a", "b", "[].c"]),
    st.sampled_from("ABCDEFG"),
    st.dictionaries(st.sampled_from([verdict.replace(" ", "_") for verdict in VERDICTS]), st.integers(1, 9), min_size=1),
)
ADDED = st.lists(st.tuples(COMPARISONS, st.integers(0, 50), st.booleans()), max_size=20)


def tallied(added: list[tuple[Comparison, int, bool]]) -> Parity:
    parity = Parity()
    for comparison, now, noise in added:
        parity.add(comparison, now, noise=noise)
    return parity


@given(ADDED, ADDED)
def test_merging_is_adding_in_any_order(one: list[Any], other: list[Any]) -> None:
    whole = tallied(one + other).document()
    first, second = tallied(one), tallied(other)
    merged = copy.deepcopy(first)
    merged.merge(second)
    second.merge(first)
    assert merged.document() == second.document() == whole


@given(ADDED)
def test_the_document_brings_all_back(added: list[Any]) -> None:
    parity = tallied(added)
    document = json.loads(json.dumps(parity.document()))
    read = Parity.of_document(document)
    assert read.operations == parity.operations
    assert read.document() == document


DOCUMENT = tallied([(found(differs=1), 1, False)]).document()


def test_no_document_of_this_version() -> None:
    for path, value in (
        (("schema",), 0),
        (("operations",), []),
        (("operations", "get_event"), {}),
        (("operations", "get_event", "fields", "name", "seen", "equal"), -1),
        (("operations", "get_event", "fields", "name", "noise", "equal"), True),
        (("operations", "get_event", "fields", "name", "samples"), None),
        (("operations", "get_event", "fields", "name", "samples", 0, "verdict"), "odd"),
        (("operations", "get_event", "fields", "name", "samples", 0, "left"), "x" * 1_000),
        (("operations", "get_event", "fields", "name", "first"), 10**400),
    ):
        broken = copy.deepcopy(DOCUMENT)
        inner: Any = broken
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        with pytest.raises(ValueError, match="no document of parity"):
            Parity.of_document(broken)


@given(JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    for document in (value, {"schema": 1, "operations": value}):
        try:
            Parity.of_document(document)
        except ValueError:
            continue
