"""Which headers cross the proxy: allow-lists, never lists of what is forbidden.

Sources: DESIGN "Whitelists, not blacklists"; CONTRACT 2 (``Origin`` is the registered one); FIELD-NOTES (header names with
underscores smuggle past filters; an upstream's ``Set-Cookie`` must never reach a visitor).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

FORWARDED: Final = frozenset({"traceparent", "tracestate"})
"""Request headers that travel upstream as they are."""

_READ: Final = {name.encode("ascii"): name for name in (*FORWARDED, "connection")}
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE: Final = re.compile(r"[!-~ \t]{1,512}")
_ZERO: Final = re.compile(r"[0.\-_]+|0+(?:\.0*)?[eE]-?[0-9]+|0[xXbBoO]0+")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,127}")


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A caller's span: the ids of its trace and of itself, and whether it is recorded."""

    trace_id: int
    span_id: int
    sampled: bool


def read_traceparent(text: str) -> TraceParent | None:
    """What a ``traceparent`` says (W3C Trace Context, 3.2); None when it is malformed."""
    if not _TRACEPARENT.fullmatch(text):
        return None
    _, trace_id, span_id, flags = text.split("-")
    return TraceParent(int(trace_id, 16), int(span_id, 16), sampled=bool(int(flags, 16) & 1))


def is_request_id(text: str) -> bool:
    """Whether a caller's ``X-Request-ID`` may be taken over: 1-128 safe characters, and no form of zero.

    Old portals read a correlation id equal to ``0`` as "session expired" (CONTRACT 1.2); JavaScript's loose comparison takes
    ``0.0``, ``0e5`` and ``0x0`` for it as well.
    """
    return _REQUEST_ID.fullmatch(text) is not None and _ZERO.fullmatch(text) is None


def forwarded_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The caller's headers that travel upstream: a well-formed trace context (W3C Trace Context), nothing else.

    What ``Connection`` names was meant for this hop only (RFC 9110 7.6.1).
    """
    found: dict[str, str] = {}
    hop: set[str] = set()
    for raw_name, raw_value in headers:
        name = _READ.get(raw_name.lower())
        if name == "connection":
            hop.update(option.strip().lower() for option in raw_value.decode("latin-1").split(","))
        elif name is not None and name not in found:
            found[name] = raw_value.decode("latin-1")
    if "traceparent" not in found:
        return []
    found = {name: value for name, value in found.items() if name not in hop}
    if not _TRACEPARENT.fullmatch(found.get("traceparent", "")):
        return []
    if not _TRACESTATE.fullmatch(found.get("tracestate", "")):
        found.pop("tracestate", None)
    return list(found.items())


def retry_after(value: str | None, *, least: int = 1, most: int = 300, default: int = 30) -> int:
    """Seconds to wait, from an upstream's Retry-After, clamped.

    Args:
        value: The header's text. Only the form in seconds is read (CONTRACT 2 says no more); a date gives the default.
        least: The smallest answer.
        most: The largest answer: the quota's window is five minutes (CONTRACT 2).
        default: The answer when there is no header.
    """
    if value is None or not value.strip().isascii() or not value.strip().isdigit():
        return default
    return max(least, min(most, int(value.strip()[:9])))
