"""What travels upstream of a query string.

The client's token and cache busters are dropped, what an operation declares travels byte for byte, everything else is
dropped and counted (CONTRACT 1: cache busters occur; CONTRACT 2: the token goes in the query).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from translation.errors import BAD_TARGET, INVALID_PARAMETER, ProxyError

TOKEN_PARAMETER: Final = "emApplicationtoken"  # noqa: S105 - the name, not a token
CACHE_BUSTERS: Final = frozenset({"_", "ts"})
MAX_PARAMETERS: Final = 100

_PRINTABLE: Final = re.compile(rb"[!-~]*")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_TOKEN_NAME: Final = TOKEN_PARAMETER.lower()
# Characters that RFC 3986 does not allow in a query as they are, and that HTTP clients encode each in its own way.
_UNSAFE: Final = re.compile(rb"[\"#<>\\^`{|}']")


@dataclass(slots=True, unsafe_hash=True)
class Query:
    """A query string taken apart; nobody changes it.

    Attributes:
        kept: The declared parameters in their order: lower-case name and the raw ``name=value`` bytes.
        client_token: Whether a client token was there.
        dropped: How many other parameters were left out (cache busters not counted).
    """

    kept: tuple[tuple[str, bytes], ...]
    client_token: bool
    dropped: int

    def value(self, name: str) -> str | None:
        """The decoded value of a kept parameter, by lower-case name; None when absent.

        Raises:
            ProxyError: ``InvalidParameter`` when the value is not UTF-8.
        """
        for kept, raw in self.kept:
            if kept == name:
                try:
                    return unquote_to_bytes(raw.partition(b"=")[2].replace(b"+", b"%20")).decode("utf-8")
                except UnicodeDecodeError:
                    raise ProxyError(INVALID_PARAMETER, detail=f"{name} is not UTF-8.") from None
        return None


def client_tokens(raw: bytes) -> list[bytes]:
    """The raw values of all client tokens in a query string, whatever their letter case and encoding of the name."""
    found = []
    if b"=" in raw:
        for part in raw.split(b"&"):
            name, _, value = part.partition(b"=")
            if _is_token(name):
                found.append(value)
    return found


def _is_token(name: bytes) -> bool:
    return unquote_to_bytes(name.replace(b"+", b" ")).decode("utf-8", "replace").strip().lower() == _TOKEN_NAME


EMPTY: Final = Query((), client_token=False, dropped=0)


def read_query(raw: bytes, declared: Collection[str]) -> Query:
    """Take a raw query string apart.

    Args:
        raw: The bytes after the question mark.
        declared: Lower-case names that may travel. Names are compared decoded, in any case; the first of doubles wins.

    Raises:
        ProxyError: ``BadTarget`` for bytes outside printable ASCII, a malformed escape in a declared parameter, or more
            than 100 parameters.
    """
    if not raw:
        return EMPTY
    if not _PRINTABLE.fullmatch(raw):
        raise ProxyError(BAD_TARGET, detail="The query holds characters that are not allowed.")
    parts = raw.split(b"&")
    if len(parts) > MAX_PARAMETERS:
        raise ProxyError(BAD_TARGET, detail=f"The query has more than {MAX_PARAMETERS} parameters.")
    kept: dict[str, bytes] = {}
    client_token = False
    dropped = 0
    for part in parts:
        if not part:
            continue
        name = unquote_to_bytes(part.partition(b"=")[0]).decode("utf-8", "replace").lower()
        if name == _TOKEN_NAME:
            client_token = True
        elif name in declared and name not in kept:
            if _BAD_ESCAPE.search(part):
                raise ProxyError(BAD_TARGET, detail=f"{name} holds a malformed percent escape.")
            kept[name] = _UNSAFE.sub(lambda found: b"%%%02X" % ord(found[0]), part)
        elif name not in CACHE_BUSTERS:
            dropped += 1
    return Query(tuple(kept.items()), client_token, dropped)
