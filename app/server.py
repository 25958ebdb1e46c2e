"""The server: uvicorn with uvloop and httptools, bounded headers, slow clients cut off, a bounded stop.

FIELD-NOTES "The server": uvicorn has no time-out for a request's headers and no bound for their number, and waits for ever on
SIGTERM by default. The protocol is pinned to httptools, which refuses the ambiguous framings that h11 lets through.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.gateway import Gateway
from app.settings import Limits

HARD_HEADER_BYTES: Final = 131_072
"""Where a connection is cut that sends headers without end; the gateway refuses politely long before."""


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a clock on the headers, and JSON in its refusals. It serves a ``Gateway`` only."""

    _clock: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the first request."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start the clock for the next request on the connection."""
        super().on_message_begin()
        self._header_bytes = 0
        if self._clock is None:
            self._start_clock()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, unless they come without end.

        Raises:
            ValueError: The parser then refuses the message.
        """
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > HARD_HEADER_BYTES:
            raise ValueError("headers without end")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop the clock: the body has its own."""
        self._stop_clock()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse a message that cannot be parsed, in the form of the closed list."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            # Only where no answer is under way: the bytes would be read as part of it.
            self.transport.write(self._gateway.unparsed)
        self.transport.close()

    @property
    def _gateway(self) -> Gateway:
        app: Any = self.app
        assert isinstance(app, Gateway)  # noqa: S101 - server_config sees to it
        return app

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(self._gateway.limits.header_timeout, self._too_slow)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_slow(self) -> None:
        self._clock = None
        if not self.transport.is_closing():
            self.transport.abort()


class Server(uvicorn.Server):
    """uvicorn's server, which ends with status 0 when it was told to stop and did."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but a signal that was obeyed is not raised again: orchestrators would read a failure."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def server_config(app: Gateway | Callable[[], Gateway] | str, limits: Limits, **options: Any) -> uvicorn.Config:
    """The configuration that ``serve``, ``demo`` and the tests run.

    Args:
        app: The application, or the name of its factory when there are several workers.
        limits: ``keep_alive`` and ``shutdown_timeout``.
        **options: Host, port, workers and the like.
    """
    return uvicorn.Config(
        app,
        interface="asgi3",
        factory=not isinstance(app, Gateway),
        http=GuardedProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.keep_alive,
        timeout_graceful_shutdown=limits.shutdown_timeout,
        **options,
    )
