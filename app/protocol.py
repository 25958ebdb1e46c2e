"""The server's protocol: uvicorn's with bounds, clocks, and short ways for what is kept (docs/architecture.md, "Server").

FIELD-NOTES "The server": uvicorn has no time-out for a request's headers and no bound for their number. It is pinned to
httptools, which refuses the ambiguous framings that h11 lets through.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.bodies import Scope
from app.extensions import AT_ONCE, CUT, TELL_WHEN_GONE
from app.hosting.host import Face

_CLOSE: Final = b"connection: close\r\n"
LINGER_SECONDS: Final = 2
"""How long a refused client is listened to, that it may read why (RFC 9112 9.6)."""
HARD_HEADER_BYTES: Final = 131_072
"""Where a connection is cut that sends a request line or headers without end; the gateway refuses politely long before."""


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on time and size before a body, and JSON in its refusals. What it serves has a ``Face``."""

    _own: ClassVar[list[tuple[bytes, bytes]] | None] = None
    _own_lines: ClassVar[bytes] = b""  # the headers of each answer that are the server's, as they stand on the wire
    _clock: asyncio.TimerHandle | None = None
    _head_bytes = 0  # what the parser took since it last told of more than a header
    _begun = False  # whether a message began in this segment
    _idle: asyncio.TimerHandle | None = None  # goes on over many requests: a timer for each costs as much as its parsing
    _quiet_since = 0.0
    _in_message = False
    _in_headers = False
    _answered = False  # the message is answered already: what may be left of it concerns nobody
    _cycles: tuple[RequestResponseCycle, ...] = ()  # of the requests that are not answered yet
    _when_gone: Callable[[], None] | None = None
    _unread: Scope | None = None  # of the request whose kept answer may be more than the client takes
    _reading_clock: asyncio.TimerHandle | None = None
    _deaf = False  # what comes after a refused message is neither parsed nor complained of again

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the first request, unless there are too many connections already."""
        super().connection_made(transport)
        self._extensions: dict[str, Any] = {
            AT_ONCE: self.send_at_once,
            TELL_WHEN_GONE: self.tell_when_gone,
            CUT: transport.abort,
        }
        self._start_clock()
        if len(self.connections) > self._face.limits.connections:
            self._deaf = True
            self._face.too_many()
            transport.write(self._face.crowded)
            transport.close()

    def shutdown(self) -> None:
        """Close the connection when nothing is asked on it. A request that is arriving is told that it comes too late."""
        if not self._in_headers:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks, and tell whoever answers a request."""
        self._stop_clock()
        self._stop_reading_clock()
        if self._idle is not None:
            self._idle.cancel()
        self._extensions.clear()  # they hold this object
        super().connection_lost(exc)
        self._tell_gone()

    def pause_writing(self) -> None:
        """Give the client its time to read a kept answer; for all others the gateway does."""
        super().pause_writing()
        if self._unread is not None and self._reading_clock is None:
            seconds = self._face.limits.answer_timeout
            self._reading_clock = self.loop.call_later(seconds, self._does_not_read, self._unread)

    def resume_writing(self) -> None:
        """Know that the client reads."""
        super().resume_writing()
        self._stop_reading_clock()

    def data_received(self, data: bytes) -> None:
        """Parse what came. Request lines, headers, trailers and chunk extensions may be without end: bounded here."""
        if self._deaf:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._begun:
            self._begun = False
            if self._in_headers:  # what came before it in the segment is no part of it
                self._head_bytes = sum(len(name) + len(value) for name, value in self.headers)
        if self._head_bytes > HARD_HEADER_BYTES:
            self.send_400_response("bytes without end")
        elif self._clock is None and not self._deaf:
            if self._in_headers:
                self._start_clock()
            elif self.cycle is None or self.cycle.response_complete:
                self._wait_on()

    def on_message_begin(self) -> None:
        """Be ready for the next request on the connection. Its clock starts when not all of its headers came at once."""
        super().on_message_begin()
        self.scope["extensions"] = self._extensions
        self._head_bytes = 0
        self._begun = self._in_message = self._in_headers = True
        self._answered = False

    def on_headers_complete(self) -> None:
        """Stop the clock: the body has its own."""
        if self._clock is not None:
            self._stop_clock()
        self._in_headers = False
        self._head_bytes = 0
        self._unread = None
        self._answered = self._answer_kept()
        if self._answered:
            return
        super().on_headers_complete()
        self._cycles = (*(cycle for cycle in self._cycles if not cycle.response_complete), self.cycle)
        # Trailers are collected here, away from the headers of the scope (FIELD-NOTES): nobody reads them.
        self.headers = []
        if self.parser.should_upgrade():
            # No upgrade is made (RFC 9110 7.8 allows to ignore it), but the parser would take the body for a new request.
            self.cycle.keep_alive = False
        if self._face.draining.leaving:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; its size is bounded by who reads it."""
        self._head_bytes = 0
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Know that what follows is no part of this request."""
        self._head_bytes = 0
        self._in_message = False
        if self._clock is not None:
            self._stop_clock()
        if not self._answered:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn does, but for the timer of its own that it makes for each request."""
        if self.pipeline:
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self._rest()

    def send_400_response(self, msg: str) -> None:
        """Refuse a message that cannot be parsed, in the form of the closed list.

        The requests that came whole before it are answered first, and then the connection ends: bytes written now would be
        read as the answer to one of them, or as a part of it.
        """
        if self.transport.is_closing():
            return
        self._deaf = True
        self._stop_clock()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and (self.pipeline or not cycle.more_body):
            cycle.keep_alive = False
            return
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(self._face.unparsed)
        self._linger()

    def send_at_once(self, scope: Scope, status: int, lines: bytes, body: bytes) -> bool:
        """Send a whole answer in one write, past ASGI's messages, which cost more than the rest of a hit.

        Args:
            scope: Of the request that is answered.
            status: The status.
            lines: The header lines, Content-Length among them; nobody checks them here.
            body: The body, small enough to be taken at once.

        Returns:
            False when it has to be sent the usual way: the request is not the last one that came, or the client reads slowly.
        """
        cycle = self.cycle
        if cycle.scope is not scope or cycle.response_started or cycle.disconnected or self.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        if _CLOSE in lines:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            lines += _CLOSE
        self._write(status, lines, body)
        cycle.message_event.set()
        if not cycle.keep_alive:
            if self._in_message:
                self._linger()
            else:
                self.transport.close()
        cycle.on_response()
        return True

    def tell_when_gone(self, callback: Callable[[], None] | None) -> None:
        """Call ``callback`` when the connection ends; None for nothing. Requests of a connection are answered one at a time."""
        self._when_gone = callback

    def _answer_kept(self) -> bool:
        """Answer a request for something that is kept, without a task or ASGI: most requests of a busy portal.

        Only a plain GET that is the only one on its connection; everything else goes the whole way.
        """
        parser, cycle = self.parser, self.cycle
        if (
            parser.get_method() != b"GET"
            or (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or parser.get_http_version() != "1.1"
            or parser.should_upgrade()
            or self.transport.is_closing()
        ):
            return False
        scope: Any = self.scope
        scope["method"] = "GET"
        # No target with a host or a fragment in it is known: it is answered, and known, without them.
        scope["raw_path"], _, scope["query_string"] = self.url.partition(b"?")
        face = self._face
        answer = face.kept_answer(scope)
        if answer is None:
            return False
        status, lines, body = answer
        keep_alive = parser.should_keep_alive() and not face.draining.leaving
        self._unread = scope
        self._write(status, lines if keep_alive else lines + _CLOSE, body)
        self.server_state.total_requests += 1
        if not keep_alive:
            self.transport.close()
        return True

    def _write(self, status: int, lines: bytes, body: bytes) -> None:
        own = self.server_state.default_headers  # a new list every second: it holds the date
        if own is not GuardedProtocol._own:
            GuardedProtocol._own, GuardedProtocol._own_lines = own, b"".join([b"%b: %b\r\n" % header for header in own])
        self.transport.write(b"".join([STATUS_LINE[status], lines, GuardedProtocol._own_lines, b"\r\n", body]))

    @property
    def _face(self) -> Face:
        app: Any = self.app
        return app  # type: ignore[no-any-return] # server_config sees to it

    def _wait_on(self) -> None:
        """Have a clock run after bytes that asked for nothing, or for what is answered: an empty line, the rest of a body."""
        if not self._in_message:
            self._rest()
        elif not self.transport.is_closing():
            self._start_clock()

    def _rest(self) -> None:
        """Close the connection when nothing comes for ``limits.keep_alive`` from now on."""
        self._quiet_since = self.loop.time()
        if self._idle is None and not self.transport.is_closing():
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _look(self) -> None:
        self._idle = None
        if self._clock is not None or not (self.cycle is None or self.cycle.response_complete):
            return  # who rests after that looks again
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle = self.loop.call_later(left, self._look)
        else:
            self.timeout_keep_alive_handler()

    def _tell_gone(self) -> None:
        """Nobody reads what is still to be answered."""
        for cycle in self._cycles:  # uvicorn knows of the last one only
            cycle.disconnected = True
            cycle.message_event.set()
        if self._when_gone is not None:
            self._when_gone()

    def _linger(self) -> None:
        """Close the connection to a client that may still send. With bytes unread it would be reset, and the answer lost."""
        self._deaf = True
        self._stop_clock()
        self._tell_gone()
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._clock = self.loop.call_later(LINGER_SECONDS, self._too_slow)

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(self._face.limits.header_timeout, self._too_slow)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _stop_reading_clock(self) -> None:
        if self._reading_clock is not None:
            self._reading_clock.cancel()
            self._reading_clock = None

    def _does_not_read(self, scope: Scope) -> None:
        self._reading_clock = None
        self._face.not_taken(scope)
        self.transport.abort()

    def _too_slow(self) -> None:
        self._clock = None
        if not self.transport.is_closing():
            self.transport.abort()
