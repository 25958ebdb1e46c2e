"""One SQLite file in a directory: how it is made, opened and checked, and what its troubles are called.

What stands in the files is told by the modules that keep something: the cutover's state, the outbox.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

BUSY_SECONDS: Final = 1.0
"""Longest wait for another process; with the time between two looks less than the 2 s in which a change is seen."""
OPEN_SECONDS: Final = 10.0
_MEMORY: Final = ":memory:"
_DAMAGED: Final = "{} is damaged: put a backup in its place, or move it away to start without it"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file is called, and what stands in it.

    Attributes:
        file: Its name in the directory.
        schema: The number of its form; files of a higher one are left alone.
        tables: The statements that make a new one.
        pragmas: Statements for each connection.
    """

    file: str
    schema: int
    tables: tuple[str, ...]
    pragmas: tuple[str, ...] = ()


class StoreAwayError(Exception):
    """The store cannot be used now. The text is a sentence for the operator; what was known before serves."""


class DiskRefusesError(StoreAwayError):
    """The file is there and nothing can be written beside it, as on a full disk."""


def open_file(directory: Path | None, layout: Layout) -> sqlite3.Connection:
    """A connection to a file, which is made where there is none: it 0600, the directory 0700.

    A new file's name is on the disk when this returns: else a power cut could take away what was committed into it.

    Args:
        directory: Where the file is; None for memory.
        layout: What it is called, and what stands in it.

    Raises:
        StoreAwayError: In words, why it cannot be used; ``DiskRefusesError`` where the disk is the reason.
    """
    if directory is None:
        return _connect(_MEMORY, layout)
    file = directory / layout.file
    try:
        new = not directory.exists()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            # Only then: to close a file that this process has open elsewhere would drop its locks (sqlite.org/howtocorrupt.html).
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            _sync(directory)
            if new:
                _sync(directory.parent)
    except FileExistsError as taken:
        if not file.exists():  # else another process made it meanwhile
            raise StoreAwayError(f"{directory} is not a directory") from taken
    except OSError as refused:
        raise StoreAwayError(f"{file} cannot be made: {refused.strerror}") from None
    try:
        return _connect(str(file), layout)
    except sqlite3.Error as error:
        disk = _code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
        rights = os.access(file, os.W_OK) and os.access(directory, os.W_OK)
        raise (DiskRefusesError if disk and rights else StoreAwayError)(in_words(error, str(file))) from None


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


def _connect(name: str, layout: Layout) -> sqlite3.Connection:
    """A checked connection. Workers that start together wait for each other."""
    deadline = time.monotonic() + OPEN_SECONDS
    while True:
        connection = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(connection, name, layout)
        except BaseException as error:
            connection.close()
            busy = isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_BUSY
            # The change to a write-ahead log does not wait for others by itself.
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return connection


def _prepare(connection: sqlite3.Connection, name: str, layout: Layout) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal" and name != _MEMORY:
        raise StoreAwayError(f"{name} cannot have a write-ahead log: it must be on a local file system")
    connection.execute(f"PRAGMA journal_size_limit={4 * 2**20}")
    for pragma in layout.pragmas:
        connection.execute(pragma)
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise StoreAwayError(_DAMAGED.format(name))
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    if schema > layout.schema:
        known = f"schema {schema}, this one knows {layout.schema}"
        raise StoreAwayError(f"{name} was written by a newer version of the proxy ({known})")
    if schema < layout.schema:
        with transaction(connection, "FULL"):
            if connection.execute("PRAGMA user_version").fetchone() == (schema,):  # else another process was faster
                for table in layout.tables:
                    connection.execute(table)
                connection.execute(f"PRAGMA user_version={layout.schema}")


def _sync(directory: Path) -> None:
    """Have the names in a directory on the disk."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
