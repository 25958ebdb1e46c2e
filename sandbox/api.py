"""What the two simulated APIs have in common: guards, CORS, and the operations that read."""

from collections.abc import Callable
from hmac import compare_digest
from typing import Any, ClassVar

from sandbox.data.images import badge
from sandbox.data.model import Event, Fields
from sandbox.organisation import Organisation
from sandbox.registrations import Desk
from sandbox.wire import Answer, Call, Request, Route, json_answer

READS = (
    Route("GET", "events/published", "list_events"),
    Route("GET", "events/{event}", "get_event"),
    Route("GET", "events/{event}/passes", "list_passes"),
    Route("GET", "events/{event}/sessions", "list_sessions"),
    Route("GET", "events/{event}/tracks", "list_tracks"),
    Route("GET", "events/{event}/speakers", "list_speakers"),
    Route("GET", "events/{event}/sponsorships", "list_sponsorships"),
    Route("GET", "events/{event}/captcha", "get_captcha"),
    Route("GET", "events/{event}/custom-registration-fields", "list_custom_registration_fields"),
    Route("GET", "events/{event}/registrations/count", "count_event_registrations"),
    Route("POST", "events/{event}/registrations", "register"),
    Route("POST", "events/{event}/registrations/finalize", "finalize_registration"),
    Route("GET", "sessions/{session}/registrations/count", "count_session_registrations"),
    Route("GET", "speakers/{speaker}/image", "get_speaker_image"),
    Route("GET", "sponsorships/{sponsorship}/logo", "get_sponsor_logo"),
    Route("GET", "users/authenticated", "get_user"),
)


class ApiError(Exception):
    """An answer other than success: HTTP status, sentence, and the old API's `type` where it has one."""

    def __init__(self, status: int, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind


class Api:
    """One API over one organisation. Subclasses give routes, shapes and what differs."""

    routes: ClassVar[tuple[Route, ...]] = READS
    open_operations: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, organisation: Organisation, desk: Desk) -> None:
        self.organisation = organisation
        self.desk = desk
        self.handlers: dict[str, Callable[[Request, dict[str, str]], Answer]] = {
            "list_events": self.list_published_events,
            "get_event": lambda request, params: json_answer(self.shape_event(self.find_event(params))),
            "list_passes": lambda request, params: json_answer(self.find_event(params).passes),
            "list_sessions": lambda request, params: json_answer(self.shape_sessions(request, self.find_event(params))),
            "list_tracks": lambda request, params: json_answer(self.shape_tracks(self.find_event(params))),
            "list_speakers": lambda request, params: json_answer(self.shape_speakers(self.find_event(params))),
            "list_sponsorships": lambda request, params: json_answer(self.find_event(params).sponsorships),
            "list_custom_registration_fields": lambda request, params: json_answer(self.find_event(params).questions),
            "count_event_registrations": lambda request, params: json_answer(self.find_event(params).registered),
            "count_session_registrations": self.session_registration_count,
            "get_speaker_image": lambda request, params: self.picture("speakers", params["speaker"]),
            "get_sponsor_logo": lambda request, params: self.picture("sponsorships", params["sponsorship"]),
        }

    def identify(self, request: Request) -> Call | None:
        """Return the operation that a request means, or None when the path is not of this API."""
        raise NotImplementedError

    def error(self, failure: ApiError) -> Answer:
        """Return the body that this API gives for a failure."""
        raise NotImplementedError

    def shape_event(self, event: Event) -> Fields:
        """Return an event as this API shows it."""
        raise NotImplementedError

    def shape_sessions(self, request: Request, event: Event) -> list[Fields]:
        """Return the sessions of an event as this API shows them."""
        raise NotImplementedError

    def shape_tracks(self, event: Event) -> list[Fields]:
        """Return the tracks of an event as this API shows them."""
        raise NotImplementedError

    def shape_speakers(self, event: Event) -> list[Fields]:
        """Return the speakers of an event as this API shows them."""
        raise NotImplementedError

    def listed_events(self, query: dict[str, str]) -> list[Event]:
        """Return the events of the list for a decoded query."""
        raise NotImplementedError

    def answer(self, request: Request, call: Call) -> Answer:
        """Return the answer to an identified request; never raises for what a client may send."""
        try:
            with self.organisation.lock:
                answer = self._answer(request, call)
        except ApiError as failure:
            answer = self.error(failure)
            if failure.status == 405:
                answer = answer.with_headers(("Allow", ", ".join(call.allow)))
        if request.header("Origin") == self.organisation.origin:
            answer = answer.with_headers(("Access-Control-Allow-Origin", self.organisation.origin), ("Vary", "Origin"))
        return answer

    def _answer(self, request: Request, call: Call) -> Answer:
        if call.operation == "unknown_org":
            raise ApiError(404, "The organisation does not exist.", "EndpointNotFound")
        if call.operation == "unmatched":
            raise ApiError(404, "The endpoint does not exist.", "EndpointNotFound")
        if call.operation == "preflight":
            return self._preflight(request)
        if call.operation == "wrong_method":
            raise ApiError(405, "The method is not allowed here.", "OnlyHttpPostAllowed")
        if call.operation not in self.open_operations:
            self._guard(request)
        wait = self.organisation.take_quota()
        if wait is not None:
            limit = self.organisation.behaviour.quota_limit
            failure = ApiError(429, f"Number of requests exceeded the limit of {limit}.")
            return self.error(failure).with_headers(("Retry-After", str(wait)))
        self.desk.settle()
        return self.handlers[call.operation](request, call.params)

    def _guard(self, request: Request) -> None:
        token, origin = self.token_of(request), request.header("Origin")
        if token is None:
            raise ApiError(400, "The web application token is missing.")
        if origin is None:
            raise ApiError(400, "The Origin header is missing.")
        if not compare_digest(token.encode(), self.organisation.token.encode()):
            raise ApiError(401, "The web application token is not valid.")
        if origin != self.organisation.origin:
            raise ApiError(403, "The origin is not registered with the web application token.")

    def token_of(self, request: Request) -> str | None:
        """Return the token of the query; its name is read to the letter."""
        return request.query.get("emApplicationtoken")

    def _preflight(self, request: Request) -> Answer:
        if request.header("Origin") != self.organisation.origin:
            raise ApiError(403, "The origin is not registered with the web application token.")
        return Answer(
            204,
            headers=(
                ("Access-Control-Allow-Methods", "GET, POST"),
                ("Access-Control-Allow-Headers", "content-type, authorization"),
            ),
        )

    def find_event(self, params: dict[str, str]) -> Event:
        """Return the listed event with the readable id `params["event"]`. Raises: ApiError 404."""
        event = self.organisation.events.get(params["event"])
        if event is None or not event.listed:
            raise ApiError(404, "The event does not exist.")
        return event

    def list_published_events(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 1."""
        return json_answer([self.shape_event(event) for event in self.listed_events(request.query)])

    def session_registration_count(self, request: Request, params: dict[str, str]) -> Answer:
        """Row 14: a bare number."""
        event = self.organisation.event_of_session(params["session"])
        if event is None:
            raise ApiError(404, "The session does not exist.")
        return json_answer(event.session_registered[params["session"].lower()])

    def picture(self, kind: str, part_id: str) -> Answer:
        """Rows 16 and 17."""
        if not self.organisation.has_part(kind, part_id):
            raise ApiError(404, "The image does not exist.")
        return Answer(200, badge(part_id.lower()), (("Content-Type", "image/png"),))


def read_json(request: Request) -> Any:
    """Return the JSON of a request. Raises: ApiError 400."""
    try:
        return request.json()
    except ValueError as failure:
        raise ApiError(400, "The body is not JSON.") from failure
