"""Where things live: learned from answers, bounded, forgotten in time."""

from typing import Any
from unittest.mock import patch

import pytest

from app.cutover import places as module
from app.cutover.decision import Source
from app.cutover.places import Listed, Pages, Places
from sandbox.server import Sandbox, SandboxThread
from tests.clock import Clock
from translation.aliases import NO_ALIASES, Aliases

REALTIME, OUTBOUND = Source.REALTIME, Source.OUTBOUND
BOTH, NOBODY = frozenset({REALTIME, OUTBOUND}), frozenset[Source]()
ALIASES = Aliases.of({"Annual_Forum": "Annual_Forum_2031"}, {}, {}, {})
ONE, TWO, THREE, FOUR = (f"0e3b2b6a-0000-4000-8000-00000000000{number}" for number in "1a2b")
LISTS = ("list_sessions", "list_tracks", "list_speakers", "list_sponsorships", "list_passes")


def published(*names: str) -> list[dict[str, Any]]:
    return [{"readableEventId": name, "eventName": name.title(), "startDate": "2031-03-04T09:00:00"} for name in names]


def learned(source: Source, operation: str, value: Any, event: str | None = "Gala", places: Places | None = None) -> Places:
    places = places or Places(NO_ALIASES)
    places.learn(source, operation, {} if event is None else {"event": event}, value)
    return places


def test_before_anything_was_read_nothing_is_known() -> None:
    places = Places(NO_ALIASES)
    assert places.publishers("Gala") is None
    assert places.listed(REALTIME) is None
    assert places.age(REALTIME) == float("inf")
    assert places.holders(ONE) == (NOBODY, None)


def test_the_list_of_real_time_decides() -> None:
    places = learned(OUTBOUND, "list_events", published("Gala", "Roadshow"), None)
    assert places.publishers("Gala") is None  # real-time may publish it
    learned(REALTIME, "list_events", published("Gala", "Launch"), None, places)
    assert places.publishers("GALA") == BOTH
    assert places.publishers("Roadshow") == {OUTBOUND}
    assert places.publishers("Launch") == {REALTIME}
    assert places.publishers("Nothing") == NOBODY


def test_a_newer_list_takes_the_place_of_the_older() -> None:
    places = learned(REALTIME, "list_events", published("Gala"), None)
    learned(REALTIME, "list_events", published("Launch"), None, places)
    assert (places.publishers("Gala"), places.publishers("Launch")) == (NOBODY, {REALTIME})
    learned(REALTIME, "list_events", [], None, places)
    assert places.publishers("Launch") == NOBODY


@pytest.mark.parametrize("value", [None, {}, {"Message": "x"}, 42, "x", {"value": published("Gala")}])
def test_what_is_no_list_teaches_nothing(value: Any) -> None:
    places = learned(REALTIME, "list_events", published("Gala"), None)
    for operation in ("list_events", *LISTS, "get_event"):
        learned(REALTIME, operation, value, places=places)
    assert places.publishers("Gala") == {REALTIME}


@pytest.mark.parametrize(
    "item", [None, 7, "x", [], {}, {"readableEventId": None}, {"readableEventId": 7, "id": 7, "sessions": {}}]
)
def test_items_of_other_forms_are_passed_over(item: Any) -> None:
    places = learned(REALTIME, "list_events", [item, *published("Gala")], None)
    assert list(places.listed(REALTIME) or ()) == ["gala"]
    for operation in LISTS:
        learned(REALTIME, operation, [item, {"id": ONE}], places=places)
    assert places.holders(ONE) == ({REALTIME}, "Gala")


def test_a_list_is_kept_with_names_and_dates_and_its_age() -> None:
    clock = Clock()
    places = Places(NO_ALIASES, clock)
    event = {"readableEventId": "Gala", "eventName": "The Gala", "startDate": "2031-03-04T09:00:00", "endDate": None}
    places.learn(OUTBOUND, "list_events", {}, [event, {"readableEventId": "Bare"}])
    clock.go(7)
    assert places.listed(OUTBOUND) == {"gala": Listed("Gala", "The Gala", "2031-03-04T09:00:00"), "bare": Listed("Bare", "", "")}
    assert (places.age(OUTBOUND), places.age(REALTIME)) == (7, float("inf"))


@pytest.mark.parametrize("asked", ["Annual_Forum", "ANNUAL_FORUM_2031"])
def test_an_event_is_found_by_its_old_and_its_new_id(asked: str) -> None:
    places = Places(ALIASES)
    learned(REALTIME, "list_events", published("Annual_Forum_2031"), None, places)
    assert places.publishers(asked) == {REALTIME}
    learned(OUTBOUND, "list_events", published("annual_forum"), None, places)
    assert places.publishers(asked) == BOTH
    assert (places.old_name(asked).casefold(), places.new_name(asked).casefold()) == ("annual_forum", "annual_forum_2031")
    learned(REALTIME, "list_events", [], None, places)
    assert places.publishers(asked) == {OUTBOUND}


@pytest.mark.parametrize("operation", LISTS)
def test_ids_are_learned_from_each_list(operation: str) -> None:
    places = learned(OUTBOUND, operation, [{"id": ONE.upper()}, {"id": TWO, "sponsorId": "x"}])
    assert places.holders(ONE) == ({OUTBOUND}, "Gala")
    assert places.holders(TWO.upper()) == ({OUTBOUND}, "Gala")
    learned(REALTIME, operation, [{"id": ONE}], "Gala_2031", places)
    assert places.holders(ONE.upper()) == (BOTH, "Gala_2031")


def test_parts_of_parts_are_learned() -> None:
    speaker = {"id": ONE, "sessions": [{"id": TWO, "speakers": [{"id": THREE}]}]}
    places = learned(REALTIME, "list_speakers", [speaker])
    learned(REALTIME, "list_passes", [{"passId": "x", "sessions": [{"id": FOUR}]}], places=places)
    learned(REALTIME, "list_sponsorships", [{"sponsorshipId": FOUR.replace("0e3b", "1e3b")}], places=places)
    assert [places.holders(thing)[0] for thing in (ONE, TWO, THREE, FOUR, FOUR.replace("0e3b", "1e3b"))] == [{REALTIME}] * 5


def test_the_sessions_of_a_track_do_not_forget_their_event() -> None:
    places = learned(OUTBOUND, "list_sessions", [{"id": ONE}])
    places.learn(REALTIME, "list_track_sessions", {"track": FOUR}, [{"id": ONE}, {"id": TWO}])
    assert places.holders(ONE) == (BOTH, "Gala")
    assert places.holders(TWO) == ({REALTIME}, None)


@pytest.mark.parametrize("thing", ["", "x", "42", ONE + "0", None, 7])
def test_what_is_no_guid_is_not_kept(thing: Any) -> None:
    places = learned(REALTIME, "list_sessions", [{"id": thing}])
    assert not places._ids


def test_who_answered_for_a_thing_has_it() -> None:
    places = Places(NO_ALIASES)
    places.found(OUTBOUND, ONE.upper())
    assert places.holders(ONE) == ({OUTBOUND}, None)
    learned(OUTBOUND, "list_sessions", [{"id": ONE}], places=places)
    places.found(REALTIME, ONE)
    assert places.holders(ONE) == (BOTH, "Gala")


def test_the_oldest_id_is_forgotten_first() -> None:
    things = [f"0e3b2b6a-0000-4000-8000-{number:012}" for number in range(5)]
    with patch.object(module, "MOST_IDS", 3):
        places = learned(REALTIME, "list_sessions", [{"id": thing} for thing in things[:3]])
        learned(OUTBOUND, "list_sessions", [{"id": things[0]}], places=places)  # seen again: the youngest now
        learned(OUTBOUND, "list_sessions", [{"id": thing} for thing in things[3:]], places=places)
    assert [bool(places.holders(thing)[0]) for thing in things] == [True, False, False, True, True]


def test_both_organisations_of_the_sandbox_are_told_apart() -> None:
    """Each list of each event of both, as they give it."""
    with SandboxThread(Sandbox()) as sandbox:
        places = Places(Aliases.of(sandbox.control.aliases()["events"], {}, {}, {}))
        sides = {REALTIME: sandbox.realtime, OUTBOUND: sandbox.outbound}
        for side, organisation in sides.items():
            listed = [event for event in organisation.events.values() if event.listed]
            places.learn(side, "list_events", {}, [event.fields for event in listed])
            for event in listed:
                named = {"event": event.readable_id}
                for operation in ("sessions", "tracks", "speakers", "sponsorships", "passes"):
                    places.learn(side, f"list_{operation}", named, getattr(event, operation))
        for side, organisation in sides.items():
            for event in organisation.events.values():
                publishers = {
                    other
                    for other, its in sides.items()
                    if any(found.listed and found.plan.readable_id == event.plan.readable_id for found in its.events.values())
                }
                assert places.publishers(event.readable_id) == publishers
                if event.listed:
                    for part in (*event.sessions, *event.tracks, *event.sponsorships):  # created anew by the migration
                        assert places.holders(part["id"].upper()) == ({side}, event.readable_id)
                    for speaker in event.speakers:
                        assert places.holders(speaker["id"])[0] == publishers


def test_a_page_is_remembered_for_a_while() -> None:
    clock = Clock()
    pages = Pages(60, clock)
    assert pages.source(7, "Gala") is None
    pages.seen(7, "Gala", OUTBOUND)
    clock.go(59.9)
    assert pages.source(7, "GALA") is OUTBOUND
    assert pages.source(8, "Gala") is None
    assert pages.source(7, "Expo") is None
    clock.go(0.1)
    assert pages.source(7, "Gala") is None


def test_the_last_page_counts() -> None:
    clock = Clock()
    pages = Pages(60, clock)
    pages.seen(7, "Gala", OUTBOUND)
    clock.go(50)
    pages.seen(7, "gala", REALTIME)
    clock.go(50)
    assert pages.source(7, "Gala") is REALTIME


def test_a_page_is_no_older_than_the_clock_says_when_that_begins_at_nought() -> None:
    assert Pages(60, lambda: 0.0).source(7, "Gala") is None


def test_the_oldest_page_is_forgotten_first() -> None:
    with patch.object(module, "MOST_PAGES", 2):
        pages = Pages(60, Clock())
        for bucket, event in ((1, "a"), (2, "a"), (1, "a"), (3, "a")):
            pages.seen(bucket, event, REALTIME)
    assert [pages.source(bucket, "a") is not None for bucket in (1, 2, 3)] == [True, False, True]


def test_an_event_is_listed_where_either_side_publishes_it() -> None:
    places = learned(OUTBOUND, "list_events", published("Annual_Forum"), None, Places(ALIASES))
    assert (places.is_listed("annual_FORUM_2031"), places.is_listed("Annual_Forum"), places.is_listed("Gala")) == (
        True,
        True,
        False,
    )
    assert places.publishers("Annual_Forum") is None
    learned(REALTIME, "list_events", published("Gala"), None, places)
    assert (places.is_listed("gala"), places.is_listed("nia@example.com")) == (True, False)
