"""The entries on the disk: each method is one transaction, and what it says has happened is on the disk when it returns.

Used by one thread. Every process of a host may have a store of the same file: what may happen to an entry depends on where it
stands, so that two that want the same cannot both have it.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from app.outbox.entries import TOTALS, Entry, State, Summary
from app.outbox.file import FILE, LAYOUT, count, hold_until, marks
from app.outbox.sealing import Digests
from app.sqlite_files import StoreAwayError, in_words, open_file, transaction

_Result = TypeVar("_Result")
ENTRY_COLUMNS: Final = "id, event, state, at, changed, attempts, code, bytes"


class Put(Enum):
    """What became of a registration that should be stored."""

    STORED = "stored"
    REPEATED = "repeated"
    FULL = "full"


class Store:
    """The file of the outbox.

    Args:
        directory: Where it is.
        clock: Seconds since 1970.

    Attributes:
        directory: The same.
        place: The file's name.
        clock: The same.
    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        self.directory = directory
        self.clock = clock
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self.place = str(directory / FILE)

    def check(self) -> None:
        """See whether the file can be used, and make it where there is none.

        Raises:
            StoreAwayError: It cannot.
        """

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection, "FULL"):
                pass  # shows whether it can be written

        self.do(work)
        self.close()

    def put(self, event: str, digests: Digests, sealed: bytes, most: tuple[int, int], hold: float = 0.0) -> tuple[Put, int]:
        """Keep a registration, unless it is one that is kept already, or was delivered shortly before.

        Args:
            event: Today's readable id.
            digests: What it is known by.
            sealed: Its contents.
            most: How many entries and bytes there may be.
            hold: Seconds for which Dynamics asked not to be called.

        Returns:
            What became of it, and the entry's number; 0 where there is none.
        """

        def work(connection: sqlite3.Connection) -> tuple[Put, int]:
            with transaction(connection, "FULL"):
                same = self._same(connection, digests, sealed)
                if same is not None:
                    return Put.REPEATED, same
                entries, used = connection.execute("SELECT count(*), total(bytes) FROM entries").fetchone()
                if entries >= most[0] or used + len(sealed) > most[1]:
                    return Put.FULL, 0
                now = self.clock()
                row = (event, event.casefold(), State.WAITING, now, now, now, len(sealed))
                added = connection.execute(
                    "INSERT INTO entries (event, line, state, at, since, changed, attempts, bytes, person, content, sealed)"
                    " VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)",
                    (*row, digests.people[0], digests.contents[0], sealed),
                )
                count(connection, "accepted")
                if hold:
                    hold_until(connection, now, hold)
            return Put.STORED, added.lastrowid or 0

        return self.do(work)

    def repeat(self, digests: Digests, seal: Callable[[], bytes]) -> bool:
        """Whether a registration is one that is kept, or was delivered shortly before. One that waits gets the newer contents."""

        def work(connection: sqlite3.Connection) -> bool:
            if not self._is_known(connection, digests):
                return False  # nothing is written for most
            with transaction(connection, "FULL"):
                return self._same(connection, digests, seal()) is not None

        return self.do(work)

    def summary(self) -> Summary:
        """All entries together."""

        def work(connection: sqlite3.Connection) -> Summary:
            rows = connection.execute("SELECT state, count(*), min(at) FROM entries GROUP BY state").fetchall()
            states = {State(state): number for state, number, _ in rows}
            oldest = next((at for state, _, at in rows if state == State.WAITING), None)
            totals = dict(connection.execute("SELECT name, number FROM totals"))
            return Summary(
                {state: states.get(state, 0) for state in State}, oldest, {name: totals.get(name, 0) for name in TOTALS}
            )

        return self.do(work)

    def entries(self, state: State | None = None, limit: int = -1) -> list[Entry]:
        """Entries, the oldest first; of one state, or all."""

        def work(connection: sqlite3.Connection) -> list[Entry]:
            found = connection.execute(
                f"SELECT {ENTRY_COLUMNS} FROM entries WHERE ? IS NULL OR state = ? ORDER BY id LIMIT ?",  # noqa: S608
                (state, state, limit),
            )
            return [entry_of(row) for row in found]

        return self.do(work)

    def sealed(self, number: int) -> tuple[Entry, bytes] | None:
        """An entry and its contents, or None."""

        def work(connection: sqlite3.Connection) -> tuple[Entry, bytes] | None:
            query = f"SELECT {ENTRY_COLUMNS}, sealed FROM entries WHERE id = ?"  # noqa: S608
            row = connection.execute(query, (number,)).fetchone()
            return None if row is None else (entry_of(row[:-1]), row[-1])

        return self.do(work)

    def learn_passes(self, event: str, *, paid: bool) -> None:
        """Remember whether an event's passes cost something."""

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection, "NORMAL"):
                connection.execute("INSERT OR REPLACE INTO passes VALUES (?, ?, ?)", (event.casefold(), paid, self.clock()))

        self.do(work)

    def is_paid(self, event: str) -> bool | None:
        """Whether an event's passes cost something, as last read; None when they never were."""

        def work(connection: sqlite3.Connection) -> bool | None:
            row = connection.execute("SELECT paid FROM passes WHERE line = ?", (event.casefold(),)).fetchone()
            return None if row is None else bool(row[0])

        return self.do(work)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def do(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run ``work`` with an open connection to the file that stands there now: somebody may have moved it away.

        Raises:
            StoreAwayError: In words, why it cannot be done.
        """
        try:
            if self._connection is not None and self._inode != self._inode_now():
                self.close()
            if self._connection is None:
                self._connection = open_file(self.directory, LAYOUT)
                self._inode = self._inode_now()
            return work(self._connection)
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self.close()
            raise StoreAwayError(in_words(error, self.place)) from None

    def _inode_now(self) -> int:
        try:
            return (self.directory / FILE).stat().st_ino
        except OSError:
            return -1

    def _is_known(self, connection: sqlite3.Connection, digests: Digests) -> bool:
        held = f"SELECT 1 FROM entries WHERE person IN ({marks(digests.people)}) AND state != ? LIMIT 1"  # noqa: S608
        if connection.execute(held, (*digests.people, State.DEAD)).fetchone():
            return True
        return self._was_delivered(connection, digests)

    def _was_delivered(self, connection: sqlite3.Connection, digests: Digests) -> bool:
        query = (
            f"SELECT 1 FROM delivered WHERE person IN ({marks(digests.people)})"  # noqa: S608
            f" AND content IN ({marks(digests.contents)}) AND until > ? LIMIT 1"
        )
        return connection.execute(query, (*digests.people, *digests.contents, self.clock())).fetchone() is not None

    def _same(self, connection: sqlite3.Connection, digests: Digests, sealed: bytes) -> int | None:
        """The entry that a registration is the same as; 0 for one that was delivered. One that waits gets the newer contents."""
        among = marks(digests.people)
        first = f"SELECT min(id) FROM entries WHERE person IN ({among}) AND state = ?"  # noqa: S608
        found = connection.execute(
            f"UPDATE entries SET sealed = ?, bytes = ?, person = ?, content = ? WHERE id = ({first}) RETURNING id",  # noqa: S608
            (sealed, len(sealed), digests.people[0], digests.contents[0], *digests.people, State.WAITING),
        ).fetchall()
        if not found:
            found = connection.execute(
                f"SELECT id FROM entries WHERE person IN ({among}) AND content IN ({marks(digests.contents)})"  # noqa: S608
                " AND state IN (?, ?) LIMIT 1",
                (*digests.people, *digests.contents, State.SENDING, State.PARKED),
            ).fetchall()
        if not found and not self._was_delivered(connection, digests):
            return None
        count(connection, "repeated")
        return int(found[0][0]) if found else 0


def entry_of(row: Sequence[Any]) -> Entry:
    """The entry that a row of ``ENTRY_COLUMNS`` is."""
    number, event, state, *rest = row
    return Entry(number, event, State(state), *rest)
