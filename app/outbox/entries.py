"""What is known of a stored registration without opening it, and by which codes it is told what became of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final


class State(StrEnum):
    """Where an entry stands. docs/outbox.md has the table of transitions.

    ``WAITING``: to be sent. ``SENDING``: about to be sent, or sent without an answer yet. ``PARKED``: it may have arrived, and a
    person must look. ``DEAD``: it did not arrive, and is not sent again by itself.
    """

    WAITING = "waiting"
    SENDING = "sending"
    PARKED = "parked"
    DEAD = "dead"


TOO_OLD: Final = "TooOld"
INTERRUPTED: Final = "Interrupted"
KEY_UNKNOWN: Final = "KeyUnknown"
PAYMENT_DUE: Final = "PaymentDue"
NOT_REGISTERED: Final = "NotRegistered"
CODES: Final[Mapping[str, str]] = {
    TOO_OLD: "It could not be delivered within EVTMGMT_OUTBOX__MAX_AGE.",
    INTERRUPTED: "The proxy ended while it was being sent. It may have arrived.",
    KEY_UNKNOWN: "None of the keys opens it. It was not sent.",
    PAYMENT_DUE: "Dynamics wants a payment for this event. Nobody is registered before it is made.",
    NOT_REGISTERED: "Dynamics answered that the registration failed.",
}
"""The outbox's own codes and what they mean; all others are those of docs/errors.md."""

TOTALS: Final = ("accepted", "repeated", "delivered", "dead", "parked", "retried", "dropped", "expired")
"""What is counted in the file for good."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is listed: nothing personal.

    Attributes:
        id: Its number; never given twice.
        event: Today's readable id of the event.
        state: Where it stands.
        at: When it was accepted, in seconds since 1970.
        changed: When its state became what it is.
        attempts: How often it was sent, or about to be.
        code: Why it stands there; the last failure of one that waits.
        bytes: Its size, encrypted.
    """

    id: int
    event: str
    state: State
    at: float
    changed: float
    attempts: int
    code: str | None
    bytes: int

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An entry that is being sent; ``attempts`` tells this time from others."""

    id: int
    event: str
    attempts: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The first waiting entry of an event. ``line`` is the event without letter case: what stands in one line."""

    id: int
    line: str


@dataclass(frozen=True, slots=True)
class Summary:
    """All entries together.

    Attributes:
        states: How many stand where.
        oldest: When the oldest waiting one was accepted; None when none waits.
        totals: What was counted since the file was made.
    """

    states: Mapping[State, int]
    oldest: float | None
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person did: ``retry``, ``drop``, ``show`` or ``export``. Of an export ``entry`` is None."""

    number: int
    at: float
    who: str
    what: str
    entry: int | None
    event: str | None
    why: str
