"""translation/freshness.py: the default times, and which operations have them."""

from dataclasses import FrozenInstanceError

import pytest

from tests.examples import named
from translation.freshness import DEFAULTS, Freshness, Lifetime
from translation.operations import BY_NAME, OPERATIONS, Operation, Serving

MINUTE, HOUR, DAY = 60, 3_600, 86_400
COUNTS = {"list_passes", "count_event_registrations", "count_session_registrations"}
IMAGES = {"get_speaker_image", "get_sponsor_logo", "get_event_qrcode"}
DETAILS = {
    "list_events", "get_event", "list_sessions", "list_tracks", "list_speakers", "list_sponsorships",
    "list_custom_registration_fields", "get_session",
}  # fmt: skip
NEVER = {
    "get_captcha", "register", "finalize_registration", "register_user_for_session", "list_track_sessions", "get_user",
    "list_user_registrations", "list_user_waitlist_items", "cancel_registration", "get_personal_calendar", "create_checkin",
}  # fmt: skip
AFTER_A_REGISTRATION = COUNTS | {"list_sessions", "get_session"}


def test_defaults() -> None:
    assert {
        Freshness.DETAILS: Lifetime(30, 10 * MINUTE, 24 * HOUR),
        Freshness.COUNTS: Lifetime(5, 30, 10 * MINUTE),
        Freshness.IMAGES: Lifetime(HOUR, DAY, 7 * DAY),
    } == DEFAULTS
    assert set(DEFAULTS) == set(Freshness)


@pytest.mark.parametrize("of_class", Freshness)
def test_what_serves_when_dynamics_fails_serves_longest(of_class: Freshness) -> None:
    lifetime = DEFAULTS[of_class]
    assert 0 < lifetime.fresh < lifetime.stale_while_revalidate < lifetime.stale_if_error


def test_a_lifetime_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULTS[Freshness.COUNTS].fresh = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("of_class", "names"), [(Freshness.DETAILS, DETAILS), (Freshness.COUNTS, COUNTS), (Freshness.IMAGES, IMAGES), (None, NEVER)]
)
def test_each_operation_has_its_class(of_class: Freshness | None, names: set[str]) -> None:
    assert {operation.name for operation in OPERATIONS if operation.freshness is of_class} == names


def test_every_operation_is_in_one_of_the_tables() -> None:
    tables = (COUNTS, IMAGES, DETAILS, NEVER)
    assert set(BY_NAME) == set().union(*tables)
    assert sum(map(len, tables)) == len(BY_NAME)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_what_writes_or_asks_no_single_counterpart_is_never_kept(operation: Operation) -> None:
    if operation.writes or operation.serving is not Serving.MAPPED or "users/" in operation.path:
        assert operation.freshness is None
        assert not operation.follows_registrations


def test_what_a_registration_changes_is_asked_for_again() -> None:
    assert {operation.name for operation in OPERATIONS if operation.follows_registrations} == AFTER_A_REGISTRATION
