"""Why an operation failed, and what to do: the closed list of ``evtmgmt-proxy check``.

Each entry has its section in docs/check.md; a test compares. Facts: CONTRACT 1 and 2 (statuses, where Dynamics shows token,
origin and endpoint), PORTAL-FACTS "What breaks it".
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from app.checkup.witness import Seen
from app.upstream import Trouble
from translation.errors import NOT_FOUND, UPSTREAM_ANSWER_TOO_LARGE, UPSTREAM_TIMEOUT, ProxyError
from translation.operations import Answer, Operation

_PAGE: Final = "Settings > Event management > Web applications in Dynamics"


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of the list.

    Attributes:
        code: Its name in the JSON document and in docs/check.md.
        found: What it is, in words.
        advice: What to do.
        stops: Whether it holds for every other operation too, so that they need not be asked.
    """

    code: str
    found: str
    advice: str
    stops: bool = False


PROBLEMS: Final[dict[str, Problem]] = {}


def _problem(code: str, found: str, advice: str, *, stops: bool = False) -> Problem:
    PROBLEMS[code] = Problem(code, found, advice, stops)
    return PROBLEMS[code]


TOKEN_REFUSED: Final = _problem(
    "token_refused",
    "the token was not accepted",
    f"401: the token was not accepted. Copy the token again from {_PAGE} to EVTMGMT_REALTIME__TOKEN, the whole of it and "
    "without quotes or blanks. A token belongs to one web application of one organisation; the one that the old portal had for "
    "outbound marketing is another.",
    stops=True,
)
ORIGIN_REFUSED: Final = _problem(
    "origin_refused",
    "the origin was not accepted",
    f"403: the origin was not accepted. Set EVTMGMT_REALTIME__ORIGIN to the origin that stands beside the token under {_PAGE}: "
    "scheme, host and port to the letter, no path.",
    stops=True,
)
REQUEST_REFUSED: Final = _problem(
    "request_refused",
    "token or origin was not understood",
    f"400: token or origin was missing or not understood. Copy endpoint, token and origin again, all three from one entry of "
    f"{_PAGE}.",
    stops=True,
)
ENDPOINT_UNKNOWN: Final = _problem(
    "endpoint_unknown",
    "nothing is known at this endpoint",
    f"404 on the list: the host does not know this organisation. Copy the endpoint again from {_PAGE} to "
    "EVTMGMT_REALTIME__ENDPOINT: the id behind /orgs/ or the region in the host name is another one.",
    stops=True,
)
NAME_NOT_FOUND: Final = _problem(
    "name_not_found",
    "the host name does not resolve",
    f"The host name does not resolve. Compare the endpoint's host with {_PAGE}, letter by letter; if it is right, look at the "
    "name service of this machine or container.",
    stops=True,
)
CONNECTION_REFUSED: Final = _problem(
    "connection_refused",
    "the connection was refused",
    "The connection was refused. Compare host and port of the endpoint; if they are right, a firewall on the way does not let "
    "this machine out. Set EVTMGMT_UPSTREAM__PROXY if the way out is an HTTP proxy.",
    stops=True,
)
CERTIFICATE_UNTRUSTED: Final = _problem(
    "certificate_untrusted",
    "the certificate is not trusted",
    "The host's certificate is not trusted. Mostly a device of your own network opens TLS: name its authority in "
    "EVTMGMT_UPSTREAM__CA_FILE. Also look at this machine's clock and at the endpoint's host.",
    stops=True,
)
CONNECTION_FAILED: Final = _problem(
    "connection_failed",
    "the connection failed",
    "No connection could be opened. Compare the endpoint's scheme, host and port, and look at the network between this machine "
    "and the host.",
    stops=True,
)
CONNECT_TIMEOUT: Final = _problem(
    "connect_timeout",
    "no connection in time",
    "No connection within EVTMGMT_UPSTREAM__CONNECT_TIMEOUT. Mostly a firewall that drops what it does not know, or a "
    "wrong host.",
    stops=True,
)
TIMEOUT: Final = _problem(
    "timeout",
    "no answer in time",
    "No answer within EVTMGMT_UPSTREAM__READ_TIMEOUT and EVTMGMT_UPSTREAM__TOTAL_TIMEOUT. Run the check again; if it stays so, "
    "raise them or ask the provider: a portal's visitors would wait as long.",
    stops=True,
)
SLOW_DOWN: Final = _problem(
    "slow_down",
    "too many requests for the moment",
    "429: the organisation has used up its requests. Wait and run the check again; if it comes back, find out who else calls "
    "this organisation.",
    stops=True,
)
EVENT_UNKNOWN: Final = _problem(
    "event_unknown",
    "the event is not known",
    "404 on the event: it is not live and published for this web application, or was created anew under another readable id "
    "(then add it to the settings file under [aliases.events]).",
)
PART_UNKNOWN: Final = _problem(
    "part_unknown",
    "nothing is known at this path",
    "404 although the event is known: the organisation does not offer this operation. The portal shows an error in its place.",
)
NO_IMAGE: Final = _problem(
    "no_image",
    "there is no image",
    "404: nobody has uploaded this image. The portal shows a placeholder; nothing has to be done.",
)
REJECTED: Final = _problem(
    "rejected",
    "the request was rejected",
    "The organisation rejects this request although it accepts others. Its own words stand in the table.",
)
SERVER_FAILED: Final = _problem(
    "server_failed",
    "the server failed",
    "5xx: the failure is on the side of Dynamics. Run the check again; if it stays so, report operation and time to its support.",
)
REDIRECTED: Final = _problem(
    "redirected",
    "a redirect instead of an answer",
    "The host answers with a redirect, which the API never does for a read: the endpoint's host is another one, or a gateway on "
    "the way wants a sign-in.",
)
HTML_PAGE: Final = _problem(
    "html_page",
    "an HTML page instead of data",
    "An HTML page stands where data were due: the endpoint leads to another site, a gateway on the way answers in its stead, or "
    "the service is being maintained.",
)
NOT_JSON: Final = _problem(
    "not_json",
    "the answer cannot be read",
    "The answer is no valid JSON. Run the check again; if it stays so, please report operation and content type to this project.",
)
WRONG_FORM: Final = _problem(
    "wrong_form",
    "the answer has an unknown form",
    "The answer is JSON of a form that the proxy does not know. Please report what stands in the table to this project: the "
    "proxy has to learn it.",
)
NOT_AN_IMAGE: Final = _problem(
    "not_an_image",
    "this is no image",
    "Something else stands where an image was due. The portal shows a placeholder.",
)
TOO_LARGE: Final = _problem(
    "too_large",
    "the answer is too large",
    "The answer is larger than EVTMGMT_UPSTREAM__MAX_ANSWER_BYTES or EVTMGMT_UPSTREAM__MAX_IMAGE_BYTES. Raise the bound if your "
    "data really are that large.",
)
BROKEN_OFF: Final = _problem(
    "broken_off",
    "the connection broke off",
    "The connection was broken off before the answer was complete. Run the check again; if it stays so, look at the devices "
    "between this machine and the host.",
)

_BY_WHY: Final = (
    ("does not resolve", NAME_NOT_FOUND),
    ("refused", CONNECTION_REFUSED),
    ("certificate", CERTIFICATE_UNTRUSTED),
)
"""Words of ``app/upstream.py`` for an unreachable host."""

_BY_TROUBLE: Final = {
    Trouble.UNREACHABLE: CONNECTION_FAILED,
    Trouble.CONNECT_TIMEOUT: CONNECT_TIMEOUT,
    Trouble.POOL_TIMEOUT: TIMEOUT,
    Trouble.TIMEOUT: TIMEOUT,
    Trouble.BROKEN: BROKEN_OFF,
    Trouble.UNREADABLE: NOT_JSON,
    Trouble.TOO_LARGE: TOO_LARGE,
}
_BY_STATUS: Final = {401: TOKEN_REFUSED, 403: ORIGIN_REFUSED, 429: SLOW_DOWN}


def problem_of(operation: Operation, seen: Seen, error: ProxyError) -> Problem:
    """The entry of the list for a failed operation.

    Args:
        operation: What was asked.
        seen: What the call met.
        error: What the backend made of it.
    """
    if seen.trouble is not None:
        unreachable = seen.trouble is Trouble.UNREACHABLE
        return next((problem for word, problem in _BY_WHY if unreachable and word in seen.why), _BY_TROUBLE[seen.trouble])
    status = seen.status or 0
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status == 404 or error.kind is NOT_FOUND:
        return _not_found(operation)
    if 400 <= status < 500:
        return REQUEST_REFUSED if operation.answer is Answer.EVENT_LIST and status == 400 else REJECTED
    if status >= 500:
        return SERVER_FAILED
    if status >= 300:
        return REDIRECTED
    if error.kind in (UPSTREAM_ANSWER_TOO_LARGE, UPSTREAM_TIMEOUT):
        return TOO_LARGE if error.kind is UPSTREAM_ANSWER_TOO_LARGE else TIMEOUT
    return _unreadable(operation, seen)


def detail_of(seen: Seen, error: ProxyError) -> str:
    """What more is known of a failure, in brackets behind its words; empty when nothing is."""
    if error.sentence:
        return error.sentence
    if error.retry_after is not None:
        return f"asks to wait {error.retry_after} seconds"
    if seen.status is not None and seen.status < 300 and seen.trouble is None:
        return _outline(seen.body)
    return ""


def _not_found(operation: Operation) -> Problem:
    known = {Answer.EVENT_LIST: ENDPOINT_UNKNOWN, Answer.EVENT: EVENT_UNKNOWN, Answer.IMAGE: NO_IMAGE}
    return known.get(operation.answer, PART_UNKNOWN)


def _unreadable(operation: Operation, seen: Seen) -> Problem:
    html = "html" in seen.headers.get("content-type", "").lower() or seen.body.lstrip()[:1] == b"<"
    if html:
        return HTML_PAGE
    if operation.answer is Answer.IMAGE:
        return NOT_AN_IMAGE
    try:
        orjson.loads(seen.body)
    except orjson.JSONDecodeError:
        return NOT_JSON
    return WRONG_FORM


def _outline(body: bytes) -> str:
    """What kind of JSON a body is, and its key names; never a value."""
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    match value:
        case dict():
            return f"an object with {', '.join(sorted(value)[:8]) or 'no keys'}"
        case list():
            return f"a list of {len(value)}"
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case _:
            return "a number"
