"""The first step of a request: target, headers and framing within bounds, before anything is believed of them.

FIELD-NOTES "The server" lists what uvicorn lets through; the application owns these checks. It looks at ``raw_path`` and
``query_string`` only, and at the headers as they were before the body was read (chunked trailers are appended later).
"""

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from app.calls import Header
from app.settings import Limits
from translation.errors import BAD_HEADERS, HEADERS_TOO_LARGE, METHOD_NOT_ALLOWED, TARGET_TOO_LONG, ProxyError

_KNOWN: Final = "evtmgmt.known"
"""Where a connection's last headers are found among the extensions of its requests."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PATCH", "OPTIONS"})
_ALLOWED: Final = ("GET", "HEAD", "OPTIONS", "POST")
"""What is told of them: only the admin API knows PATCH."""
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9_.\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_SINGLE: Final = frozenset(
    {
        b"host", b"origin", b"content-type", b"content-length", b"accept-language", b"x-request-id", b"authorization",
        b"access-control-request-method", b"access-control-request-headers", b"content-encoding", b"transfer-encoding",
    }
)  # fmt: skip


@dataclass(slots=True)
class Headers:
    """The request's headers, read once: each by its name, and all of them for the allow-list."""

    single: dict[bytes, bytes]
    all: tuple[Header, ...]

    def get(self, name: bytes) -> bytes | None:
        """The value of a header, or None. One that may stand once does; of others that are doubled it is the first."""
        return self.single.get(name)

    def text(self, name: bytes) -> str | None:
        """The same as text."""
        value = self.single.get(name)
        return None if value is None else value.decode("latin-1")


class Guard:
    """Checks requests.

    Args:
        limits: The bounds.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def check(self, scope: MutableMapping[str, Any]) -> Headers:
        """Check a request's line and headers.

        Args:
            scope: The ASGI scope.

        Returns:
            Its headers. Names with underscores are left out: proxies turn hyphens into them and back.

        Raises:
            ProxyError: ``TargetTooLong``, ``HeadersTooLarge``, ``BadHeaders`` or ``MethodNotAllowed``.
        """
        if len(scope["raw_path"]) + len(scope["query_string"]) > self._limits.target_bytes:
            raise ProxyError(TARGET_TOO_LONG)
        headers = self.headers(scope)
        if scope["method"] not in METHODS:
            raise ProxyError(METHOD_NOT_ALLOWED, allow=_ALLOWED)
        return headers

    def headers(self, scope: MutableMapping[str, Any]) -> Headers:
        """The same for the headers alone. They are not looked at again where they are those of the connection's last request.

        Raises:
            ProxyError: ``HeadersTooLarge`` or ``BadHeaders``.
        """
        extensions = scope.get("extensions")
        known: tuple[Guard, list[Header], Headers] | None = None if extensions is None else extensions.get(_KNOWN)
        if known is not None and known[0] is self and known[1] == scope["headers"] and scope["http_version"] == "1.1":
            return known[2]
        headers = _read(scope, self._limits)
        if extensions is not None and scope["http_version"] == "1.1":
            extensions[_KNOWN] = self, scope["headers"], headers
        return headers


def _read(scope: MutableMapping[str, Any], limits: Limits) -> Headers:
    raw: list[Header] = scope["headers"]
    if len(raw) > limits.header_count:
        raise ProxyError(HEADERS_TOO_LARGE)
    single = dict(raw)
    if len(single) == len(raw):
        names = b"".join(single)
        size = len(names) + len(b"".join(single.values()))
    else:
        single = _firsts(raw)
        names = b"".join(single)
        size = sum(len(name) + len(value) for name, value in raw)
    if size > limits.header_bytes:
        raise ProxyError(HEADERS_TOO_LARGE)
    _framing(scope["http_version"], single, raw)
    if b"_" not in names:
        return Headers(single, tuple(raw))
    plain = tuple(header for header in raw if b"_" not in header[0])
    return Headers({name: single[name] for name, _ in plain}, plain)


def _firsts(raw: list[Header]) -> dict[bytes, bytes]:
    """Each header's first value, when some are doubled.

    Raises:
        ProxyError: ``BadHeaders`` for a doubled one that may stand once.
    """
    firsts: dict[bytes, bytes] = {}
    for name, value in raw:
        if name not in firsts:
            firsts[name] = value
        elif name in _SINGLE:
            raise ProxyError(BAD_HEADERS, detail=f"The header {name.decode('ascii')} stands twice.")
    return firsts


def _framing(version: str, headers: dict[bytes, bytes], raw: list[Header]) -> None:
    host = headers.get(b"host")
    encoding = headers.get(b"transfer-encoding")
    if version not in ("1.1", "1.0"):
        raise ProxyError(BAD_HEADERS, detail="This version of HTTP is not spoken here.")
    if host is None and version == "1.1":
        raise ProxyError(BAD_HEADERS, detail="The header host is missing.")
    if host is not None and not _HOST.fullmatch(host):
        raise ProxyError(BAD_HEADERS, detail="The header host is malformed.")
    if encoding is not None and (version == "1.0" or b"content-length" in headers or encoding.strip().lower() != b"chunked"):
        raise ProxyError(BAD_HEADERS, detail="The length of the body is ambiguous.")
    length = headers.get(b"content-length")
    if (encoding is not None or (length is not None and length.strip(b"0"))) and _asks_upgrade(raw):
        # The parser ends with the headers of such a request, so that its body is never read.
        raise ProxyError(BAD_HEADERS, detail="A request that asks for an upgrade must have no body.")


def _asks_upgrade(headers: list[Header]) -> bool:
    options = b",".join(value for name, value in headers if name == b"connection").lower().split(b",")
    return any(option.strip() == b"upgrade" for option in options) and any(name == b"upgrade" for name, _ in headers)
