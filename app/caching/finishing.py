"""Making finished answers: the whole body, its validator, its header lines, its compressed form."""

import asyncio
import zlib
from hashlib import blake2b
from time import perf_counter
from typing import Final

from app.caching.cache import Cache, Entry, Key
from app.caching.flights import Flights
from app.calls import Call, Header, Reply
from translation.errors import UPSTREAM_TIMEOUT, ProxyError
from translation.freshness import Lifetime

LEAST_COMPRESSED: Final = 860
"""Smaller bodies fit one packet anyway."""
INLINE_BYTES: Final = 65_536
"""Larger bodies are compressed in a thread, so that other requests do not wait."""
_LEVEL: Final = 5
_COMPRESSIBLE: Final = (b"json", b"svg", b"text/")


class Finisher:
    """Makes finished answers of replies.

    Args:
        cache: Is told when an answer gets its compressed form.
        max_bytes: The largest streamed body that is collected.
        timeout: Longest time for a streamed body to arrive, in seconds.
        browsers: Whether browsers may keep answers as long as they are fresh.
        shared: Whether caches in front may as well: not where the same address is answered by one organisation or the other,
            as the visitor's part in a cutover, or a tester's header, says.
    """

    def __init__(self, cache: Cache, max_bytes: int, timeout: float, browsers: bool, shared: bool = True) -> None:
        self._cache = cache
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._browsers = browsers
        self._for_whom = b"public" if shared else b"private"
        self._packing: Flights[int, bytes] = Flights()

    async def finish(self, key: Key, call: Call, reply: Reply, lifetime: Lifetime, until: float | None = None) -> Entry | None:
        """The finished answer, or None for a streamed body that is too large to be held.

        Args:
            key: What it answers.
            call: The call that would bring it again.
            reply: What the handler answered; a streamed body is read, and closed.
            lifetime: How long it serves.
            until: When a streamed body has to be there, on the clock of ``perf_counter``, where somebody waits for it.

        Raises:
            ProxyError: The body does not arrive whole, or not in time.
        """
        body = reply.body if reply.chunks is None else await self._collect(reply, until)
        if body is None:
            return None
        body = bytes(memoryview(body))  # a copy: what orjson gives takes up to three times its size in memory
        assert reply.content_type is not None  # noqa: S101 - reads have one
        etag = b'W/"%s"' % blake2b(body, digest_size=12).hexdigest().encode("ascii")
        # What a registration changes has to be asked for: the browser of who registered would not notice.
        lasting = self._browsers and not call.operation.follows_registrations
        headers = [header for header in reply.headers if header[0] != b"cache-control"]
        return Entry(
            key=key,
            call=call,
            body=body,
            content_type=reply.content_type,
            head=[
                (b"x-content-type-options", b"nosniff"),
                (b"x-evtmgmt-backend", key.source.encode("ascii")),
                (b"etag", etag),
                (b"cache-control", b"%b, max-age=%d" % (self._for_whom, lifetime.fresh) if lasting else b"no-cache"),
                *headers,
                *([_VARY] if _packable(reply.content_type, body) else []),
            ],
            etag=etag,
            packed=None if _packable(reply.content_type, body) else b"",
        )

    async def packed(self, entry: Entry) -> bytes:
        """The body in gzip, made when it is first asked for; empty when that is not smaller."""
        if entry.packed is None:
            if len(entry.body) <= INLINE_BYTES:
                packed = pack(entry.body)
            else:
                packed = await self._packing.join(id(entry), lambda: asyncio.to_thread(pack, entry.body))
            if entry.packed is None:
                self._cache.pack(entry, packed)
        assert entry.packed is not None  # noqa: S101 - just set
        return entry.packed

    async def _collect(self, reply: Reply, until: float | None) -> bytes | None:
        assert reply.chunks is not None  # noqa: S101 - the caller looked
        assert reply.resources is not None  # noqa: S101 - streams have them
        parts = []
        size = 0
        seconds = self._timeout if until is None else min(self._timeout, until - perf_counter())
        try:
            async with asyncio.timeout(seconds), reply.resources:
                if reply.length is not None and reply.length > self._max_bytes:
                    return None
                async for chunk in reply.chunks:
                    size += len(chunk)
                    if size > self._max_bytes:
                        return None
                    parts.append(chunk)
        except TimeoutError:
            raise ProxyError(UPSTREAM_TIMEOUT, cause="the body did not arrive in time") from None
        return b"".join(parts)


def pack(body: bytes) -> bytes:
    """The body in gzip, always the same bytes. Empty when that is not smaller."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
    packed = packer.compress(body) + packer.flush()
    return packed if len(packed) < len(body) else b""


_VARY: Final[Header] = (b"vary", b"Accept-Encoding")


def _packable(content_type: bytes, body: bytes) -> bool:
    return len(body) >= LEAST_COMPRESSED and any(sign in content_type for sign in _COMPRESSIBLE)
