"""What a served archive holds and gives."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from app.archive.archive import Archive
from app.archive.draft import Draft
from app.archive.file import ArchiveError
from tests.app.archive.files import EVENT, FAIR, PNG, SESSION, SPEAKER, SPONSORSHIP, TRACK, archive_at, fill, spoil


def test_what_it_holds(tmp_path: Path) -> None:
    archive = Archive(archive_at(tmp_path / "a.sqlite3"))
    assert archive.events == {"old_fair": FAIR}
    assert archive.things == dict.fromkeys((SESSION, SPEAKER, TRACK, SPONSORSHIP), "old_fair")
    assert archive.endpoint == "https://old.svc.dynamics.example/EvtMgmt/api/v2.0/"
    picture = archive.read("get_speaker_image", SPEAKER)
    assert picture is not None
    assert (picture.body, picture.content_type, picture.event) == (PNG, "image/png", "old_fair")
    assert archive.read("get_speaker_image", SESSION) is None
    assert archive.read("get_event", "old_fair") is not None
    assert archive.read("get_event", FAIR) is None
    archive.close()
    with pytest.raises(ArchiveError):
        archive.read("get_event", "old_fair")


def test_pictures_that_do_not_exist_are_not_held(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "a.sqlite3")
    fill(draft)
    other = SPEAKER.replace("a", "b")
    draft.put("get_speaker_image", other, "old_fair", None)
    draft.finish()
    archive = Archive(tmp_path / "a.sqlite3")
    assert other not in archive.things
    assert archive.read("get_speaker_image", other) is None
    archive.close()


def test_the_list_shows_what_it_showed_else_the_page(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "a.sqlite3")
    fill(draft)
    draft.name("Page_Only")
    draft.put("get_event", "page_only", "page_only", orjson.dumps({**EVENT, "readableEventId": "Page_Only"}))
    draft.put("list_passes", "third", "third", b"[]")
    draft.finish()
    archive = Archive(tmp_path / "a.sqlite3")
    listed = {recorded.event: orjson.loads(recorded.body) for recorded in archive.listed()}
    assert list(listed) == ["old_fair", "page_only"]
    assert len(archive.listed()) == 2
    assert "description" not in listed["old_fair"]
    archive.close()


def test_several_threads_may_read(tmp_path: Path) -> None:
    archive = Archive(archive_at(tmp_path / "a.sqlite3"))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: archive.read("get_speaker_image", SPEAKER), range(200)))
    assert {each.body for each in found if each is not None} == {PNG}
    archive.close()


def test_a_spoilt_body_is_never_given(tmp_path: Path) -> None:
    path = archive_at(tmp_path / "a.sqlite3")
    spoil(path, PNG, PNG[:-1] + b"!")
    archive = Archive(path)
    with pytest.raises(ArchiveError, match="not the one that was recorded"):
        archive.read("get_speaker_image", SPEAKER)
    assert archive.read("get_event", "old_fair") is not None
    archive.close()


def test_a_file_without_the_tables(tmp_path: Path) -> None:
    path = archive_at(tmp_path / "a.sqlite3")
    spoil(path, b"CREATE TABLE events (event", b"CREATE TABLE evants (event")
    with pytest.raises(ArchiveError):
        Archive(path)
