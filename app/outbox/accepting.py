"""Whether a registration that failed may be stored: only when it is certain that nothing was sent, and only of the plain kind."""

from enum import StrEnum
from typing import Any, Final

import orjson

from translation import errors
from translation.errors import ErrorKind

NOT_SENT: Final[frozenset[ErrorKind]] = frozenset(
    {
        # Refused, no such name, no trusted certificate.
        errors.UPSTREAM_UNREACHABLE,
        # The proxy did not try: most registrations failed shortly before (app/faults/breaker.py).
        errors.BREAKER_OPEN,
        # Of a registration only when no connection came about: else its outcome is unknown (app/organisation.py).
        errors.UPSTREAM_TIMEOUT,
        # 429: of Dynamics, or of the proxy's own budget.
        errors.TOO_MANY_REQUESTS,
        # Of a registration only for a 503 (app/backend.py): RFC 9110 15.6.4, not handled.
        errors.UPSTREAM_FAILED,
    }
)
"""Failures of a registration that are certain to have had no effect."""


class Obstacle(StrEnum):
    """Why a registration that was not sent is not stored either: the label of the metric."""

    PAID = "paid"
    UNKNOWN_PASSES = "unknown_passes"
    WAITLIST = "waitlist"
    CAPTCHA = "captcha"
    FULL = "full"
    STORE = "store"


def obstacle(body: bytes) -> Obstacle | None:
    """What in a registration itself stands against storing it.

    Args:
        body: The body as the portal sent it, valid.
    """
    value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    if any(_all(value, "hipobject")):
        return Obstacle.CAPTCHA
    if any(_waits(attendee) for attendee in value["attendees"]):
        return Obstacle.WAITLIST
    return None


def are_paid(passes: Any) -> bool | None:
    """Whether passes cost something. None for what is no list of passes.

    Args:
        passes: The answer to ``list_passes``, in the old form. A pass without a price is a free one.
    """
    if not isinstance(passes, list):
        return None
    return any(not isinstance(item, dict) or item.get("price") not in (None, 0) for item in passes)


def _waits(attendee: dict[str, Any]) -> bool:
    """Whether an attendee asks for a place on a waitlist, of the event or of a session."""
    sessions = [each for listed in _all(attendee, "attendeesessions") if isinstance(listed, list) for each in listed]
    return any(any(_all(each, "waitlisted")) for each in (attendee, *sessions) if isinstance(each, dict))


def _all(value: dict[str, Any], name: str) -> list[Any]:
    """What stands in a field, in any letter case: nobody knows which ones Dynamics tells apart."""
    return [content for key, content in value.items() if key.lower() == name]
