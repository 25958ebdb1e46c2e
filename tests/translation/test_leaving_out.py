"""Fields that are left out are null, wherever their thing stands, and nothing else is touched."""

from typing import Any

import pytest

from translation.leaving_out import NOUNS, LeftOut
from translation.operations import BY_NAME
from translation.shapes import SHAPES


def test_all_nouns_are_shapes() -> None:
    assert set(NOUNS.values()) <= set(SHAPES)


@pytest.mark.parametrize(
    ("rules", "operation", "value", "left"),
    [
        ((), "list_speakers", [{"email": "a@example.com"}], [{"email": "a@example.com"}]),
        (("speakers.email",), "list_speakers", [{"name": "A", "email": "a"}], [{"name": "A", "email": None}]),
        (("speakers.EMAIL",), "list_speakers", [{"email": "a"}], [{"email": None}]),
        (
            ("speakers.email",),
            "list_sessions",
            [{"email": "stays", "speakers": [{"email": "a"}]}, {"speakers": None}],
            [{"email": "stays", "speakers": [{"email": None}]}, {"speakers": None}],
        ),
        (("buildings.wifiPassword",), "get_event", {"building": {"wifiPassword": "x"}}, {"building": {"wifiPassword": None}}),
        (("buildings.email",), "list_sessions", [{"building": {"email": "x"}}], [{"building": {"email": None}}]),
        (("passes.own_field",), "list_passes", [{"own_field": 1, "price": 2}], [{"own_field": None, "price": 2}]),
        (("speakers.email",), "count_event_registrations", 7, 7),
        (
            ("events.image", "rooms.name"),
            "list_events",
            [{"image": "x", "room": {"name": "y"}}],
            [{"image": None, "room": {"name": None}}],
        ),
    ],
)
def test_what_is_left(rules: tuple[str, ...], operation: str, value: Any, left: Any) -> None:
    assert LeftOut(rules).of(BY_NAME[operation], value) == left


@pytest.mark.parametrize(
    "rule", ["email", "speaker.email", "speakers.", "speakers", ".email", "speakers.e mail", "", "Speakers.email"]
)
def test_what_is_no_rule(rule: str) -> None:
    with pytest.raises(ValueError, match=r"speakers\.email"):
        LeftOut([rule])


def test_rules_are_kept_once_and_in_order() -> None:
    left_out = LeftOut(["speakers.image", "events.image", "speakers.image"])
    assert left_out.rules == ("events.image", "speakers.image")
    assert left_out.names("speakers", "image")
    assert not left_out.names("speakers", "email")
    assert not left_out.names("rooms", "image")
    assert left_out
    assert not LeftOut()
