"""Documents in the file beyond what test_store.py asks of every store: processes at once, and what a power cut may take."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.cutover.sqlite_documents import fold, put, read
from app.cutover.sqlite_file import open_file
from app.cutover.store import FOLDED, FoldedError


def added(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {"n": sum(document["n"] for document in documents)}


@pytest.fixture
def connection(tmp_path: Path) -> Any:
    connection = open_file(tmp_path)
    yield connection
    connection.close()


def test_only_what_is_old_is_folded(connection: sqlite3.Connection) -> None:
    for owner in ("old", "older", "new"):
        put(connection, "usage", owner, '{"n": 1}')
    connection.execute("UPDATE documents SET at = at - 100 WHERE owner LIKE 'old%'")
    fold(connection, "usage", added, 90)
    assert read(connection, "usage") == {FOLDED: {"n": 2}, "new": {"n": 1}}
    put(connection, "usage", "new", '{"n": 5}')
    with pytest.raises(FoldedError):
        put(connection, "usage", "older", '{"n": 5}')
    assert read(connection, "usage") == {FOLDED: {"n": 2}, "new": {"n": 5}}


def test_what_was_folded_long_ago_stays(connection: sqlite3.Connection) -> None:
    put(connection, "usage", "a", '{"n": 1}')
    fold(connection, "usage", added, -1)
    connection.execute("UPDATE documents SET at = 0")
    fold(connection, "usage", added, 1)
    assert read(connection, "usage") == {FOLDED: {"n": 1}}
    put(connection, "usage", "a", '{"n": 2}')  # its name is forgotten
    assert read(connection, "usage") == {FOLDED: {"n": 1}, "a": {"n": 2}}


def test_two_that_fold_at_once_count_everything_once(tmp_path: Path) -> None:
    seed = open_file(tmp_path)
    for number in range(50):
        put(seed, "usage", str(number), '{"n": 1}')

    def work(number: int) -> None:
        connection = open_file(tmp_path)
        try:
            put(connection, "usage", f"late {number}", '{"n": 1}')
            fold(connection, "usage", added, -1)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(20)))
    assert read(seed, "usage") == {FOLDED: {"n": 70}}
    seed.close()
