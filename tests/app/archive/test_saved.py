"""Which operation a path in a saved copy is of."""

import pytest

from app.archive.saved import operation_of, secrets_in

GUID = "A0000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("path", "operation", "value"),
    [
        ("events/published.json", "list_events", None),
        ("events/published", "list_events", None),
        ("events/Gala.json", "get_event", "Gala"),
        ("events/Gala/index.json", "get_event", "Gala"),
        ("events/Gala_v1.0", "get_event", "Gala_v1.0"),
        ("events/Gala/sessions.json", "list_sessions", "Gala"),
        ("events/Gala/sessions/index.html", "list_sessions", "Gala"),
        ("Events/Gala/SESSIONS.JSON", "list_sessions", "Gala"),
        ("copy/of/the/api/events/Gala/registrations/count", "count_event_registrations", "Gala"),
        (f"speakers/{GUID}/image.png", "get_speaker_image", GUID),
        (f"tracks/{GUID}/sessions.json", "list_track_sessions", GUID),
        ("events/M%C3%BCnchen%20Tagung/tracks.json", "list_tracks", "München Tagung"),
        ("old.svc.dynamics.com/EvtMgmt/api/v2.0/events/published?emApplicationtoken=T", "list_events", None),
        ("old.svc.dynamics.com/EvtMgmt/api/v2.0/events/published@emApplicationtoken=T", "list_events", None),
        ("old.svc.dynamics.com/evtmgmt/api/v1.0/events/Gala/passes%3FemApplicationtoken=T%2F", "list_passes", "Gala"),
        ("web/20240101/https/old/EvtMgmt/api/v2.0/events/Gala/index.html", "get_event", "Gala"),
        ("EvtMgmt/api/v2.0//events//published/", "list_events", None),
        ("users/authenticated", "get_user", None),
        # Behind the base everything has to fit.
        ("EvtMgmt/api/v2.0/x/events/published", None, None),
        ("EvtMgmt/api/v2.0", None, None),
        ("events/Gala/unknown.json", None, None),
        (f"events/Gala/sessions/{GUID}/registrations", None, None),
        ("speakers/7/image.png", None, None),
        (f"sessions/{GUID}", None, None),
        ("index.html", None, None),
        ("", None, None),
    ],
)
def test_paths(path: str, operation: str | None, value: str | None) -> None:
    found = operation_of(path.split("/"))
    if operation is None:
        assert found is None
    else:
        assert found is not None
        assert (found[0].name, next(iter(found[1].values()), None)) == (operation, value)


def test_old_tokens_are_found_in_all_forms() -> None:
    assert secrets_in("https://x/events?a=1&emApplicationtoken=ab%2Bcd&x=2") == {"ab%2Bcd", "ab+cd"}
    assert secrets_in("published@EMAPPLICATIONTOKEN%3dabcd") == {"abcd"}
    assert secrets_in("events/published?emApplicationtoken=") == set()
