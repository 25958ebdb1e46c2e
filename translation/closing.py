"""Events that take no registrations any more, in the fields that portals look at (CONTRACT 1.2, PORTAL-FACTS).

A portal that is told that registration is over offers no form; a form would be filled in for nothing.
"""

from collections.abc import Mapping
from typing import Any


def close_registration(event: Mapping[str, Any], latest: str, *, sign_in: bool = False) -> dict[str, Any]:
    """An event whose registration is over.

    Args:
        event: In the old form.
        latest: When it is over at the latest: a moment in the past, as ``2026-05-31T00:00:00``.
        sign_in: Say as well that only signed-in visitors may register: portals that do not look at the date when they show the
            form then show none, but a card that asks to sign in (PORTAL-FACTS).
    """
    # The event's own times are local, without an offset: they can be compared as they are written.
    told = [time for name in ("stopRegistrationDate", "startDate") if isinstance(time := event.get(name), str) and time]
    closed = {
        **event,
        "setRegistrationEndDate": True,
        "stopRegistrationDate": min([*told, latest]),
        "showWaitlist": False,
        "showAutomaticRegistrationCheckbox": False,
        "enableCaptcha": False,
        "registrationForm": None,
    }
    return {**closed, "allowAnonymousRegistrations": not sign_in}


def close_session(session: Mapping[str, Any]) -> dict[str, Any]:
    """A session for which nobody can register."""
    return {**session, "userEligibleToRegister": False}
