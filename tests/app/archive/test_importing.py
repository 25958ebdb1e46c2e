"""Saved copies become an archive: what belongs together is put together, and what is a visitor's own is left."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.archive.archive import Archive
from app.archive.draft import Draft
from app.archive.importing import Imported, open_saved, take_in
from tests.app.archive.files import ANSWERS, EVENT, FAIR, PNG, SESSION, SPEAKER, SPONSORSHIP, TRACK
from tests.app.archive.test_har import BASE, entry, har_at
from tests.app.archive.test_tree import write
from translation.leaving_out import LeftOut
from translation.operations import BY_NAME


def tree_at(folder: Path) -> Path:
    """All that is recorded of the event, saved by hand."""
    write(folder, "events/published.json", [EVENT])
    for (operation, thing), value in ANSWERS.items():
        if operation != "list_events":
            path = BY_NAME[operation].path
            (parameter,) = BY_NAME[operation].parameters
            write(folder, path.replace(f"{{{parameter}}}", thing or FAIR) + ".json", value)
    return folder


def taken(path: Path, *saved: Path, rules: tuple[str, ...] = ()) -> tuple[Imported, Archive]:
    draft = Draft(path, left_out=LeftOut(rules))
    told: list[tuple[int, int]] = []
    done = take_in([open_saved(each) for each in saved], draft, lambda number, total: told.append((number, total)))
    draft.finish()
    assert told[-1][0] == told[-1][1]
    return done, Archive(path)


def test_a_tree_with_everything(tmp_path: Path) -> None:
    done, archive = taken(tmp_path / "a.sqlite3", tree_at(tmp_path / "copy"))
    assert done.left == []
    assert done.taken == dict.fromkeys((operation for operation, _ in ANSWERS), 1)
    assert archive.events == {"old_fair": FAIR}
    assert archive.things == dict.fromkeys((SESSION, SPEAKER, TRACK, SPONSORSHIP), "old_fair")
    for (operation, thing), value in ANSWERS.items():
        found = archive.read(operation, thing or "old_fair")
        assert found is not None
        assert (found.body if isinstance(value, bytes) else orjson.loads(found.body)) == value
    archive.close()


def test_a_visit_in_a_browser(tmp_path: Path) -> None:
    speakers = orjson.dumps([{"id": SPEAKER, "name": "the-old token", "email": "sam@example.com"}]).decode()
    har = har_at(
        tmp_path / "visit.har",
        entry(f"{BASE}speakers/{SPEAKER}/image", PNG.hex()),
        entry(f"{BASE}users/authenticated?emApplicationtoken=the-old", '{"email": "me@example.com"}'),
        entry(f"{BASE}users/authenticated/registrations", '[{"email": "me@example.com"}]'),
        entry(f"{BASE}events/{FAIR}/captcha", "{}"),
        entry(f"{BASE}events/{FAIR.upper()}", orjson.dumps(EVENT).decode()),
        entry(f"{BASE}events/{FAIR}/speakers", speakers),
        entry(f"{BASE}events/{FAIR}/tracks", "<html>"),
        entry(f"{BASE}sessions/{SESSION}/registrations/count", "7"),
    )
    done, archive = taken(tmp_path / "a.sqlite3", har, rules=("speakers.email",))
    assert done.taken == {"get_event": 1, "list_speakers": 1}
    assert [why for _, why in done.left] == [
        "the answer is not JSON",
        "it is no picture",
        "no event is known that it belongs to",
    ]
    assert done.left_count == 3
    assert archive.events == {"old_fair": FAIR}
    found = archive.read("list_speakers", "old_fair")
    assert found is not None
    assert b"the-old" not in found.body
    assert b"sam@example.com" not in found.body
    assert b"me@example.com" not in (tmp_path / "a.sqlite3").read_bytes()
    archive.close()


def test_what_was_recorded_before_stays_and_a_later_copy_wins(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    taken(path, tree_at(tmp_path / "copy"))[1].close()
    write(tmp_path / "later", f"events/{FAIR}/registrations/count.json", 43)
    write(tmp_path / "later", f"speakers/{SPEAKER}/image.gif", b"GIF89a!")
    write(tmp_path / "later", f"sponsorships/{SPONSORSHIP}/logo.svg", b"<svg/>")
    _, archive = taken(path, tmp_path / "later")
    logo = archive.read("get_sponsor_logo", SPONSORSHIP)
    assert logo is not None
    assert (logo.body, logo.content_type) == (b"<svg/>", "image/svg+xml")
    count, picture = archive.read("count_event_registrations", "old_fair"), archive.read("get_speaker_image", SPEAKER)
    assert count is not None
    assert picture is not None
    assert (count.body, picture.body, picture.content_type) == (b"43", b"GIF89a!", "image/gif")
    assert archive.read("get_event", "old_fair") is not None
    archive.close()


@pytest.mark.parametrize("content", [{"readableEventId": "X"}, [], "text", None])
def test_files_that_are_called_like_an_event(tmp_path: Path, content: Any) -> None:
    write(tmp_path / "site", "blog/events/birthday.json", content)
    done, archive = taken(tmp_path / "a.sqlite3", tmp_path / "site")
    assert (done.taken, archive.events, done.left_count) == ({}, {}, 1)
    archive.close()


def test_pictures_without_speakers_are_left_where_they_are_not_wanted(tmp_path: Path) -> None:
    done, archive = taken(tmp_path / "a.sqlite3", tree_at(tmp_path / "copy"), rules=("speakers.image",))
    assert archive.read("get_speaker_image", SPEAKER) is None
    assert "get_sponsor_logo" in done.taken
    archive.close()


def test_what_is_no_copy(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match="is neither a folder nor a HAR file"):
        open_saved(tmp_path / "a.zip")
    with pytest.raises(ValueError, match="there is nothing at"):
        open_saved(tmp_path / "b.har" / "c")
