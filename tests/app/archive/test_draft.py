"""An archive that is made: it goes on, it refreshes, it is put into its place in one step, and keeps what it shall keep."""

import os
import sqlite3
from pathlib import Path

import pytest

from app.archive.archive import Archive
from app.archive.draft import WORKING, Draft
from app.archive.file import ArchiveError
from tests.app.archive.files import FAIR, PNG, SESSION, SPEAKER, archive_at, fill
from translation.leaving_out import LeftOut


def test_one_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.sqlite3"
    draft = Draft(path)
    assert not draft.resumed
    fill(draft)
    assert not path.exists()
    assert draft.counts() == (1, 12, 1)  # both pictures are the same
    size = draft.finish()
    assert os.listdir(path.parent) == ["a.sqlite3"]
    assert path.stat().st_size == size
    assert path.read_bytes().count(PNG) == 1


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    draft = Draft(path)
    fill(draft)
    draft.close()
    assert not path.exists()
    draft = Draft(path)
    assert draft.resumed
    assert draft.done("get_event", "old_fair")
    assert not draft.done("get_event", "other")
    assert draft.names() == [FAIR]
    draft.finish()
    draft = Draft(path)
    assert not draft.resumed
    assert not draft.done("get_event", "old_fair")  # a new run asks for all again
    assert draft.body("count_event_registrations", "old_fair") == b"42"
    draft.put("count_event_registrations", "old_fair", "old_fair", b"43")
    draft.put("get_speaker_image", SPEAKER, "old_fair", None)
    draft.finish()
    archive = Archive(path)
    count, picture = archive.read("count_event_registrations", "old_fair"), archive.read("get_speaker_image", SPEAKER)
    assert count is not None
    assert count.body == b"43"
    assert picture is not None  # what was there stays
    archive.close()


def test_replaced_bodies_leave_nothing_behind(tmp_path: Path) -> None:
    path = archive_at(tmp_path / "a.sqlite3")
    path.chmod(0o640)
    draft = Draft(path)
    for operation, thing in (("get_speaker_image", SPEAKER), ("get_sponsor_logo", "40000000-0000-4000-8000-00000000000a")):
        draft.put(operation, thing, "old_fair", b"GIF89a", "image/gif")
    draft.finish()
    assert PNG not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o640


def test_two_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sqlite_files.OPEN_SECONDS", 0.0)
    monkeypatch.setattr("app.sqlite_files.BUSY_SECONDS", 0.01)
    first = Draft(tmp_path / "a.sqlite3")
    with pytest.raises(ArchiveError, match="is held by another process"):
        Draft(tmp_path / "a.sqlite3")
    first.close()


def test_what_is_left_out_is_left_out_of_all_and_for_good(tmp_path: Path) -> None:
    path = archive_at(tmp_path / "a.sqlite3")
    draft = Draft(path, left_out=LeftOut(["speakers.email", "speakers.image"]))
    draft.finish()
    archive = Archive(path)
    bodies = [archive.read(operation, "old_fair") for operation in ("list_speakers", "list_sessions")]
    assert all(each is not None and b"sam@example.com" not in each.body for each in bodies)
    assert archive.read("get_speaker_image", SPEAKER) is None
    assert archive.read("get_sponsor_logo", "40000000-0000-4000-8000-00000000000a") is not None
    assert archive.read("count_session_registrations", SESSION) is not None
    archive.close()
    draft = Draft(path, left_out=LeftOut(["rooms.name"]))
    assert draft.left_out.rules == ("rooms.name", "speakers.email", "speakers.image")
    draft.discard()


def test_an_event_is_forgotten(tmp_path: Path) -> None:
    path = archive_at(tmp_path / "a.sqlite3", FAIR, "Other")
    draft = Draft(path)
    assert draft.forget("OLD_FAIR")
    assert not draft.forget("old_fair")
    draft.finish()
    archive = Archive(path)
    assert archive.events == {"other": "Other"}
    assert archive.read("get_event", "old_fair") is None
    archive.close()


def test_what_is_no_archive_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    path.write_bytes(b"somebody's letter")
    with pytest.raises(ArchiveError, match="is damaged or no archive"):
        Draft(path)
    assert os.listdir(tmp_path) == ["a.sqlite3"]
    working = tmp_path / f"b.sqlite3{WORKING}"
    working.write_bytes(b"somebody else's letter")
    with pytest.raises(ArchiveError, match="damaged"):
        Draft(tmp_path / "b.sqlite3")
    assert working.read_bytes() == b"somebody else's letter"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "a.sqlite3")
    fill(draft)
    (tmp_path / "a.sqlite3").mkdir()
    with pytest.raises(ArchiveError, match="cannot be written"):
        draft.finish()
    draft.close()
    connection = sqlite3.connect(tmp_path / f"a.sqlite3{WORKING}")
    assert connection.execute("SELECT count(*) FROM answers").fetchone() == (12,)
    connection.close()


def test_a_draft_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "a.sqlite3")
    assert not draft.touched
    draft.discard()
    assert os.listdir(tmp_path) == []
