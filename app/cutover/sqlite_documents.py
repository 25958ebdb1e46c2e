"""The documents of workers in the SQLite file: tallies, one per worker, and what was folded of those that are gone."""

import sqlite3
import time
from typing import Any

import orjson

from app.cutover.store import FOLDED, FORGET_OWNERS_AFTER, FoldedError, Merge, packed
from app.sqlite_files import transaction


def put(connection: sqlite3.Connection, kind: str, owner: str, document: str) -> None:
    """Keep a worker's document in the place of its last one.

    Raises:
        FoldedError: What the owner had put has been folded.
    """
    with transaction(connection, "NORMAL"):
        written = connection.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?) ON CONFLICT (kind, owner) DO UPDATE"
            " SET at = excluded.at, document = excluded.document WHERE documents.document IS NOT NULL",
            (kind, owner, time.time(), document),
        )
        if not written.rowcount:
            raise FoldedError(owner)


def read(connection: sqlite3.Connection, kind: str) -> dict[str, dict[str, Any]]:
    """All documents of a kind by owner."""
    found = connection.execute("SELECT owner, document FROM documents WHERE kind = ? AND document IS NOT NULL", (kind,))
    return {owner: orjson.loads(document) for owner, document in found}


def fold(connection: sqlite3.Connection, kind: str, merge: Merge, older_than_seconds: float) -> None:
    """Make one document of those of owners that are gone, and remember who they were; see ``Store``."""
    with transaction(connection, "NORMAL"):
        now = time.time()
        connection.execute("DELETE FROM documents WHERE document IS NULL AND at < ?", (now - FORGET_OWNERS_AFTER,))
        found = connection.execute(
            "SELECT owner, document FROM documents WHERE kind = ? AND document IS NOT NULL AND (at < ? OR owner = ?)",
            (kind, now - older_than_seconds, FOLDED),
        ).fetchall()
        gone = [owner for owner, _ in found if owner != FOLDED]
        if not gone:
            return
        folded = packed(merge([orjson.loads(document) for _, document in found]))
        connection.executemany(
            "UPDATE documents SET document = NULL, at = ? WHERE kind = ? AND owner = ?", [(now, kind, owner) for owner in gone]
        )
        connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", (kind, FOLDED, now, folded))
