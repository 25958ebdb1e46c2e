"""The file of the state: what is read of it when nothing can be written."""

import sqlite3
from pathlib import Path

from app.cutover.sqlite_file import FILE, SCHEMA, last_resort, open_file
from app.sqlite_files import transaction


def test_the_last_resort_is_taken_only_where_it_is_certain(tmp_path: Path) -> None:
    connection = open_file(tmp_path)
    with transaction(connection, "FULL"):
        connection.execute("INSERT INTO state VALUES (1, 3, 1.5, '{}')")
    assert last_resort(tmp_path) is None  # its end is in the write-ahead log
    connection.close()
    assert last_resort(tmp_path) == (3, 1.5, "{}")
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute(f"PRAGMA user_version={SCHEMA + 1}")
    connection.close()
    assert last_resort(tmp_path) is None
    (tmp_path / FILE).write_bytes(b"no database" * 500)
    assert last_resort(tmp_path) is None
    (tmp_path / FILE).unlink()
    assert last_resort(tmp_path) is None
