"""The archive that serves in this process. Its file may be exchanged at any time: another one is taken up by itself."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import structlog

from app.archive.archive import Archive, Recorded
from app.archive.file import ArchiveError
from app.metrics import Metrics
from translation.errors import ARCHIVE_UNREADABLE, ProxyError

log = structlog.get_logger("evtmgmt.archive")
LOOK_SECONDS: Final = 5.0
"""Time between two looks at the file."""
_NOTHING: Final[Mapping[str, str]] = {}
Found = TypeVar("Found")
Degraded = Callable[..., None]
"""Is told what keeps a part from its work, or that nothing does (``Readiness.degraded``)."""


class Shelf:
    """Holds the archive.

    A file that is missing or damaged stops nothing: visitors of all other events are served, and the operator is told.

    Args:
        path: Where the file is.
        metrics: Shows how many events there are.
        degraded: Is told when it cannot be used.

    Attributes:
        events: The readable ids of its events, by the same without letter case.
        things: The event of each session, track, speaker and sponsorship, by GUID in lower case.
    """

    def __init__(self, path: Path, metrics: Metrics, degraded: Degraded) -> None:
        self._path = path
        self._events_gauge = metrics.archive_events
        self._events_gauge.set(0)
        self._degraded = degraded
        self._archive: Archive | None = None
        self._seen: tuple[int, ...] | None = None
        self.events = self.things = _NOTHING

    @property
    def endpoint(self) -> str:
        """The old base address that the archive was recorded from; empty when that is not known."""
        return "" if self._archive is None else self._archive.endpoint

    async def start(self) -> None:
        """Open the file."""
        await self._look()

    async def run(self, seconds: float = LOOK_SECONDS) -> None:
        """Watch the file for ever."""
        while True:
            await asyncio.sleep(seconds)
            await self._look()

    async def close(self) -> None:
        """Let go of the file."""
        await self._put(None)

    async def read(self, operation: str, thing: str) -> Recorded | None:
        """What was answered to an operation about a thing.

        Raises:
            ProxyError: ``ArchiveUnreadable``.
        """
        return await self._ask(lambda archive: archive.read(operation, thing), None)

    async def listed(self) -> list[Recorded]:
        """Each event as the list showed it.

        Raises:
            ProxyError: ``ArchiveUnreadable``.
        """
        return await self._ask(Archive.listed, [])

    async def _ask(self, read: Callable[[Archive], Found], nothing: Found) -> Found:
        archive = self._archive
        if archive is None:
            return nothing
        try:
            # In a thread: the file may be large, or on a drive of the network.
            return await asyncio.to_thread(read, archive)
        except ArchiveError as error:
            if archive is not self._archive:  # exchanged meanwhile, and let go of
                return await self._ask(read, nothing)
            log.error("the archive cannot be read", cause=str(error))
            self._degraded("archive", str(error), fails=False)
            raise ProxyError(ARCHIVE_UNREADABLE, cause=str(error)) from None

    async def _look(self) -> None:
        """Take up the file, if it is another one than before. One that cannot be used changes nothing."""
        now = await asyncio.to_thread(_identity, self._path)
        if now == self._seen and now is not None:
            return
        self._seen = now
        try:
            archive = await asyncio.to_thread(Archive, self._path)
        except ArchiveError as error:
            self._degraded("archive", str(error), fails=False)
            return
        await self._put(archive)
        self._degraded("archive", None, fails=False)
        log.info("archive", events=len(archive.events), things=len(archive.things))

    async def _put(self, archive: Archive | None) -> None:
        old, self._archive = self._archive, archive
        self.events = _NOTHING if archive is None else archive.events
        self.things = _NOTHING if archive is None else archive.things
        self._events_gauge.set(len(self.events))
        if old is not None:
            await asyncio.to_thread(old.close)  # waits for who reads


def _identity(path: Path) -> tuple[int, ...] | None:
    """What tells one file from another that is put in its place; None when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
