"""What is known of reads beside their answers. All of it is bounded."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Final, TypeVar

from app.caching.cache import Entry, Key
from app.caching.flights import Flights
from app.caching.outage import Outage
from app.calls import Reply

K = TypeVar("K")
V = TypeVar("V")

_MOST_SHORTCUTS: Final = 8_192
_LONGEST_SHORTCUT: Final = 512
_MOST_MARKS: Final = 8_192


class Mark(StrEnum):
    """What is known of an answer that is not kept."""

    MISSING = "Dynamics does not know it"
    LARGE = "it is too large"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What is known of a request target that was answered before: a hit needs no more than this."""

    key: Key
    dropped: int


class Memory:
    """What is known of reads beside their answers: it goes on when settings are read anew.

    Args:
        clock: A monotonic clock, in seconds.

    Attributes:
        flights: Calls under way for answers that are kept.
        shared: Those for answers that are not.
        recalls: Looks at what other replicas have.
        outage: Whether Dynamics is there.
        shortcuts: What is known of request targets that were answered before.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._marks: OrderedDict[Key, tuple[float, Mark]] = OrderedDict()
        self.flights: Flights[Key, Entry | None] = Flights()
        self.shared: Flights[Key, Reply] = Flights()
        self.recalls: Flights[Key, None] = Flights()
        self.outage = Outage(clock)
        self.shortcuts: OrderedDict[tuple[bytes, bytes], Shortcut] = OrderedDict()

    async def close(self) -> None:
        """Cancel what is under way."""
        await asyncio.gather(self.flights.close(), self.shared.close(), self.recalls.close())

    def remember(self, target: tuple[bytes, bytes], shortcut: Shortcut) -> None:
        """Know a request target, path and query, unless it is long."""
        if len(target[0]) + len(target[1]) <= _LONGEST_SHORTCUT:
            _keep(self.shortcuts, target, shortcut, _MOST_SHORTCUTS)

    def mark(self, key: Key) -> Mark | None:
        """What is known of an answer that is not kept; None when that is nothing, or no longer true."""
        until, mark = self._marks.get(key, (0.0, None))
        return mark if self._clock() < until else None

    def set_mark(self, key: Key, seconds: float, mark: Mark) -> None:
        """Know something of an answer that is not kept, for some time."""
        if seconds:
            _keep(self._marks, key, (self._clock() + seconds, mark), _MOST_MARKS)

    def unmark(self, key: Key) -> None:
        """Know nothing of an answer any more, as there is one."""
        self._marks.pop(key, None)


def _keep(table: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """Put a value in a bounded table; the oldest is forgotten."""
    table[key] = value
    if len(table) > most:
        table.popitem(last=False)
