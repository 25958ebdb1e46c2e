"""The archive's SQLite file: what stands in it, and what tells it from other files.

One file, and no other beside it while it is served. Bodies stand in it once, however many answers have the same one.
"""

import sqlite3
import zlib
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final
from urllib.parse import quote

from app.sqlite_files import in_words
from translation.operations import Operation

SCHEMA: Final = 1
APPLICATION: Final = 0x45564172
"""``PRAGMA application_id`` of an archive: "EVAr"."""
TABLES: Final = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # `content` is the body, by zlib where `packed` is 1. `hash` is that of the body as it was answered.
    "CREATE TABLE bodies (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, type TEXT NOT NULL, packed INTEGER NOT NULL,"
    " content BLOB NOT NULL)",
    # `thing` is what an answer is about, without letter case: a readable event id or a GUID. `event` is the event that it
    # belongs to, likewise. Without a body: it was asked for, and there is none. `at` is in seconds since 1970.
    "CREATE TABLE answers (operation TEXT NOT NULL, thing TEXT NOT NULL, event TEXT NOT NULL, body INTEGER REFERENCES bodies,"
    " at REAL NOT NULL, PRIMARY KEY (operation, thing)) WITHOUT ROWID",
    # Readable event ids as they are written.
    "CREATE TABLE events (event TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID",
    f"PRAGMA application_id={APPLICATION}",
)
LISTED: Final = "list_events"
"""The operation under which an event stands as the list of published events shows it."""
_LEVEL: Final = 9
_HASH: Final = 16


class ArchiveError(Exception):
    """A file cannot be used as an archive. The text is a sentence for the operator."""


def thing_of(operation: Operation, parameters: Mapping[str, str]) -> str:
    """What an answer is about: the value of the one path parameter that reads have, without letter case."""
    (value,) = (parameters[name] for name in operation.parameters)
    return value.casefold()


def hash_of(body: bytes) -> bytes:
    """By which a body is known."""
    return blake2b(body, digest_size=_HASH).digest()


def packed(body: bytes) -> tuple[int, bytes]:
    """A body as it is kept, and whether that is its compressed form: pictures rarely get smaller."""
    small = zlib.compress(body, _LEVEL)
    return (1, small) if len(small) < len(body) else (0, body)


def unpacked(digest: bytes, is_packed: int, content: bytes) -> bytes:
    """A body as it was answered.

    Raises:
        ArchiveError: It is not the one that was recorded.
    """
    try:
        body = zlib.decompress(content) if is_packed else content
    except zlib.error:
        body = b""
    if hash_of(body) != digest:
        raise ArchiveError("the archive is damaged: a body is not the one that was recorded")
    return body


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection to a whole archive; nothing is written, not even beside it. Usable by one thread at a time.

    Args:
        path: The file. While it is open, another one may be put in its place, but it must not be changed.

    Raises:
        ArchiveError: It is no archive, is damaged, or cannot be read.
    """
    try:
        if not path.is_file():
            raise ArchiveError(f"there is no archive at {path}")
        # Immutable: no locks, no look for a journal, so that a read-only volume serves (sqlite.org/uri.html).
        address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    except (sqlite3.Error, OSError) as error:
        raise ArchiveError(_words(error, path)) from None
    try:
        check(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise ArchiveError(_words(error, path)) from None
    except BaseException:
        connection.close()
        raise
    return connection


def check(connection: sqlite3.Connection, path: Path) -> None:
    """See that a file is a whole archive of a form that is known.

    Raises:
        ArchiveError: It is not.
        sqlite3.Error: It cannot be read.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION or not schema:
        raise ArchiveError(f"{path} is no archive: `evtmgmt-proxy record` writes one")
    if schema > SCHEMA:
        known = f"schema {schema}, this one knows {SCHEMA}"
        raise ArchiveError(f"{path} was written by a newer version of the proxy ({known})")
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise ArchiveError(_damaged(path))


def _words(error: sqlite3.Error | OSError, path: Path) -> str:
    if isinstance(error, OSError):
        return f"{path} cannot be read: {error.strerror}"
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return _damaged(path) if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) else in_words(error, str(path))


def _damaged(path: Path) -> str:
    return f"{path} is damaged or no archive: put a whole one in its place"
