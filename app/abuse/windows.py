"""Sliding window counters in memory: two numbers per key, a bounded number of keys, a clock that only goes on.

The ``limits`` library counts by itself in memory as well, but for ever many keys, on the wall clock, and with a thread that
looks at all of them every 10 ms. This is the same algorithm without the three.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from limits import RateLimitItem

from app.abuse.rates import seconds_to_wait

MOST_KEYS: Final = 16_384
"""Keys that are told apart, about 4 MB; the one that was counted longest ago is forgotten first."""


class Windows:
    """Counts what happens to keys.

    Args:
        most: Keys at once.
        clock: A steady clock, in seconds.
    """

    def __init__(self, most: int = MOST_KEYS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        # By key and limit: the limit as its numbers, as the library's own hash of it costs more than all the rest.
        self._counts: OrderedDict[tuple[str, int, int], tuple[int, int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def wait(self, key: str, limit: RateLimitItem) -> float:
        """Seconds until one more may come; 0 when it may now."""
        return self._look(key, limit)[0]

    def count(self, key: str, limit: RateLimitItem) -> None:
        """One came."""
        window = int(self._clock() // limit.get_expiry())
        self._put(key, limit, window, *self._seen(key, limit, window))

    def take(self, key: str, limit: RateLimitItem) -> float:
        """Count one if it may come; else the seconds until it may."""
        seconds, window, previous, current = self._look(key, limit)
        if not seconds:
            self._put(key, limit, window, previous, current)
        return seconds

    def _look(self, key: str, limit: RateLimitItem) -> tuple[float, int, int, int]:
        """Seconds until one more may come; this window, how many came in the last one and in this one."""
        length = limit.get_expiry()
        window, gone = divmod(self._clock(), length)
        previous, current = self._seen(key, limit, int(window))
        return seconds_to_wait(limit, previous, length - gone, current, 2 * length - gone), int(window), previous, current

    def _put(self, key: str, limit: RateLimitItem, window: int, previous: int, current: int) -> None:
        place = key, limit.amount, limit.get_expiry()
        self._counts[place] = (window, previous, current + 1)
        self._counts.move_to_end(place)
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)

    def _seen(self, key: str, limit: RateLimitItem, window: int) -> tuple[int, int]:
        """How many came in the last window and in this one."""
        then, previous, current = self._counts.get((key, limit.amount, limit.get_expiry()), (window, 0, 0))
        if then == window:
            return previous, current
        return (current if then == window - 1 else 0), 0
