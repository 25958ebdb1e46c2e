"""Two answers field by field: verdicts, paths, lists, what is forgiven, what is never shown, and any JSON at all."""

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.data.build import aliases, build_events
from tests.translation.strategies import JSON, OBJECTS
from translation.aliases import Aliases
from translation.answers import translate
from translation.comparison import (
    MAX_PATHS,
    MAX_SAMPLES,
    WHOLE,
    Comparison,
    Difference,
    Rules,
    Verdict,
    compare,
    compare_in_steps,
    only_one,
)
from translation.operations import BY_NAME, OPERATIONS
from translation.repairs import Repairs

OLD, NEW = build_events("outbound"), build_events("realtime")
TABLES = aliases(OLD.values(), NEW.values())
ALIASES = Aliases.of(*(TABLES[kind] for kind in ("events", "sessions", "passes", "fields")))
AS_IT_IS = Repairs(keep_registration_form=True, keep_anonymous=True, captcha=True)
NOTHING = Rules.of()
DIFFERS, EQUAL = Verdict.DIFFERS, Verdict.EQUAL
MISSING_LEFT, MISSING_RIGHT = Verdict.MISSING_LEFT, Verdict.MISSING_RIGHT
GUID = "3c1f1d0a-0000-4000-8000-000000000001"


def event(**fields: Any) -> dict[str, Any]:
    raw = copy.deepcopy(OLD["Contoso_Ltd_Conference"].fields) | fields
    asked = {"event": "Contoso_Ltd_Conference"}
    value, _ = translate(BY_NAME["get_event"], raw, asked, asked, AS_IT_IS)
    found: dict[str, Any] = value
    return found


def session(**fields: Any) -> dict[str, Any]:
    return copy.deepcopy(OLD["Contoso_Ltd_Conference"].sessions[0]) | fields


def events(left: dict[str, Any], right: dict[str, Any], *ignore: str) -> Comparison:
    return compare(BY_NAME["get_event"], left, right, Rules.of(ignore))


def verdicts(comparison: Comparison) -> dict[str, Verdict]:
    """Path to verdict of all that is not equal."""
    return {difference.path: difference.verdict for difference in comparison.differences}


def test_an_event_is_equal_to_itself() -> None:
    found = events(event(), event())
    assert found.equal
    assert found.count() == found.count(EQUAL) > 30
    assert found.fields["building.city"] == {EQUAL: 1}
    assert "websiteMessage" not in found.fields  # blank on both sides


@pytest.mark.parametrize(
    ("left", "right", "path", "verdict"),
    [
        ({"eventName": "A"}, {"eventName": "B"}, "eventName", DIFFERS),
        ({"websiteMessage": None}, {"websiteMessage": "Hi"}, "websiteMessage", MISSING_LEFT),
        ({"websiteMessage": "Hi"}, {"websiteMessage": " "}, "websiteMessage", MISSING_RIGHT),
        ({"building": {"city": "A"}}, {"building": {"city": "B"}}, "building.city", DIFFERS),
        ({"building": {"city": "A"}}, {"building": None}, "building", MISSING_RIGHT),
        ({"building": {"city": "A"}}, {"building": "A"}, "building", DIFFERS),
        ({"customFields": {"foo": 1}}, {"customFields": {"foo": 2}}, "customFields.foo", DIFFERS),
        ({"customFields": {"foo": 1}}, {"customFields": None}, "customFields.foo", MISSING_RIGHT),
        ({"customFields": {"foo": {"x": 1}}}, {"customFields": {"foo": {"x": 2}}}, "customFields.foo.*", DIFFERS),
        ({"customFields": {"a b": 1}}, {"customFields": {"a b": 2}}, "customFields.*", DIFFERS),
        ({"customFields": {"tags": ["a", "b"]}}, {"customFields": {"tags": ["b"]}}, "customFields.tags[]", DIFFERS),
        ({"venueMap": {"a": {"b": 1}}}, {"venueMap": {"a": {"b": 2}}}, "venueMap.*", DIFFERS),
        ({"halls": [{"x": 1}]}, {"halls": [{"x": 2}]}, "halls[].*", DIFFERS),
        ({"halls": [{"x": 1}]}, {}, "halls[]", MISSING_RIGHT),
        ({"a b": 1}, {"a b": 2}, "*", DIFFERS),
        ({"readableEventId": "A"}, {"readableEventId": "B"}, "readableEventId", DIFFERS),
        ({"allowAnonymousRegistrations": True}, {"allowAnonymousRegistrations": False}, "allowAnonymousRegistrations", DIFFERS),
        ({"isCapacityRestricted": False}, {"isCapacityRestricted": None}, "isCapacityRestricted", MISSING_RIGHT),
        ({"timeZone": 85}, {"timeZone": 35}, "timeZone", DIFFERS),
    ],
)  # fmt: skip
def test_one_field(left: dict[str, Any], right: dict[str, Any], path: str, verdict: Verdict) -> None:
    found = events(event(**left), event(**right))
    assert verdicts(found) == {path: verdict}
    assert found.fields[path][verdict] == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"startDate": "2031-04-08T08:00:00"}, {"startDate": "2031-04-08T12:00:00Z"}),
        ({"startDateUTC": "2031-04-08T12:00:00"}, {"startDateUTC": "2031-04-08T12:00:00.0000000Z"}),
        ({"description": "<p>A</p>\r\n<p>B&nbsp;C</p>"}, {"description": "<p>A</p><p>B\u00a0C</p>"}),
        ({"eventId": "a"}, {"eventId": "b"}),
        ({"enableCaptcha": True}, {"enableCaptcha": False}),
        ({"registrationForm": "<form></form>"}, {"registrationForm": None}),
        ({"allowAnonymousRegistrations": False}, {"allowAnonymousRegistrations": True}),
        ({"customFields": None}, {"customFields": {}}),
        ({"customFields": {"foo": None}}, {"customFields": {}}),
        ({"customFields": {"tags": ["a", "b"]}}, {"customFields": {"tags": ["b", "a "]}}),
        ({"building": {}}, {"building": None}),
        ({}, {"newOfRealtime": 5, "@odata.etag": "x"}),
        ({"@odata.etag": "x"}, {"@odata.etag": "y"}),
        ({"venueMap": [{"x": 1}, {"x": 2}]}, {"venueMap": [{"x": 2}, {"x": 1}]}),
    ],
)
def test_what_is_no_difference(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert events(event(**left), event(**right)).differences == []


def test_times_are_in_the_zone_of_their_session() -> None:
    left = session(timeZone=35, startTime="2031-04-08T08:00:00")
    right = session(timeZone=35, startTime="2031-04-08T12:00:00Z")
    assert compare(BY_NAME["list_sessions"], [left], [right], NOTHING).equal
    assert not compare(BY_NAME["list_sessions"], [left | {"timeZone": 85}], [right | {"timeZone": 85}], NOTHING).equal


@pytest.mark.parametrize("name", ["registrationCount", "alreadyRegistered", "userEligibleToRegister"])
def test_what_belongs_to_visitors_and_counts_is_not_compared(name: str) -> None:
    found = compare(BY_NAME["list_sessions"], [session(**{name: 1})], [session(**{name: 2})], NOTHING)
    assert found.equal
    assert f"[].{name}" not in found.fields


def test_counts_are_not_compared() -> None:
    assert compare(BY_NAME["count_event_registrations"], 1, 2, NOTHING) == Comparison("count_event_registrations")


def test_lists_have_no_order_at_any_depth() -> None:
    dice = random.Random(7)
    old = [session(id=f"{n}", name=f"S{n}", speakers=[{"id": f"{n}-{m}", "name": f"P{m}"} for m in range(4)]) for n in range(6)]
    new = copy.deepcopy(old)
    dice.shuffle(new)
    for item in new:
        dice.shuffle(item["speakers"])
    assert compare(BY_NAME["list_sessions"], old, new, NOTHING).equal
    new[2]["speakers"][1]["name"] = "Somebody"
    assert verdicts(compare(BY_NAME["list_sessions"], old, new, NOTHING)) == {"[].speakers[].name": DIFFERS}


def test_found_by_name_only_the_id_differs() -> None:
    found = compare(BY_NAME["list_sessions"], [session(id="old")], [session(id="new")], NOTHING)
    assert verdicts(found) == {"[].id": DIFFERS}
    assert compare(
        BY_NAME["list_sessions"], [session(id="old")], [session(id="new")], Rules.of((), Aliases.of({}, {"OLD": "new"}, {}, {}))
    ).equal


def test_ids_without_aliases_are_new_by_design() -> None:
    track = {"id": "a", "name": "T", "description": None}
    assert compare(BY_NAME["list_tracks"], [track], [track | {"id": "b"}], NOTHING).equal


def test_an_event_under_another_readable_id() -> None:
    old, new = event(readableEventId="Annual_Forum"), event(readableEventId="Annual_Forum_2031")
    renamed = Rules.of((), ALIASES)
    assert compare(BY_NAME["list_events"], [old], [new], renamed).equal
    assert verdicts(compare(BY_NAME["list_events"], [old], [new], NOTHING)) == {"[].readableEventId": DIFFERS}
    assert compare(BY_NAME["list_events"], [old], [old], renamed.within_one()).equal


def test_within_one_organisation_no_id_has_changed() -> None:
    both = [event(readableEventId="Old", eventName="O"), event(readableEventId="New", eventName="N")]
    renamed = Rules.of((), Aliases.of({"Old": "New"}, {}, {}, {}))
    assert compare(BY_NAME["list_events"], both, both, renamed.within_one()).equal
    assert not compare(BY_NAME["list_events"], both, both, renamed).equal


def test_things_that_one_side_lacks() -> None:
    gone, added = event(readableEventId="Gone", eventName="G"), event(readableEventId="Added", eventName="A")
    found = compare(BY_NAME["list_events"], [gone, event()], [event(), added], NOTHING)
    assert found.differences == [
        Difference("[]", MISSING_RIGHT, "Gone", None, None),
        Difference("[]", MISSING_LEFT, "Added", None, None),
    ]
    assert found.fields["[]"] == {MISSING_RIGHT: 1, EQUAL: 1, MISSING_LEFT: 1}


def test_samples_name_the_event_and_its_part_and_never_show_personal_values() -> None:
    building = {"telephone1": "+1 555 0100", "wifiPassword": "open sesame", "name": "ask ann@example.com"}
    other = {"telephone1": "+1 555 0199", "wifiPassword": "mellon", "name": "ask ben@example.com"}
    found = compare(
        BY_NAME["list_sessions"], [session(id=GUID, building=building)], [session(id=GUID, building=other)], NOTHING, "E"
    )
    shown = {difference.path: (difference.left, difference.right, difference.personal) for difference in found.differences}
    assert shown == {
        "[].building.telephone1": (None, None, True),
        "[].building.wifiPassword": (None, None, True),
        "[].building.name": ("ask [e-mail]", "ask [e-mail]", False),
    }
    assert {difference.item for difference in found.differences} == {f"E / {GUID}"}
    assert events(event(), event(eventName="x")).differences[0].item == "Contoso_Ltd_Conference"


def test_ignored_fields_are_not_counted() -> None:
    found = events(event(eventName="A"), event(eventName="B"), "get_event:eventName", "building.*")
    assert found.equal
    assert "eventName" not in found.fields
    assert not any(path.startswith("building.") for path in found.fields)


def test_all_are_counted_and_a_few_kept() -> None:
    old = [event(readableEventId=f"E{n}", eventName=f"E{n}") for n in range(40)]
    new = [item | {"description": "other"} for item in old]
    found = compare(BY_NAME["list_events"], old, new, NOTHING)
    assert found.fields["[].description"] == {DIFFERS: 40}
    assert len(found.differences) == MAX_SAMPLES


def test_paths_are_bounded() -> None:
    fields = {f"f{n}": n for n in range(3 * MAX_PATHS)}
    found = events(event(customFields=fields), event(customFields=dict.fromkeys(fields, -1)))
    assert len(found.fields) == MAX_PATHS + 1
    assert found.count(DIFFERS) == 3 * MAX_PATHS
    assert len(found.differences) <= MAX_PATHS + MAX_SAMPLES


def test_in_steps() -> None:
    old = [event(readableEventId=f"E{n}", eventName=f"E{n}") for n in range(30)]
    steps = list(compare_in_steps(BY_NAME["list_events"], old, old, NOTHING))
    assert len(steps) == 31
    assert steps[0] is steps[-1]
    assert steps[-1] == compare(BY_NAME["list_events"], old, old, NOTHING)


def test_an_answer_that_one_side_failed_to_give() -> None:
    found = only_one(BY_NAME["list_passes"], left=True, event="E")
    assert (found.differences, found.count()) == ([Difference(WHOLE, MISSING_RIGHT, "E", None, None)], 1)
    assert verdicts(only_one(BY_NAME["list_passes"], left=False)) == {WHOLE: MISSING_LEFT}


@pytest.mark.parametrize(("left", "right"), [([], {}), ({"a": 1}, [1]), ("x", {"a": 1}), (1, [event()]), (None, {"a": 1})])
def test_answers_of_another_type(left: Any, right: Any) -> None:
    found = events(left, right)
    assert set(found.fields) <= {WHOLE}


@pytest.mark.parametrize("identity", sorted(set(OLD) - {"Legacy_Roadshow"}))
def test_the_events_of_the_sandbox_are_equal(identity: str) -> None:
    old, new = OLD[identity], NEW[ALIASES.event(identity)]
    # The sandbox draws an event's picture from its id.
    rules = Rules.of(["get_event:image"] if identity in TABLES["events"] else [], ALIASES)
    for name, left, right in (
        ("get_event", old.fields, new.fields),
        ("list_sessions", old.sessions, new.sessions),
        ("list_passes", old.passes, new.passes),
        ("list_speakers", old.speakers, new.speakers),
        ("list_tracks", old.tracks, new.tracks),
        ("list_sponsorships", old.sponsorships, new.sponsorships),
        ("list_custom_registration_fields", old.questions, new.questions),
    ):
        asked = {"event": identity}
        before, _ = translate(BY_NAME[name], json.loads(json.dumps(left)), asked, asked, AS_IT_IS)
        after, _ = translate(BY_NAME[name], json.loads(json.dumps(right)), asked, {"event": new.readable_id}, Repairs())
        assert compare(BY_NAME[name], before, after, rules).differences == []


READS = [operation for operation in OPERATIONS if operation.method == "GET"]


@given(st.sampled_from(READS), JSON | st.lists(OBJECTS), JSON | st.lists(OBJECTS))
def test_any_json_is_borne(operation: Any, left: Any, right: Any) -> None:
    comparison = compare(operation, left, right, Rules.of(["*.image"], ALIASES), "E")
    assert comparison.count() >= len(comparison.differences)
    assert all(" " not in path and "\n" not in path for path in comparison.fields)
    assert compare(operation, left, left, NOTHING).equal or operation.answer.value == "count"
    swapped = compare(operation, right, left, NOTHING)
    assert len(swapped.fields) <= MAX_PATHS + 1


def nested(depth: int, leaf: Any) -> Any:
    value = leaf
    for number in range(depth):
        value = {"building": value} if number % 2 else [value]
    return value


@pytest.mark.parametrize("depth", [5, 60, 5_000])
def test_deep_values_are_borne(depth: int) -> None:
    for operation in (BY_NAME["get_event"], BY_NAME["list_sessions"]):
        found = compare(operation, nested(depth, 1), nested(depth, 2), NOTHING)
        assert all(len(path) < 200 for path in found.fields)
    assert not events(event(speakers=nested(depth, 1)), event(speakers=nested(depth, 2))).equal
