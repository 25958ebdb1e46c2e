"""Calling Dynamics: one request, one answer, every failure named.

The only module that sends anything. It drives the transport directly with prebuilt requests (FIELD-NOTES: the client object's
own price per call is 150 microseconds), reads bounded bodies, and turns every failure into ``UpstreamError``. It knows
nothing of operations.
"""

import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import httpx

from app.transport import Answer, OverTimeError, Transport

_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


_NOT_TRUSTED: Final = "the certificate is not trusted"
_NOT_SECURE: Final = "no secure connection"
_REASONS: Final = (
    ("certificate", _NOT_TRUSTED),
    ("dns error", "the name does not resolve"),
    ("tls", _NOT_SECURE),
    ("refused", "the connection was refused"),
)
"""Words in a client's error, and what is told of it: closed, because the rest of the error holds the address."""
NO_CERTAINTY_OF_PEER: Final = frozenset({_NOT_TRUSTED, _NOT_SECURE})
"""Causes of a connection that is not made because nobody knows who is at its other end."""


class Trouble(StrEnum):
    """How a call can fail. The first three are certain to have had no effect."""

    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    POOL_TIMEOUT = "pool_timeout"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"


NOT_SENT: Final = frozenset({Trouble.UNREACHABLE, Trouble.CONNECT_TIMEOUT, Trouble.POOL_TIMEOUT})
"""Failures before a byte of the request was sent."""


@dataclass(slots=True)
class UpstreamError(Exception):
    """A call that gave no usable answer."""

    trouble: Trouble
    cause: str

    def __str__(self) -> str:
        """The kind of trouble and its technical cause; no address."""
        return f"{self.trouble}: {self.cause}"


@dataclass(slots=True)
class UpstreamAnswer:
    """Status, headers (names in any letter case, first of doubles) and the unpacked body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UpstreamStream:
    """Status, headers and the body to come."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Upstream:
    """One organisation's connections.

    Args:
        transport: From ``app/transport.py``.
        total_timeout: Longest time for a whole call in seconds; streams are bounded until their headers.
        max_answer_bytes: Largest body that ``call`` reads, unpacked.

    Attributes:
        total_timeout: The same.
    """

    def __init__(self, transport: Transport, *, total_timeout: float, max_answer_bytes: int) -> None:
        self._transport = transport
        self.total_timeout = total_timeout
        self._max_answer_bytes = max_answer_bytes

    async def call(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | None = None,
        seconds: float | None = None,
    ) -> UpstreamAnswer:
        """Send a request and read its whole answer.

        Args:
            method: The HTTP method.
            url: The full address, percent-encoded.
            headers: What is sent, beside Host and Content-Length.
            body: The body, or None.
            seconds: What is left for it, when that is less than ``total_timeout``.

        Raises:
            UpstreamError: Whatever went wrong.
        """
        answer = await self._send(method, url, [*headers, ("accept-encoding", "gzip")], seconds, body)
        try:
            return UpstreamAnswer(answer.status, answer.headers, await self._read(answer))
        finally:
            answer.close()

    @asynccontextmanager
    async def stream(
        self, url: str, headers: Sequence[tuple[str, str]], seconds: float | None = None
    ) -> AsyncIterator[UpstreamStream]:
        """GET an address and hand the body on as it comes, not unpacked.

        Args:
            url: The full address, percent-encoded.
            headers: What is sent, beside Host.
            seconds: What is left until its headers, when that is less than ``total_timeout``.

        Raises:
            UpstreamError: Whatever went wrong, also while the body is read.
        """
        answer = await self._send("GET", url, [*headers, ("accept-encoding", "identity")], seconds)
        answer.until = None
        try:
            yield UpstreamStream(answer.status, answer.headers, _parts(answer))
        finally:
            answer.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _send(
        self, method: str, url: str, headers: list[tuple[str, str]], seconds: float | None, body: bytes | None = None
    ) -> Answer:
        try:
            # The connection has the clock: one of its own per call is dear.
            return await self._transport.send(method, url, headers, body, self.total_timeout if seconds is None else seconds)
        except (httpx.TransportError, TimeoutError) as error:
            raise _fault(error) from None

    async def _read(self, answer: Answer) -> bytes:
        encoding = answer.headers.get("content-encoding", "identity").strip().lower() or "identity"
        if encoding != "identity" and encoding not in _WINDOW_BITS:
            raise UpstreamError(Trouble.UNREADABLE, "an unknown content encoding")
        unpack = zlib.decompressobj(_WINDOW_BITS[encoding]) if encoding in _WINDOW_BITS else None
        parts: list[bytes] = []
        part = b""
        size = 0
        packed = False
        whole = False
        try:
            while part := await answer.part():
                packed = True
                if unpack is not None:
                    # One byte more than is allowed shows that it is too large, however small it was packed.
                    part = unpack.decompress(part, self._max_answer_bytes - size + 1)
                size += len(part)
                if size > self._max_answer_bytes:
                    raise UpstreamError(Trouble.TOO_LARGE, "the answer is too large")
                parts.append(part)
                if answer.ended:
                    break
            whole = True
        except httpx.TransportError as error:
            raise _fault(error) from None
        except zlib.error:
            raise UpstreamError(Trouble.UNREADABLE, "the content encoding is broken") from None
        finally:
            if not whole:
                # The error's traceback holds this frame, until the collector of cycles comes round: not the body as well.
                parts.clear()
                part = b""
                unpack = None
        if unpack is not None and packed and not unpack.eof:
            raise UpstreamError(Trouble.UNREADABLE, "the content encoding ends early")
        return b"".join(parts)


async def _parts(answer: Answer) -> AsyncIterator[bytes]:
    try:
        while part := await answer.part():
            yield part
    except httpx.TransportError as error:
        raise _fault(error) from None


def _fault(error: httpx.TransportError | TimeoutError) -> UpstreamError:
    if isinstance(error, TimeoutError | OverTimeError):
        return UpstreamError(Trouble.TIMEOUT, "the total time is over")
    # The name of the class is all that is told: messages of HTTP clients hold addresses, so tokens.
    name = type(error).__name__
    match error:
        case httpx.ConnectTimeout():
            return UpstreamError(Trouble.CONNECT_TIMEOUT, name)
        case httpx.PoolTimeout():
            return UpstreamError(Trouble.POOL_TIMEOUT, name)
        case httpx.ConnectError():
            return UpstreamError(Trouble.UNREACHABLE, _why_unreachable(error))
        case httpx.TimeoutException():
            return UpstreamError(Trouble.TIMEOUT, name)
        case _:
            return UpstreamError(Trouble.BROKEN, name)


def _why_unreachable(error: httpx.TransportError) -> str:
    told = str(error).lower()
    return next((reason for sign, reason in _REASONS if sign in told), "the connection failed")
