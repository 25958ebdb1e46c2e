"""What Dynamics does wrong, what a caller is told then, and the answers that such cases are written with.

A fault is played for three kinds of call, because they fail in different ways: a read whose answer is collected, a
registration that must never be sent twice nor be called a success, and an image that is handed on as it comes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PNG: Final = b"\x89PNG\r\n\x1a\n" + bytes(240)

Told = tuple[int, str | None]

OK: Final[Told] = (200, None)
CUT: Final[Told] = (200, "cut")
"""The answer began and was cut off: no client takes it for whole."""
NO_CONTENT: Final[Told] = (204, None)
FOUND: Final[Told] = (302, None)
FAILED: Final[Told] = (502, "UpstreamFailed")
INVALID: Final[Told] = (502, "UpstreamAnswerInvalid")
LARGE: Final[Told] = (502, "UpstreamAnswerTooLarge")
REFUSED: Final[Told] = (502, "UpstreamRefusedProxy")
UNREACHABLE: Final[Told] = (502, "UpstreamUnreachable")
TIMEOUT: Final[Told] = (504, "UpstreamTimeout")
LOST: Final[Told] = (502, "RegistrationAnswerUnreadable")
UNKNOWN: Final[Told] = (504, "RegistrationOutcomeUnknown")
GONE: Final[Told] = (404, "NotFound")
BUSY: Final[Told] = (429, "TooManyRequests")


@dataclass(frozen=True, slots=True)
class Good:
    """The answer that one kind of call would have had."""

    type: bytes
    body: bytes


GOOD: Final = {
    "read": Good(b"application/json", b"[]"),
    "register": Good(b"application/json", b'{"status":"Success"}'),
    "image": Good(b"image/png", PNG),
}
"""Kinds of call."""

Script = Callable[[Good], bytes]
"""The bytes that are sent in the place of a good answer."""


@dataclass(frozen=True, slots=True)
class FaultCase:
    """One call while Dynamics does something wrong.

    Attributes:
        name: What is done, in words, and to which kind of call.
        call: ``read``, ``register`` or ``image``.
        fault: The values of the sandbox's fault; ``kind`` among them.
        told: The outcomes that are right: status and error code.
        why: Why they are.
        source: Where it is written.
    """

    name: str
    call: str
    fault: Mapping[str, Any]
    told: tuple[Told, ...]
    why: str
    source: str

    @property
    def by_clock(self) -> bool:
        """Whether a clock of the proxy may end it."""
        return TIMEOUT in self.told or UNKNOWN in self.told or self.told == (CUT,)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What callers are told: of each kind of call one outcome, or several where more than one is right. None: not tried."""

    read: Told | tuple[Told, ...] | None = None
    register: Told | tuple[Told, ...] | None = None
    image: Told | tuple[Told, ...] | None = None


@dataclass(slots=True)
class Table:
    """Collects cases."""

    cases: list[FaultCase] = field(default_factory=list)

    def add(self, why: str, source: str, outcome: Outcome, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Add a case for each kind of call that has an outcome, for each row: its name, and the fault's values."""
        for call in GOOD:
            told = getattr(outcome, call)
            if told is None:
                continue
            several = told if isinstance(told[0], tuple) else (told,)
            for name, fault in rows.items():
                self.cases.append(FaultCase(f"{name}, {call}", call, _for(fault, call), several, why, source))


def _for(fault: Mapping[str, Any], call: str) -> dict[str, Any]:
    """The fault's values, its script played for this kind of call."""
    values = dict(fault)
    script = values.pop("script", None)
    if script is not None:
        values["body"] = script(GOOD[call]).decode("latin-1")
    return values


def kind(name: str, **values: Any) -> dict[str, Any]:
    """A fault of the sandbox (``sandbox/faults.py``)."""
    return {"kind": name, **values}


def raw(script: Script, ending: str = "close", **values: Any) -> dict[str, Any]:
    """Bytes as they are, and what follows them."""
    return {"kind": "raw", "script": script, "ending": ending, **values}


def flood(script: Script, seconds: float = 0.01) -> dict[str, Any]:
    """Bytes again and again, so many seconds apart, until the proxy ends the connection."""
    return raw(script, "again", seconds=seconds)


def lines(good: Good, *more: bytes, status: bytes = b"HTTP/1.1 200 OK", typed: bool = True) -> bytes:
    """The head of an answer: status line, its type, more lines, and the empty one."""
    own: Iterable[bytes] = (b"Content-Type: " + good.type,) if typed else ()
    return b"".join(line + b"\r\n" for line in (status, *own, *more, b""))


def length(good: Good, by: int = 0) -> bytes:
    """Its length, or another one."""
    return b"Content-Length: %d" % (len(good.body) + by)


def whole(good: Good, *more: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """A good answer, with more lines in its head."""
    return lines(good, length(good), *more, status=status) + good.body


def chunked(good: Good, *chunks: bytes) -> bytes:
    """A chunked answer whose chunks are as given."""
    return lines(good, b"Transfer-Encoding: chunked") + b"".join(chunks)


def one(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


END: Final = b"0\r\n\r\n"
