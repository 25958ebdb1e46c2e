"""What a client says of the answers that it has, and of the encodings that it reads (RFC 9110 8.8.3, 12.5.3, 13.1.2)."""

import re
from functools import lru_cache
from typing import Final

_LONGEST_KNOWN: Final = 64
_CODING: Final = re.compile(rb"\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*(?:;\s*[qQ]\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?")


def matches(condition: bytes, etag: bytes) -> bool:
    """Whether If-None-Match names the validator, compared weakly.

    Args:
        condition: The header: ``*``, or validators parted by commas. Ours hold no commas.
        etag: A weak validator, ``W/"..."``.
    """
    if condition == etag or condition.strip() == b"*":
        return True
    return any(given.strip().removeprefix(b"W/") == etag[2:] for given in condition.split(b","))


def accepts_gzip(header: bytes | None) -> bool:
    """Whether Accept-Encoding allows gzip; malformed members are passed over."""
    if header is None:
        return False
    # Browsers send a handful of forms; what others send is not remembered.
    return _known_form(header) if len(header) <= _LONGEST_KNOWN else _allows_gzip(header)


def accepts_coding(header: bytes, coding: bytes) -> bool:
    """Whether Accept-Encoding allows a content coding, given in small letters."""
    weights = _weights(header)
    return weights.get(coding, weights.get(b"*", 0.0)) > 0


def _allows_gzip(header: bytes) -> bool:
    weights = _weights(header)
    return weights.get(b"gzip", weights.get(b"x-gzip", weights.get(b"*", 0.0))) > 0


def _weights(header: bytes) -> dict[bytes, float]:
    weights: dict[bytes, float] = {}
    for member in header.split(b","):
        found = _CODING.fullmatch(member)
        if found is not None:
            weights[found[1].lower()] = float(found[2] or 1)
    return weights


_known_form = lru_cache(maxsize=64)(_allows_gzip)
