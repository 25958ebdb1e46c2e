"""Originals are kept, put back byte for byte, and never over what somebody changed since."""

import json
import os
from pathlib import Path

import pytest

from app.repointing.backups import Backup, sha256_of
from app.repointing.tree import RepointError


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    (tmp_path / "portal" / "sub").mkdir(parents=True)
    for name in ("a.js", "sub/b.js"):
        (tmp_path / "portal" / name).write_text(f"old {name}")
    return tmp_path / "portal"


def backup(portal: Path) -> Backup:
    return Backup(portal.with_name("kept"), portal)


def change(portal: Path, **contents: str | None) -> Backup:
    """Keep the originals, then change the files, as a run does."""
    kept, after = backup(portal), {}
    for name, text in contents.items():
        (portal / "new").write_text(text or "")
        after[f"{name}.js"] = None if text is None else sha256_of(portal / "new")
        (portal / "new").unlink()
    kept.begin(after)
    for name, text in contents.items():
        (portal / f"{name}.js").write_text(text) if text is not None else (portal / f"{name}.js").unlink()
    kept.finish()
    return backup(portal)


def test_put_back_with_mode_and_time(portal: Path) -> None:
    (portal / "a.js").chmod(0o604)
    os.utime(portal / "a.js", ns=(10**18, 10**18 + 5))
    kept = change(portal, a="new")
    assert kept.exists
    assert kept.finished
    (portal / "a.js").chmod(0o600)
    assert kept.restore().files == ("a.js",)
    found = (portal / "a.js").stat()
    assert ((portal / "a.js").read_text(), found.st_mode & 0o777, found.st_mtime_ns) == ("old a.js", 0o604, 10**18 + 5)
    assert not portal.with_name("kept").exists()
    assert not backup(portal).exists


def test_what_was_taken_away_comes_back(portal: Path) -> None:
    change(portal, a=None).restore()
    assert (portal / "a.js").read_text() == "old a.js"


def test_what_somebody_changed_since_is_left_alone(portal: Path) -> None:
    kept = change(portal, a="new", **{"sub/b": "new"})
    (portal / "a.js").write_text("mine")
    found = kept.restore()
    assert (found.files, found.changed) == (("sub/b.js",), ("a.js",))
    assert ((portal / "a.js").read_text(), (portal / "sub/b.js").read_text()) == ("mine", "old sub/b.js")
    assert backup(portal).restore(force=True).files == ("a.js",)
    assert (portal / "a.js").read_text() == "old a.js"


def test_the_first_original_stays_when_a_file_is_replaced_again(portal: Path) -> None:
    change(portal, a="new")
    change(portal, a="newer").restore()
    assert (portal / "a.js").read_text() == "old a.js"


def test_a_new_build_is_an_original_of_its_own(portal: Path) -> None:
    change(portal, a="new")
    (portal / "a.js").write_text("next build")
    change(portal, a="new of the next build").restore()
    assert (portal / "a.js").read_text() == "next build"


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        '{"schema": 2, "finished": true, "files": {}}',
        '{"schema": 1, "finished": true, "files": {"../x": {"before": "1", "after": "2"}}}',
        '{"schema": 1, "finished": true, "files": {"/x": {"before": "1", "after": "2"}}}',
        '{"schema": 1, "finished": true, "files": {"x": {}}}',
    ],
)
def test_a_folder_that_is_no_backup_is_told(portal: Path, manifest: str) -> None:
    portal.with_name("kept").mkdir()
    (portal.with_name("kept") / "manifest.json").write_text(manifest)
    with pytest.raises(RepointError, match="is no backup that can be read"):
        backup(portal)


def test_the_manifest_says_when_it_is_not_finished(portal: Path) -> None:
    backup(portal).begin({"a.js": "0" * 64})
    assert not backup(portal).finished
    assert json.loads((portal.with_name("kept") / "manifest.json").read_text())["files"]["a.js"]["after"] == "0" * 64
