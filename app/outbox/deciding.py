"""What people decide on entries, and the record of it: who, what, when and why. What is looked at is recorded as well."""

import sqlite3
from collections.abc import Sequence

from app.cutover.store import author
from app.outbox.delivering import wipe
from app.outbox.entries import Decision, State
from app.outbox.file import count
from app.outbox.store import Store
from app.sqlite_files import transaction

RETRIABLE = (State.DEAD, State.PARKED)
DROPPABLE = (State.WAITING, State.DEAD, State.PARKED)
_LINES = 10_000
"""Decisions that are kept; the oldest go first."""


def retry(store: Store, numbers: Sequence[int], who: str, why: str) -> list[int]:
    """Have dead or parked entries sent again; their age counts from now. Returns those that are.

    Raises:
        ValueError: Who or why is missing.
        StoreAwayError: The file cannot be used.
    """
    who, why = author(who, why)

    def work(connection: sqlite3.Connection) -> list[int]:
        with transaction(connection, "FULL"):
            now = store.clock()
            query = (
                "UPDATE entries SET state = ?, since = ?, changed = ?, code = NULL WHERE id = ? AND state IN (?, ?)"
                " RETURNING id, event"
            )
            rows = [(State.WAITING, now, now, number, *RETRIABLE) for number in numbers]
            found = [each for row in rows for each in connection.execute(query, row).fetchall()]
            _record(connection, now, "retry", found, who, why)
            count(connection, "retried", len(found))
        return sorted(number for number, _ in found)

    return store.do(work)


def drop(store: Store, numbers: Sequence[int], who: str, why: str) -> list[int]:
    """Delete entries that are not being sent. Returns those that were.

    Raises:
        ValueError: Who or why is missing.
        StoreAwayError: The file cannot be used.
    """
    who, why = author(who, why)

    def work(connection: sqlite3.Connection) -> list[int]:
        with transaction(connection, "FULL"):
            query = "DELETE FROM entries WHERE id = ? AND state IN (?, ?, ?) RETURNING id, event"
            found = [each for number in numbers for each in connection.execute(query, (number, *DROPPABLE)).fetchall()]
            _record(connection, store.clock(), "drop", found, who, why)
            count(connection, "dropped", len(found))
        return sorted(number for number, _ in found)

    dropped = store.do(work)
    wipe(store)
    return dropped


def looked(store: Store, what: str, entry: int | None, event: str | None, who: str, why: str) -> None:
    """Record that somebody read contents, before they are given out.

    Args:
        store: Whose contents.
        what: ``show`` or ``export``.
        entry: Which one; None for many.
        event: Its event.
        who: Who reads it.
        why: The reason.

    Raises:
        ValueError: Who or why is missing.
        StoreAwayError: It cannot be recorded, so the contents must not be given out.
    """
    who, why = author(who, why)

    def work(connection: sqlite3.Connection) -> None:
        with transaction(connection, "FULL"):
            _record(connection, store.clock(), what, [(entry, event)], who, why)

    store.do(work)


def decisions(store: Store, limit: int) -> list[Decision]:
    """What was decided and looked at, the newest first."""

    def work(connection: sqlite3.Connection) -> list[Decision]:
        query = "SELECT number, at, who, what, entry, event, why FROM decisions ORDER BY number DESC LIMIT ?"
        return [Decision(*row) for row in connection.execute(query, (limit,))]

    return store.do(work)


def _record(
    connection: sqlite3.Connection, now: float, what: str, rows: Sequence[tuple[int | None, str | None]], who: str, why: str
) -> None:
    connection.executemany(
        "INSERT INTO decisions (at, who, what, entry, event, why) VALUES (?, ?, ?, ?, ?, ?)",
        [(now, who, what, entry, event, why) for entry, event in rows],
    )
    connection.execute("DELETE FROM decisions WHERE number <= (SELECT max(number) FROM decisions) - ?", (_LINES,))
