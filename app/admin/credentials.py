"""The admin token, and what is derived from it: sessions and form tokens. Nothing is kept on the server.

A session is a signed value. Its key is made of the admin token, so that another token ends all sessions, and made slowly, so
that a session which got into wrong hands does not help to guess the token.
"""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import scrypt, sha256
from hmac import compare_digest, digest
from secrets import token_urlsafe
from typing import Final

import orjson

from app.cutover.store import LONGEST_WHO

SESSION_SECONDS: Final = 8 * 3_600
LONGEST_SESSION: Final = 1_024
"""Characters of a session value; longer ones are none of ours."""
_SALT: Final = b"evtmgmt-proxy console session 1"


class Means(StrEnum):
    """How somebody proved to be allowed."""

    SESSION = "session"
    BASIC = "basic"
    BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may change the cutover.

    Attributes:
        who: What they call themselves; empty when they did not say.
        means: How they proved to be allowed.
        seal: What their form tokens are bound to.
    """

    who: str
    means: Means
    seal: str


class Credentials:
    """Checks, in a time that does not depend on what was given.

    Args:
        token: The admin token.
        clock: Seconds since 1970.
        portal: Whose it is, where there are several: a session of one opens no other, also where the token is the same.
    """

    def __init__(self, token: str, clock: Callable[[], float] = time.time, portal: str = "") -> None:
        secret = token.encode("utf-8")
        self._token = sha256(secret).digest()
        self._key = scrypt(secret, salt=_SALT + portal.encode("utf-8"), n=2**14, r=8, p=1, dklen=32)
        self._clock = clock

    def admits(self, given: bytes) -> bool:
        """Whether this is the admin token."""
        return compare_digest(sha256(given).digest(), self._token)

    def session(self, who: str) -> str:
        """A new session for somebody who gave the token; it ends after ``SESSION_SECONDS``."""
        until = int(self._clock()) + SESSION_SECONDS
        content = orjson.dumps({"until": until, "who": who[:LONGEST_WHO], "id": token_urlsafe(12)})
        payload = urlsafe_b64encode(content).decode("ascii")
        return f"{payload}.{self._signed('session', payload)}"

    def of_session(self, value: str) -> Person | None:
        """Whose session it is; None when it is none of ours, was changed, or is over."""
        payload, _, signature = value.rpartition(".")
        if len(value) > LONGEST_SESSION or not value.isascii():
            return None
        if not compare_digest(signature, self._signed("session", payload)):
            return None
        content = orjson.loads(urlsafe_b64decode(payload))
        return Person(content["who"], Means.SESSION, payload) if self._clock() < content["until"] else None

    def form_token(self, person: Person) -> str:
        """What forms of this session bear, so that no other page can send them."""
        return self._signed("form", f"{person.means}:{person.seal}")

    def is_form_token(self, person: Person, given: str) -> bool:
        """Whether a form came from a page of this session."""
        return compare_digest(given.encode("utf-8", "replace"), self.form_token(person).encode("ascii"))

    def _signed(self, purpose: str, text: str) -> str:
        return digest(self._key, f"{purpose}\0{text}".encode(), "sha256").hex()
