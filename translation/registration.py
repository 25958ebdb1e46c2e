"""Registrations: what a portal sends, what goes upstream, and the result that the portal understands.

Sources: CONTRACT 1.2 and 2.2 (bodies), CONTRACT 2 (answered without a status; a payment page as ``redirectUrl``),
PORTAL-FACTS "What breaks it" (what each answer does to the visitor).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from translation.aliases import Aliases
from translation.errors import INVALID_BODY, REGISTRATION_ANSWER_UNREADABLE, ProxyError
from translation.sentences import clean

Text = Annotated[str, Field(max_length=1_000)]
LongText = Annotated[str, Field(max_length=20_000)]


class Lenient(BaseModel):
    """What all bodies have in common: unknown keys are kept."""

    model_config = ConfigDict(extra="allow")


class Response(Lenient):
    """The answer to a custom registration field."""

    id: Text
    value: LongText | bool | int | float | None = None
    values: Annotated[list[LongText], Field(max_length=500)] | None = None


class AttendeeSession(Lenient):
    """A session that an attendee wants to attend."""

    sessionId: Text
    waitlisted: bool | None = None


class Attendee(Lenient):
    """One person to register. ``passId`` is an empty string for free events (PORTAL-FACTS)."""

    firstName: Text | None = None
    lastName: Text | None = None
    email: Text | None = None
    passId: Text | None = None
    waitlisted: bool | None = None
    autoRegister: bool | None = None
    responses: Annotated[list[Response], Field(max_length=200)] | None = None
    attendeeSessions: Annotated[list[AttendeeSession], Field(max_length=500)] | None = None


class Registration(Lenient):
    """The body of a registration."""

    attendees: Annotated[list[Attendee], Field(min_length=1, max_length=100)]
    hipObject: dict[str, Any] | None = None


class Finalization(Lenient):
    """The body that finalizes a paid registration."""

    purchaseId: Annotated[str, Field(min_length=1, max_length=1_000)]
    hipObject: dict[str, Any] | None = None


BODIES: Final[dict[str, type[Lenient]]] = {"register": Registration, "finalize_registration": Finalization}
"""The body models by operation name."""

_STATUSES: Final = {"success": "Success", "initiated": "Initiated", "redirect": "Redirect", "failed": "Failed"}
_FAILURES: Final = frozenset({"failure", "error", "rejected", "denied", "invalid"})


def read_body(body: bytes, operation: str, aliases: Aliases) -> bytes:
    """Validate a portal's body and make the one that goes upstream.

    Args:
        body: The body as received.
        operation: A name of ``BODIES``.
        aliases: Ids changed by the migration, applied to passes, sessions and fields.

    Returns:
        JSON with the same keys and values, without ``hipObject``.

    Raises:
        ProxyError: ``InvalidBody`` naming the first field that is wrong, never its value.
    """
    try:
        value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise ProxyError(INVALID_BODY, detail="The body is not JSON.") from None
    try:
        BODIES[operation].model_validate(value)
    except ValidationError as invalid:
        raise ProxyError(INVALID_BODY, detail=_first(invalid)) from None
    value.pop("hipObject", None)
    if "attendees" in BODIES[operation].model_fields:  # elsewhere an unknown key, of any form
        for attendee in value["attendees"]:
            aliases.attendee(attendee)
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise ProxyError(INVALID_BODY, detail="The body holds a value that is not allowed.") from None


def _first(invalid: ValidationError) -> str:
    error = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ""
    for part in error["loc"]:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part in _KNOWN_NAMES:  # union members and keys that a visitor chose are not repeated
            place += f".{part}" if place else str(part)
    return f"{place or 'The body'}: {error['msg']}."


_KNOWN_NAMES: Final = frozenset(
    name for model in (Registration, Finalization, Attendee, AttendeeSession, Response) for name in model.model_fields
)


def read_result(value: Any) -> dict[str, Any]:
    """Bring the answer to an accepted registration (2xx) into the form that a portal understands.

    Args:
        value: The parsed body with stripped keys; None for an empty one.

    Returns:
        An object with ``status`` ``Success``, ``Initiated``, ``Redirect`` or ``Failed`` and the four other fields of
        CONTRACT 1.2; unknown fields are kept.

    Raises:
        ProxyError: ``RegistrationAnswerUnreadable`` when it leads to a payment page whose address cannot be used: the
            visitor would else be told of a success, and not have paid.
    """
    raw: Mapping[str, Any] = value if isinstance(value, dict) else {}
    result: dict[str, Any] = {"status": None, "errorMessage": None, "errorCode": None, "redirectUrl": None, "purchaseId": None}
    names = {name.lower(): name for name in result}
    for key, item in raw.items():
        name = names.get(key.lower(), key)
        if name == key or name not in raw:  # the name in its own spelling wins
            result[name] = item
    given = result["redirectUrl"]
    result["redirectUrl"] = _web_address(given)
    result["status"] = _status(result)
    if result["status"] != "Failed" and isinstance(given, str) and given.strip() and result["redirectUrl"] is None:
        raise ProxyError(REGISTRATION_ANSWER_UNREADABLE, cause="the payment page has no usable address")
    if isinstance(result["errorMessage"], str):
        result["errorMessage"] = clean(result["errorMessage"])
    if result["status"] == "Redirect" and result["purchaseId"] is None and result["redirectUrl"]:
        query = {name.lower(): text for name, text in parse_qsl(urlsplit(result["redirectUrl"]).query)}
        result["purchaseId"] = query.get("purchaseid")
    return result


def _status(result: Mapping[str, Any]) -> str:
    given = result["status"].strip().lower() if isinstance(result["status"], str) else ""
    if given in _FAILURES:
        return "Failed"
    if given in _STATUSES:
        return _STATUSES[given]
    if result["redirectUrl"]:
        return "Redirect"
    return "Failed" if isinstance(result["errorMessage"], str) and result["errorMessage"].strip() else "Success"


def _web_address(url: Any) -> str | None:
    """An http(s) address, or None: the portal navigates to it, so that a script address would be run."""
    if not isinstance(url, str):
        return None
    url = url.strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme.lower() in ("http", "https") and parts.netloc else None
