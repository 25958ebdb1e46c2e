"""Bulkheads: the connections to an organisation, parted so that one kind of calls cannot take them all.

Registrations have some to themselves and may use any other that is free; images may have a share at most; reads have the rest.
"""

import asyncio
from collections import OrderedDict

from app.faults.lanes import Lane


class NoPlaceError(Exception):
    """No connection became free in time."""


class Places:
    """Who may use a connection now. Everything happens in one event loop.

    Args:
        connections: All there are.
        registrations_percent: The part that is kept for registrations, rounded up; one connection is left to the others.
        images_percent: The part that images may have at most; at least one.
    """

    def __init__(self, connections: int, registrations_percent: float, images_percent: float) -> None:
        self._all = connections
        reserved = min(connections - 1, -int(-connections * registrations_percent // 100))
        self._shared = connections - reserved
        self._most_images = max(1, min(self._shared, int(connections * images_percent / 100)))
        self._taken = dict.fromkeys(Lane, 0)
        self._total = 0
        self._waiting: dict[Lane, OrderedDict[asyncio.Future[None], None]] = {lane: OrderedDict() for lane in Lane}

    def take(self, lane: Lane) -> bool:
        """Take a place if there is one, and nobody of the same kind waits for it."""
        if self._waiting[lane] or not self._has(lane):
            return False
        self._seat(lane)
        return True

    async def wait(self, lane: Lane, seconds: float) -> None:
        """Take a place, in the order of coming.

        Raises:
            NoPlaceError: There was none in time.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[lane][turn] = None
        self._serve()  # there may be one by now
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await turn
        except (TimeoutError, asyncio.CancelledError) as over:
            self._waiting[lane].pop(turn, None)
            if turn.done() and not turn.cancelled():  # it came in the last moment
                self.free(lane)
            if isinstance(over, TimeoutError):
                raise NoPlaceError from None
            raise

    def free(self, lane: Lane) -> None:
        """Give a place back."""
        self._taken[lane] -= 1
        self._total -= 1
        self._serve()

    def _has(self, lane: Lane) -> bool:
        if self._total >= self._all:
            return False
        if lane is Lane.REGISTRATIONS:
            return True
        # What registrations use beside their own is what the others leave; it does not make their own smaller.
        others = self._total - self._taken[Lane.REGISTRATIONS]
        return others < self._shared and (lane is Lane.READS or self._taken[Lane.IMAGES] < self._most_images)

    def _seat(self, lane: Lane) -> None:
        self._taken[lane] += 1
        self._total += 1

    def _serve(self) -> None:
        """Give free places to those who wait, registrations first."""
        for lane, waiting in self._waiting.items():
            while waiting and self._has(lane):
                turn, _ = waiting.popitem(last=False)
                if not turn.done():
                    self._seat(lane)
                    turn.set_result(None)
