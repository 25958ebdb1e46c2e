"""The state in SQLite: a file that all processes of a host share, or memory where no directory is named.

A state change is on the disk before it is told, a document soon after. All access is in one thread, away from the loop.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
from pydantic import ValidationError

from app.cutover.sqlite_documents import fold, put, read
from app.cutover.sqlite_file import FILE, READ_STATE, last_resort, open_file
from app.cutover.state import CutoverState
from app.cutover.store import (
    AUDIT_LINES,
    SETTINGS,
    Change,
    ConflictError,
    Merge,
    Snapshot,
    StoreAwayError,
    author,
    difference,
    packed,
)
from app.sqlite_files import DiskRefusesError, in_words, transaction

LOOK_SECONDS: Final = 0.5
"""How often the file is looked at for changes of other processes."""
_Result = TypeVar("_Result")


class SqliteStore:
    """The store in a file, or in memory.

    Args:
        directory: Where the file is; None for memory.
        durable: Whether the directory outlives the processes.
    """

    def __init__(self, directory: Path | None, *, durable: bool = True) -> None:
        self._directory = directory
        self.place = "memory" if directory is None else str(directory / FILE)
        self.durable = durable and directory is not None
        self._thread = ThreadPoolExecutor(1, "cutover-state")
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._known: Snapshot | None = None

    def check(self) -> None:
        """See whether the file can be used, and make it where there is none; for the start, before the loop runs.

        Raises:
            StoreAwayError: It cannot be used.
        """
        if self._directory is not None:
            try:
                connection = open_file(self._directory)
            except DiskRefusesError:
                if self._last_resort() is None:
                    raise
                return
            try:
                self._kept(connection)
                with transaction(connection, "NORMAL"):
                    pass  # shows whether it can be written
            except sqlite3.Error as error:
                raise StoreAwayError(in_words(error, self.place)) from None
            finally:
                connection.close()

    async def open(self, initial: CutoverState) -> Snapshot:
        """What is kept, also from a full disk; ``initial`` as version 1 where nothing is, as 0 where that cannot be written."""

        def work(connection: sqlite3.Connection) -> Snapshot:
            kept = self._kept(connection)
            if kept is None:
                self._known = Snapshot(0, time.time(), initial)
                with suppress(sqlite3.Error):
                    self._restore(connection)
            else:
                self._known = kept
            return self._known

        try:
            return await self._do(work)
        except DiskRefusesError:
            self._known = await asyncio.to_thread(self._last_resort)
            if self._known is None:
                raise
            return self._known

    async def current(self) -> Snapshot | None:
        """What is kept; None when nothing is and nothing was known before."""

        def work(connection: sqlite3.Connection) -> Snapshot | None:
            self._known = self._kept(connection) or self._restore(connection)
            return self._known

        return await self._do(work)

    async def change(self, state: CutoverState, expected: int, who: str, why: str) -> Snapshot:
        """Keep a state; see ``Store``."""
        who, why = author(who, why)

        def work(connection: sqlite3.Connection) -> Snapshot:
            current = self._kept(connection) or self._restore(connection)
            if current is None:
                raise StoreAwayError(f"{self.place} holds no state yet")
            with transaction(connection, "FULL"):
                current = self._kept(connection) or current
                if current.version != expected:
                    raise ConflictError(current)
                if not difference(current.state, state)[1]:
                    return current
                # Later than the one before, whatever the clock does.
                new = Snapshot(expected + 1, max(time.time(), current.at), state)
                self._write(connection, new, current, who, why)
            self._known = new
            return new

        return await self._do(work)

    async def remember(self, snapshot: Snapshot) -> None:
        """Keep what another store holds, for a start while that one is away."""

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection, "FULL"):
                kept = self._kept(connection)
                if kept is None or not kept.same(snapshot):
                    self._write(connection, snapshot, kept, "redis", "as Redis holds it")

        await self._do(work)

    async def audit(self, limit: int, before_version: int | None = None) -> list[Change]:
        """Audit lines, the newest first."""

        def work(connection: sqlite3.Connection) -> list[Change]:
            lines = connection.execute(
                "SELECT version, at, who, before, after, why FROM audit WHERE ? IS NULL OR version < ?"
                " ORDER BY version DESC LIMIT ?",
                (before_version, before_version, max(limit, 0)),
            )
            return [
                Change(version, at, who, orjson.loads(before), orjson.loads(after), why)
                for version, at, who, before, after, why in lines
            ]

        return await self._do(work)

    async def wait_for_change(self, known: Snapshot) -> Snapshot:
        """The next state that is not ``known``."""
        while True:
            current = await self.current()
            if current is not None and not current.same(known):
                return current
            await asyncio.sleep(LOOK_SECONDS)

    async def put_document(self, kind: str, owner: str, document: dict[str, Any]) -> None:
        """Keep a worker's document; see ``Store``."""
        text = packed(document)
        await self._do(lambda connection: put(connection, kind, owner, text))

    async def documents(self, kind: str) -> dict[str, dict[str, Any]]:
        """All documents of a kind by owner."""
        return await self._do(lambda connection: read(connection, kind))

    async def fold(self, kind: str, merge: Merge, older_than_seconds: float) -> None:
        """Make one document of those of owners that are gone; see ``Store``."""
        await self._do(lambda connection: fold(connection, kind, merge, older_than_seconds))

    async def close(self) -> None:
        """Close the file, and end the thread."""

        def work() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run ``work`` in the thread, with an open connection."""

        def run() -> _Result:
            try:
                return work(self._open_connection())
            except sqlite3.Error as error:
                raise StoreAwayError(in_words(error, self.place)) from None

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _open_connection(self) -> sqlite3.Connection:
        """The connection to the file that stands there now: somebody may have moved it away or put another in its place."""
        if self._connection is not None and self._inode != self._inode_now():
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._connection = open_file(self._directory)
            self._inode = self._inode_now()
        return self._connection

    def _inode_now(self) -> int:
        try:
            return 0 if self._directory is None else (self._directory / FILE).stat().st_ino
        except OSError:
            return -1

    def _kept(self, connection: sqlite3.Connection) -> Snapshot | None:
        return self._snapshot(connection.execute(READ_STATE).fetchone())

    def _last_resort(self) -> Snapshot | None:
        return None if self._directory is None else self._snapshot(last_resort(self._directory))

    def _snapshot(self, row: tuple[int, float, str] | None) -> Snapshot | None:
        if row is None:
            return None
        version, at, document = row
        if self._known is not None and (version, at) == (self._known.version, self._known.at):
            return self._known
        try:
            return Snapshot(version, at, CutoverState.model_validate_json(document))
        except ValidationError as invalid:
            reason = invalid.errors(include_url=False)[0]["msg"]
            raise StoreAwayError(f"the state in {self.place} cannot be read by this version of the proxy: {reason}") from None

    def _restore(self, connection: sqlite3.Connection) -> Snapshot | None:
        """Write what was known, where nothing is kept: at the first start, and when the file was taken away."""
        known = self._known
        if known is None:
            return None
        why = "the file was gone: what served is kept anew" if known.version else "the first start"
        restored = Snapshot(max(known.version, 1), known.at, known.state)
        with transaction(connection, "FULL"):
            kept = self._kept(connection)
            if kept is None:
                self._write(connection, restored, None, "proxy" if known.version else SETTINGS, why)
        self._known = kept or restored
        return self._known

    def _write(self, connection: sqlite3.Connection, new: Snapshot, old: Snapshot | None, who: str, why: str) -> None:
        before, after = difference(old.state if old is not None else None, new.state)
        document = new.state.model_dump_json()
        connection.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?)", (new.version, new.at, document))
        line = (new.version, new.at, who, packed(before), packed(after), why)
        connection.execute("INSERT OR REPLACE INTO audit VALUES (?, ?, ?, ?, ?, ?)", line)
        connection.execute("DELETE FROM audit WHERE version <= ?", (new.version - AUDIT_LINES,))
