"""Signed-in users of the outbound organisation (CONTRACT 1.1 rows 13 and 18-21)."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.api import ApiError
from sandbox.data.ids import guid
from sandbox.data.model import Event, Fields
from sandbox.organisation import Organisation
from sandbox.registrations import CANCELLED, REGISTERED, WAITLISTED, Desk, Registration
from sandbox.validation import RefusedError
from sandbox.wire import Answer, Request, json_answer

# Bearer token -> who it stands for.
USERS: dict[str, dict[str, Any]] = {
    "ann": {"firstName": "Ann", "lastName": "Sampleford", "email": "ann@example.com"},
    "bjorn": {"firstName": "Björn", "lastName": "Ærlig", "email": "bjorn@example.com"},
}


class UserOperations:
    """What a bearer token of the sandbox's list may do.

    Args:
        organisation: The outbound organisation.
        desk: Its registration desk.
        users: First name, last name and e-mail by bearer token.
        shape_event: How the API shows an event.
    """

    def __init__(
        self,
        organisation: Organisation,
        desk: Desk,
        users: Mapping[str, dict[str, Any]],
        shape_event: Callable[[Event], Fields],
    ) -> None:
        self._organisation = organisation
        self._desk = desk
        self._users = users
        self._shape_event = shape_event
        self.handlers: dict[str, Callable[[Request, dict[str, str]], Answer]] = {
            "get_user": self.user,
            "list_user_registrations": self.registrations,
            "list_user_waitlist_items": self.waitlist_items,
            "cancel_registration": self.cancel,
            "register_user_for_session": self.register_for_session,
        }

    def signed_in(self, request: Request) -> str | None:
        """Return the bearer token of a known user, or None."""
        scheme, _, token = (request.header("Authorization") or "").partition(" ")
        return token if scheme.lower() == "bearer" and token in self._users else None

    def sessions_of(self, request: Request, event: Event) -> set[str]:
        """Return the sessions of an event that the signed-in user is registered for."""
        user = self.signed_in(request)
        return {
            session
            for item in self._desk.registrations
            if user is not None and item.user == user and item.event_id == event.readable_id and item.state == REGISTERED
            for session in item.sessions
        }

    def user(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 18."""
        token = self._require(request)
        return json_answer({"id": guid("user", token), **self._users[token], "isAnonymous": False})

    def registrations(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 19."""
        mine = self._mine(self._require(request), REGISTERED)
        return json_answer([self._show(item) for item in mine])

    def waitlist_items(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 20."""
        return json_answer(
            [
                {
                    "id": item.registration_id,
                    "invited": False,
                    "autoRegister": bool(item.attendee.get("autoRegister")),
                    "contact": self._contact(item),
                    "email": item.attendee["email"],
                    "event": self._shape_event(self._organisation.events[item.event_id]),
                    "session": None,
                }
                for item in self._mine(self._require(request), WAITLISTED)
            ]
        )

    def cancel(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 21."""
        token = self._require(request)
        wanted = params["registration"].lower()
        found = next((item for item in self._desk.registrations if item.registration_id == wanted), None)
        if found is None or found.user != token or found.state == CANCELLED:
            raise ApiError(404, "The registration does not exist.")
        self._desk.cancel(found)
        return json_answer(_SUCCESS)

    def register_for_session(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 13: for the user's registration to the event, which is made if there is none."""
        token = self._require(request)
        event = self._organisation.events.get(params["event"])
        if event is None or not event.listed or event.session(params["session"]) is None:
            raise ApiError(404, "The session does not exist.")
        found = next((item for item in self._mine(token, REGISTERED) if item.event_id == event.readable_id), None)
        if found is None:
            attendee = {"passId": "", "responses": [], "attendeeSessions": [], **self._users[token]}
            found = self._desk.take_in(event, [attendee], 0.0, token)[0]
            self._desk.settle()
        try:
            if found.state != REGISTERED:
                raise RefusedError("The event is fully booked.", malformed=False)
            self._desk.add_session(found, params["session"])
        except RefusedError as failure:
            return json_answer(_SUCCESS | {"status": "Failed", "errorMessage": failure.message, "errorCode": 1})
        return json_answer(_SUCCESS)

    def _require(self, request: Request) -> str:
        token = self.signed_in(request)
        if token is None:
            raise ApiError(401, "You must sign in.", "AnonymousAccessNotAllowed")
        return token

    def _mine(self, token: str, state: str) -> list[Registration]:
        return [item for item in self._desk.registrations if item.user == token and item.state == state]

    def _contact(self, item: Registration) -> Fields:
        attendee = item.attendee
        return {
            "id": guid("contact", attendee["email"]),
            "firstName": attendee["firstName"],
            "lastName": attendee["lastName"],
        }

    def _show(self, item: Registration) -> Fields:
        event = self._organisation.events[item.event_id]
        return {
            "id": item.registration_id,
            "contact": self._contact(item),
            "email": item.attendee["email"],
            "event": self._shape_event(event),
            "pass": event.event_pass(item.attendee.get("passId") or ""),
            "createdon": item.created_on,
            "sessionRegistrations": [{"id": session, "session": event.session(session)} for session in item.sessions],
        }


_SUCCESS: Fields = {
    "status": "Success",
    "errorMessage": None,
    "errorCode": None,
    "redirectUrl": None,
    "purchaseId": None,
}
