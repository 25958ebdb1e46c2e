"""An archive that is served: what it holds is known at once, bodies are read from the file when they are asked for."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from app.archive.file import LISTED, ArchiveError, open_to_read, unpacked

_BODY: Final = (
    "SELECT bodies.hash, bodies.packed, bodies.content, bodies.type, answers.at, answers.event FROM answers"
    " JOIN bodies ON bodies.id = answers.body WHERE "
)
_LISTED: Final = f"'{LISTED}', 'get_event'"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer as it was recorded.

    Attributes:
        body: The body.
        content_type: Its media type.
        at: When it was recorded, in seconds since 1970.
        event: The event that it belongs to, without letter case.
    """

    body: bytes
    content_type: str
    at: float
    event: str


class Archive:
    """One file.

    Args:
        path: Where it is.

    Attributes:
        events: The readable ids of its events, by the same without letter case.
        things: Its sessions, tracks, speakers and sponsorships: the event of each by GUID in lower case.
        endpoint: The old base address that it was recorded from; empty when that is not known.

    Raises:
        ArchiveError: It cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._connection = open_to_read(path)
        try:
            self.events: Mapping[str, str] = dict(self._connection.execute("SELECT event, name FROM events"))
            rows = self._connection.execute("SELECT thing, event FROM answers WHERE thing <> event AND body IS NOT NULL")
            self.things: Mapping[str, str] = dict(rows)
            facts = dict(self._connection.execute("SELECT name, value FROM facts"))
            self.endpoint: str = facts.get("endpoint", "")
        except sqlite3.Error as error:
            self._connection.close()
            raise ArchiveError(f"{path} cannot be read: {error}") from None

    def read(self, operation: str, thing: str) -> Recorded | None:
        """What was answered to an operation; None when nothing was. May be called from any thread.

        Args:
            operation: Its name.
            thing: What it is about (``thing_of``).

        Raises:
            ArchiveError: The file is damaged, or was changed.
        """
        found = self._rows("answers.operation = ? AND answers.thing = ?", (operation, thing))
        return found[0] if found else None

    def listed(self) -> list[Recorded]:
        """Each event as the list of published events showed it, or as its page did where no list was recorded.

        Raises:
            ArchiveError: The file is damaged, or was changed.
        """
        # Both stand under the event's id; of the two operations' names the list's is the later one.
        rows = self._rows(f"answers.operation IN ({_LISTED}) ORDER BY answers.operation", ())
        return list({row.event: row for row in rows}.values())

    def close(self) -> None:
        """Let go of the file, when nobody reads any more."""
        with self._lock:
            self._connection.close()

    def _rows(self, where: str, values: Iterable[str]) -> list[Recorded]:
        try:
            with self._lock:
                rows = self._connection.execute(_BODY + where, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise ArchiveError(f"{self._path} cannot be read: {error}") from None
        return [Recorded(unpacked(*row[:3]), *row[3:]) for row in rows]
