"""The connection to Redis or Valkey: bounded in time, without second tries of its own, its troubles in words.

Nothing that this module raises holds the address: it may have a password in it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as UnreachableError
from redis.exceptions import TimeoutError as SilentError

from app.sqlite_files import StoreAwayError

ANSWER_SECONDS: Final = 0.25
"""Longest wait for a connection, and for an answer."""
WHOLE_SECONDS: Final = 1.0
"""Longest time of a call with everything: name, connection, encryption, credentials, answer."""


def open_redis(url: str, *, text: bool = True) -> Redis:
    """A client; it connects when it is used.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; options in its query may be ``db`` and those of TLS, ``ssl_...``.
        text: Whether what it answers is text; else it is bytes.

    Raises:
        ValueError: In words, without the address.
    """
    try:
        parts = urlsplit(url)
        usable = bool(parts.path) if parts.scheme == "unix" else bool(parts.hostname) and parts.port != 0
        options = set(parse_qs(parts.query, keep_blank_values=True))
        database = parts.path.strip("/") if parts.scheme != "unix" else ""
    except ValueError:
        usable = False
    if not usable or (database and not database.isdecimal()):
        raise ValueError("must be an address such as rediss://user:password@redis.example.com:6380/0")
    if any(name != "db" and not name.startswith("ssl_") for name in options):
        # Without the name: of a password that is not escaped it may be a part.
        raise ValueError("may have no options but db and ssl_...; what is special in a password is written as in %3F")
    try:
        return Redis.from_url(
            url,
            decode_responses=text,
            protocol=2,  # all that Redis and Valkey have in common
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,  # the first answer is then that to the credentials
        )
    except (ValueError, TypeError):
        raise ValueError("has an option that cannot be used") from None


@asynccontextmanager
async def asking() -> AsyncIterator[None]:
    """Make a sentence of whatever goes wrong with Redis inside.

    Raises:
        StoreAwayError: Redis cannot be used now.
    """
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            yield
    except (RedisError, OSError) as error:  # TimeoutError is an OSError
        raise StoreAwayError(in_words(error)) from None
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        # In Python 3.11 ``asyncio.wait_for``, which the client sends with, swallows what comes at the moment of its end: who
        # works for ever would then never end.
        raise asyncio.CancelledError


def in_words(error: Exception) -> str:
    """What an error of Redis means to the operator."""
    # What goes wrong in the first exchange is an error of the connection, because of another.
    match error.__cause__ if isinstance(error.__cause__, RedisError) else error:
        case AuthenticationError() | AuthorizationError() | NoPermissionError():
            return "Redis refuses the user or the password, or the user may not do this"
        case BusyLoadingError():
            return "Redis is starting"
        case OutOfMemoryError():
            return "Redis has no memory left"
        case ReadOnlyError():
            return "Redis is a replica that cannot be written"
        case SilentError() | TimeoutError():
            return f"Redis does not answer within {ANSWER_SECONDS * 1_000:.0f} ms"
        case UnreachableError() | OSError():
            return "Redis cannot be reached"
        case ResponseError():
            return f"Redis refuses: {_code(error)}"
        case _:
            return f"Redis cannot be used: {type(error).__name__}"


def _code(error: Any) -> str:
    # OOM, MISCONF and the like. What follows the code may quote what was sent.
    words = str(error).split()
    code = words[0].strip(".,:") if words else ""
    return code if code.isupper() and len(code) > 2 else str(getattr(error, "status_code", "") or type(error).__name__)
