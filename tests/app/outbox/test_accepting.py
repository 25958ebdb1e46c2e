"""Which failures, and which registrations, may be stored."""

import json
from typing import Any

import pytest

from app.organisation import _listed
from app.outbox.accepting import NOT_SENT, Obstacle, are_paid, obstacle
from app.upstream import NOT_SENT as NO_BYTE_SENT
from app.upstream import Trouble, UpstreamError
from translation.operations import BY_NAME


@pytest.mark.parametrize("trouble", Trouble)
def test_a_trouble_is_taken_only_when_no_byte_was_sent(trouble: Trouble) -> None:
    error = _listed(BY_NAME["register"], UpstreamError(trouble, "a cause"))
    assert (error.kind in NOT_SENT) is (trouble in NO_BYTE_SENT)


@pytest.mark.parametrize(
    ("more", "whole", "found"),
    [
        ({}, {}, None),
        ({"waitlisted": False, "attendeeSessions": [{"sessionId": "s", "waitlisted": False}]}, {"hipObject": None}, None),
        ({"waitlisted": True}, {}, Obstacle.WAITLIST),
        ({"attendeeSessions": [{"sessionId": "a"}, {"sessionId": "b", "waitlisted": True}]}, {}, Obstacle.WAITLIST),
        ({"Waitlisted": True}, {}, Obstacle.WAITLIST),
        ({"AttendeeSessions": [{"WaitListed": True}], "attendeeSessions": None}, {}, Obstacle.WAITLIST),
        ({"AttendeeSessions": "what", "attendeeSessions": ["what"]}, {}, None),
        ({}, {"hipObject": {"Solution": "1"}}, Obstacle.CAPTCHA),
        ({}, {"HipObject": {"Solution": "1"}}, Obstacle.CAPTCHA),
    ],
)
def test_what_in_a_registration_stands_against_it(more: dict[str, Any], whole: dict[str, Any], found: Obstacle | None) -> None:
    value = {"attendees": [{"email": "a@example.com"}, {"email": "b@example.com", **more}], **whole}
    assert obstacle(b"\xef\xbb\xbf" + json.dumps(value).encode()) is found


@pytest.mark.parametrize(
    ("passes", "paid"),
    [
        ([], False),
        ([{"price": 0}, {"price": None}, {"price": 0.0}, {}], False),
        ([{"price": 0}, {"price": 12.5}], True),
        ([{"price": "12"}], True),
        (["what"], True),
        ({"error": 1}, None),
        (None, None),
    ],
)
def test_passes_that_cost_something_are_seen(passes: Any, paid: bool | None) -> None:
    assert are_paid(passes) is paid
