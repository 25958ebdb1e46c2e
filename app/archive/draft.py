"""An archive while it is made: a working file beside the one that is served, which it becomes in one step.

What was read is in the working file at once, so that a run that is killed goes on where it was.
"""

import os
import sqlite3
import time
from pathlib import Path
from shutil import copyfileobj
from typing import Any, Final

import orjson

from app.archive.file import SCHEMA, TABLES, ArchiveError, hash_of, open_to_read, packed, unpacked
from app.sqlite_files import Layout, StoreAwayError, in_words, open_file, transaction
from app.whole_files import UNFINISHED, replace_file, settle
from translation.leaving_out import LeftOut
from translation.operations import BY_NAME

WORKING: Final = ".recording"
"""What the working file's name ends with."""
JSON_TYPE: Final = "application/json"
_PICTURE: Final = "get_speaker_image"


class Draft:
    """An archive that is being made. A run begins with it, or goes on with what a run before left.

    Args:
        path: Where the archive is to be.
        endpoint: The old base address; empty when it is not known.
        left_out: What is not kept, beside what was left out of it before.

    Attributes:
        path: The same.
        left_out: All that is not kept.
        resumed: Whether a run before was not finished.
        touched: Whether anything was put into it.

    Raises:
        ArchiveError: In words, why it cannot be written.
    """

    def __init__(self, path: Path, endpoint: str = "", left_out: LeftOut | None = None) -> None:
        self.path = path
        self.touched = False
        self._working = path.with_name(path.name + WORKING)
        if path.exists() and not self._working.exists():
            _copy(path, self._working)
        # Exclusive: two that write at once would spoil each other's run.
        layout = Layout(self._working.name, SCHEMA, TABLES, ("PRAGMA locking_mode=EXCLUSIVE",))
        try:
            self._connection = open_file(path.parent, layout)
        except StoreAwayError as away:
            raise ArchiveError(str(away)) from None
        try:
            self._begin(endpoint, left_out or LeftOut())
        except sqlite3.Error as error:
            self._connection.close()
            raise ArchiveError(in_words(error, str(self._working))) from None

    def _begin(self, endpoint: str, left_out: LeftOut) -> None:
        with transaction(self._connection, "NORMAL"):
            self.resumed = self._fact("began") != ""
            self._began = float(self._fact("began") or time.time())
            self._set("began", repr(self._began))
            if endpoint:
                self._set("endpoint", endpoint)
            before = self._fact("left_out").split()
            self.left_out = LeftOut((*before, *left_out.rules))
            if len(self.left_out.rules) > len(before):
                self._leave_out()
                self._set("left_out", " ".join(self.left_out.rules))

    def done(self, operation: str, thing: str) -> bool:
        """Whether this run, or the part of it that was cut off, has asked for something."""
        row = self._one("SELECT at FROM answers WHERE operation = ? AND thing = ?", operation, thing)
        return row is not None and row[0] >= self._began

    def body(self, operation: str, thing: str) -> bytes | None:
        """What was recorded; None when nothing was, or there is none.

        Raises:
            ArchiveError: The file is damaged.
        """
        row = self._one(
            "SELECT hash, packed, content FROM answers JOIN bodies ON bodies.id = body WHERE operation = ? AND thing = ?",
            operation,
            thing,
        )
        return None if row is None else unpacked(*row)

    def put(self, operation: str, thing: str, event: str, body: bytes | None, content_type: str = JSON_TYPE) -> None:
        """Keep an answer in the place of an older one.

        Args:
            operation: Its name.
            thing: What it is about, without letter case.
            event: The event that it belongs to, likewise.
            body: The body; None when there is none: then an older one stays.
            content_type: Its media type.

        Raises:
            ArchiveError: It cannot be written.
        """
        self.touched = True
        try:
            with transaction(self._connection, "NORMAL"):
                self._put(operation, thing, event, body, content_type, time.time())
        except sqlite3.Error as error:
            raise ArchiveError(in_words(error, str(self._working))) from None

    def name(self, name: str) -> None:
        """Know an event by its readable id as it is written."""
        self.touched = True
        self._connection.execute("INSERT OR REPLACE INTO events VALUES (?, ?)", (name.casefold(), name))

    def forget(self, name: str) -> bool:
        """Take an event and all its parts out, by its readable id in any letter case. Gives whether it was there."""
        event = name.casefold()
        with transaction(self._connection, "NORMAL"):
            self._connection.execute("DELETE FROM answers WHERE event = ?", (event,))
            found = self._connection.execute("DELETE FROM events WHERE event = ?", (event,)).rowcount
        self.touched = self.touched or found > 0
        return found > 0

    def names(self) -> list[str]:
        """The readable ids of all events, as they are written."""
        return [name for (name,) in self._connection.execute("SELECT name FROM events ORDER BY event")]

    def events_of(self, operation: str) -> dict[str, str]:
        """The event of each thing of which there is an answer to an operation."""
        return dict(self._connection.execute("SELECT thing, event FROM answers WHERE operation = ?", (operation,)))

    def counts(self) -> tuple[int, int, int]:
        """How many events, answers and different pictures there are."""
        row = self._one(
            "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM answers WHERE body IS NOT NULL),"
            " (SELECT count(*) FROM bodies WHERE type LIKE 'image/%')"
        )
        assert row is not None  # noqa: S101 - an aggregate has a row
        return row[0], row[1], row[2]

    def finish(self) -> int:
        """Put the archive into its place, for who serves it, and take the working file away. Gives its size in bytes.

        Raises:
            ArchiveError: It cannot be written; the working file stays.
        """
        whole = self.path.with_name(f".{self.path.name}{UNFINISHED}")
        try:
            whole.unlink(missing_ok=True)
            with transaction(self._connection, "NORMAL"):
                self._connection.execute("DELETE FROM bodies WHERE id NOT IN (SELECT body FROM answers WHERE body IS NOT NULL)")
                self._connection.execute("DELETE FROM facts WHERE name = 'began'")
                self._set("recorded", repr(time.time()))
            # A new file, so that nothing of what was left out or replaced remains in it, and without a log beside it.
            self._connection.execute("VACUUM INTO ?", (str(whole),))
            with whole.open("rb") as written:
                if self.path.exists():
                    os.fchmod(written.fileno(), self.path.stat().st_mode & 0o7777)
                os.fsync(written.fileno())
            whole.replace(self.path)
            settle(self.path.parent)
        except sqlite3.Error as error:
            raise ArchiveError(in_words(error, str(self._working))) from None
        except OSError as refused:
            raise ArchiveError(f"{self.path} cannot be written: {refused.strerror}") from None
        finally:
            whole.unlink(missing_ok=True)
        self.discard()
        return self.path.stat().st_size

    def discard(self) -> None:
        """Take the working file away."""
        self.close()
        for ending in ("", "-wal", "-shm"):
            self._working.with_name(self._working.name + ending).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the working file; what is in it stays."""
        self._connection.close()

    def _put(self, operation: str, thing: str, event: str, body: bytes | None, content_type: str, at: float) -> None:
        number = None if body is None else self._body(body, content_type)
        self._connection.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET event = excluded.event, body = coalesce(excluded.body, body), at = excluded.at",
            (operation, thing, event, number, at),
        )

    def _body(self, body: bytes, content_type: str) -> int:
        """The number under which a body is kept; each is kept once."""
        digest = hash_of(body)
        row = self._one("SELECT id FROM bodies WHERE hash = ?", digest)
        if row is None:
            row = self._one(
                "INSERT INTO bodies (hash, type, packed, content) VALUES (?, ?, ?, ?) RETURNING id",
                digest,
                content_type,
                *packed(body),
            )
        assert row is not None  # noqa: S101 - it was put there
        return int(row[0])

    def _leave_out(self) -> None:
        """Take out of what was recorded before what is not to be kept now."""
        if self.left_out.names("speakers", "image"):
            self._connection.execute("DELETE FROM answers WHERE operation = ?", (_PICTURE,))
        rows = self._connection.execute(
            "SELECT operation, thing, event, hash, packed, content, at FROM answers JOIN bodies ON bodies.id = body"
            " WHERE type = ?",
            (JSON_TYPE,),
        )
        for operation, thing, event, *kept, at in rows.fetchall():
            value = orjson.loads(unpacked(*kept))
            left = self.left_out.of(BY_NAME[operation], value)
            if left != value:
                self._put(operation, thing, event, orjson.dumps(left), JSON_TYPE, at)

    def _fact(self, name: str) -> str:
        row = self._one("SELECT value FROM facts WHERE name = ?", name)
        return "" if row is None else str(row[0])

    def _set(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        return row


def _copy(path: Path, working: Path) -> None:
    """Begin with the archive that there is.

    Raises:
        ArchiveError: It is none, or cannot be read.
    """
    open_to_read(path).close()
    try:
        with path.open("rb") as old:
            replace_file(working, lambda file: copyfileobj(old, file), like=path.stat())
    except OSError as refused:
        raise ArchiveError(f"{working} cannot be written: {refused.strerror}") from None
