"""The old outbound API (CONTRACT 1), with the habits of IIS: letter case and superfluous slashes do not matter."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from sandbox.api import READS, Api, ApiError, read_json
from sandbox.calendar import calendar_file, read_items
from sandbox.captcha import Captcha
from sandbox.data.model import Event, Fields
from sandbox.organisation import Organisation
from sandbox.registrations import Desk
from sandbox.users import UserOperations
from sandbox.validation import RefusedError
from sandbox.wire import Answer, Call, Request, Route, json_answer, match

_BASE = re.compile(r"/+evtmgmt/+api/+v[12]\.0(?:/+(.*?)/*)?", re.DOTALL | re.IGNORECASE)


class OutboundApi(Api):
    """The 22 old operations. Blank fields are null, never left out."""

    routes: ClassVar[tuple[Route, ...]] = (
        *READS,
        Route("POST", "events/{event}/sessions/{session}/registrations", "register_user_for_session"),
        Route("GET", "tracks/{track}/sessions", "list_track_sessions"),
        Route("GET", "users/authenticated/registrations", "list_user_registrations"),
        Route("GET", "users/authenticated/waitlist-items", "list_user_waitlist_items"),
        Route("POST", "users/authenticated/registrations/{registration}/cancel", "cancel_registration"),
        Route("GET", "calendar/personal/ics", "get_personal_calendar"),
    )
    open_operations: ClassVar[frozenset[str]] = frozenset({"get_speaker_image", "get_sponsor_logo", "get_personal_calendar"})

    def __init__(self, organisation: Organisation, desk: Desk, captcha: Captcha, users: Mapping[str, dict[str, Any]]) -> None:
        super().__init__(organisation, desk)
        self._captcha = captcha
        self._users = UserOperations(organisation, desk, users, self.shape_event)
        self.handlers |= {
            "get_captcha": self.captcha,
            "register": self.register,
            "finalize_registration": self.finalize,
            "list_track_sessions": self.track_sessions,
            "get_personal_calendar": self.personal_calendar,
            **self._users.handlers,
        }

    def identify(self, request: Request) -> Call | None:
        """Return the operation, or None for a path that does not begin with `/EvtMgmt/`."""
        found = _BASE.fullmatch(request.path)
        if found is None:
            return Call("unmatched") if request.path.lstrip("/").lower().startswith("evtmgmt/") else None
        if request.method == "OPTIONS":
            return Call("preflight")
        method = "GET" if request.method == "HEAD" else request.method
        return match(self.routes, method, re.sub(r"/+", "/", found[1] or ""), fold_case=True)

    def answer(self, request: Request, call: Call) -> Answer:
        """Add the headers that IIS adds."""
        return super().answer(request, call).with_headers(("Server", "Microsoft-IIS/10.0"), ("X-Powered-By", "ASP.NET"))

    def token_of(self, request: Request) -> str | None:
        """ASP.NET reads parameter names in any letter case."""
        return next((value for name, value in request.query.items() if name.lower() == "emapplicationtoken"), None)

    def error(self, failure: ApiError) -> Answer:
        """`Message` for the newer portals, the other fields for the older ones (CONTRACT 1.2)."""
        kind = failure.kind or ("InternalServerError" if failure.status >= 500 else None)
        body = {
            "Message": failure.message,
            "errorMessage": failure.message,
            "type": kind,
            "statusCode": failure.status,
            "correlationId": "5f1c2b7e-0000-4000-8000-00000000c0de",
        }
        return json_answer(body, failure.status)

    def listed_events(self, query: dict[str, str]) -> list[Event]:
        """Every live and published event."""
        return [event for event in self.organisation.events.values() if event.listed]

    def shape_event(self, event: Event) -> Fields:
        """The whole event."""
        return event.fields

    def shape_sessions(self, request: Request, event: Event) -> list[Fields]:
        """Sessions, marked for the signed-in user if there is one."""
        taken = self._users.sessions_of(request, event)
        return [self._session(event, item, taken) for item in event.sessions]

    @staticmethod
    def _session(event: Event, session: Fields, taken: set[str]) -> Fields:
        already = session["id"] in taken
        return session | {
            "registrationCount": event.session_registered[session["id"]],
            "alreadyRegistered": already,
            "userEligibleToRegister": not already,
        }

    def shape_tracks(self, event: Event) -> list[Fields]:
        """Tracks; their sessions are asked for by row 15."""
        return event.tracks

    def shape_speakers(self, event: Event) -> list[Fields]:
        """Speakers; `imageUrl` is relative to the base."""
        return event.speakers

    def track_sessions(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 15."""
        event = self.organisation.event_of_track(params["track"])
        if event is None:
            raise ApiError(404, "The session track does not exist.")
        taken = self._users.sessions_of(request, event)
        return json_answer([self._session(event, item, taken) for item in event.sessions_of(params["track"].lower())])

    def captcha(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 8."""
        self.find_event(params)
        return json_answer(self._captcha.challenge(self.organisation.base_url))

    def register(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 11: processed at once; `Failed` when the event has no room or the captcha is wrong."""
        event, body = self.find_event(params), read_json(request)
        user = self._users.signed_in(request)
        if user is None and not event.fields["allowAnonymousRegistrations"]:
            raise ApiError(401, "You must sign in to register for this event.", "AnonymousAccessNotAllowed")
        if not self._human(event, body):
            return json_answer(result("Failed", message="The characters do not match the picture."))
        try:
            attendees = self.desk.validate(event, body, cached=False)
        except RefusedError as failure:
            if failure.malformed:
                raise ApiError(400, failure.message) from failure
            return json_answer(result("Failed", message=failure.message))
        if event.passes:
            purchase = self.desk.open_purchase(event, attendees, user)
            if event.plan.payment == "initiated":
                return json_answer(result("Initiated", purchase_id=purchase.purchase_id))
            page = f"{self.organisation.base_url}/pay?purchaseId={purchase.purchase_id}"
            return json_answer(result("Redirect", redirect_url=page, purchase_id=purchase.purchase_id))
        self.desk.take_in(event, attendees, 0.0, user)
        self.desk.settle()
        return json_answer(result("Success"))

    def finalize(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 12: the portal's own payment page says that the money is there."""
        event, body = self.find_event(params), read_json(request)
        purchase = self.desk.purchases.get(str(body.get("purchaseId"))) if isinstance(body, dict) else None
        if purchase is None or purchase.event_id != event.readable_id:
            return json_answer(result("Failed", message="The purchase does not exist."))
        if not self._human(event, body):
            return json_answer(result("Failed", message="The characters do not match the picture."))
        self.desk.pay(purchase, 0.0)
        self.desk.settle()
        return json_answer(result("Success", purchase_id=purchase.purchase_id))

    def _human(self, event: Event, body: Any) -> bool:
        if not event.fields["enableCaptcha"]:
            return True
        return self._captcha.verify(body.get("hipObject") if isinstance(body, dict) else None)

    def personal_calendar(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 22."""
        try:
            items = read_items(request.query.get("data"))
        except ValueError as failure:
            raise ApiError(400, f"The parameter data cannot be read: {failure}.") from failure
        entries = []
        for item in items:
            event = self.find_event({"event": item["readableEventId"]})
            session = event.session(str(item["sessionId"])) if item.get("sessionId") else None
            if event.fields["startDateUTC"] is None or (item.get("sessionId") and session is None):
                raise ApiError(404, "The event or session has no calendar entry.")
            entries.append((event, session, item.get("data") or {}))
        headers = (("Content-Type", "text/calendar"), ("Content-Disposition", 'attachment; filename="calendar.ics"'))
        return Answer(200, calendar_file(entries), headers)


def result(status: str, *, message: str | None = None, redirect_url: str | None = None, purchase_id: str | None = None) -> Fields:
    """Return a registration result of the old API: five keys, always."""
    return {
        "status": status,
        "errorMessage": message,
        "errorCode": None if message is None else 1,
        "redirectUrl": redirect_url,
        "purchaseId": purchase_id,
    }
