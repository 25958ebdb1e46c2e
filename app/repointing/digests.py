"""Hashes of changed files that stand in other files, made anew.

Nothing is guessed from names: where the hash of the old content stands, the hash of the new one is put. So all who write such
hashes are served alike: ``integrity`` in HTML (SHA-256, 384, 512), the tables of script loaders, ``ngsw.json`` (SHA-1), the
revisions of Workbox (MD5).
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import md5, sha1, sha256, sha384, sha512
from typing import Final

_INTEGRITY: Final = re.compile(r"sha(?:256|384|512)-((?:[A-Za-z0-9+]|\\{0,16}/|\\{1,16}u002[bfBF]){43,120}=*)", re.ASCII)
_HEX: Final = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-fA-F])", re.ASCII)
_ESCAPE: Final = re.compile(r"\\+u002([bf])|\\+(/)", re.IGNORECASE)
HINTS: Final = ("hashTable", "revision", "sha256-", "sha384-", "sha512-")
"""What a text holds that may have hashes in it."""

Digests = Mapping[str, str]
"""New hash by old hash, as hexadecimal digits or Base64."""


def digests(old: bytes, new: bytes) -> dict[str, str]:
    """All hashes of the old content, and those of the new one."""
    makers: tuple[Callable[[bytes], str], ...] = (
        *(lambda data, make=make: b64encode(make(data).digest()).decode("ascii") for make in (sha256, sha384, sha512)),
        lambda data: sha1(data, usedforsecurity=False).hexdigest(),
        lambda data: md5(data, usedforsecurity=False).hexdigest(),
    )
    return {make(old): make(new) for make in makers}


def with_digests(text: str, known: Digests) -> tuple[str, int]:
    """The text with every known hash replaced, each written as the old one was, and how many were."""
    count = 0

    def base64(match: re.Match[str]) -> str:
        nonlocal count
        plain = _ESCAPE.sub(lambda escape: "+" if (escape[1] or "").lower() == "b" else "/", match[1])
        if plain not in known:
            return match[0]
        count += 1
        return match[0].replace(match[1], _written(known[plain], match[1]))

    def hexadecimal(match: re.Match[str]) -> str:
        nonlocal count
        if match[0] not in known:
            return match[0]
        count += 1
        return known[match[0]]

    text = _INTEGRITY.sub(base64, text)
    return _HEX.sub(hexadecimal, text), count


def _written(hashed: str, like: str) -> str:
    """A hash with its slashes and plus signs written as in another."""
    escape = re.search(r"\\+(?=/)", like)
    hashed = hashed.replace("/", f"{escape[0]}/") if escape else hashed
    for sign, code in (("/", "2f"), ("+", "2b")):
        found = re.search(rf"\\+u00{code}", like, re.IGNORECASE)
        hashed = hashed.replace(sign, found[0]) if found else hashed
    return hashed
