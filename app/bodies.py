"""Reading a request's body within bounds of size and time."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.guard import Headers
from app.settings import Limits
from translation.errors import BODY_TOO_LARGE, REQUEST_TIMEOUT, UNSUPPORTED_MEDIA_TYPE, ProxyError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGoneError(Exception):
    """The client left before its request was complete."""


async def read_request_body(receive: Receive, headers: Headers, limits: Limits) -> bytes:
    """The whole body of a request.

    Args:
        receive: The ASGI callable.
        headers: The request's headers.
        limits: ``body_bytes`` and ``request_timeout``.

    Raises:
        ProxyError: ``BodyTooLarge``, ``RequestTimeout``, or ``UnsupportedMediaType`` for a compressed body.
        ClientGoneError: The client left.
    """
    if (headers.text(b"content-encoding") or "identity").strip().lower() != "identity":
        raise ProxyError(UNSUPPORTED_MEDIA_TYPE)
    said = headers.get(b"content-length")
    if said is not None and said.isdigit() and int(said[:20]) > limits.body_bytes:
        raise ProxyError(BODY_TOO_LARGE)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.request_timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                part: bytes = message.get("body", b"")
                size += len(part)
                if size > limits.body_bytes:
                    raise ProxyError(BODY_TOO_LARGE)
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise ProxyError(REQUEST_TIMEOUT) from None
