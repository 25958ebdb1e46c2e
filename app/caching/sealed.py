"""How an answer lies in Redis: one value that nobody can have made, or moved to another key, without the secret.

Whoever can write to Redis could otherwise show visitors whatever they like. What they still can do is to delete values and to
put older ones back; an older one says how old it is.
"""

import zlib
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from struct import Struct
from typing import Any, Final

import orjson

from app.calls import Header

_MAC_BYTES: Final = 32
_LENGTH: Final = Struct(">I")
_GZIP: Final = 31


@dataclass(frozen=True, slots=True)
class SharedAnswer:
    """What a replica brought.

    Attributes:
        at: When Dynamics answered, by the clock of Redis, in seconds.
        version: The last registration that had been heard of when Dynamics was asked.
        fresh: Seconds that it may be given without asking; 0 for what Dynamics does not know.
        content_type: The media type; None when Dynamics does not know the thing.
        headers: Headers beside those that every kept answer has.
        body: The body, not packed.
        packed: The body in gzip; empty when that is not smaller, None when nobody looked.
    """

    at: float
    version: int
    fresh: float
    content_type: bytes | None = None
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    packed: bytes | None = None


class Seal:
    """Makes values and reads them.

    Args:
        secret: What replicas of one configuration have in common and Redis does not know.
        most: Bytes of the largest body.
    """

    def __init__(self, secret: bytes, most: int) -> None:
        self._secret = secret
        self._most = most

    def close(self, key: str, answer: SharedAnswer) -> bytes:
        """The value of an answer under a key; packed, where it was packed."""
        head = {
            "at": answer.at,
            "version": answer.version,
            "fresh": answer.fresh,
            "type": None if answer.content_type is None else answer.content_type.decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in answer.headers],
            "packed": None if answer.packed is None else bool(answer.packed),
            "size": len(answer.body),
        }
        text = orjson.dumps(head)
        rest = b"".join((_LENGTH.pack(len(text)), text, answer.packed or answer.body))
        return self._mac(key, rest) + rest

    def open(self, key: str, value: bytes) -> SharedAnswer | None:
        """The answer in a value; None when it was not made for this key by one of us, or is damaged."""
        rest = memoryview(value)[_MAC_BYTES:]
        if not compare_digest(self._mac(key, rest), value[:_MAC_BYTES]):
            return None
        (length,) = _LENGTH.unpack_from(rest)
        head: dict[str, Any] = orjson.loads(rest[_LENGTH.size : _LENGTH.size + length])
        body = bytes(rest[_LENGTH.size + length :])
        packed = None if head["packed"] is None else body if head["packed"] else b""
        if head["size"] > self._most:
            return None
        if packed:
            body = zlib.decompress(packed, _GZIP)
        headers = tuple((name.encode("latin-1"), text.encode("latin-1")) for name, text in head["headers"])
        content_type = None if head["type"] is None else head["type"].encode("latin-1")
        return SharedAnswer(head["at"], head["version"], head["fresh"], content_type, headers, body, packed)

    def _mac(self, key: str, rest: bytes | memoryview) -> bytes:
        # BLAKE2 with a key is a MAC (RFC 7693 1).
        mac = blake2b(key=self._secret, digest_size=_MAC_BYTES)
        mac.update(b"%s\0" % key.encode("ascii"))
        mac.update(rest)
        return mac.digest()
