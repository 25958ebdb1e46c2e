"""What the end of a delivery means for the entry."""

from collections.abc import Mapping
from typing import Any, Final

from app.outbox.accepting import NOT_SENT
from app.outbox.entries import NOT_REGISTERED, PAYMENT_DUE, State
from translation import errors
from translation.errors import ErrorKind

AGAIN: Final = NOT_SENT | {errors.UPSTREAM_REFUSED_PROXY}
"""Failures after which an entry waits on: it did not arrive. A refused token is mended by the operator."""
UNKNOWN: Final[frozenset[ErrorKind]] = frozenset(
    {errors.REGISTRATION_OUTCOME_UNKNOWN, errors.REGISTRATION_ANSWER_UNREADABLE, errors.INTERNAL_ERROR}
)
"""Failures after which it may have arrived. All others are answers: it was rejected."""


def of_failure(kind: ErrorKind) -> State:
    """Where an entry stands after a failure."""
    if kind in AGAIN:
        return State.WAITING
    return State.PARKED if kind in UNKNOWN else State.DEAD


def of_result(result: Mapping[str, Any]) -> str | None:
    """Why an entry is dead after an answer; None when it is delivered.

    Args:
        result: In the old form (``translation/registration.py``): ``Initiated`` and ``Redirect`` want a payment.
    """
    match result["status"]:
        case "Success":
            return None
        case "Failed":
            return NOT_REGISTERED
        case _:
            return PAYMENT_DUE
