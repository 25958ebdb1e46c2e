"""The way of an entry from waiting to delivered, parked or dead.

Each function is one transaction, which is on the disk when it returns.
"""

import sqlite3

from app.outbox.entries import INTERRUPTED, TOO_OLD, Claimed, Head, State
from app.outbox.file import LONGEST_HOLD, count, hold_until
from app.outbox.store import Store
from app.sqlite_files import transaction


def heads(store: Store) -> list[Head]:
    """The first waiting entry of each event that has no other under way: the least tried first, of those the longest waiting.

    So an event that Dynamics never takes anything for keeps no others waiting.
    """

    def work(connection: sqlite3.Connection) -> list[Head]:
        found = connection.execute(
            # SQLite takes a bare column from the row of the minimum (sqlite.org/lang_select.html#bareagg).
            "SELECT min(id), line, attempts FROM entries"
            " WHERE state = ? AND line NOT IN (SELECT line FROM entries WHERE state = ?) GROUP BY line ORDER BY 3, 1",
            (State.WAITING, State.SENDING),
        )
        return [Head(number, line) for number, line, _ in found]

    return store.do(work)


def claim(store: Store, number: int) -> Claimed | None:
    """Say that a waiting entry is about to be sent. None when it does not wait any more."""

    def work(connection: sqlite3.Connection) -> Claimed | None:
        with transaction(connection, "FULL"):
            rows = connection.execute(
                "UPDATE entries SET state = ?, changed = ?, attempts = attempts + 1 WHERE id = ? AND state = ?"
                " RETURNING id, event, attempts, sealed",
                (State.SENDING, store.clock(), number, State.WAITING),
            ).fetchall()
        return Claimed(*rows[0]) if rows else None

    return store.do(work)


def delivered(store: Store, claimed: Claimed, window: float) -> bool:
    """An entry arrived: its contents are deleted. Its digests stay for ``window`` seconds."""

    def work(connection: sqlite3.Connection) -> bool:
        with transaction(connection, "FULL"):
            rows = connection.execute(
                "DELETE FROM entries WHERE id = ? AND attempts = ? AND state IN (?, ?) RETURNING person, content",
                (claimed.id, claimed.attempts, State.SENDING, State.PARKED),
            ).fetchall()
            count(connection, "delivered", len(rows))
            until = store.clock() + window
            connection.executemany("INSERT OR REPLACE INTO delivered VALUES (?, ?, ?)", [(*row, until) for row in rows if window])
        return bool(rows)

    return store.do(work)


def settle(store: Store, claimed: Claimed, state: State, code: str, hold: float = 0.0) -> bool:
    """An entry did not arrive, or nobody knows.

    Args:
        store: Where it is.
        claimed: The entry, this time.
        state: Where it stands now.
        code: Why.
        hold: Seconds for which no other is to be sent.

    Returns:
        False when somebody decided on it meanwhile.
    """

    def work(connection: sqlite3.Connection) -> bool:
        with transaction(connection, "FULL"):
            changed = connection.execute(
                "UPDATE entries SET state = ?, code = ?, changed = ? WHERE id = ? AND attempts = ? AND state IN (?, ?)",
                (state, code, store.clock(), claimed.id, claimed.attempts, State.SENDING, State.PARKED),
            ).rowcount
            if changed and state is not State.WAITING:
                count(connection, state)
            if hold:
                hold_until(connection, store.clock(), hold)
        return changed == 1

    return store.do(work)


def recover(store: Store) -> int:
    """Park what was being sent when the process that sent it ended. Only for who alone may send. Returns how many."""

    def work(connection: sqlite3.Connection) -> int:
        with transaction(connection, "FULL"):
            found = connection.execute(
                "UPDATE entries SET state = ?, code = ?, changed = ? WHERE state = ?",
                (State.PARKED, INTERRUPTED, store.clock(), State.SENDING),
            ).rowcount
            if found:
                count(connection, "parked", found)
        return found

    return store.do(work)


def tidy(store: Store, max_age: float, retention: float) -> tuple[int, int]:
    """Give up what is too old, and forget what nobody decided on in time. Returns how many of each."""

    def work(connection: sqlite3.Connection) -> tuple[int, int]:
        now = store.clock()
        old = State.WAITING, now - max_age
        kept = State.DEAD, State.PARKED, now - retention
        due = connection.execute(
            "SELECT (SELECT count(*) FROM entries WHERE state = ? AND since < ?),"
            " (SELECT count(*) FROM entries WHERE state IN (?, ?) AND changed < ?),"
            " (SELECT count(*) FROM delivered WHERE until < ?)",
            (*old, *kept, now),
        ).fetchone()
        if not any(due):
            return 0, 0
        with transaction(connection, "FULL"):
            update = "UPDATE entries SET state = ?, code = ?, changed = ? WHERE state = ? AND since < ?"
            dead = connection.execute(update, (State.DEAD, TOO_OLD, now, *old)).rowcount
            expired = connection.execute("DELETE FROM entries WHERE state IN (?, ?) AND changed < ?", kept).rowcount
            connection.execute("DELETE FROM delivered WHERE until < ?", (now,))
            count(connection, "dead", dead)
            count(connection, "expired", expired)
        return dead, expired

    return store.do(work)


def wipe(store: Store) -> None:
    """Empty the write-ahead log, in which deleted contents would lie on. Not while somebody reads it: then next time."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    store.do(work)


def held(store: Store) -> tuple[float, float]:
    """Until when Dynamics is not to be called, in seconds since 1970, and how many seconds that is from now."""

    def work(connection: sqlite3.Connection) -> tuple[float, float]:
        row = connection.execute("SELECT until FROM hold").fetchone()
        until = 0.0 if row is None else float(row[0])
        return until, min(LONGEST_HOLD, max(0.0, until - store.clock()))

    return store.do(work)
