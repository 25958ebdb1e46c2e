"""Under which names replicas find each other's answers in Redis, and what they seal them with.

Invalidations reach all replicas of an organisation. Answers are only for those that would have made the same: a hash of all
that shapes them is in the name, and of the program's version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson
from pydantic import BaseModel

from app.caching.cache import Key
from app.shared.names import prefix_of
from app.version import VERSION

_FORMAT = "1"
"""Of the values (``app/caching/sealed.py``): another one, another name."""


@dataclass(frozen=True, slots=True)
class Space:
    """Names of one portal's replicas.

    Attributes:
        prefix: What all names of the organisation begin with.
        name: What tells answers of one configuration apart.
        secret: What answers are sealed with.
    """

    prefix: str
    name: str
    secret: bytes

    @property
    def log(self) -> str:
        """Where registrations are told."""
        return f"{self.prefix}registered"

    @property
    def channel(self) -> str:
        """Where it is said that there is a new one."""
        return f"{self.prefix}news"

    def names(self, key: Key) -> tuple[str, str]:
        """The names of an answer and of its lock. What a caller wrote is in neither."""
        text = repr((key.operation, key.asked, key.sent, key.query, key.source))
        digest = blake2b(text.encode("utf-8"), key=self.secret, digest_size=16).hexdigest()
        return f"{self.prefix}answer:{self.name}:{digest}", f"{self.prefix}lock:{self.name}:{digest}"


def space_of(organisation: str, portal: str, shape: Mapping[str, Any], token: str) -> Space:
    """The names of a portal.

    Args:
        organisation: What tells organisations apart that share a Redis. Only its hash is used.
        portal: The portal's name; empty where there is one.
        shape: The settings that answers show something of.
        token: The server's token: who has it is one of us. Another one makes other names.
    """
    secret = blake2b(token.encode("utf-8"), person=b"evtmgmt answers", digest_size=32).digest()
    text = orjson.dumps([_FORMAT, VERSION, portal, _plain(shape)], option=orjson.OPT_SORT_KEYS)
    name = blake2b(text, key=secret, digest_size=8).hexdigest()
    return Space(f"{prefix_of(organisation)}shared:", name, secret)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)  # a default of 30 is one that was written as 30.0
    return value if isinstance(value, (bool, str, type(None))) else str(value)
