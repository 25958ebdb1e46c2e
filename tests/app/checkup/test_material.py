"""Raw answers are unwrapped as the service does it, and nothing else is done to them."""

from typing import Any

import pytest

from app.checkup.material import Material
from app.settings import Answers


@pytest.mark.parametrize(
    ("operation", "raw", "objects"),
    [
        ("list_sessions", [{"id": "1"}, None], [{"id": "1"}]),
        ("list_sessions", {"value": [{"id": "1"}], "count": 1}, [{"id": "1"}]),
        ("list_sessions", None, []),
        ("list_sessions", [{" id ": "1"}], [{"id": "1"}]),
        ("list_speakers", [{"imageUrl": "https://host.invalid/x"}], [{"imageUrl": "https://host.invalid/x"}]),
        ("get_event", {"registrationForm": "<div>"}, [{"registrationForm": "<div>"}]),
        ("get_event", {"data": {"eventName": "A"}}, [{"eventName": "A"}]),
        ("count_event_registrations", {"count": 3}, []),
    ],
)
def test_objects(operation: str, raw: Any, objects: list[dict[str, Any]]) -> None:
    assert Material({operation: raw}, Answers()).objects(operation) == objects


def test_what_was_not_answered_has_no_objects() -> None:
    assert Material({}, Answers()).objects("list_events", "get_event") == []
