"""A client's connection, and requests as the bytes that it sends."""

import re
import struct
from itertools import count
from socket import AF_INET, IPPROTO_TCP, SO_LINGER, SO_RCVBUF, SOCK_STREAM, SOL_SOCKET, TCP_NODELAY, socket

import orjson

from tests.examples import CONFERENCE, MUNICH, OPEN_DAY, QUESTIONS, TOKYO, registration
from tests.hostile.test_hostile import answers, read_all
from tests.service import BASE, event_path

MADE_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
DATE = re.compile(rb"\r\ndate: [^\r\n]+(?=\r\n)")


def target(event: str, rest: str = "") -> str:
    return BASE + event_path(event, rest)


EVENT, OTHER, COUNTED = target(OPEN_DAY), target(CONFERENCE), target(OPEN_DAY, "/registrations/count")
LARGE, MIDDLE = target(MUNICH, "/tracks"), target(TOKYO, "/tracks")
FRESH = target(QUESTIONS)
NOWHERE = BASE + "events/Nowhere"
REGISTRATIONS = target(OPEN_DAY, "/registrations")
PERSON = orjson.dumps(registration())
numbers = count(1)
CLOSE = "Connection: close"
ORIGIN = "https://portal.invalid"
GZIP = "Accept-Encoding: gzip, deflate, br"
PREFLIGHT = "Access-Control-Request-Method: GET"


def never_asked(path: str = FRESH) -> str:
    """A request target that nobody asked for before."""
    return f"{path}?api-version={next(numbers)}"


def ask(path: str = EVENT, *lines: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    """A request; each line is a header, and Host is there unless the version is 1.0."""
    host = ("Host: x",) if version == "1.1" else ()
    return "".join(f"{line}\r\n" for line in (f"{method} {path} HTTP/{version}", *host, *lines, "")).encode() + body


def post(body: bytes = PERSON, *lines: str, path: str = REGISTRATIONS) -> bytes:
    return ask(path, "Content-Type: application/json", f"Content-Length: {len(body)}", *lines, method="POST", body=body)


class Line:
    """A client's connection."""

    def __init__(self, port: int, buffer: int | None = None) -> None:
        self.socket = socket(AF_INET, SOCK_STREAM)
        if buffer is not None:
            self.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, buffer)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._come = b""

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def answer(self, method: str = "GET") -> bytes:
        """One whole answer, as it came."""
        while b"\r\n\r\n" not in self._come:
            self._more()
        head, _, _ = self._come.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: ([0-9]+)(?:\r|$)", head)
        size = len(head) + 4 + (int(length[1]) if length is not None and method != "HEAD" else 0)
        while len(self._come) < size:
            self._more()
        answer, self._come = self._come[:size], self._come[size:]
        return answer

    def asks(self, request: bytes) -> bytes:
        """One request and its answer, and then the connection is closed from here."""
        with self:
            self.send(request)
            return self.answer(request.split(b" ")[0].decode())

    def rest(self) -> bytes:
        """All that comes until the other side ends the connection."""
        return self._come + read_all(self.socket)

    def reset(self) -> None:
        """Leave without a word."""
        self.socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self) -> None:
        part = self.socket.recv(2**18)
        assert part, f"the other side ended the connection after {self._come[:500]!r}"
        self._come += part


def asking(port: int, request: bytes, buffer: int | None = None) -> Line:
    """A connection on which a request was sent."""
    line = Line(port, buffer)
    line.send(request)
    return line


def masked(raw: bytes) -> bytes:
    """Bytes without what differs in any two answers: date, and the ids that the proxy made. The order of headers stays."""
    return MADE_ID.sub(b"made", DATE.sub(b"", raw))


def statuses(said: bytes) -> list[int]:
    return [status for status, _, _ in answers(said)]
