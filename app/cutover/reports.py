"""What all workers have counted together: each writes its tallies beside the state, and reads those of the others.

What comes from others may be some seconds old. While the store is away, each worker tells what it counted itself.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import structlog

from app.cutover.store import Store, StoreAwayError
from app.cutover.traffic import Traffic
from app.cutover.usage import Usage
from translation.parity import Parity

log = structlog.get_logger("evtmgmt.reports")
WRITE_SECONDS: Final = 5.0
"""Time between two writes."""
STILL_HERE_SECONDS: Final = 60.0
"""Time after which what did not change is written all the same, and all of the last hour with it."""
FOLD_SECONDS: Final = 600.0
"""Time after which a worker that wrote nothing is taken for gone."""
LAST_SECONDS: Final = 5.0
"""Longest time for the last write."""
RECENT_SECONDS: Final = 120.0
"""What is written of the traffic each time: the rest of the hour is written less often."""

PARITY: Final = "parity"
USAGE: Final = "usage"
TRAFFIC: Final = "traffic"
RECENT: Final = "recent"
"""The end of ``TRAFFIC``, so that the others need not read an hour to know the last minute."""


class Reports:
    """The tallies of this worker, and of all.

    Args:
        store: Where they are written.
        parity: What this worker compared.
        usage: What it saw portals use.
        traffic: What it answered.
        window: How far back ``recent`` has to reach, in seconds.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        store: Store,
        parity: Parity,
        usage: Usage,
        traffic: Traffic,
        window: float = 0.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._parity = parity
        self._usage = usage
        self._traffic = traffic
        self._recent_seconds = max(RECENT_SECONDS, window)
        self._clock = clock
        self._owners = {kind: uuid4().hex for kind in (PARITY, USAGE, TRAFFIC, RECENT)}
        self._written: dict[str, tuple[float, dict[str, Any]]] = {}
        self._away = False

    async def run(self) -> None:
        """Write for ever, and once more at the end."""
        try:
            while True:
                await asyncio.sleep(WRITE_SECONDS)
                try:
                    await self.write()
                except Exception as defect:  # else nothing would be written any more
                    log.error("defect", exc_info=defect)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await self.write(last=True)

    async def write(self, *, last: bool = False) -> None:
        """Write what has changed, and add up what workers have left that are gone.

        Args:
            last: Whether this is the end: all is written.
        """
        due = last or self._is_due(TRAFFIC)
        try:
            await self._put(RECENT, self._traffic.document(self._recent_seconds))
            if due:
                await self._put(TRAFFIC, self._traffic.document())
            await self._put(PARITY, self._parity.document())
            await self._put(USAGE, self._usage.document())
            if due:
                await self._fold()
        except StoreAwayError as away:
            if not self._away:
                log.warning("tallies cannot be written now", cause=str(away))
            self._away = True
        else:
            self._away = False

    async def parity(self) -> Parity:
        """How alike the organisations are, by all workers."""
        whole = Parity()
        whole.merge(self._parity)
        for part in _read([each async for each in self._others(PARITY)], Parity.of_document):
            whole.merge(part)
        return whole

    async def usage(self) -> Usage:
        """What portals use, by all workers."""
        whole = self._usage.blank()
        whole.merge(self._usage)
