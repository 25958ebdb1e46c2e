"""What a case is, and the bytes that cases are written with.

Everything that a caller tries to smuggle bears the word ``evil``: the test looks for it in all that arrives upstream.
"""

from collections.abc import Mapping
from dataclasses import dataclass

BASE = b"/EvtMgmt/api/v2.0/"
LIST = BASE + b"events/published"
LISTED = "GET events/published"
EVENT = "Contoso_Open_Day"
REGISTRATIONS = BASE + b"events/" + EVENT.encode() + b"/registrations"
REGISTERED = f"POST events/{EVENT}/registrations"
BODY = b'{"attendees":[{"firstName":"Nia","lastName":"Madeup","email":"nia@example.com","passId":""}]}'

HOST = b"Host: proxy.invalid"
JSON = b"Content-Type: application/json"
CHUNKED = b"Transfer-Encoding: chunked"
CLOSE = b"Connection: close"

Sent = bytes | tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation.

    Attributes:
        name: What is sent, in words.
        sent: The bytes, in the pieces they are written in.
        answers: Status and error code of each answer, in order; none: the connection is closed without a word.
        why: Why this outcome is the safe one.
        source: Where it is written.
        upstream: What arrives upstream, in order: method and target under the base, without the server's token.
        leaves: Whether the caller ends its side once all is sent.
    """

    name: str
    sent: tuple[bytes, ...]
    answers: tuple[tuple[int, str | None], ...]
    why: str
    source: str
    upstream: tuple[str, ...] = ()
    leaves: bool = False

    @property
    def by_clock(self) -> bool:
        """Whether a clock of the proxy may end it."""
        return not self.answers or any(status == 408 for status, _ in self.answers)


def _pieces(sent: Sent) -> tuple[bytes, ...]:
    return (sent,) if isinstance(sent, bytes) else sent


def refused(status: int, code: str, why: str, source: str, rows: Mapping[str, Sent]) -> list[Case]:
    """Cases answered with an error of the closed list; nothing is sent upstream."""
    return [Case(name, _pieces(sent), ((status, code),), why, source) for name, sent in rows.items()]


def served(why: str, source: str, rows: Mapping[str, tuple[Sent, str]]) -> list[Case]:
    """Cases answered with 200, each with what arrives upstream."""
    return [Case(name, _pieces(sent), ((200, None),), why, source, (target,)) for name, (sent, target) in rows.items()]


def closed(why: str, source: str, rows: Mapping[str, Sent], *, leaves: bool = False) -> list[Case]:
    """Cases that end without an answer; nothing is sent upstream."""
    return [Case(name, _pieces(sent), (), why, source, leaves=leaves) for name, sent in rows.items()]


def head(*lines: bytes) -> bytes:
    """Lines as they are, and the empty one."""
    return b"".join(line + b"\r\n" for line in (*lines, b""))


def get(target: bytes = LIST, *headers: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    """A request without a body, after whose answer the connection ends."""
    return head(b"%s %s %s" % (method, target, version), HOST, CLOSE, *headers)


def post(body: bytes = BODY, *headers: bytes, target: bytes = REGISTRATIONS, last: bool = True) -> bytes:
    """A body with its length."""
    length = b"Content-Length: %d" % len(body)
    return head(b"POST %s HTTP/1.1" % target, HOST, length, *((CLOSE,) if last else ()), *(headers or (JSON,))) + body


def upload(body: bytes, *headers: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    """A registration whose framing is in ``headers`` and ``body``."""
    return head(b"POST %s %s" % (REGISTRATIONS, version), HOST, CLOSE, JSON, *headers) + body


def chunk(data: bytes = BODY) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


END = b"0\r\n\r\n"
