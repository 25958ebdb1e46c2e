"""The registration desk of an organisation: takes registrations, processes them, sells passes, keeps the waitlist."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sandbox.data.model import Event
from sandbox.organisation import Organisation
from sandbox.validation import RefusedError, Seats, read_attendees

ACCEPTED, REGISTERED, WAITLISTED, REJECTED, CANCELLED = "accepted", "registered", "waitlisted", "rejected", "cancelled"


@dataclass(slots=True)
class Registration:
    """One attendee's registration. `state` is `accepted` until the background has processed it."""

    event_id: str
    attendee: dict[str, Any]
    due: float | None
    user: str | None = None
    purchase_id: str | None = None
    state: str = ACCEPTED
    sessions: list[str] = field(default_factory=list)
    registration_id: str = field(default_factory=lambda: str(uuid4()))
    created_on: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


@dataclass(slots=True)
class Purchase:
    """A registration that waits for money."""

    event_id: str
    attendees: list[dict[str, Any]]
    return_url: str
    price: float
    user: str | None = None
    paid: bool = False
    purchase_id: str = field(default_factory=lambda: str(uuid4()))


class Desk:
    """Takes and processes the registrations of one organisation. Hold the organisation's lock around each call."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.registrations: list[Registration] = []
        self.purchases: dict[str, Purchase] = {}
        self._remembered: dict[str, tuple[float, Seats]] = {}

    def reset(self) -> None:
        """Forget every registration and purchase."""
        self.registrations.clear()
        self.purchases.clear()
        self._remembered.clear()

    def validate(self, event: Event, body: Any, *, cached: bool) -> list[dict[str, Any]]:
        """Return the attendees of a request body.

        Args:
            event: The event.
            body: The request's JSON.
            cached: Judge by counts remembered for a while, as the real-time API does (CONTRACT 2).

        Raises:
            RefusedError: When the event does not allow the registration.
        """
        seats = Seats.of(event)
        if cached:
            now = self.organisation.clock()
            taken, remembered = self._remembered.get(event.readable_id, (now, seats))
            if now - taken < self.organisation.behaviour.validation_cache:
                seats = remembered
            else:
                taken = now
            self._remembered[event.readable_id] = (taken, seats)
        return read_attendees(event, body, seats)

    def open_purchase(self, event: Event, attendees: list[dict[str, Any]], user: str | None = None) -> Purchase:
        """Keep a paid registration until `pay` is called."""
        price = sum(found["price"] for item in attendees if (found := event.event_pass(item["passId"])))
        return_url = self.organisation.behaviour.return_url or f"{self.organisation.origin}/"
        purchase = Purchase(event.readable_id, attendees, return_url, price, user)
        self.purchases[purchase.purchase_id] = purchase
        return purchase

    def pay(self, purchase: Purchase, delay: float | None) -> None:
        """Complete a purchase, once: its attendees are taken in."""
        if not purchase.paid:
            purchase.paid = True
            event = self.organisation.events[purchase.event_id]
            self.take_in(event, purchase.attendees, delay, purchase.user, purchase.purchase_id)

    def take_in(
        self,
        event: Event,
        attendees: list[dict[str, Any]],
        delay: float | None,
        user: str | None = None,
        purchase_id: str | None = None,
    ) -> list[Registration]:
        """Store attendees; `settle` processes them `delay` seconds later (None: only when forced)."""
        due = None if delay is None else self.organisation.clock() + delay
        added = [Registration(event.readable_id, item, due, user, purchase_id) for item in attendees]
        self.registrations += added
        return added

    def settle(self, *, force: bool = False) -> int:
        """Process what is due, or everything with `force`. Returns how many registrations were processed."""
        now = self.organisation.clock()
        due = [
            item
            for item in self.registrations
            if item.state == ACCEPTED and (force or (item.due is not None and item.due <= now))
        ]
        for item in due:
            self._seat(item)
        return len(due)

    def cancel(self, registration: Registration) -> None:
        """Give a seat back; the first of the waitlist who asked for it moves up."""
        event = self.organisation.events[registration.event_id]
        if registration.state == REGISTERED:
            event.registered -= 1
            for session_id in registration.sessions:
                event.session_registered[session_id] -= 1
        registration.state = CANCELLED
        waiting = (r for r in self.registrations if r.event_id == event.readable_id and r.state == WAITLISTED)
        next_one = next((item for item in waiting if item.attendee.get("autoRegister")), None)
        if next_one is not None:
            self._seat(next_one)

    def add_session(self, registration: Registration, session_id: str) -> None:
        """Add a session to a registration. Raises: RefusedError when the session is full."""
        event = self.organisation.events[registration.event_id]
        session = event.session(session_id)
        if session is None or session["id"] in registration.sessions:
            return
        limit = session["maxCapacity"]
        if limit is not None and event.session_registered[session["id"]] >= limit:
            raise RefusedError("The session is fully booked.", malformed=False)
        event.session_registered[session["id"]] += 1
        registration.sessions.append(session["id"])

    def _seat(self, registration: Registration) -> None:
        event = self.organisation.events[registration.event_id]
        if event.capacity is not None and event.registered >= event.capacity:
            registration.state = WAITLISTED if event.has_waitlist else REJECTED
            return
        sold = event.event_pass(registration.attendee.get("passId") or "")
        if sold is not None:
            if sold["numberOfPassesLeft"] < 1:
                registration.state = REJECTED
                return
            sold["numberOfPassesLeft"] -= 1
            sold["numberOfPassesSold"] += 1
        registration.state = REGISTERED
        event.registered += 1
        for item in registration.attendee.get("attendeeSessions") or []:
            try:
                self.add_session(registration, item["sessionId"])
            except RefusedError:
                # The organisation keeps the event's seat although one session of it is full.
                continue
