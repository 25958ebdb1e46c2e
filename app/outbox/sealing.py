"""What stands on the disk: sealed so that nobody reads it without the key, and told apart by digests that nobody can guess at.

Fernet (AES-128-CBC with HMAC-SHA256; the time of sealing stands in the clear). Digests are HMAC-SHA256 under a key of their own,
derived from the same secret (RFC 5869), so that nobody without it can try e-mail addresses.
"""

import hmac
import unicodedata
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import orjson

_DIGESTS: Final = b"evtmgmt-proxy outbox digests 1"
_IDENTITY: Final = ("email", "firstName", "lastName")
"""What tells one attendee from another (CONTRACT 1.2)."""


class SealError(Exception):
    """No key opens it, or it is not what its row says."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A registration as it will be sent.

    Attributes:
        event: Today's readable id.
        body: The translated body.
        request_id: The correlation id of the visitor's request.
        traceparent: The span in which it was stored, where the request was traced.
    """

    event: str
    body: bytes = field(repr=False)
    request_id: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Digests:
    """What a registration is known by. Under each key one digest, that of the first key first.

    Attributes:
        people: Of the event and who is registered for it.
        contents: Of the event and all that was sent.
    """

    people: tuple[bytes, ...]
    contents: tuple[bytes, ...]


class Sealing:
    """Seals and opens.

    Args:
        keys: Fernet keys. The first seals, each opens: so keys are changed (docs/outbox.md).
    """

    def __init__(self, keys: Sequence[str]) -> None:
        # Costs a tenth of a second, and most do without.
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        self._refused = InvalidToken
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._digest_keys = [HKDF(SHA256(), length=32, salt=None, info=_DIGESTS).derive(urlsafe_b64decode(key)) for key in keys]

    def seal(self, letter: Letter) -> bytes:
        """A letter that may lie on a disk."""
        document = {"event": letter.event, "request_id": letter.request_id, "body": letter.body.decode("utf-8")}
        if letter.traceparent is not None:
            document["traceparent"] = letter.traceparent
        return self._fernet.encrypt(orjson.dumps(document))

    def open(self, sealed: bytes, event: str) -> Letter:
        """What was sealed.

        Args:
            sealed: As it was kept.
            event: The event that its row names: contents that were moved to another row are refused.

        Raises:
            SealError: It cannot be had.
        """
        try:
            document = orjson.loads(self._fernet.decrypt(sealed))
        except self._refused:
            raise SealError("no key opens it") from None
        if document["event"] != event:
            raise SealError("it belongs to another event")
        body = document["body"].encode("utf-8")
        return Letter(document["event"], body, document["request_id"], document.get("traceparent"))

    def digests(self, event: str, body: bytes) -> Digests:
        """What a registration is known by.

        Args:
            event: Today's readable id; letter case tells nothing apart.
            body: The translated body.
        """
        value = orjson.loads(body)
        name = event.casefold()
        people = orjson.dumps([name, sorted(_identity(attendee) for attendee in value["attendees"])])
        contents = orjson.dumps([name, value], option=orjson.OPT_SORT_KEYS)
        return Digests(self._under_each_key(b"people", people), self._under_each_key(b"contents", contents))

    def _under_each_key(self, kind: bytes, text: bytes) -> tuple[bytes, ...]:
        return tuple(hmac.digest(key, kind + b"\0" + text, sha256) for key in self._digest_keys)


def _identity(attendee: Mapping[str, Any]) -> str:
    """What tells an attendee apart; of one without an e-mail address all that was sent."""
    known = [_plain(attendee.get(name)) for name in _IDENTITY]
    if not known[0]:
        return orjson.dumps(attendee, option=orjson.OPT_SORT_KEYS).decode()
    return "\0".join(known)


def _plain(text: str | None) -> str:
    return unicodedata.normalize("NFKC", text or "").strip().casefold()
