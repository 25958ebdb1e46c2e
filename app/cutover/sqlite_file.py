"""The SQLite file of the state: what stands in it, and how it is read when nothing can be written."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from app import sqlite_files
from app.sqlite_files import Layout

FILE: Final = "cutover.sqlite3"
SCHEMA: Final = 1
READ_STATE: Final = "SELECT version, at, document FROM state"
_TABLES: Final = (
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, at REAL NOT NULL,"
    " document TEXT NOT NULL)",
    "CREATE TABLE audit (version INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, before TEXT NOT NULL,"
    " after TEXT NOT NULL, why TEXT NOT NULL)",
    # NULL: the document was folded.
    "CREATE TABLE documents (kind TEXT NOT NULL, owner TEXT NOT NULL, at REAL NOT NULL, document TEXT,"
    " PRIMARY KEY (kind, owner))",
)
LAYOUT: Final = Layout(FILE, SCHEMA, _TABLES)


def open_file(directory: Path | None) -> sqlite3.Connection:
    """A connection to the state's file, which is made where there is none.

    Args:
        directory: Where the file is; None for memory.

    Raises:
        StoreAwayError: In words, why it cannot be used; ``DiskRefusesError`` where ``last_resort`` may help.
    """
    return sqlite_files.open_file(directory, LAYOUT)


def last_resort(directory: Path) -> tuple[int, float, str] | None:
    """Version, time and document of the state, read without a write: SQLite itself needs some room even to read.

    Returns:
        None where that would not be certain: there is no state, or its end is in the write-ahead log.
    """
    file = directory / FILE
    try:
        if file.with_name(f"{FILE}-wal").stat().st_size:
            return None
    except FileNotFoundError:
        pass
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            if connection.execute("PRAGMA user_version").fetchone() != (SCHEMA,):
                return None
            row: tuple[int, float, str] | None = connection.execute(READ_STATE).fetchone()
            return row
    except sqlite3.Error:
        return None
