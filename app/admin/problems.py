"""Errors of the admin API: a closed list, answered as RFC 9457 tells (``application/problem+json``)."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final


class Kind(Enum):
    """One kind of error: its code is the name, the value is status and title."""

    NotSignedIn = (401, "The admin token is missing or wrong")
    TooManyAttempts = (429, "Too many wrong tokens were tried")
    CrossSite = (403, "A change must come from the console itself, or from a program")
    FormTooOld = (403, "The form is not one of this session")
    UnsupportedMediaType = (415, "A change must be sent as application/json")
    BodyTooLarge = (413, "The body is too large")
    BodyTimeout = (408, "The body did not arrive in time")
    InvalidChange = (422, "The change cannot be made")
    InvalidQuery = (422, "A query parameter cannot be used")
    NoOutbound = (422, "No outbound organisation is configured")
    NoOperation = (404, "The path is no operation")
    NoSuchField = (404, "The field was not compared")
    NoSuchPage = (404, "There is no such page")
    VersionMissing = (428, "The header If-Match is missing")
    VersionMismatch = (412, "The state was changed meanwhile")
    StoreAway = (503, "The state cannot be changed now")
    Defect = (500, "The proxy made a mistake")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def title(self) -> str:
        """What is wrong, in general."""
        return self.value[1]


CHALLENGE: Final = 'Bearer realm="evtmgmt-proxy", Basic realm="evtmgmt-proxy", charset="UTF-8"'


class AdminError(Exception):
    """A request that cannot be fulfilled.

    Args:
        kind: What kind of error.
        detail: A sentence on this very case.
        headers: Further headers of the answer.
        **more: Further members of the body.
    """

    def __init__(self, kind: Kind, detail: str = "", headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail or f"{kind.title}."
        self.headers = dict(headers or {})
        self.more = more
        if kind is Kind.NotSignedIn:
            self.headers["WWW-Authenticate"] = CHALLENGE
        elif kind is Kind.BodyTooLarge or kind is Kind.BodyTimeout:
            self.headers["Connection"] = "close"  # the rest of the body is not read

    def document(self, request_id: str) -> dict[str, Any]:
        """The body.

        Args:
            request_id: The correlation id, also in the answer's ``X-Request-Id``.
        """
        return {
            "type": "about:blank",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.name,
            "correlationId": request_id,
            **self.more,
        }
