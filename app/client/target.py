"""Where a request goes, and its head as bytes.

Nothing is normalised or quoted: addresses are built by ``app/organisation.py`` and sent as they stand. What would make two
requests of one, or another request than was meant, is a mistake of the program and is refused before anything is sent.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

_ORIGIN: Final = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[^\s\[\]@:/?#%\\]+)(?::([0-9]{1,5}))?")
_PATH: Final = re.compile(r"/[!\"$-~]*", re.ASCII)
"""A target in origin form: visible ASCII without a fragment."""
_WITHOUT_LENGTH: Final = frozenset({"GET", "HEAD"})
"""Methods that need not say that they have no body (RFC 9110 8.6)."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A server.

    Attributes:
        secure: Whether it is spoken to through TLS.
        host: Name in ASCII, or address without brackets.
        port: The port.
        authority: Host and port as ``Host`` says them.
    """

    secure: bool
    host: str
    port: int
    authority: str


def split(url: str) -> tuple[Origin, str]:
    """The server of an address, and its path with the query as it stands.

    Raises:
        ValueError: It is no http or https address, or cannot stand in a request line.
    """
    slash = url.find("/", 8)
    base, path = (url, "/") if slash < 0 else (url[:slash], url[slash:])
    if _PATH.fullmatch(path) is None:
        raise ValueError("the path of an address cannot be sent as it stands")
    return origin_of(base), path


@lru_cache(64)
def origin_of(base: str) -> Origin:
    """The server of a base address, without a path.

    Raises:
        ValueError: It is no http or https address, or holds credentials.
    """
    found = _ORIGIN.fullmatch(base)
    if found is None:
        raise ValueError("no http or https address")
    secure = found[1] == "https"
    host = found[2].encode("idna").decode("ascii") if not found[2].isascii() else found[2]
    usual = 443 if secure else 80
    port = int(found[3]) if found[3] else usual
    if not 0 < port < 65_536:
        raise ValueError("no port")
    return Origin(secure, host.strip("[]"), port, host if port == usual else f"{host}:{port}")


class Forward:
    """A forward proxy.

    Args:
        address: An http or https address, perhaps with credentials.

    Attributes:
        origin: Where it listens.
        line: The header line with its credentials, or nothing.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        self.origin = origin_of(f"{parts.scheme}://{host}")
        self.line = ""
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self.line = f"Proxy-Authorization: Basic {b64encode(credentials).decode('ascii')}\r\n"


def head_of(start: str, headers: Iterable[tuple[str, str]], method: str, size: int) -> bytes:
    """The head of a request.

    Args:
        start: Request line and the lines that all requests to that server have, each with its end.
        headers: Further headers, their names in lower case.
        method: The HTTP method in upper case.
        size: Length of the body.

    Raises:
        ValueError: A header holds a line break or a NUL.
    """
    headers = list(headers)
    lines = [f"{name}: {value}" for name, value in headers]
    if "accept" not in dict(headers):
        lines.append("Accept: */*")
    told = "".join(lines)
    if "\r" in told or "\n" in told or "\0" in told:
        raise ValueError("a header holds a line break")
    if size or method not in _WITHOUT_LENGTH:
        lines.append(f"Content-Length: {size}")
    lines.append("\r\n")
    return (start + "\r\n".join(lines)).encode()
