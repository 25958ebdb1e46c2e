"""Reading one organisation for the rehearsal: at a bounded rate, with patience, and with an end when it is gone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Any, Final

from app.calls import Call
from translation import errors
from translation.errors import ProxyError

MAX_FAILURES: Final = 200
"""Failed reads that are told one by one; all are counted."""
GONE_AFTER: Final = 12
"""Failures in a row after which an organisation counts as gone."""
_ATTEMPTS: Final = 3
_PASSING: Final = frozenset(
    {errors.UPSTREAM_UNREACHABLE, errors.UPSTREAM_TIMEOUT, errors.UPSTREAM_FAILED, errors.TOO_MANY_REQUESTS}
)
_GONE: Final = _PASSING | {errors.UPSTREAM_REFUSED_PROXY}


class Side(StrEnum):
    """The two organisations."""

    OUTBOUND = "outbound"
    REALTIME = "realtime"


@dataclass(slots=True)
class UnreadableError(Exception):
    """An organisation cannot be read at all."""

    side: Side
    error: ProxyError

    def __str__(self) -> str:
        """Which one, and why; no address."""
        return f"the {self.side} organisation could not be read: {self.error}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One read that failed.

    Attributes:
        side: Which organisation.
        operation: The operation's name.
        event: The readable id, or the GUID of a part, that was asked for; empty for the list.
        code: The ``errorCode`` (docs/errors.md).
        cause: What happened in technical words; no address.
    """

    side: Side
    operation: str
    event: str
    code: str
    cause: str


class Pace:
    """Lets calls through one after the other.

    Args:
        rate: Calls in a second.
        clock: Seconds, of any beginning.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._gap = 1 / rate
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    async def turn(self) -> None:
        """Return when the next call may be made."""
        now = self._clock()
        at = max(now, self._next)
        self._next = at + self._gap
        if at > now:
            await self._sleep(at - now)

    async def rest(self, seconds: float) -> None:
        """Let nothing through for a while: the organisation asked for it."""
        self._next = max(self._next, self._clock() + seconds)
        await self.turn()


class Reader:
    """One organisation.

    Args:
        side: Which one.
        read: Reads a call's answer, in the normal form of the old contract; raises ``ProxyError``.
        pace: Holds its calls back.

    Attributes:
        total: Reads that were asked for.
        failed: Those that failed.
        failures: The first of them.
    """

    def __init__(self, side: Side, read: Callable[[Call], Awaitable[Any]], pace: Pace) -> None:
        self.side = side
        self.total = self.failed = 0
        self.failures: list[Failure] = []
        self._read = read
        self._pace = pace
        self._in_a_row = 0

    async def must(self, call: Call) -> Any:
        """The answer of a read without which nothing can be compared.

        Raises:
            UnreadableError: It failed.
        """
        self.total += 1
        try:
            return await self._patiently(call)
        except ProxyError as error:
            raise UnreadableError(self.side, error) from None

    async def read(self, call: Call) -> tuple[bool, Any]:
        """Whether a read succeeded, and its answer.

        Raises:
            UnreadableError: Too many failed in a row, for reasons that are the organisation's.
        """
        self.total += 1
        try:
            value = await self._patiently(call)
        except ProxyError as error:
            self._count(call, error)
            return False, None
        self._in_a_row = 0
        return True, value

    async def _patiently(self, call: Call) -> Any:
        await self._pace.turn()
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._read(call)
            except ProxyError as error:
                if error.kind not in _PASSING:
                    raise
                await self._pace.rest(error.retry_after or 0)
        return await self._read(call)

    def _count(self, call: Call, error: ProxyError) -> None:
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            cause = error.cause or error.kind.title
            about = next(iter(call.sent.values()), "")
            self.failures.append(Failure(self.side, call.operation.name, about, error.kind.code, cause))
        self._in_a_row = self._in_a_row + 1 if error.kind in _GONE else 0
        if self._in_a_row >= GONE_AFTER:
            raise UnreadableError(self.side, error)
