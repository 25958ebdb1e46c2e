"""Events that take no registrations say so in the fields that portals look at."""

import pytest

from translation.closing import close_registration, close_session

RECORDED = "2026-05-30T00:00:00"


@pytest.mark.parametrize(
    ("event", "stop"),
    [
        ({}, RECORDED),
        ({"stopRegistrationDate": None, "startDate": None}, RECORDED),
        ({"stopRegistrationDate": "", "startDate": "2031-01-01T09:00:00"}, RECORDED),
        ({"stopRegistrationDate": "2025-02-01T00:00:00", "startDate": "2025-03-01T09:00:00"}, "2025-02-01T00:00:00"),
        ({"stopRegistrationDate": "2031-01-01T00:00:00", "startDate": "2025-03-01T09:00:00"}, "2025-03-01T09:00:00"),
    ],
)
def test_registration_was_over_when_it_was_recorded_at_the_latest(event: dict[str, object], stop: str) -> None:
    closed = close_registration(event, RECORDED)
    assert (closed["setRegistrationEndDate"], closed["stopRegistrationDate"]) == (True, stop)


def test_nothing_is_offered_and_all_else_stays() -> None:
    event = {
        "eventName": "Fair", "showWaitlist": True, "enableCaptcha": True, "registrationForm": "<form>",
        "showAutomaticRegistrationCheckbox": True, "maxCapacity": 7,
    }  # fmt: skip
    closed = close_registration(event, RECORDED)
    assert event["showWaitlist"] is True
    assert [closed[name] for name in event] == ["Fair", False, False, None, False, 7]


def test_whether_visitors_have_to_sign_in() -> None:
    assert close_registration({"allowAnonymousRegistrations": False}, RECORDED)["allowAnonymousRegistrations"] is True
    assert close_registration({}, RECORDED, sign_in=True)["allowAnonymousRegistrations"] is False


def test_nobody_can_register_for_a_session() -> None:
    assert close_session({"id": "1", "userEligibleToRegister": True}) == {"id": "1", "userEligibleToRegister": False}
