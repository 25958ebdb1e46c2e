"""The real-time journeys API (CONTRACT 2). Read to the letter: letter case, slashes and parameter names count."""

import re
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from sandbox.api import READS, Api, ApiError, read_json
from sandbox.data.images import matrix
from sandbox.data.model import Event, Fields
from sandbox.data.plans import Relation
from sandbox.forms import form_embed, read_attendee
from sandbox.organisation import Organisation
from sandbox.registrations import Desk
from sandbox.validation import RefusedError
from sandbox.wire import Answer, Call, Request, Route, json_answer, match

_BASE = re.compile(r"/api/v1\.0/orgs/([^/]+)/eventmanagement/(.*)", re.DOTALL)


class RealtimeApi(Api):
    """The new API: no captcha, no signed-in users, registrations answered before they are processed."""

    routes: ClassVar[tuple[Route, ...]] = (
        *READS,
        Route("GET", "events/{event}/qrcode", "get_event_qrcode"),
        Route("GET", "sessions/{session}", "get_session"),
        Route("POST", "checkins", "create_checkin"),
        Route("POST", "forms/{form}", "submit_form"),
    )
    open_operations: ClassVar[frozenset[str]] = frozenset({"create_checkin", "submit_form"})

    def __init__(self, organisation: Organisation, desk: Desk) -> None:
        super().__init__(organisation, desk)
        self.handlers |= {
            "register": self.register,
            "finalize_registration": self.finalize,
            "get_captcha": self.captcha,
            "get_user": self.user,
            "get_event_qrcode": self.qrcode,
            "get_session": self.session,
            "create_checkin": self.checkin,
            "submit_form": self.submit_form,
        }

    def identify(self, request: Request) -> Call | None:
        """Return the operation, `unknown_org`, or None for a path outside `/api/`."""
        found = _BASE.fullmatch(request.path)
        if found is None:
            return Call("unmatched") if request.path.startswith("/api/") else None
        if found[1] != self.organisation.org_id:
            return Call("unknown_org")
        if request.method == "OPTIONS":
            return Call("preflight")
        return match(self.routes, request.method, found[2])

    def error(self, failure: ApiError) -> Answer:
        """One field with a sentence; which field is a setting, as CONTRACT does not say."""
        return json_answer({self.organisation.behaviour.error_key: failure.message}, failure.status)

    def listed_events(self, query: dict[str, str]) -> list[Event]:
        """Published events: those for everybody, those bound to `webappId`, of `businessUnitId` if given."""
        webapp, unit = query.get("webappId"), query.get("businessUnitId")
        return [
            event
            for event in self.organisation.events.values()
            if event.listed and event.plan.webapp_id in (None, webapp) and (unit is None or event.plan.business_unit_id == unit)
        ]

    def shape_event(self, event: Event) -> Fields:
        """Fields may be missing instead of null (CONTRACT 2.3), `customFields` too."""
        fields = dict(event.fields)
        if event.plan.form_embed:
            fields["registrationForm"] = form_embed(self.organisation.base_url, self.organisation.endpoint, event.readable_id)
        if fields["customFields"] is None:
            del fields["customFields"]
        return _thin(event, fields)

    def shape_sessions(self, request: Request, event: Event) -> list[Fields]:
        """Sessions, with their tracks where the event's plan relates them so."""
        return [self._session(event, item) for item in event.sessions]

    def _session(self, event: Event, session: Fields) -> Fields:
        fields = session | {"registrationCount": event.session_registered[session["id"]]}
        ids = event.session_tracks.get(session["id"], [])
        tracks = [{"id": item["id"], "name": item["name"]} for item in event.tracks if item["id"] in ids]
        match event.plan.relation:
            case Relation.SESSION_TRACKS:
                fields["tracks"] = tracks
            case Relation.SESSION_SESSION_TRACKS:
                fields["sessionTracks"] = tracks
            case Relation.SESSION_TRACK_IDS:
                fields["trackIds"] = ids
            case Relation.SESSION_TRACK_ID:
                fields["trackId"] = ids[0] if ids else None
            case _:
                pass
        return _thin(event, fields)

    def shape_tracks(self, event: Event) -> list[Fields]:
        """Tracks, with their sessions where the event's plan relates them so."""
        if event.plan.relation != Relation.TRACK_SESSIONS:
            return [_thin(event, item) for item in event.tracks]
        return [
            item | {"sessions": [{"id": s["id"], "name": s["name"]} for s in event.sessions_of(item["id"])]}
            for item in event.tracks
        ]

    def shape_speakers(self, event: Event) -> list[Fields]:
        """Speakers; every second `imageUrl` is absolute (CONTRACT 2.3)."""
        base = self.organisation.endpoint
        return [
            _thin(event, item | {"imageUrl": base + item["imageUrl"]} if number % 2 else item)
            for number, item in enumerate(event.speakers)
        ]

    def session(self, request: Request, params: dict[str, str]) -> Answer:
        """One session by its GUID."""
        event = self.organisation.event_of_session(params["session"])
        found = event.session(params["session"]) if event else None
        if event is None or found is None:
            raise ApiError(404, "The session does not exist.")
        return json_answer(self._session(event, found))

    def qrcode(self, request: Request, params: dict[str, str]) -> Answer:
        """A picture for the event's page."""
        return Answer(200, matrix(self.find_event(params).readable_id), (("Content-Type", "image/png"),))

    def captcha(self, request: Request, params: dict[str, str]) -> Answer:
        """Refused: there is no outbound marketing beside this organisation (CONTRACT 2)."""
        self.find_event(params)
        raise ApiError(400, "Captcha is not supported in this organisation.")

    def user(self, request: Request, params: dict[str, str]) -> Answer:
        """Refused: no user authentication (CONTRACT 2)."""
        raise ApiError(401, "User authentication is not supported.")

    def register(self, request: Request, params: dict[str, str]) -> Answer:
        """Validate, answer at once without a status, process later (CONTRACT 2)."""
        event, body = self.find_event(params), _json_body(request)
        try:
            attendees = self.desk.validate(event, body, cached=True)
        except RefusedError as failure:
            raise ApiError(400, failure.message) from failure
        behaviour = self.organisation.behaviour
        if event.passes:
            purchase = self.desk.open_purchase(event, attendees)
            target = urlencode({"purchaseId": purchase.purchase_id, "returnUrl": purchase.return_url}, quote_via=quote, safe="")
            # The trailing blank of the key stands in Microsoft's published example (CONTRACT 2).
            return json_answer({"redirectUrl ": f"{self.organisation.base_url}/pay?{target}"})
        self.desk.take_in(event, attendees, behaviour.processing_delay)
        return json_answer(behaviour.registration_answer)

    def finalize(self, request: Request, params: dict[str, str]) -> Answer:
        """Confirm a purchase that the payment provider has completed."""
        self.find_event(params)
        body = _json_body(request)
        purchase = self.desk.purchases.get(str(body.get("purchaseId"))) if isinstance(body, dict) else None
        if purchase is None:
            raise ApiError(404, "The purchase does not exist.")
        if not purchase.paid:
            raise ApiError(400, "The payment is not completed.")
        return json_answer(self.organisation.behaviour.registration_answer)

    def checkin(self, request: Request, params: dict[str, str]) -> Answer:
        """Store a check-in, whatever it says, and send the visitor on (CONTRACT 2.1)."""
        self.organisation.checkins.append({"query": request.query, "body": request.body.decode("utf-8", "replace")})
        return Answer(302, headers=(("Location", f"{self.organisation.base_url}/checked-in"),))

    def submit_form(self, request: Request, params: dict[str, str]) -> Answer:
        """What a form was filled with: a registration as any other. Needs no token, but a page of the registered origin."""
        if request.header("Origin") != self.organisation.origin:
            raise ApiError(403, "Forms are not allowed on this origin.")
        body = _json_body(request)
        event = self.find_event({"event": request.query.get("readableEventId", "")})
        try:
            attendees = self.desk.validate(event, {"attendees": [read_attendee(body)]}, cached=True)
        except RefusedError as failure:
            raise ApiError(400, failure.message) from failure
        self.desk.take_in(event, attendees, self.organisation.behaviour.processing_delay)
        return json_answer({})


def _json_body(request: Request) -> Any:
    if not (request.header("Content-Type") or "").lower().startswith("application/json"):
        raise ApiError(415, "The body has to be application/json.")
    return read_json(request)


def _thin(event: Event, fields: Fields) -> Fields:
    """Leave out every second null field, unless the event is a tidy one."""
    if event.plan.tidy:
        return fields
    blank = [name for name, value in fields.items() if value is None][::2]
    return {name: value for name, value in fields.items() if name not in blank}
