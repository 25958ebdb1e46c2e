"""How a call ends: with its value, or with an error of the closed list. Any other exception fails the test."""

from collections.abc import Callable
from typing import Any

from translation.errors import ERRORS, ProxyError


def outcome(call: Callable[..., Any], *values: Any) -> Any:
    """The value of the call, or its ProxyError."""
    try:
        return call(*values)
    except ProxyError as error:
        return listed(error)


def listed(error: ProxyError) -> ProxyError:
    """The error, when it is one of the closed list."""
    assert ERRORS[error.kind.code] is error.kind
    return error


def words_of(error: ProxyError) -> str:
    """All that an error says, to visitors and in logs."""
    return f"{error} {error.detail} {error.cause} {error.sentence}"
