"""What passes between the gateway, the handlers and the backend: a call and its reply."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from app.budget import Need
from translation.operations import Operation
from translation.query import EMPTY, Query

Header = tuple[bytes, bytes]

_CONTROL: Final = bytes({*range(32), 127} - set(b"\t\r\n"))


def header_lines(headers: Sequence[Header]) -> bytes:
    """Headers as they stand on the wire.

    Raises:
        ValueError: One of them would end its line.
    """
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    # Without a regular expression, which costs more than all the rest here.
    if (
        lines.count(b"\n") != len(headers)
        or lines.count(b"\r") != len(headers)
        or len(lines.translate(None, _CONTROL)) != len(lines)
    ):
        raise ValueError("a header holds control characters")
    return lines


@dataclass(slots=True)
class Call:
    """One request that matched an operation. Nobody changes it; to have Python see to that costs more than to make it.

    Attributes:
        operation: The row of the table.
        asked: Path parameters as the portal sent them.
        sent: Path parameters with today's ids.
        query: The query, taken apart.
        trace: Trace headers that travel upstream, the request id among them.
        body: The body of a POST, bounded.
        content_type: The body's content type, or None.
        need: How urgent it is for the budget of calls to Dynamics.
        anew: Whether the client asked for an answer that is not kept, and may.
        source: Who is asked (``app/cutover/decision.py``).
        until: When the visitor's request has to be answered, on the clock of ``perf_counter``; None when nobody waits for it.
        leads: Whether the task that asks may carry the call for others as well (``app/caching/flights.py``, ``lead``).
        authorization: The visitor's sign-in, for an organisation that knows users (CONTRACT 1); its answers are nobody else's.
    """

    operation: Operation
    asked: Mapping[str, str]
    sent: Mapping[str, str]
    query: Query = field(default=EMPTY, repr=False)
    trace: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    content_type: str | None = None
    need: Need = Need.READ
    anew: bool = False
    source: str = "realtime"
    until: float | None = None
    leads: bool = False
    authorization: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Reply:
    """What is answered.

    Attributes:
        status: The HTTP status.
        content_type: The media type, or None for no body.
        body: The whole body; empty when ``chunks`` is set.
        headers: Further headers.
        chunks: A body that is streamed. It is closed with ``resources``.
        length: The length of a streamed body, when it is known.
        resources: What has to be closed after the answer.
        call: What it answers, where somebody may want to compare it with another answer.
        brief: Seconds that it may be given again, when that is shorter than usual: a part of it is missing.
        backend: Who answered, where it is not who was asked.
    """

    status: int
    content_type: bytes | None = None
    body: bytes = field(default=b"", repr=False)
    headers: list[Header] = field(default_factory=list)
    chunks: AsyncIterator[bytes] | None = None
    length: int | None = None
    resources: AsyncExitStack | None = None
    call: Call | None = None
    brief: float | None = None
    backend: str | None = None


JSON = b"application/json; charset=utf-8"
PROBLEM = b"application/problem+json; charset=utf-8"
