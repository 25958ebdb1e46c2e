"""What is learned from answers, whether Dynamics gave them or another replica brought them."""

from typing import Any

import orjson
import pytest

from app.caching.cache import Key, key_of
from app.calls import Call
from app.cutover.decision import Source
from app.cutover.places import Places
from routes.learning import hearer_of, outbound_learner, realtime_learner
from routes.tracks import TrackMemory
from translation.aliases import Aliases
from translation.operations import BY_NAME
from translation.query import read_query

GALA = {"event": "Gala"}
TRACK = "0e3b2b6a-0000-4000-8000-00000000000a"
LISTED = [{"readableEventId": "Gala"}]


class Passes:
    """An outbox, for what it learns."""

    def __init__(self) -> None:
        self.learned: list[tuple[str, Any]] = []

    def learn(self, event: str, passes: Any) -> None:
        self.learned.append((event, passes))


def call(name: str, query: bytes = b"", source: str = "realtime", **asked: str) -> Call:
    operation = BY_NAME[name]
    return Call(operation, asked, asked, read_query(query, operation.query), source=source)


def known() -> Places:
    return Places(Aliases.of({}, {}, {}, {}))


def brought(made: Call, value: Any) -> tuple[Key, bytes]:
    return key_of(made), orjson.dumps(value)


@pytest.mark.parametrize("by", ["dynamics", "another replica"])
def test_tracks_passes_and_places_are_learned(by: str) -> None:
    tracks, places, passes = TrackMemory(), known(), Passes()
    learner = realtime_learner(tracks, places, passes)  # type: ignore[arg-type]
    for made, value in (
        (call("list_tracks", **GALA), [{"id": TRACK}]),
        (call("list_passes", **GALA), [{"passId": "1"}]),
        (call("list_events"), LISTED),
    ):
        if by == "dynamics":
            learner.learn(made, value)
        else:
            hearer_of(learner)(*brought(made, value))
    assert tracks.event_of(TRACK) == "Gala"
    assert passes.learned == [("Gala", [{"passId": "1"}])]
    assert places.holders(TRACK) == ({Source.REALTIME}, "Gala")
    assert list(places.listed(Source.REALTIME) or ()) == ["gala"]


def test_where_there_is_one_organisation_tracks_are_learned_alone() -> None:
    tracks = TrackMemory()
    hear = hearer_of(realtime_learner(tracks, None, None))
    hear(*brought(call("list_passes", **GALA), [{"passId": "1"}]))
    hear(*brought(call("list_tracks", **GALA), [{"id": TRACK}]))
    assert tracks.event_of(TRACK) == "Gala"


def test_outbound_tells_what_it_publishes_with_a_byte_order_mark_as_well() -> None:
    places = known()
    key, body = brought(call("list_events", source="outbound"), LISTED)
    hearer_of(outbound_learner(places))(key, b"\xef\xbb\xbf" + body)
    assert list(places.listed(Source.OUTBOUND) or ()) == ["gala"]


@pytest.mark.parametrize("query", [b"$top=1", b"%24filter=x"])
def test_a_part_of_a_list_tells_nothing(query: bytes) -> None:
    places = known()
    operation = BY_NAME["list_events"]
    filtered = Call(operation, {}, {}, read_query(query, ("$top", "$filter")))
    assert filtered.query.kept
    for learner in (realtime_learner(TrackMemory(), places, None), outbound_learner(places)):
        learner.learn(filtered, LISTED)
        hearer_of(learner)(*brought(filtered, LISTED))
    assert [places.listed(side) for side in (Source.REALTIME, Source.OUTBOUND)] == [None, None]


def test_a_version_asks_for_the_whole_list() -> None:
    places = known()
    versioned = Call(BY_NAME["list_events"], {}, {}, read_query(b"api-version=2016-06-30", ("api-version",)))
    hearer_of(realtime_learner(TrackMemory(), places, None))(*brought(versioned, LISTED))
    assert places.listed(Source.REALTIME)


def test_what_teaches_nothing_is_not_even_read() -> None:
    hearer_of(realtime_learner(TrackMemory(), known(), None))(key_of(call("get_event", **GALA)), b"no JSON")
    alone = hearer_of(realtime_learner(TrackMemory(), None, None))
    for name in ("list_events", "list_passes"):
        alone(key_of(call(name, **({} if name == "list_events" else GALA))), b"no JSON")
