"""The closed list of everything that can go wrong, and the one body that says so to portals, visitors and machines.

Sources: CONTRACT 1.2 "Errors" (what portals read), PORTAL-FACTS "What breaks it" (only ``Message`` reaches the visitor),
RFC 9457 (problem details). Every kind has its sentence per language in ``translation/messages.py`` and its section in
``docs/errors.md``.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class OldType(StrEnum):
    """The five values of ``type`` that old portals know (CONTRACT 1.2)."""

    ENDPOINT_NOT_FOUND = "EndpointNotFound"
    INTERNAL_SERVER_ERROR = "InternalServerError"
    ONLY_HTTP_POST_ALLOWED = "OnlyHttpPostAllowed"
    ANONYMOUS_ACCESS_NOT_ALLOWED = "AnonymousAccessNotAllowed"
    ONLY_HTTPS_ALLOWED = "OnlyHttpsAllowed"


class Blame(StrEnum):
    """Whose fault a failure is: who has to do something about it."""

    CALLER = "caller"
    CONTRACT = "contract"
    OPERATOR = "operator"
    UPSTREAM = "upstream"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row of the closed list.

    Attributes:
        code: The ``errorCode`` in the body and the section in docs/errors.md.
        status: The HTTP status it is answered with.
        blame: Whose fault it is.
        title: A short summary for machines and logs (RFC 9457 ``title``).
        operator: What it means and what to do, for the person who runs the proxy.
        old_type: The ``type`` that old portals read.
    """

    code: str
    status: int
    blame: Blame
    title: str
    operator: str
    old_type: OldType = OldType.INTERNAL_SERVER_ERROR


ERRORS: Final[dict[str, ErrorKind]] = {}


def _kind(
    code: str,
    status: int,
    blame: Blame,
    title: str,
    operator: str,
    old_type: OldType = OldType.INTERNAL_SERVER_ERROR,
) -> ErrorKind:
    kind = ErrorKind(code, status, blame, title, operator, old_type)
    ERRORS[code] = kind
    return kind


# What the caller sent.
BAD_TARGET = _kind(
    "BadTarget",
    400,
    Blame.CALLER,
    "The request target is malformed",
    "The path or query holds bytes, escapes or dot segments that no portal sends. Nothing was sent upstream.",
)
INVALID_PARAMETER = _kind(
    "InvalidParameter",
    400,
    Blame.CALLER,
    "A part of the address is not valid",
    "An id in the path or a query parameter does not have its form. `detail` names it. Nothing was sent upstream.",
)
BAD_HEADERS = _kind(
    "BadHeaders",
    400,
    Blame.CALLER,
    "The request headers are malformed",
    "Host is missing, doubled or malformed, or the message framing is ambiguous. Often a scanner, or a faulty proxy before.",
)
INVALID_BODY = _kind(
    "InvalidBody",
    400,
    Blame.CALLER,
    "The request body is not valid",
    "The body is not JSON or does not have the form of the operation. `detail` names the field. Nothing was sent upstream.",
)
INVALID_CALENDAR_DATA = _kind(
    "InvalidCalendarData",
    400,
    Blame.CALLER,
    "The calendar link is not valid",
    "The `data` parameter of a personal calendar link is missing or malformed. `detail` gives the reason.",
)
OPERATION_NOT_FOUND = _kind(
    "OperationNotFound",
    404,
    Blame.CALLER,
    "No such operation",
    "The path is none of the old API. Compare with `evtmgmt-proxy operations`.",
    OldType.ENDPOINT_NOT_FOUND,
)
PORTAL_NOT_FOUND = _kind(
    "PortalNotFound",
    404,
    Blame.CALLER,
    "No such portal",
    "The request fits no portal of the table, or bears the client tokens of two. Compare it with docs/portals.md.",
    OldType.ENDPOINT_NOT_FOUND,
)
NOT_FOUND = _kind(
    "NotFound",
    404,
    Blame.CALLER,
    "Dynamics does not know this",
    "Dynamics answered 404: the event is not live and published for the web application, or was recreated under another id "
    "(then add an alias). If every operation answers this, the endpoint's organisation id is wrong: run `evtmgmt-proxy check`.",
    OldType.ENDPOINT_NOT_FOUND,
)
METHOD_NOT_ALLOWED = _kind(
    "MethodNotAllowed",
    405,
    Blame.CALLER,
    "The operation has another method",
    "The path exists but not with this method. The Allow header lists the methods.",
    OldType.ENDPOINT_NOT_FOUND,
)
REQUEST_TIMEOUT = _kind(
    "RequestTimeout",
    408,
    Blame.CALLER,
    "The request arrived too slowly",
    "The body did not arrive within `EVTMGMT_LIMITS__REQUEST_TIMEOUT`.",
)
BODY_TOO_LARGE = _kind(
    "BodyTooLarge",
    413,
    Blame.CALLER,
    "The request body is too large",
    "The body is larger than `EVTMGMT_LIMITS__BODY_BYTES`.",
)
TARGET_TOO_LONG = _kind(
    "TargetTooLong",
    414,
    Blame.CALLER,
    "The request target is too long",
    "Path and query are longer than `EVTMGMT_LIMITS__TARGET_BYTES`.",
)
UNSUPPORTED_MEDIA_TYPE = _kind(
    "UnsupportedMediaType",
    415,
    Blame.CALLER,
    "The request body has the wrong type",
    "Bodies must be JSON, and not compressed.",
)
HEADERS_TOO_LARGE = _kind(
    "HeadersTooLarge",
    431,
    Blame.CALLER,
    "The request headers are too large",
    "More headers or bytes than `EVTMGMT_LIMITS__HEADER_COUNT` and `EVTMGMT_LIMITS__HEADER_BYTES` allow.",
)
UPSTREAM_REJECTED = _kind(
    "UpstreamRejected",
    400,
    Blame.CALLER,
    "Dynamics rejected the request",
    "Dynamics answered a client error. Its sentence, cleaned, is what the visitor sees; its status is kept.",
)
TOO_MANY_REQUESTS = _kind(
    "TooManyRequests",
    429,
    Blame.UPSTREAM,
    "Too many calls to Dynamics",
    "Dynamics answered 429, as the organisation used up its requests (CONTRACT 2: 6,000 per 5 minutes), or the proxy held the "
    "call back, as its own `EVTMGMT_UPSTREAM__BUDGET` is spent. The cause in the log says which.",
)

RATE_LIMITED = _kind(
    "RateLimited",
    429,
    Blame.CALLER,
    "Too many requests of one client, or for one event",
    "The proxy's own limit: `EVTMGMT_RATES__REGISTRATIONS_PER_CLIENT`, `EVTMGMT_RATES__REGISTRATIONS_PER_EVENT` or "
    "`EVTMGMT_RATES__READS_PER_CLIENT`; the cause in the log says which. Nothing was sent upstream. If many visitors read it, "
    "`EVTMGMT_PORTAL__TRUSTED_PROXIES` is perhaps wrong, and all of them count as one.",
)
ORIGIN_NOT_ALLOWED = _kind(
    "OriginNotAllowed",
    400,
    Blame.CALLER,
    "The page is none of the portals'",
    "A browser said that the registration comes from a page whose origin is not in `EVTMGMT_PORTAL__ORIGINS`. Nothing was sent "
    "upstream.",
)
CLIENT_TOKEN_MISSING = _kind(
    "ClientTokenMissing",
    400,
    Blame.CALLER,
    "The client token is missing",
    "`EVTMGMT_PORTAL__CLIENT_TOKENS` is set, and the request has no emApplicationtoken. The old API answered the same.",
)
CLIENT_TOKEN_INVALID = _kind(
    "ClientTokenInvalid",
    401,
    Blame.CALLER,
    "The client token is wrong",
    "The request's emApplicationtoken is none of `EVTMGMT_PORTAL__CLIENT_TOKENS`. The old API answered the same.",
)
CHALLENGE_FAILED = _kind(
    "ChallengeFailed",
    400,
    Blame.CALLER,
    "The challenge was not passed",
    "The hidden field was filled in, or the provider's answer is missing, used up, from another page or too low in score; the "
    "cause in the log says which. Nothing was sent upstream.",
)
SENT_TOO_SOON = _kind(
    "SentTooSoon",
    429,
    Blame.CALLER,
    "The form came too soon",
    "It came sooner than `EVTMGMT_CHALLENGE__MINIMUM_AGE` after this client first read the event, or the proxy did not see it "
    "read. Sent again after that time it passes. Nothing was sent upstream.",
)
CHALLENGE_UNAVAILABLE = _kind(
    "ChallengeUnavailable",
    503,
    Blame.OPERATOR,
    "The challenge cannot be verified",
    "The provider does not answer, or refuses `EVTMGMT_CHALLENGE__SECRET`. Nothing was sent upstream. With "
    "`EVTMGMT_CHALLENGE__WHEN_UNAVAILABLE` set to `admit` registrations pass meanwhile.",
)

# What the new contract does not have.
USER_AUTHENTICATION_NOT_SUPPORTED = _kind(
    "UserAuthenticationNotSupported",
    501,
    Blame.CONTRACT,
    "Sign-in has no counterpart",
    "The real-time API has no user authentication. Switch sign-in off in the portal (`isAuthenticationEnabled: false`).",
    OldType.ENDPOINT_NOT_FOUND,
)
CAPTCHA_NOT_SUPPORTED = _kind(
    "CaptchaNotSupported",
    501,
    Blame.CONTRACT,
    "Captcha has no counterpart",
    "The real-time API has no captcha without outbound marketing. The proxy answers `enableCaptcha: false`, so that portals "
    "do not ask; this portal asked all the same.",
    OldType.ENDPOINT_NOT_FOUND,
)
TRACK_SESSIONS_NOT_AVAILABLE = _kind(
    "TrackSessionsNotAvailable",
    501,
    Blame.CONTRACT,
    "The sessions of this track are not known",
    "The real-time API has no such operation, and nothing in its answers relates this track to sessions.",
    OldType.ENDPOINT_NOT_FOUND,
)

# What the cutover says.
SWITCHED_OFF = _kind(
    "SwitchedOff",
    503,
    Blame.OPERATOR,
    "This was switched off",
    "A switch of the cutover says `off` for this operation or event. `evtmgmt-proxy cutover show` tells which and since when.",
)
REGISTRATION_CLOSED = _kind(
    "RegistrationClosed",
    410,
    Blame.CONTRACT,
    "Registration for this event is closed",
    "The event is answered from the archive (docs/archive.md): no organisation has it, or it is switched to `archive`. Nobody "
    "was registered.",
)
ARCHIVE_UNREADABLE = _kind(
    "ArchiveUnreadable",
    500,
    Blame.OPERATOR,
    "The archive cannot be read",
    "The archive's file is damaged, or was changed while it was being read. The log says which. Put a whole one in its place, in "
    "one step (`mv`): it is taken up by itself.",
)
EVENT_PLACE_UNKNOWN = _kind(
    "EventPlaceUnknown",
    503,
    Blame.UPSTREAM,
    "It is not known where this event lives",
    "In the stage `split` the published events of both organisations decide where a registration goes, and neither list could be "
    "read since the start. Nothing was sent.",
)

# What the operator or Dynamics has to mend.
UPSTREAM_REFUSED_PROXY = _kind(
    "UpstreamRefusedProxy",
    502,
    Blame.OPERATOR,
    "Dynamics refused the proxy",
    "Dynamics answered 401 or 403 to the proxy's own token or origin. The proxy is not ready until this is mended: compare "
    "token and origin with the web application in Dynamics, then run `evtmgmt-proxy check`.",
)
UPSTREAM_UNREACHABLE = _kind(
    "UpstreamUnreachable",
    502,
    Blame.UPSTREAM,
    "Dynamics cannot be reached",
    "The connection was refused, its name did not resolve or its certificate was not trusted. Nothing was sent.",
)
BREAKER_OPEN = _kind(
    "BreakerOpen",
    503,
    Blame.UPSTREAM,
    "Dynamics is left alone for a while",
    "Most calls of this kind failed of late, so the proxy makes none for a short time (`EVTMGMT_FAULTS__BREAKER_OPEN` and up). "
    "Nothing was sent. The log has a line `breaker open` with the cause.",
)
UPSTREAM_FAILED = _kind(
    "UpstreamFailed",
    502,
    Blame.UPSTREAM,
    "Dynamics failed",
    "Dynamics answered a server error, or broke the connection off.",
)
UPSTREAM_ANSWER_INVALID = _kind(
    "UpstreamAnswerInvalid",
    502,
    Blame.UPSTREAM,
    "Dynamics gave an answer that cannot be read",
    "The answer was no JSON, had the wrong form, was an unexpected redirect, or was no image where one was due.",
)
UPSTREAM_ANSWER_TOO_LARGE = _kind(
    "UpstreamAnswerTooLarge",
    502,
    Blame.UPSTREAM,
    "Dynamics gave an answer that is too large",
    "The answer is larger than `EVTMGMT_UPSTREAM__MAX_ANSWER_BYTES` or `EVTMGMT_UPSTREAM__MAX_IMAGE_BYTES`.",
)
REGISTRATION_ANSWER_UNREADABLE = _kind(
    "RegistrationAnswerUnreadable",
    502,
    Blame.UPSTREAM,
    "The outcome of a registration is unknown",
    "A registration was sent, but Dynamics failed or its answer cannot be read. Look in Dynamics before anybody sends it again.",
)
UPSTREAM_TIMEOUT = _kind(
    "UpstreamTimeout",
    504,
    Blame.UPSTREAM,
    "Dynamics did not answer in time",
    "No answer within `EVTMGMT_UPSTREAM__CONNECT_TIMEOUT`, `__READ_TIMEOUT` or `__TOTAL_TIMEOUT`.",
)
REGISTRATION_OUTCOME_UNKNOWN = _kind(
    "RegistrationOutcomeUnknown",
    504,
    Blame.UPSTREAM,
    "The outcome of a registration is unknown",
    "A registration was sent and no answer came in time. It may have been accepted: look in Dynamics before anybody repeats it.",
)

# What the proxy itself says.
INTERNAL_ERROR = _kind(
    "InternalError",
    500,
    Blame.PROXY,
    "The proxy failed",
    "A defect of the proxy. The log has a line with the same correlation id; please report it.",
)
OVERLOADED = _kind(
    "Overloaded",
    503,
    Blame.PROXY,
    "The proxy is at its limit",
    "More requests at once than `EVTMGMT_LIMITS__CONCURRENCY`, or more connections than `EVTMGMT_LIMITS__CONNECTIONS`. Refused "
    "at once, so that the others are served.",
)
STOPPING = _kind(
    "Stopping",
    503,
    Blame.PROXY,
    "The proxy is about to stop",
    "This process was told to stop and takes nothing new. Set `EVTMGMT_LIMITS__DRAIN_DELAY` to more than what a load balancer "
    "needs to notice that `/readyz` says no.",
)


@dataclass(slots=True, eq=False)
class ProxyError(Exception):
    """A failure from the closed list, on its way to the visitor.

    Attributes:
        kind: The row of the list.
        detail: What exactly, in words safe for a visitor: names of parts and fields, never values.
        sentence: Replaces the visitor's sentence (the cleaned sentence of Dynamics).
        status: Replaces the kind's status (only for ``UpstreamRejected`` and errors of the outbound organisation).
        verbatim: The outbound organisation's own body for portals, which is answered as it is.
        retry_after: Seconds for the Retry-After header.
        allow: Methods for the Allow header.
        cause: What happened in technical words, for the log only.
        kept: Whether Dynamics was not asked, as it answered so shortly before.
    """

    kind: ErrorKind
    detail: str | None = None
    sentence: str | None = field(default=None, repr=False)
    status: int | None = None
    verbatim: bytes | None = field(default=None, repr=False)
    retry_after: int | None = None
    allow: tuple[str, ...] = field(default=())
    cause: str | None = None
    kept: bool = False

    def __str__(self) -> str:
        """The code and the technical cause; never a value that a visitor sent."""
        return f"{self.kind.code}: {self.cause or self.detail or self.kind.title}"

    @property
    def http_status(self) -> int:
        """The status to answer with."""
        return self.status or self.kind.status


def error_body(error: ProxyError, sentence: str, correlation_id: str) -> dict[str, Any]:
    """The body that serves old portals and RFC 9457 at once.

    Args:
        error: What went wrong.
        sentence: What the visitor reads (``translation/messages.py``).
        correlation_id: The request id. Never ``0``, which old portals read as "session expired" (CONTRACT 1.2).

    Returns:
        A JSON object with the keys of DESIGN "Decisions already taken".
    """
    kind = error.kind
    status = error.http_status
    return {
        "Message": sentence,
        "errorMessage": sentence,
        "type": kind.old_type.value,
        "errorCode": kind.code,
        "statusCode": status,
        "correlationId": correlation_id,
        "title": kind.title,
        "status": status,
        "detail": error.detail or sentence,
        "instance": f"urn:evtmgmt-proxy:request:{correlation_id}",
    }
