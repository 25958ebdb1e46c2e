"""uvicorn as this product runs it: uvloop, httptools, bounded headers, slow clients cut off, a bounded stop.

FIELD-NOTES "The server": uvicorn has no time-out for a request's headers and no bound for their number, and waits for ever on
SIGTERM by default. The protocol is pinned to httptools, which refuses the ambiguous framings that h11 lets through.
"""

import asyncio
from typing import Any, Final

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.settings import Limits
from translation.errors import BAD_HEADERS, ProxyError, error_body

HARD_HEADER_BYTES: Final = 131_072
"""Where a connection is cut that sends headers without end; the gateway refuses politely long before."""


def guarded_protocol(limits: Limits, sentence: str) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with a clock on the headers and JSON in its refusals.

    Args:
        limits: ``header_timeout`` in seconds.
        sentence: What a visitor reads when the message cannot be parsed at all.
    """
    body = orjson.dumps(error_body(ProxyError(BAD_HEADERS, detail="The request cannot be parsed."), sentence, "unparsed"))
    refusal = (
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json; charset=utf-8\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body)
    )

    class GuardedProtocol(HttpToolsProtocol):
        """Cuts off clients that send their headers too slowly or without end."""

        _clock: asyncio.TimerHandle | None = None
        _header_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._clock = self.loop.call_later(limits.header_timeout, self._too_slow)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_clock()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._header_bytes = 0
            if self._clock is None:
                self._clock = self.loop.call_later(limits.header_timeout, self._too_slow)

        def on_header(self, name: bytes, value: bytes) -> None:
            self._header_bytes += len(name) + len(value)
            if self._header_bytes > HARD_HEADER_BYTES:
                raise ValueError("headers without end")
            super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._stop_clock()
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            if not self.transport.is_closing():
                # Written only where no answer is under way: its bytes would be read as part of that answer.
                if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
                    self.transport.write(refusal)
                self.transport.close()

        def _stop_clock(self) -> None:
            if self._clock is not None:
                self._clock.cancel()
                self._clock = None

        def _too_slow(self) -> None:
            self._clock = None
            if not self.transport.is_closing():
                self.transport.abort()

    return GuardedProtocol


def server_config(app: Any, limits: Limits, sentence: str, **options: Any) -> uvicorn.Config:
    """The configuration that ``serve`` and the tests run.

    Args:
        app: The application, its factory, or the name of its factory when there are several workers.
        limits: Bounds.
        sentence: What a visitor reads when the message cannot be parsed at all.
        **options: Host, port, workers and the like.
    """
    return uvicorn.Config(
        app,
        http=guarded_protocol(limits, sentence),
        loop="uvloop",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=limits.keep_alive,
        timeout_graceful_shutdown=limits.shutdown_timeout,
        **options,
    )
