"""The document that says which organisation serves what."""

import re
from fnmatch import fnmatchcase
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.cutover.state import STAGE_LATCH, CutoverState, Latch, Stage, Switch
from translation.operations import BY_NAME, OPERATIONS

NEW = [operation.name for operation in OPERATIONS if operation.row is None]
LATCH = {"at": 1_800_000_000.5, "reason": "9 of 60 calls failed"}
IDS = st.text("aAbBßİ_2.- é東", min_size=1, max_size=6).filter(lambda text: text not in (".", ".."))
PATTERNS = st.text("aAbB_?*", min_size=1, max_size=6)
STATES = st.builds(
    CutoverState,
    stage=st.sampled_from(Stage),
    percent=st.integers(0, 10_000).map(lambda hundredths: hundredths / 100),
    operations=st.dictionaries(
        st.sampled_from([name for name in BY_NAME if name not in NEW]), st.sampled_from([*set(Switch) - {Switch.ARCHIVE}])
    ),
    events=st.dictionaries((IDS | PATTERNS).map(str.casefold), st.sampled_from(Switch)),
    latches=st.dictionaries(
        st.sampled_from([*BY_NAME, STAGE_LATCH]), st.builds(Latch, at=st.floats(0, 2e9), reason=st.text(max_size=5))
    ),
)


def words(**values: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        CutoverState.model_validate(values)
    return "\n".join(error["msg"] for error in refused.value.errors())


def switch(state: CutoverState, *ids: str) -> Switch | None:
    found = state.event_switch(*ids)
    return None if found is None else found[1]


def test_nothing_said_is_all_real_time() -> None:
    state = CutoverState()
    assert (state.stage, state.percent, state.plain) == (Stage.REALTIME, 100, True)


@pytest.mark.parametrize(
    "parts", [{"operations": {"register": "off"}}, {"events": {"a": "off"}}, {"latches": {STAGE_LATCH: LATCH}}]
)
def test_whatever_is_not_the_stage_is_not_plain(parts: dict[str, Any]) -> None:
    assert not CutoverState.model_validate(parts).plain


def test_stages_stand_in_the_order_of_the_migration() -> None:
    assert [stage.value for stage in Stage] == ["outbound", "shadow", "split", "realtime"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"stage": "both"}, "Input should be 'outbound', 'shadow', 'split' or 'realtime'"),
        ({"percent": -0.01}, "Input should be greater than or equal to 0"),
        ({"percent": 100.01}, "Input should be less than or equal to 100"),
        ({"percent": float("nan")}, "Input should be less than or equal to 100"),
        ({"percent": "half"}, "Input should be a valid number, unable to parse string as a number"),
        (
            {"operations": {"regster": "off", "list_evnts": "off", "register": "off"}},
            "Value error, no such operation: list_evnts, regster; `evtmgmt-proxy operations` lists them",
        ),
        ({"operations": {"Register": "off"}}, "Value error, no such operation: Register; `evtmgmt-proxy operations` lists them"),
        (
            {"operations": {"register": "archive"}},
            "Value error, register: the archive holds events, so that only an event can be switched to it",
        ),
        ({"operations": {"register": "both"}}, "Input should be 'outbound', 'realtime', 'off' or 'archive'"),
        ({"events": {"a/b": "off"}}, "Value error, 'a/b' is no readable event id or pattern such as Contoso_*"),
        ({"events": {"": "off"}}, "Value error, '' is no readable event id or pattern such as Contoso_*"),
        ({"events": {"..": "off"}}, "Value error, '..' is no readable event id or pattern such as Contoso_*"),
        ({"events": {"a#*": "off"}}, "Value error, 'a#*' is no readable event id or pattern such as Contoso_*"),
        ({"events": {"x" * 201: "off"}}, f"Value error, '{'x' * 201}' is no readable event id or pattern such as Contoso_*"),
        ({"events": {"ß" * 101: "off"}}, f"Value error, '{'ß' * 101}' is no readable event id or pattern such as Contoso_*"),
        (
            {"events": {"Gala": "off", "GALA": "realtime"}},
            "Value error, the same event stands there twice in different letter case",
        ),
        ({"latches": {"nothing": LATCH}}, "Value error, no such operation: nothing"),
        ({"latches": {"register": {"at": 1, "reason": "x", "who": "y"}}}, "Extra inputs are not permitted"),
        ({"switches": {}}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_no_state_is_told(values: dict[str, Any], sentence: str) -> None:
    assert words(**values) == sentence


@pytest.mark.parametrize("name", NEW)
def test_outbound_cannot_be_told_to_serve_what_it_does_not_have(name: str) -> None:
    assert words(operations={name: "outbound"}) == f"Value error, {name} is new in the real-time API: outbound cannot serve it"
    for other in ("realtime", "off"):
        assert CutoverState.model_validate({"operations": {name: other}}).operations == {name: Switch(other)}


@pytest.mark.parametrize(("given", "taken"), [(0, 0), (100, 100), (12.345, 12.35), (0.004, 0.0), (99.996, 100.0), ("7.5", 7.5)])
def test_percentages_are_hundredths(given: Any, taken: float) -> None:
    assert CutoverState(percent=given).percent == taken


def test_a_state_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        CutoverState().stage = Stage.SPLIT  # type: ignore[misc]


def test_an_event_stands_under_its_own_id_before_any_pattern() -> None:
    state = CutoverState.model_validate({"events": {"*": "off", "Contoso_*": "outbound", "Contoso_Gala": "realtime"}})
    assert state.event_switch("CONTOSO_GALA") == ("contoso_gala", Switch.REALTIME)
    assert state.event_switch("Contoso_Expo") == ("contoso_*", Switch.OUTBOUND)
    assert state.event_switch("Other") == ("*", Switch.OFF)
    assert CutoverState.model_validate({"events": {"Gala": "off"}}).event_switch("Gala_2") is None


@pytest.mark.parametrize(
    ("events", "event", "stands_under"),
    [
        ({"Expo_????", "Expo_2*"}, "Expo_2031", "expo_2*"),  # a question mark is no letter
        ({"*_2031", "Expo_*", "Expo_20*"}, "Expo_2031", "expo_20*"),
        ({"?xpo", "*xpo"}, "Expo", "?xpo"),  # as many letters: the one that says how long
        ({"ab*", "*bc"}, "abc", "*bc"),  # as specific: always the same one
        ({"****", "???"}, "abc", "???"),
    ],
)
def test_of_patterns_the_one_with_most_letters_wins(events: set[str], event: str, stands_under: str) -> None:
    for order in (sorted(events), sorted(events, reverse=True)):
        found = CutoverState(events=dict.fromkeys(order, Switch.OFF)).event_switch(event)
        assert found is not None
        assert found[0] == stands_under


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("a?c", ["abc", "a.c", "A東C"], ["ac", "abbc", "xabc", "abcx"]),
        ("a[b]c*", ["a[b]c", "a[B]cd"], ["abc", "abcd"]),
        ("[!x]*", ["[!x]", "[!x]y"], ["a", "y"]),
        ("[*", ["[", "[a"], ["a"]),
        ("*.2031", ["a.2031", ".2031"], ["a-2031", "2031"]),
        ("(a|b)+*", ["(a|b)+", "(a|b)+c"], ["a", "ab"]),
        ("Gala*", ["gala", "GALA 2", "Gala_2031"], ["a Gala", "Gal"]),
        ("*", ["a", "東京_技術会議", "Münchner Herbstgespräche"], []),
    ],
)
def test_patterns_know_stars_and_question_marks_and_nothing_else(pattern: str, matches: list[str], others: list[str]) -> None:
    state = CutoverState(events={pattern: Switch.OFF})
    assert [event for event in matches + others if switch(state, event)] == matches


def test_a_pattern_of_many_stars_is_decided_at_once() -> None:
    state = CutoverState(events={"*a" * 60 + "*b": Switch.OFF})
    assert switch(state, "a" * 200) is None


def test_an_event_with_two_ids_stands_under_either() -> None:
    state = CutoverState.model_validate({"events": {"Forum_*": "realtime", "Forum_2031": "off", "Old": "outbound"}})
    assert switch(state, "Old_Forum", "Forum_2031") is Switch.OFF
    assert switch(state, "Forum_2030", "forum_2031") is Switch.OFF  # an id before patterns, whosever it is
    assert switch(state, "OLD", "Forum_2030") is Switch.OUTBOUND
    assert switch(state, "x", "Forum_2030") is Switch.REALTIME
    assert switch(state) is None


@given(STATES)
def test_a_state_survives_json(state: CutoverState) -> None:
    document = state.document()
    again = CutoverState.model_validate(orjson.loads(orjson.dumps(document)))
    assert again == state
    assert again.document() == document
    assert set(document) == {"stage", "percent", "operations", "events", "latches"}


@given(STATES, IDS)
def test_looking_an_event_up_leaves_a_state_equal(state: CutoverState, event: str) -> None:
    again = CutoverState.model_validate(state.document())
    state.event_switch(event)
    assert again == state
    assert again.document() == state.document()


@given(st.dictionaries(PATTERNS.map(str.casefold), st.sampled_from(Switch), max_size=5), st.text("aAbB_", min_size=1, max_size=8))
def test_an_event_is_found_under_what_matches_it_and_only_then(events: dict[str, Switch], event: str) -> None:
    state = CutoverState(events=events)
    fitting = {pattern for pattern in events if fnmatchcase(event.casefold(), pattern)}
    found = state.event_switch(event)
    assert (found is None) == (not fitting)
    if found is not None:
        pattern, says = found
        assert (pattern in fitting, says) == (True, events[pattern])
        exact = event.casefold() in events
        assert pattern == event.casefold() if exact else all(_letters(pattern) >= _letters(other) for other in fitting)


def _letters(pattern: str) -> int:
    return len(re.sub(r"[*?]", "", pattern))
