"""translation/tracks.py: the four ways in which tracks and sessions may be related."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.strategies import OBJECTS
from translation.tracks import sessions_of_track, track_ids

TRACK = "aaaaaaaa-0000-4000-8000-000000000001"
OTHER = "aaaaaaaa-0000-4000-8000-000000000002"
ONE = "bbbbbbbb-0000-4000-8000-000000000001"
TWO = "bbbbbbbb-0000-4000-8000-000000000002"
THREE = "bbbbbbbb-0000-4000-8000-000000000003"

PLAIN_TRACKS = [{"id": TRACK, "name": "A"}, {"id": OTHER, "name": "B"}]


def sessions(one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": ONE, **one}, {"id": TWO, **two}, {"id": THREE, **three}]


@pytest.mark.parametrize(
    ("tracks", "given_sessions"),
    [
        pytest.param(
            [{"id": TRACK, "sessions": [{"id": ONE.upper()}, {"id": THREE}]}, {"id": OTHER, "sessions": [{"id": TWO}]}],
            sessions({}, {}, {}),
            id="track.sessions of objects",
        ),
        pytest.param([{"id": TRACK, "sessions": [ONE, THREE]}], sessions({}, {}, {}), id="track.sessions of ids"),
        pytest.param(
            [{"trackId": TRACK, "sessions": [{"sessionId": ONE}, {"sessionId": THREE}]}],
            sessions({}, {}, {}),
            id="track.sessions under other names",
        ),
        pytest.param(
            PLAIN_TRACKS,
            sessions({"tracks": [{"id": TRACK}]}, {"tracks": [{"id": OTHER}]}, {"tracks": [OTHER, TRACK.upper()]}),
            id="session.tracks",
        ),
        pytest.param(
            PLAIN_TRACKS,
            sessions(
                {"sessionTracks": [{"sessionTrackId": TRACK}]},
                {"sessionTracks": []},
                {"sessionTracks": [{"trackId": OTHER}, {"trackId": TRACK}]},
            ),
            id="session.sessionTracks",
        ),
        pytest.param(
            PLAIN_TRACKS,
            sessions({"trackId": TRACK}, {"trackId": OTHER}, {"trackId": TRACK.upper()}),
            id="session.trackId",
        ),
        pytest.param(
            PLAIN_TRACKS,
            sessions({"trackIds": [TRACK]}, {"trackIds": [OTHER]}, {"trackIds": [OTHER, TRACK]}),
            id="session.trackIds",
        ),
        pytest.param(
            [{"id": TRACK, "sessions": [{"id": ONE}]}],
            sessions({}, {}, {"trackId": TRACK}),
            id="two kinds together",
        ),
    ],
)
@pytest.mark.parametrize("wanted", [TRACK, TRACK.upper()], ids=["lower", "upper"])
def test_a_relation_is_read(wanted: str, tracks: list[dict[str, Any]], given_sessions: list[dict[str, Any]]) -> None:
    found = sessions_of_track(wanted, tracks, given_sessions)
    assert found == [given_sessions[0], given_sessions[2]]


@pytest.mark.parametrize(
    ("tracks", "given_sessions"),
    [
        pytest.param(PLAIN_TRACKS, sessions({}, {}, {}), id="no field"),
        pytest.param(PLAIN_TRACKS, sessions({"tracks": None}, {"trackId": None}, {"trackIds": None}), id="blank fields"),
        pytest.param([{"id": TRACK, "sessions": None}], sessions({}, {}, {}), id="blank sessions"),
        pytest.param([], [], id="nothing at all"),
        pytest.param(PLAIN_TRACKS, [], id="no sessions"),
    ],
)
def test_nothing_relates_them(tracks: list[dict[str, Any]], given_sessions: list[dict[str, Any]]) -> None:
    assert sessions_of_track(TRACK, tracks, given_sessions) is None


@pytest.mark.parametrize(
    ("tracks", "given_sessions"),
    [
        pytest.param([{"id": TRACK, "sessions": []}], sessions({}, {}, {}), id="a track without sessions"),
        pytest.param([{"id": OTHER, "sessions": [ONE]}], sessions({}, {}, {}), id="another track"),
        pytest.param(PLAIN_TRACKS, sessions({"tracks": []}, {"tracks": [OTHER]}, {}), id="sessions of another track"),
        pytest.param([{"id": TRACK, "sessions": ["gone"]}], sessions({}, {}, {}), id="a session that is gone"),
    ],
)
def test_related_but_empty(tracks: list[dict[str, Any]], given_sessions: list[dict[str, Any]]) -> None:
    assert sessions_of_track(TRACK, tracks, given_sessions) == []


def test_the_answer_is_a_copy_in_the_given_order() -> None:
    given_sessions = [{"id": TWO, "trackId": TRACK}, {"id": ONE, "trackId": TRACK}]
    found = sessions_of_track(TRACK, iter(PLAIN_TRACKS), iter(given_sessions))
    assert found == given_sessions
    assert found is not None
    assert found[0] is not given_sessions[0]


@pytest.mark.parametrize(
    ("tracks", "ids"),
    [
        ([], []),
        ([{"id": TRACK.upper()}, {"id": None, "trackId": OTHER}], [TRACK, OTHER]),
        ([{"id": None}, {"id": ""}, {"id": 5}, {"name": "x"}, {"sessionTrackId": OTHER}], [OTHER]),
    ],
)
def test_the_ids_of_tracks(tracks: list[dict[str, Any]], ids: list[str]) -> None:
    assert track_ids(tracks) == ids


@given(st.lists(OBJECTS, max_size=2), st.lists(OBJECTS, max_size=2), st.text(max_size=5))
def test_any_payload_is_read(tracks: list[dict[str, Any]], given_sessions: list[dict[str, Any]], wanted: str) -> None:
    found = sessions_of_track(wanted, tracks, given_sessions)
    assert found is None or all(session in given_sessions for session in found)
    assert all(identity == identity.lower() for identity in track_ids(tracks))
