"""Reads a registration request and refuses what an organisation would refuse (CONTRACT 1.2, 2.2)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.data.model import Event


class RefusedError(Exception):
    """A registration that is not accepted.

    Attributes:
        message: A sentence for the visitor.
        malformed: The request itself is wrong, as against an event that has no room.
    """

    def __init__(self, message: str, *, malformed: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.malformed = malformed


@dataclass(slots=True)
class Seats:
    """What is still free, as far as the validation knows. None means no limit."""

    left: int | None
    passes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, event: Event) -> "Seats":
        """Count the free seats and passes of an event now."""
        left = None if event.capacity is None else max(0, event.capacity - event.registered)
        return cls(left, {item["passId"]: item["numberOfPassesLeft"] for item in event.passes})


def read_attendees(event: Event, body: Any, seats: Seats) -> list[dict[str, Any]]:
    """Return the attendees of a request body.

    Raises:
        RefusedError: For anything that the event does not allow.
    """
    attendees = body.get("attendees") if isinstance(body, dict) else None
    if not isinstance(attendees, list) or not attendees or not all(isinstance(item, dict) for item in attendees):
        raise RefusedError("The request holds no attendees.")
    if len(attendees) > 1 and not event.fields["enableMultiAttendeeRegistration"]:
        raise RefusedError("This event takes one attendee per registration.")
    if event.fields["setRegistrationEndDate"] and event.fields["stopRegistrationDate"] < datetime.now(UTC).isoformat():
        raise RefusedError("The registration for this event is closed.", malformed=False)
    for attendee in attendees:
        _check_attendee(event, attendee, seats)
    if seats.left is not None and len(attendees) > seats.left and not event.has_waitlist:
        raise RefusedError("The event is fully booked.", malformed=False)
    return attendees


def _check_attendee(event: Event, attendee: dict[str, Any], seats: Seats) -> None:
    for name in ("firstName", "lastName", "email"):
        value = attendee.get(name)
        if not isinstance(value, str) or not value.strip():
            raise RefusedError(f"The field {name} is required.")
    if "@" not in attendee["email"]:
        raise RefusedError("The e-mail address is not valid.")
    _check_pass(event, attendee.get("passId") or "", seats)
    for item in attendee.get("attendeeSessions") or []:
        if not isinstance(item, dict) or event.session(str(item.get("sessionId"))) is None:
            raise RefusedError("A session does not belong to this event.")
    _check_responses(event, attendee.get("responses") or [])


def _check_pass(event: Event, pass_id: str, seats: Seats) -> None:
    if not pass_id:
        if event.passes:
            raise RefusedError("A pass has to be chosen for this event.")
        return
    found = event.event_pass(pass_id)
    if found is None:
        raise RefusedError("The pass does not belong to this event.")
    if seats.passes.get(found["passId"], 0) < 1:
        raise RefusedError("The pass is sold out.", malformed=False)


def _check_responses(event: Event, responses: Any) -> None:
    if not isinstance(responses, list) or not all(isinstance(item, dict) for item in responses):
        raise RefusedError("The responses are not a list.")
    known = {item["customRegistrationFieldId"] for item in event.questions}
    given = {item.get("id") for item in responses if item.get("value") or item.get("values")}
    if {item.get("id") for item in responses} - known:
        raise RefusedError("A response belongs to no field of this event.")
    for question in event.questions:
        if question["isRequired"] and question["customRegistrationFieldId"] not in given:
            raise RefusedError(f"An answer is required: {question['text']}")
