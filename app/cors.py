"""Which browsers may read an answer: CORS for the configured origins, on every answer, errors included.

PORTAL-FACTS: without CORS on an error the visitor sees "There was an issue when communicating with the server", and every
call of the Angular portal is preflighted because it sends Content-Type on GETs.
"""

import re
from collections.abc import Collection
from typing import Final

from app.calls import Header, header_lines

MAX_AGE: Final = b"7200"
_EXPOSED: Final = b"X-Request-ID, Retry-After, Allow, Age, ETag, X-EvtMgmt-Cache, X-EvtMgmt-Backend, X-EvtMgmt-Outbox"
_METHODS: Final = b"GET, HEAD, POST, OPTIONS"
_NAMES: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z, ]{0,1000}")
_VARY: Final = (b"vary", b"Origin")


class Cors:
    """Answers what a browser asks about origins.

    Args:
        origins: The origins that may read answers.
    """

    def __init__(self, origins: Collection[str]) -> None:
        self._allowed: dict[bytes, list[Header]] = {}
        for origin in origins:
            raw = origin.encode("ascii")
            self._allowed[raw.lower()] = [
                (b"access-control-allow-origin", raw),
                (b"access-control-expose-headers", _EXPOSED),
                _VARY,
            ]
        self._refused: list[Header] = [_VARY]
        self._anybody: list[Header] | None = None
        self._lines = {origin: header_lines(headers) for origin, headers in self._allowed.items()}
        self._refused_lines = header_lines(self._refused)

    @classmethod
    def for_anybody(cls) -> "Cors":
        """For answers that hold nothing of anybody: every page may read them."""
        cors = cls(())
        cors._anybody = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _EXPOSED), _VARY]
        cors._refused = cors._anybody
        cors._refused_lines = header_lines(cors._refused)
        return cors

    def headers(self, origin: bytes | None) -> list[Header]:
        """The headers that go on an answer to a request with that Origin, None when it has none."""
        if origin is None:
            return self._refused
        return self._allowed.get(origin.lower(), self._refused)

    def lines(self, origin: bytes | None) -> bytes:
        """The same as they stand on the wire."""
        return self._refused_lines if origin is None else self._lines.get(origin.lower(), self._refused_lines)

    def preflight(self, origin: bytes, requested_headers: bytes | None) -> list[Header]:
        """The headers of the answer to a preflight; for other origins only Vary, so that the browser refuses.

        Args:
            origin: The Origin header.
            requested_headers: Access-Control-Request-Headers. All well-formed names are allowed: none but Authorization is sent
                upstream, and a portal that adds a header of its own, or Authorization, shall be able to read its answer.
        """
        allowed = self._allowed.get(origin.lower(), self._anybody)
        vary = (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        if allowed is None:
            return [vary]
        headers = [allowed[0], (b"access-control-allow-methods", _METHODS), (b"access-control-max-age", MAX_AGE), vary]
        if requested_headers and _NAMES.fullmatch(requested_headers):
            headers.append((b"access-control-allow-headers", requested_headers))
        return headers
