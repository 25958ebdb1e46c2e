"""A connection: which bytes are an answer, whose, and whether the connection may carry another request.

llhttp (httptools) parses, as strictly as it can; here stands what a parser cannot know. When in doubt the connection is closed:
the next call then opens another, while a byte too much on a kept one would be read as the answer to somebody else's request.
"""

import asyncio
from collections.abc import Callable
from socket import MSG_PEEK, socket
from typing import Final

import httptools
import httpx

from app.client.answer import Answer

MOST_HEADER_BYTES: Final = 2**16
"""Bytes that may come without being a part of a body: headers, interim answers, chunk extensions, trailers."""
_BODILESS: Final = frozenset({204, 304})
_FIRST_FINAL: Final = 200
_INTERIM: Final = frozenset(range(100, 200)) - {101}
"""Statuses of answers before the answer (RFC 9110 15.2)."""


class NoAnswerError(httpx.ReadError):
    """The connection ended before status and headers of an answer were here. The request may have been received."""


class OverTimeError(httpx.ReadTimeout):
    """The time for the whole answer is over. The request may have been received."""


class Connection(asyncio.Protocol):
    """One connection, for one request after the other.

    Args:
        loop: The running loop.
        read_timeout: Longest silence in seconds while somebody waits for an answer or for more of it.
        released: Is told when an answer is closed; the connection may be ``usable`` then.
        lost: Is told when the connection is closed.

    Attributes:
        idle_until: On the loop's clock; kept by who keeps the connection.
        keep_alive: Seconds after which the server closes an idle connection, where it says so.
    """

    __slots__ = (
        "_answer",
        "_closed",
        "_headers",
        "_loop",
        "_lost",
        "_parser",
        "_quiet_since",
        "_read_timeout",
        "_released",
        "_reusable",
        "_socket",
        "_timer",
        "_timer_at",
        "_transport",
        "_unparsed",
        "_until_close",
        "idle_until",
        "keep_alive",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        read_timeout: float,
        released: "Callable[[Connection], None]",
        lost: "Callable[[Connection], None]",
    ) -> None:
        self._loop = loop
        self._read_timeout = read_timeout
        self._released = released
        self._lost = lost
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        # Servers that reserve room for the number fill it up with spaces. It changes no end of a body.
        self._parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        self._transport: asyncio.Transport | None = None
        self._socket: socket | None = None
        self._answer: Answer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._quiet_since = 0.0
        self._headers: list[tuple[bytes, bytes]] = []
        self._unparsed = 0
        self._until_close = False
        self._reusable = False
        self._closed = False
        self.idle_until = 0.0
        self.keep_alive: int | None = None

    # What a call does

    async def ask(self, request: bytes, *, without_body: bool = False, until: float | None = None) -> Answer:
        """Send a request and wait for status and headers; the answer is to be closed.

        Args:
            request: Head and body.
            without_body: Whether the answer has no body whatever its headers say: to HEAD, and to CONNECT.
            until: When all of it has to be here, on the loop's clock; None for no such time.

        Raises:
            httpx.TransportError: ``ReadTimeout``, ``OverTimeError`` or ``ReadError``; nobody knows whether it was received. The
                connection is closed then.
        """
        assert self._transport is not None and self._answer is None  # noqa: S101, PT018 - one at a time
        self._answer = answer = Answer(self, without_body, until)
        self._headers = answer.raw_headers
        self._unparsed = 0
        self._until_close = self._reusable = False
        self._transport.write(request)
        try:
            while not answer.begun:
                await answer.wait()
        except BaseException:
            answer.close()
            raise
        return answer

    def listen(self) -> "asyncio.Future[None]":
        """A future for more of the answer, and the clock until then: of the silence, and of the whole answer."""
        loop = self._loop
        self._quiet_since = now = loop.time()
        due = now + self._read_timeout
        answer = self._answer
        if answer is not None and answer.until is not None and answer.until < due:
            due = answer.until
        if self._timer is None:
            self._look_again(due)
        elif due < self._timer_at:
            self._timer.cancel()
            self._look_again(due)
        return loop.create_future()

    def read_on(self) -> None:
        """Read again, after what was held is read."""
        if not self._closed and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def release(self, answer: Answer) -> None:
        """An answer is closed by its reader. One that is not complete can only be stopped with its connection."""
        transport = self._transport
        self._answer = None
        # Bytes that are still to be written belong to a request that was answered before it was read.
        if not (answer.complete and self._reusable) or transport is None or transport.get_write_buffer_size():
            self.close()
        elif answer.paused:
            self.read_on()
        self._released(self)

    # What the pool asks

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return not self._closed and self._transport is not None and not self._transport.is_closing()

    @property
    def silent(self) -> bool:
        """Whether nothing waits in the system's buffer that the loop has not read yet: an end, or bytes that nobody asked for.

        A request that is sent after either is lost, or gets the wrong answer.
        """
        if self._socket is None:
            return True
        try:
            self._socket.recv(1, MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def attach(self, own: socket) -> None:
        """Know the socket under the connection."""
        self._socket = own

    @property
    def transport(self) -> asyncio.Transport:
        """What it is written to."""
        assert self._transport is not None  # noqa: S101 - it is made
        return self._transport

    def close(self) -> None:
        """End the connection at once."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    # What the loop tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        answer, parser = self._answer, self._parser
        if self._closed or parser is None:
            return
        if answer is None or answer.complete:
            self._reusable = False
            self.close()  # nobody asked for them
            return
        self._quiet_since = self._loop.time()
        self._unparsed += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(answer, "the answer is not HTTP")
            return
        if self._unparsed > MOST_HEADER_BYTES and not answer.complete:
            self._refuse(answer, "headers without end")
            return
        if answer.begun:
            answer.wake()

    def eof_received(self) -> None:
        """The server sends nothing more; the loop then closes the connection."""
        answer = self._answer
        self._reusable = False
        if answer is not None and answer.begun and self._until_close:
            answer.complete = True
            answer.wake()

    def connection_lost(self, error: Exception | None) -> None:
        """It is closed."""
        self._closed = True
        self._parser = None  # they hold each other
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        answer = self._answer
        if answer is not None:
            answer.fail(httpx.ReadError("the answer broke off") if answer.begun else NoAnswerError("no answer"))
        self._lost(self)

    # What the parser tells

    def on_message_begin(self) -> None:
        """An answer begins: ours, or what comes after an interim one."""
        if self._answer is not None and self._answer.complete:
            self._reusable = False  # bytes after the answer

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody reads."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Status and headers are here.

        Raises:
            ValueError: The parser then refuses the answer.
        """
        answer, parser = self._answer, self._parser
        if answer is None or parser is None or answer.begun:
            return
        status = parser.get_status_code()
        if status < _FIRST_FINAL:
            if status not in _INTERIM:
                raise ValueError("no status, or another protocol that nobody asked for")
            answer.raw_headers.clear()
            return
        self._headers = []  # of trailers
        headers = answer.read_headers()
        coding = headers.get("transfer-encoding")
        if coding is not None and (coding.strip().lower() != "chunked" or _doubled(answer, b"transfer-encoding")):
            # No other was offered (RFC 9112 7.4), and whoever reads it otherwise finds another end of the body.
            raise ValueError("an unknown transfer coding")
        answer.begin(status)
        self._until_close = coding is None and "content-length" not in headers and status not in _BODILESS
        self.keep_alive = _seconds(headers.get("keep-alive"))
        self._unparsed = 0
        answer.complete = answer.without_body

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        answer = self._answer
        if answer is None or answer.complete:
            self._reusable = False
            return
        self._unparsed = 0
        if answer.take(part) and self._transport is not None:
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """An answer is whole."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None or not answer.begun or answer.complete:
            return
        answer.complete = True
        self._reusable = parser.should_keep_alive() and not self._until_close

    # What goes wrong

    def _refuse(self, answer: Answer, reason: str) -> None:
        """Go no further with the connection; an answer that was whole before stays good."""
        self._reusable = False
        answer.fail(httpx.ReadError(reason))
        answer.wake()
        self.close()

    def _look_at_the_clock(self) -> None:
        """Cheaper than a timer per request: one that looks, at the earliest moment at which something may be over."""
        self._timer = None
        answer = self._answer
        if answer is None or answer.complete or self._closed:
            return
        now = self._loop.time()
        over = answer.until is not None and now >= answer.until
        due = (self._quiet_since if answer.awaited else now) + self._read_timeout
        if now < due and not over:
            self._look_again(due if answer.until is None else min(due, answer.until))
            return
        answer.fail(OverTimeError("too long") if over else httpx.ReadTimeout("silence"))
        self.close()

    def _look_again(self, at: float) -> None:
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._look_at_the_clock)


def _doubled(answer: Answer, name: bytes) -> bool:
    return sum(known.lower() == name for known, _ in answer.raw_headers) > 1


def _seconds(told: str | None) -> int | None:
    """The time-out that a ``Keep-Alive`` header tells (RFC 2068 19.7.1), or None."""
    if told is None:
        return None
    for parameter in told.split(","):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "timeout" and value.strip().isdecimal():
            return int(value)
    return None
