"""The one table of operations: what the old API offered, and what becomes of each under the real-time API.

Routes, the OpenAPI description, the ``operations`` command, metrics labels and the tests are derived from it.
Sources: CONTRACT 1.1 (rows 1-22), CONTRACT 2.1 (the new operations).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from translation import errors
from translation.errors import ErrorKind
from translation.freshness import Freshness

OLD_BASES: Final = ("EvtMgmt/api/v2.0", "EvtMgmt/api/v1.0")
"""The bases under which the old paths are answered, all the same (CONTRACT 1)."""


class Serving(StrEnum):
    """How an operation is served."""

    MAPPED = "served"
    EMULATED = "emulated"
    REFUSED = "refused"


class Answer(StrEnum):
    """What kind of answer an operation gives, which decides how it is read and repaired."""

    EVENT_LIST = "event list"
    EVENT = "event"
    LIST = "list"
    ITEM = "item"
    COUNT = "count"
    RESULT = "registration result"
    IMAGE = "image"
    CALENDAR = "calendar"
    REDIRECT = "redirect"


class Grammar(StrEnum):
    """The form of a path parameter (``translation/grammar.py``)."""

    EVENT_ID = "readable event id"
    GUID = "GUID"


GRAMMARS: Final = {
    "event": Grammar.EVENT_ID,
    "session": Grammar.GUID,
    "track": Grammar.GUID,
    "speaker": Grammar.GUID,
    "sponsorship": Grammar.GUID,
    "registration": Grammar.GUID,
}
"""Path parameters by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table.

    Attributes:
        name: Its name in metrics, logs, switches and OpenAPI (``operationId``).
        row: Its number in CONTRACT 1.1; None for those that only the new API has.
        method: GET or POST. GET operations answer HEAD as well.
        path: The old path under the base; ``{name}`` is a parameter of ``GRAMMARS``.
        answer: The kind of answer.
        summary: One line for OpenAPI and the ``operations`` command.
        serving: Mapped to a counterpart, emulated from other operations, or refused with ``refusal``.
        upstream: The path under the real-time base; None unless mapped.
        refusal: The error it is answered with, or the error of an emulation that finds nothing.
        query: Query parameters (lower case) that travel upstream, or that the emulation reads.
        shape: The model of the answer or of its items (``translation/shapes.py``), or None.
        repairs: What becomes of it in words, for the documentation.
        token: Whether the server's token is attached to the upstream call.
        freshness: How long its answers may be given again; None for never.
        follows_registrations: Whether a registration may change its answers.
        parameters: The names of its path parameters, in order.
        writes: Whether it changes something upstream: never cached, never retried, never cancelled half-way.
    """

    name: str
    row: int | None
    method: str
    path: str
    answer: Answer
    summary: str
    serving: Serving = Serving.MAPPED
    upstream: str | None = None
    refusal: ErrorKind | None = None
    query: tuple[str, ...] = ("api-version",)
    shape: str | None = None
    repairs: str = ""
    token: bool = True
    freshness: Freshness | None = None
    follows_registrations: bool = False

    parameters: tuple[str, ...] = field(init=False)
    writes: bool = field(init=False)

    def __post_init__(self) -> None:
        parameters = tuple(segment[1:-1] for segment in self.path.split("/") if segment.startswith("{"))
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "writes", self.method == "POST")


OPERATIONS: Final = (
    Operation(
        name="list_events",
        row=1,
        method="GET",
        path="events/published",
        answer=Answer.EVENT_LIST,
        summary="List the published events",
        upstream="events/published",
        query=("api-version", "webappid", "businessunitid"),
        shape="Event",
        repairs="As one event; events without any date are left out; the configured web application is added.",
        freshness=Freshness.DETAILS,
    ),
    Operation(
        name="get_event",
        row=2,
        method="GET",
        path="events/{event}",
        answer=Answer.EVENT,
        summary="Read one event",
        upstream="events/{event}",
        shape="Event",
        repairs="Missing fields become null, customFields {}; no captcha; registration form, anonymous registration by setting.",
        freshness=Freshness.DETAILS,
    ),
    Operation(
        name="list_passes",
        row=3,
        method="GET",
        path="events/{event}/passes",
        answer=Answer.LIST,
        summary="List the passes of an event",
        upstream="events/{event}/passes",
        shape="Pass",
        repairs="Missing fields become null.",
        freshness=Freshness.COUNTS,
        follows_registrations=True,
    ),
    Operation(
        name="list_sessions",
        row=4,
        method="GET",
        path="events/{event}/sessions",
        answer=Answer.LIST,
        summary="List the sessions of an event",
        upstream="events/{event}/sessions",
        shape="Session",
        repairs="Missing fields become null.",
        freshness=Freshness.DETAILS,
        follows_registrations=True,
    ),
    Operation(
        name="list_tracks",
        row=5,
        method="GET",
        path="events/{event}/tracks",
        answer=Answer.LIST,
        summary="List the session tracks of an event",
        upstream="events/{event}/tracks",
        shape="SessionTrack",
        repairs="Missing fields become null. Remembered for the sessions of a track.",
        freshness=Freshness.DETAILS,
    ),
    Operation(
        name="list_speakers",
        row=6,
        method="GET",
        path="events/{event}/speakers",
        answer=Answer.LIST,
        summary="List the speakers of an event",
        upstream="events/{event}/speakers",
        shape="Speaker",
        repairs="imageUrl is made relative to the old base.",
        freshness=Freshness.DETAILS,
    ),
    Operation(
        name="list_sponsorships",
        row=7,
        method="GET",
        path="events/{event}/sponsorships",
        answer=Answer.LIST,
        summary="List the sponsorships of an event",
        upstream="events/{event}/sponsorships",
        shape="Sponsorship",
        repairs="Missing fields become null.",
        freshness=Freshness.DETAILS,
    ),
    Operation(
        name="get_captcha",
        row=8,
        method="GET",
        path="events/{event}/captcha",
        answer=Answer.ITEM,
        summary="Get a captcha challenge",
        serving=Serving.REFUSED,
        refusal=errors.CAPTCHA_NOT_SUPPORTED,
        shape="Captcha",
        repairs="No counterpart without outbound marketing; portals never ask, as enableCaptcha is answered false.",
    ),
    Operation(
        name="list_custom_registration_fields",
        row=9,
        method="GET",
        path="events/{event}/custom-registration-fields",
        answer=Answer.LIST,
        summary="List the custom registration fields of an event",
        upstream="events/{event}/custom-registration-fields",
        shape="CustomRegistrationField",
        repairs="null becomes [].",
        freshness=Freshness.DETAILS,
    ),
    Operation(
        name="count_event_registrations",
        row=10,
        method="GET",
        path="events/{event}/registrations/count",
        answer=Answer.COUNT,
        summary="Count the registrations for an event",
        upstream="events/{event}/registrations/count",
        repairs="A bare number.",
        freshness=Freshness.COUNTS,
        follows_registrations=True,
    ),
    Operation(
        name="register",
        row=11,
        method="POST",
        path="events/{event}/registrations",
        answer=Answer.RESULT,
        summary="Register attendees for an event",
        upstream="events/{event}/registrations",
        shape="RegistrationResult",
        repairs="hipObject is dropped; status is added; a payment page becomes Redirect.",
    ),
    Operation(
        name="finalize_registration",
        row=12,
        method="POST",
        path="events/{event}/registrations/finalize",
        answer=Answer.RESULT,
        summary="Finalize a paid registration",
        upstream="events/{event}/registrations/finalize",
        shape="RegistrationResult",
        repairs="As register.",
    ),
    Operation(
        name="register_user_for_session",
        row=13,
        method="POST",
        path="events/{event}/sessions/{session}/registrations",
        answer=Answer.RESULT,
        summary="Register the signed-in user for a session",
        serving=Serving.REFUSED,
        refusal=errors.USER_AUTHENTICATION_NOT_SUPPORTED,
        shape="RegistrationResult",
        repairs="No counterpart: the real-time API has no signed-in users.",
    ),
    Operation(
        name="count_session_registrations",
        row=14,
        method="GET",
        path="sessions/{session}/registrations/count",
        answer=Answer.COUNT,
        summary="Count the registrations for a session",
        upstream="sessions/{session}/registrations/count",
        repairs="A bare number.",
        freshness=Freshness.COUNTS,
        follows_registrations=True,
    ),
    Operation(
        name="list_track_sessions",
        row=15,
        method="GET",
        path="tracks/{track}/sessions",
        answer=Answer.LIST,
        summary="List the sessions of a track",
        serving=Serving.EMULATED,
        refusal=errors.TRACK_SESSIONS_NOT_AVAILABLE,
        shape="Session",
        repairs="Found through the event that the track belongs to.",
    ),
    Operation(
        name="get_speaker_image",
        row=16,
        method="GET",
        path="speakers/{speaker}/image",
        answer=Answer.IMAGE,
        summary="Get the picture of a speaker",
        upstream="speakers/{speaker}/image",
        repairs="Kept as it is; a large one is streamed.",
        freshness=Freshness.IMAGES,
    ),
    Operation(
        name="get_sponsor_logo",
        row=17,
        method="GET",
        path="sponsorships/{sponsorship}/logo",
        answer=Answer.IMAGE,
        summary="Get the logo of a sponsor",
        upstream="sponsorships/{sponsorship}/logo",
        repairs="Kept as it is; a large one is streamed.",
        freshness=Freshness.IMAGES,
    ),
    Operation(
        name="get_user",
        row=18,
        method="GET",
        path="users/authenticated",
        answer=Answer.ITEM,
        summary="Read the signed-in user",
        serving=Serving.REFUSED,
        refusal=errors.USER_AUTHENTICATION_NOT_SUPPORTED,
        shape="User",
        repairs="No counterpart: the real-time API has no signed-in users. Portals then treat the visitor as anonymous.",
    ),
    Operation(
        name="list_user_registrations",
        row=19,
        method="GET",
        path="users/authenticated/registrations",
        answer=Answer.LIST,
        summary="List the signed-in user's registrations",
        serving=Serving.REFUSED,
        refusal=errors.USER_AUTHENTICATION_NOT_SUPPORTED,
        shape="MyRegistration",
        repairs="No counterpart: the real-time API has no signed-in users.",
    ),
    Operation(
        name="list_user_waitlist_items",
        row=20,
        method="GET",
        path="users/authenticated/waitlist-items",
        answer=Answer.LIST,
        summary="List the signed-in user's waitlist items",
        serving=Serving.REFUSED,
        refusal=errors.USER_AUTHENTICATION_NOT_SUPPORTED,
        shape="WaitlistItem",
        repairs="No counterpart: the real-time API has no signed-in users.",
    ),
    Operation(
        name="cancel_registration",
        row=21,
        method="POST",
        path="users/authenticated/registrations/{registration}/cancel",
        answer=Answer.RESULT,
        summary="Cancel a registration of the signed-in user",
        serving=Serving.REFUSED,
        refusal=errors.USER_AUTHENTICATION_NOT_SUPPORTED,
        repairs="No counterpart: the real-time API has no signed-in users.",
    ),
    Operation(
        name="get_personal_calendar",
        row=22,
        method="GET",
        path="calendar/personal/ics",
        answer=Answer.CALENDAR,
        summary="Get a personal calendar file",
        serving=Serving.EMULATED,
        query=("api-version", "data"),
        repairs="Written from the event and session (RFC 5545); no token needed.",
    ),
    Operation(
        name="get_event_qrcode",
        row=None,
        method="GET",
        path="events/{event}/qrcode",
        answer=Answer.IMAGE,
        summary="Get the QR code of an event",
        upstream="events/{event}/qrcode",
        repairs="New in the real-time API. Kept as it is; a large one is streamed.",
        freshness=Freshness.IMAGES,
    ),
    Operation(
        name="get_session",
        row=None,
        method="GET",
        path="sessions/{session}",
        answer=Answer.ITEM,
        summary="Read one session",
        upstream="sessions/{session}",
        shape="Session",
        repairs="New in the real-time API.",
        freshness=Freshness.DETAILS,
        follows_registrations=True,
    ),
    Operation(
        name="create_checkin",
        row=None,
        method="POST",
        path="checkins",
        answer=Answer.REDIRECT,
        summary="Check an attendee in",
        upstream="checkins",
        repairs="New in the real-time API; its redirect is handed on.",
        token=False,
    ),
)
"""All operations, in the order of CONTRACT 1.1, then those that only the new API has."""

BY_NAME: Final = {operation.name: operation for operation in OPERATIONS}
"""The operations by name."""
