"""Calling Dynamics: one request, one answer, every failure named.

The only module that sends anything. It drives the transport directly with prebuilt requests (FIELD-NOTES: the client object's
own price per call is 150 microseconds), reads bounded bodies, and turns every failure into ``UpstreamError``. It knows
nothing of operations.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx

_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


_REASONS: Final = (
    ("certificate", "the certificate is not trusted"),
    ("dns error", "the name does not resolve"),
    ("tls", "no secure connection"),
    ("refused", "the connection was refused"),
)
"""Words in a client's error, and what is told of it: closed, because the rest of the error holds the address."""


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


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """Status, headers (lower-case names, first of doubles) and the unpacked body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class UpstreamStream:
    """Status, headers and the body to come."""

    status: int
    headers: dict[str, str]
    chunks: AsyncIterator[bytes]


class Upstream:
    """One organisation's connections.

    Args:
        transport: From ``app/transport.py``.
        total_timeout: Longest time for a whole call in seconds; streams are bounded until their headers.
        max_answer_bytes: Largest body that ``call`` reads, unpacked.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, *, total_timeout: float, max_answer_bytes: int) -> None:
        self._transport = transport
        self._total_timeout = total_timeout
        self._max_answer_bytes = max_answer_bytes

    async def call(self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes | None = None) -> UpstreamAnswer:
        """Send a request and read its whole answer.

        Args:
            method: The HTTP method.
            url: The full address, percent-encoded.
            headers: What is sent, beside Host and Content-Length.
            body: The body, or None.

        Raises:
            UpstreamError: Whatever went wrong.
        """
        request = httpx.Request(method, url, headers=[*headers, ("accept-encoding", "gzip")], content=body)
        try:
            async with asyncio.timeout(self._total_timeout):
                response = await self._send(request)
                try:
                    names = _headers(response)
                    return UpstreamAnswer(response.status_code, names, await self._read(response, names))
                finally:
                    await response.aclose()
        except TimeoutError:
            raise UpstreamError(Trouble.TIMEOUT, "the total time is over") from None

    @asynccontextmanager
    async def stream(self, url: str, headers: Sequence[tuple[str, str]]) -> AsyncIterator[UpstreamStream]:
        """GET an address and hand the body on as it comes, not unpacked.

        Raises:
            UpstreamError: Whatever went wrong, also while the body is read.
        """
        request = httpx.Request("GET", url, headers=[*headers, ("accept-encoding", "identity")])
        try:
            async with asyncio.timeout(self._total_timeout):
                response = await self._send(request)
        except TimeoutError:
            raise UpstreamError(Trouble.TIMEOUT, "the total time is over") from None
        try:
            yield UpstreamStream(response.status_code, _headers(response), _chunks(response))
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise _fault(error) from None

    async def _read(self, response: httpx.Response, headers: dict[str, str]) -> bytes:
        encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
        if encoding != "identity" and encoding not in _WINDOW_BITS:
            raise UpstreamError(Trouble.UNREADABLE, "an unknown content encoding")
        unpack = zlib.decompressobj(_WINDOW_BITS[encoding]) if encoding in _WINDOW_BITS else None
        parts: list[bytes] = []
        size = 0
        packed = False
        async for chunk in _chunks(response):
            packed = packed or bool(chunk)
            if unpack is not None:
                try:
                    # One byte more than is allowed shows that it is too large, however small it was packed.
                    chunk = unpack.decompress(chunk, self._max_answer_bytes - size + 1)
                except zlib.error:
                    raise UpstreamError(Trouble.UNREADABLE, "the content encoding is broken") from None
            size += len(chunk)
            if size > self._max_answer_bytes:
                raise UpstreamError(Trouble.TOO_LARGE, "the answer is too large")
            parts.append(chunk)
        if unpack is not None and packed and not unpack.eof:
            raise UpstreamError(Trouble.UNREADABLE, "the content encoding ends early")
        return b"".join(parts)


def _headers(response: httpx.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        found.setdefault(name.lower(), value)
    return found


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - tells the type checker
    try:
        async for chunk in response.stream:
            yield chunk
    except httpx.TransportError as error:
        raise _fault(error) from None


def _fault(error: httpx.TransportError) -> UpstreamError:
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
