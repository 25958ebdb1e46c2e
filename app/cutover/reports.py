"""What all workers have counted together: each writes its tallies beside the state, and reads those of the others.

What comes from others may be some seconds old. While the store is away, each worker tells what it counted itself.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import time
from typing import Any, Final, TypeVar
from uuid import uuid4

import structlog

from app.cutover.store import FOLDED, FoldedError, Store, StoreAwayError
from app.cutover.traffic import Traffic
from app.cutover.usage import Usage
from translation.parity import Parity

log = structlog.get_logger("evtmgmt.reports")
WRITE_SECONDS: Final = 5.0
"""Time between two writes."""
STILL_HERE_SECONDS: Final = 60.0
"""Time after which what did not change is written all the same, and the whole hour of traffic with it."""
GONE_SECONDS: Final = 600.0
"""Time after which a worker that wrote nothing is taken for gone."""
LAST_SECONDS: Final = 5.0
"""Longest time for the last write."""
RECENT_SECONDS: Final = 120.0
"""How much of the traffic is written each time: more than lies between two writes of the hour."""

_PARITY: Final = "parity"
_USAGE: Final = "usage"
_TRAFFIC: Final = "traffic"
_RECENT: Final = "recent"
"""The end of the traffic: who wants to know the last minute need not read an hour."""
_Part = TypeVar("_Part", Parity, Usage, Traffic)


class Reports:
    """The tallies of this worker, and of all.

    Args:
        store: Where they are written.
        parity: What this worker compared.
        usage: What it saw portals use.
        traffic: What it answered.
        window: How far back ``recent`` has to reach at least, in seconds.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        parity: Parity,
        usage: Usage,
        traffic: Traffic,
        window: float = 0.0,
        clock: Callable[[], float] = time,
    ) -> None:
        self._store = store
        self._parity = parity
        self._usage = usage
        self._traffic = traffic
        self._recent_seconds = max(RECENT_SECONDS, window)
        self._clock = clock
        self._owner = uuid4().hex
        self._written: dict[str, tuple[float, dict[str, Any]]] = {}
        self._away = False
        self._unreadable: set[str] = set()

    async def run(self) -> None:
        """Write for ever, and once more at the end."""
        try:
            while True:
                await asyncio.sleep(WRITE_SECONDS)
                try:
                    await self.write()
                except Exception as defect:  # else nothing would be written any more, and nobody would see it
                    log.error("defect", exc_info=defect)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await self.write(last=True)

    async def write(self, *, last: bool = False) -> None:
        """Write what has changed, and now and then add up what workers have left that are gone.

        Args:
            last: Whether it is the last time, so that nothing may wait for the next.
        """
        due = last or self._is_due(_TRAFFIC)
        try:
            if due:
                await self._put(_TRAFFIC, self._traffic.document())
            await self._put(_RECENT, self._traffic.document(self._recent_seconds))
            await self._put(_USAGE, self._usage.document())
            await self._put(_PARITY, self._parity.document())
            if due and not last:
                await self._fold()
        except FoldedError:
            self._begin_anew()
        except StoreAwayError as away:
            if not self._away:
                log.warning("tallies cannot be written now", cause=str(away))
            self._away = True
        else:
            self._away = False

    async def parity(self) -> Parity:
        """How alike the organisations are."""
        whole = Parity()
        whole.merge(self._parity)
        for document in (await self._others(_PARITY)).values():
            part = self._read(_PARITY, Parity.of_document, document)
            if part is not None:
                whole.merge(part)
            await asyncio.sleep(0)  # visitors come between
        return whole

    async def usage(self) -> Usage:
        """What portals use."""
        whole = self._empty_usage()
        whole.merge(self._usage)
        for document in (await self._others(_USAGE)).values():
            part = self._read(_USAGE, self._usage_of, document)
            if part is not None:
                whole.merge(part)
            await asyncio.sleep(0)
        return whole

    async def traffic(self) -> Traffic:
        """What was answered in the last hour."""
        hours, ends = await self._others(_TRAFFIC), await self._others(_RECENT)
        whole = Traffic(self._clock)
        whole.merge(self._traffic)
        for owner, document in hours.items():
            part = self._read(_TRAFFIC, self._traffic_of, document)
            end = self._read(_RECENT, self._traffic_of, ends[owner]) if owner in ends else None
            if part is not None:
                if end is not None:
                    part.renew(end)
                whole.merge(part)
            await asyncio.sleep(0)
        return whole

    async def recent(self) -> Traffic:
        """What was answered in the last two minutes, or in the window: cheaper than ``traffic``."""
        whole = Traffic(self._clock)
        whole.merge(self._traffic)
        for document in (await self._others(_RECENT)).values():
            part = self._read(_RECENT, self._traffic_of, document)
            if part is not None:
                whole.merge(part)
        return whole

    async def _others(self, kind: str) -> dict[str, dict[str, Any]]:
        """The documents of all owners but this one; none while the store is away."""
        try:
            documents = await self._store.documents(kind)
        except StoreAwayError:
            return {}
        documents.pop(self._owner, None)
        if kind == _RECENT:
            documents.pop(FOLDED, None)  # nothing is in it: what it was the end of is in the folded hour
        return documents

    def _is_due(self, kind: str) -> bool:
        at, _ = self._written.get(kind, (float("-inf"), {}))
        # What was written in the future was written before the clock was set back.
        return not 0 <= self._clock() - at < STILL_HERE_SECONDS

    async def _put(self, kind: str, document: dict[str, Any]) -> None:
        if self._is_due(kind) or document != self._written[kind][1]:
            await self._store.put_document(kind, self._owner, document)
            self._written[kind] = self._clock(), document

    async def _fold(self) -> None:
        # The end before the hour that it is the end of: it would count twice in between.
        await self._store.fold(_RECENT, lambda _: {}, GONE_SECONDS)
        await self._store.fold(_TRAFFIC, self._folded(_TRAFFIC, self._traffic_of, lambda: Traffic(self._clock)), GONE_SECONDS)
        await self._store.fold(_USAGE, self._folded(_USAGE, self._usage_of, self._empty_usage), GONE_SECONDS)
        await self._store.fold(_PARITY, self._folded(_PARITY, Parity.of_document, Parity), GONE_SECONDS)

    def _folded(
        self, kind: str, of: Callable[[Any], _Part], empty: Callable[[], _Part]
    ) -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
        def merge(documents: list[dict[str, Any]]) -> dict[str, Any]:
            whole = empty()
            for document in documents:
                part = self._read(kind, of, document)
                if part is not None:
                    whole.merge(part)
            return whole.document()

        return merge

    def _begin_anew(self) -> None:
        """The others took this worker for gone, and what it had written stays counted: it goes on as another one, from nought."""
        log.warning("was taken for gone: counting begins anew")
        self._owner = uuid4().hex
        self._written.clear()
        self._parity.operations.clear()
        self._usage.clear()
        self._traffic.clear()

    def _read(self, kind: str, of: Callable[[Any], _Part], document: Any) -> _Part | None:
        try:
            return of(document)
        except ValueError as unreadable:
            if kind not in self._unreadable:
                self._unreadable.add(kind)
                log.warning("a document is left out", kind=kind, cause=str(unreadable))
            return None

    def _traffic_of(self, document: Any) -> Traffic:
        return Traffic.of_document(document, self._clock)

    def _usage_of(self, document: Any) -> Usage:
        return Usage.of_document(document, self._clock)

    def _empty_usage(self) -> Usage:
        return Usage("", self._clock)
