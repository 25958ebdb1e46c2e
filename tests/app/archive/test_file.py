"""The archive's file is told from others, checked, and never written to by who serves it."""

import os
import sqlite3
from pathlib import Path

import pytest

from app.archive.file import SCHEMA, ArchiveError, hash_of, open_to_read, packed, thing_of, unpacked
from tests.app.archive.files import PNG, archive_at
from translation.operations import BY_NAME


def refusal(path: Path) -> str:
    with pytest.raises(ArchiveError) as refused:
        open_to_read(path)
    return str(refused.value)


def test_a_whole_one_is_opened_and_nothing_is_written(tmp_path: Path) -> None:
    path = archive_at(tmp_path / "a # b?.sqlite3")
    path.chmod(0o444)
    before = path.read_bytes()
    connection = open_to_read(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM answers")
    connection.close()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    assert refusal(path) == f"there is no archive at {path}"
    assert refusal(tmp_path) == f"there is no archive at {tmp_path}"
    path.write_bytes(b"")
    assert "is no archive: `evtmgmt-proxy record` writes one" in refusal(path)
    path.write_bytes(b"no database at all, but long enough to have a header of one hundred bytes" * 9)
    assert "is damaged or no archive" in refusal(path)
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE entries (id INTEGER)")
    other.close()
    assert "is no archive" in refusal(path)


def test_one_of_a_later_form(tmp_path: Path) -> None:
    path = archive_at(tmp_path / "a.sqlite3")
    writer = sqlite3.connect(path)
    writer.execute(f"PRAGMA user_version={SCHEMA + 1}")
    writer.close()
    assert "was written by a newer version of the proxy (schema 2, this one knows 1)" in refusal(path)


def test_one_that_was_cut_off(tmp_path: Path) -> None:
    path = archive_at(tmp_path / "a.sqlite3")
    whole = path.read_bytes()
    for length in (len(whole) // 2, len(whole) - 4_096):
        path.write_bytes(whole[:length])
        assert "is damaged" in refusal(path)


def test_bodies_are_known_by_their_hash() -> None:
    text = b'{"a": "' + b"b" * 500 + b'"}'
    for body, small in ((text, True), (PNG[:200], False), (b"", False)):
        is_packed, content = packed(body)
        assert bool(is_packed) is small
        assert len(content) <= len(body)
        assert unpacked(hash_of(body), is_packed, content) == body
    is_packed, content = packed(text)
    for spoilt in (content[:-3], content[:20] + b"x" + content[21:], b""):
        with pytest.raises(ArchiveError, match="not the one that was recorded"):
            unpacked(hash_of(text), is_packed, spoilt)
    with pytest.raises(ArchiveError):
        unpacked(hash_of(PNG), 0, PNG + b"x")


def test_what_an_answer_is_about() -> None:
    assert thing_of(BY_NAME["get_event"], {"event": "Straßen_Fest"}) == "strassen_fest"
    assert thing_of(BY_NAME["get_speaker_image"], {"speaker": "ABCDEF00-0000-4000-8000-000000000001"}) == (
        "abcdef00-0000-4000-8000-000000000001"
    )
