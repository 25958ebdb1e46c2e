"""The SQLite file of the state: its schema, how it is opened and checked, and what its troubles are called."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Literal

from app.cutover.store import StoreAwayError

FILE: Final = "cutover.sqlite3"
SCHEMA: Final = 1
BUSY_SECONDS: Final = 1.0
"""Longest wait for another process; with the time between two looks less than the 2 s in which a change is seen."""
OPEN_SECONDS: Final = 10.0
READ_STATE: Final = "SELECT version, at, document FROM state"
_MEMORY: Final = ":memory:"
_DAMAGED: Final = "{} is damaged: put a backup in its place, or move it away to start from the settings"
_TABLES: Final = (
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, at REAL NOT NULL,"
    " document TEXT NOT NULL)",
    "CREATE TABLE audit (version INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, before TEXT NOT NULL,"
    " after TEXT NOT NULL, why TEXT NOT NULL)",
    # NULL: the document was folded.
    "CREATE TABLE documents (kind TEXT NOT NULL, owner TEXT NOT NULL, at REAL NOT NULL, document TEXT,"
    " PRIMARY KEY (kind, owner))",
)


class DiskRefusesError(StoreAwayError):
    """The file is there and nothing can be written beside it, as on a full disk."""


def open_file(directory: Path | None) -> sqlite3.Connection:
    """A connection to the state's file, which is made where there is none: it 0600, the directory 0700.

    Args:
        directory: Where the file is; None for memory.

    Raises:
        StoreAwayError: In words, why it cannot be used; ``DiskRefusesError`` where ``last_resort`` may help.
    """
    if directory is None:
        return _connect(_MEMORY)
    file = directory / FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            # Only then: to close a file that this process has open elsewhere would drop its locks (sqlite.org/howtocorrupt.html).
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError as taken:
        if not file.exists():  # else another process made it meanwhile
            raise StoreAwayError(f"{directory} is not a directory") from taken
    except OSError as refused:
        raise StoreAwayError(f"{file} cannot be made: {refused.strerror}") from None
    try:
        return _connect(str(file))
    except sqlite3.Error as error:
        disk = _code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
        rights = os.access(file, os.W_OK) and os.access(directory, os.W_OK)
        raise (DiskRefusesError if disk and rights else StoreAwayError)(in_words(error, str(file))) from None


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


def in_words(error: sqlite3.Error, place: str) -> str:
    """What an error of SQLite means to the operator."""
    match _code(error):
        case sqlite3.SQLITE_FULL:
            return f"the disk that holds {place} is full"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"{place} is held by another process; try again"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _DAMAGED.format(place)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_AUTH:
            return f"{place} cannot be opened or written: look at its owner and rights"
        case sqlite3.SQLITE_IOERR:
            return f"{place} cannot be read or written: the disk refuses; is it full?"
        case _:
            return f"{place} cannot be used: {error}"


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


@contextmanager
def transaction(connection: sqlite3.Connection, synchronous: Literal["FULL", "NORMAL"]) -> Iterator[None]:
    """All or nothing, and no other writer meanwhile.

    Args:
        connection: In autocommit mode.
        synchronous: ``FULL``: on the disk at the end. ``NORMAL``: a power cut may take it back.
    """
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _connect(name: str) -> sqlite3.Connection:
    """A checked connection. Workers that start together wait for each other."""
    deadline = time.monotonic() + OPEN_SECONDS
    while True:
        connection = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(connection, name)
        except BaseException as error:
            connection.close()
            busy = isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_BUSY
            # The change to a write-ahead log does not wait for others by itself.
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return connection


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal" and name != _MEMORY:
        raise StoreAwayError(f"{name} cannot have a write-ahead log: it must be on a local file system")
    connection.execute(f"PRAGMA journal_size_limit={4 * 2**20}")
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise StoreAwayError(_DAMAGED.format(name))
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    if schema > SCHEMA:
        raise StoreAwayError(f"{name} was written by a newer version of the proxy (schema {schema}, this one knows {SCHEMA})")
    if schema < SCHEMA:
        with transaction(connection, "FULL"):
            if connection.execute("PRAGMA user_version").fetchone() == (schema,):  # else another process was faster
                for table in _TABLES:
                    connection.execute(table)
                connection.execute(f"PRAGMA user_version={SCHEMA}")
