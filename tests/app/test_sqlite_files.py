"""A SQLite file, that of the state as the example: how it is made, and what is said of one that cannot be used."""

import os
import sqlite3
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from app.cutover.sqlite_file import FILE, SCHEMA, open_file
from app.sqlite_files import StoreAwayError, in_words, transaction
from tests.forking import CONTEXT


def test_nobody_else_may_read_what_is_made(tmp_path: Path) -> None:
    was = os.umask(0)
    try:
        connection = open_file(tmp_path / "new" / "state")
        with transaction(connection, "FULL"):
            connection.execute("INSERT INTO documents VALUES ('a', 'b', 1, '{}')")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new" / "state").iterdir()}
        connection.close()
    finally:
        os.umask(was)
    assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}
    assert stat.S_IMODE((tmp_path / "new" / "state").stat().st_mode) == 0o700


def test_workers_that_start_together_make_one_file(tmp_path: Path) -> None:
    for number in range(10):
        with ThreadPoolExecutor(8) as pool:
            for connection in pool.map(lambda _, place=tmp_path / str(number): version_of(place), range(8)):
                assert connection == (SCHEMA, "wal")


def version_of(directory: Path) -> tuple[int, str]:
    connection = open_file(directory)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        return version, mode
    finally:
        connection.close()


def refused(directory: Path) -> str:
    words = _words(directory)
    assert words != "nothing"
    return words


def _words(directory: Path) -> str:
    try:
        open_file(directory).close()
    except StoreAwayError as away:
        return str(away)
    return "nothing"


def test_a_file_of_a_newer_version_is_told_and_left_alone(tmp_path: Path) -> None:
    open_file(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(f"PRAGMA user_version={SCHEMA + 1}")
    connection.close()
    words = refused(tmp_path)
    assert words == f"{tmp_path / FILE} was written by a newer version of the proxy (schema 2, this one knows 1)"


@pytest.mark.parametrize("content", [b"no database at all, but rather long" * 40, b"SQLite format 3\x00" + b"\xff" * 5_000])
def test_a_file_that_is_none_of_ours_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert refused(tmp_path) == f"{tmp_path / FILE} is damaged: put a backup in its place, or move it away to start without it"
    assert (tmp_path / FILE).read_bytes() == content


def test_a_file_that_is_damaged_within_is_told(tmp_path: Path) -> None:
    connection = open_file(tmp_path)
    with transaction(connection, "FULL"):
        connection.executemany("INSERT INTO documents VALUES ('a', ?, 1, ?)", [(str(n), "x" * 3_000) for n in range(100)])
    connection.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[-60_000:-20_000] = os.urandom(40_000)
    (tmp_path / FILE).write_bytes(content)
    assert "is damaged: put a backup in its place" in refused(tmp_path)


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    assert version_of(tmp_path) == (SCHEMA, "wal")


def test_a_directory_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file") == f"{tmp_path / 'file'} is not a directory"
    assert refused(tmp_path / "file" / "state").endswith("cannot be made: Not a directory")
    (tmp_path / "nested" / FILE).mkdir(parents=True)
    assert "look at its owner and rights" in refused(tmp_path / "nested")


def say_as_nobody(directories: list[Path], answer: Connection) -> None:
    """In a process of its own, without the rights of root, which may write everywhere."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65_534)
        os.setuid(65_534)
    answer.send([_words(directory) for directory in directories])


def test_where_nothing_may_be_written_it_is_told() -> None:
    read, write = CONTEXT.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(dir="/tmp") as name, read:
        above = Path(name)
        above.chmod(0o755)
        (above / "closed").mkdir(mode=0o555)
        open_file(above / "read only").close()
        (above / "read only" / FILE).chmod(0o444)
        (above / "read only").chmod(0o555)
        child = CONTEXT.Process(
            daemon=True, target=say_as_nobody, args=([above / "closed" / "state", above / "read only"], write)
        )
        child.start()
        write.close()
        assert read.poll(60)
        first, second = read.recv()
        child.join(60)
        (above / "read only").chmod(0o755)
    assert first.endswith(f"{FILE} cannot be made: Permission denied")
    assert second.endswith("cannot be opened or written: look at its owner and rights")


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    connection = open_file(tmp_path)

    def fail() -> None:
        with transaction(connection, "NORMAL"):
            connection.execute("INSERT INTO documents VALUES ('a', 'b', 1, '{}')")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert connection.execute("SELECT count(*) FROM documents").fetchone() == (0,)
    for synchronous, number in (("NORMAL", 1), ("FULL", 2)):
        with transaction(connection, synchronous):
            assert connection.execute("PRAGMA synchronous").fetchone() == (number,)
    connection.close()


def test_an_error_without_a_name_is_quoted() -> None:
    assert in_words(sqlite3.OperationalError("no such table: state"), "here") == "here cannot be used: no such table: state"


def test_the_name_of_a_new_file_is_on_the_disk_before_anything_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def seen(opened: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{opened}"))
        sync(opened)

    monkeypatch.setattr(os, "fsync", seen)
    open_file(tmp_path / "state").close()
    assert synced == [str(tmp_path / "state"), str(tmp_path)]
    open_file(tmp_path / "state").close()
    assert len(synced) == 2
