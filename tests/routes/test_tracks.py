"""The sessions of a track, which no operation of the real-time API gives."""

import pytest

from tests.examples import FORUM, OPEN_DAY, TOKYO, assert_error, event_of, received
from tests.service import Service, event_path, running_proxy

NOBODY = "0e3b2b6a-0000-4000-8000-000000000009"


def names(service: Service) -> list[str]:
    return [record.operation for record in received(service)]


@pytest.mark.parametrize("event", [OPEN_DAY, "Contoso_Ltd_Conference", "Agenda_Summit", FORUM, TOKYO])
def test_the_sessions_of_a_track_are_found_by_every_relation(service: Service, event: str) -> None:
    found = event_of(service, event)
    for track in found.tracks:
        sessions = service.get(f"tracks/{track['id'].upper()}/sessions").json()
        assert [item["id"] for item in sessions] == [item["id"] for item in found.sessions_of(track["id"])]
        assert all(item["building"] is not None for item in sessions)


def test_a_track_that_was_seen_is_not_looked_for(service: Service) -> None:
    assert service.get(event_path(TOKYO, "/tracks")).is_success
    service.sandbox.recorder.clear()
    track = event_of(service, TOKYO).tracks[0]["id"]
    assert service.get(f"tracks/{track}/sessions").is_success
    assert sorted(names(service)) == ["list_sessions", "list_tracks"]


def test_a_track_that_was_not_seen_is_looked_for_once(service: Service) -> None:
    with running_proxy(service.settings) as (port, _):
        url = f"http://127.0.0.1:{port}/EvtMgmt/api/v2.0/tracks/{event_of(service, FORUM).tracks[0]['id']}/sessions"
        first = service.client.get(url)
        assert first.is_success
        assert "list_events" in names(service)
        service.sandbox.recorder.clear()
        assert service.client.get(url).json() == first.json()
        assert sorted(names(service)) == ["list_sessions", "list_tracks"]


def test_a_track_of_no_event_is_not_found(service: Service) -> None:
    assert_error(service.get(f"tracks/{NOBODY}/sessions"), "NotFound", 404)


def test_an_event_that_vanishes_during_the_search_does_not_end_it(service: Service) -> None:
    service.sandbox.faults.add("status", status=404, operation="list_tracks")
    assert_error(service.get(f"tracks/{NOBODY}/sessions"), "NotFound", 404)


def test_a_failure_during_the_search_is_told(service: Service) -> None:
    service.sandbox.faults.add("status", status=500, operation="list_tracks")
    assert_error(service.get(f"tracks/{NOBODY}/sessions"), "UpstreamFailed", 502)


def test_tracks_without_any_relation_are_not_available(service: Service) -> None:
    track = event_of(service, "Loose_Tracks_Day").tracks[0]["id"]
    assert_error(service.get(f"tracks/{track}/sessions"), "TrackSessionsNotAvailable", 501)
