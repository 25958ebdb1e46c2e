"""The SQLite file of the outbox: what stands in it, and what is read and written by everybody who uses it."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from app.sqlite_files import Layout

FILE: Final = "outbox.sqlite3"
LONGEST_HOLD: Final = 3_600.0
"""However the clock was changed meanwhile, a kept hold lasts no longer: seconds."""
LAYOUT: Final = Layout(
    FILE,
    1,
    (
        # `line` is the event without letter case. `since` is when the age began to count: again when a person retries.
        "CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, line TEXT NOT NULL,"
        " state TEXT NOT NULL, at REAL NOT NULL, since REAL NOT NULL, changed REAL NOT NULL, attempts INTEGER NOT NULL,"
        " code TEXT, bytes INTEGER NOT NULL, person BLOB NOT NULL, content BLOB NOT NULL, sealed BLOB NOT NULL)",
        "CREATE INDEX entries_in_line ON entries (state, line, id)",
        "CREATE INDEX entries_by_person ON entries (person)",
        "CREATE INDEX entries_by_size ON entries (bytes)",
        # What was delivered, without contents, for as long as an identical one is the same.
        "CREATE TABLE delivered (person BLOB NOT NULL, content BLOB NOT NULL, until REAL NOT NULL,"
        " PRIMARY KEY (person, content)) WITHOUT ROWID",
        "CREATE TABLE passes (line TEXT PRIMARY KEY, paid INTEGER NOT NULL, at REAL NOT NULL) WITHOUT ROWID",
        "CREATE TABLE totals (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE hold (one INTEGER PRIMARY KEY CHECK (one = 1), until REAL NOT NULL)",
        "CREATE TABLE decisions (number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, who TEXT NOT NULL,"
        " what TEXT NOT NULL, entry INTEGER, event TEXT, why TEXT NOT NULL)",
    ),
    # What is deleted is overwritten with zeros (sqlite.org/pragma.html#pragma_secure_delete).
    ("PRAGMA secure_delete=ON",),
)


def count(connection: sqlite3.Connection, name: str, number: int = 1) -> None:
    """Add to a total; in a transaction of the caller's."""
    connection.execute(
        "INSERT INTO totals VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET number = number + excluded.number", (name, number)
    )


def hold_until(connection: sqlite3.Connection, now: float, seconds: float) -> None:
    """Keep for how long Dynamics is not to be called, unless it is longer already; in a transaction of the caller's.

    What would last longer than ``LONGEST_HOLD`` is of a clock that was put back since.
    """
    connection.execute(
        "INSERT INTO hold VALUES (1, :until) ON CONFLICT (one) DO UPDATE"
        " SET until = CASE WHEN until > :longest THEN :until ELSE max(until, :until) END",
        {"until": now + seconds, "longest": now + LONGEST_HOLD},
    )


def marks(values: Sequence[object]) -> str:
    """Placeholders for the values of an ``IN``."""
    return ", ".join("?" * len(values))
