"""Small archives, made without an organisation."""

from pathlib import Path
from typing import Any

import orjson

from app.archive.draft import Draft
from translation.leaving_out import LeftOut

SESSION, SPEAKER, TRACK, SPONSORSHIP = (f"{number}0000000-0000-4000-8000-00000000000a" for number in range(1, 5))
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
FAIR = "Old_Fair"
ENDPOINT = "https://old.svc.dynamics.example/EvtMgmt/api/v2.0/"
EVENT = {
    "readableEventId": FAIR,
    "eventName": "Old Fair",
    "startDate": "2024-05-01T09:00:00",
    "startDateUTC": "2024-05-01T08:00:00Z",
    "endDate": "2024-05-01T17:00:00",
    "endDateUTC": "2024-05-01T16:00:00Z",
    "image": "https://old.svc.dynamics.example/picture.png",
}
ANSWERS: dict[tuple[str, str], Any] = {
    ("list_events", ""): EVENT,
    ("get_event", ""): {**EVENT, "description": "All of it."},
    ("list_passes", ""): [{"passId": SESSION, "numberOfPassesLeft": 3}],
    ("list_sessions", ""): [{"id": SESSION, "name": "Opening", "speakers": [{"id": SPEAKER, "email": "sam@example.com"}]}],
    ("list_tracks", ""): [{"id": TRACK, "name": "Track"}],
    ("list_speakers", ""): [{"id": SPEAKER, "name": "Sam", "email": "sam@example.com"}],
    ("list_sponsorships", ""): [{"id": SPONSORSHIP, "sponsorName": "S"}],
    ("count_event_registrations", ""): 42,
    ("count_session_registrations", SESSION): 7,
    ("list_track_sessions", TRACK): [{"id": SESSION, "name": "Opening"}],
    ("get_speaker_image", SPEAKER): PNG,
    ("get_sponsor_logo", SPONSORSHIP): PNG,
}
"""What is recorded of the event, by operation and thing; no registration fields."""


def fill(draft: Draft, name: str = FAIR, **more: Any) -> None:
    """Put an event into an archive."""
    event = name.casefold()
    draft.name(name)
    for (operation, thing), value in ANSWERS.items():
        if isinstance(value, bytes):
            draft.put(operation, thing, event, value, "image/png")
            continue
        told = {**value, "readableEventId": name, **more} if isinstance(value, dict) else value
        draft.put(operation, thing or event, event, orjson.dumps(told))


def archive_at(path: Path, *names: str, endpoint: str = ENDPOINT, **more: Any) -> Path:
    """An archive of one event or several, with the same parts."""
    draft = Draft(path, endpoint, LeftOut())
    for name in names or (FAIR,):
        fill(draft, name, **more)
    draft.finish()
    return path


def spoil(path: Path, old: bytes, new: bytes) -> None:
    """Change bytes in a file, as a bad disk does."""
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
