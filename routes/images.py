"""Pictures of speakers, logos of sponsors and QR codes (rows 16, 17; CONTRACT 2.1): streamed, and collected by who keeps them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

from app.backend import Backend
from app.calls import Call, Header, Reply
from app.outbound import Outbound
from translation.errors import UPSTREAM_ANSWER_INVALID, UPSTREAM_ANSWER_TOO_LARGE, ProxyError
from translation.images import image_type

# An SVG opened by itself could run scripts on the portal's origin; and other sites' portals must be able to show it.
HEADERS: Final = [
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    (b"cross-origin-resource-policy", b"cross-origin"),
]


def kept_for(*, shared: bool) -> Header:
    """The header line that says who may keep an image for an hour: caches in front as well, or visitors' browsers alone."""
    return b"cache-control", b"public, max-age=3600" if shared else b"private, max-age=3600"


class Images:
    """Streams images from the backend.

    Args:
        backend: The organisation that is asked.
        max_bytes: The largest image.
        shared: Whether caches in front may keep them, or visitors' browsers alone.
    """

    def __init__(self, backend: Backend | Outbound, max_bytes: int, *, shared: bool = True) -> None:
        self._backend = backend
        self._max_bytes = max_bytes
        self._headers = [*HEADERS, kept_for(shared=shared)]

    async def __call__(self, call: Call) -> Reply:
        """Open one image.

        Raises:
            ProxyError: ``UpstreamAnswerInvalid`` when it is no image, ``UpstreamAnswerTooLarge``, or what the backend raises.
        """
        async with AsyncExitStack() as resources:
            stream = await resources.enter_async_context(self._backend.image(call))
            length = _length(stream.headers.get("content-length"))
            if length is not None and length > self._max_bytes:
                raise ProxyError(UPSTREAM_ANSWER_TOO_LARGE, cause="the image is too large")
            if stream.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
                raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="an image in a content encoding that was not asked for")
            first = await anext(stream.chunks, b"")
            if len(first) > self._max_bytes:
                raise ProxyError(UPSTREAM_ANSWER_TOO_LARGE, cause="the image is too large")
            content_type = image_type(stream.headers.get("content-type"), first)
            if content_type is None:
                raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="not an image")
            return Reply(
                200,
                content_type.encode("ascii"),
                headers=list(self._headers),
                chunks=_bounded(first, stream.chunks, self._max_bytes),
                length=length,
                resources=resources.pop_all(),
            )


def _length(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 16 else None


async def _bounded(first: bytes, rest: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """The body, broken off with ``UpstreamAnswerTooLarge`` where it grows beyond ``most`` bytes."""
    size = len(first)
    if first:
        yield first
    async for chunk in rest:
        size += len(chunk)
        if size > most:
            raise ProxyError(UPSTREAM_ANSWER_TOO_LARGE, cause="the image is too large")
        yield chunk
