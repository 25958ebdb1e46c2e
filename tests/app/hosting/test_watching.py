"""Whether anything has changed is told by contents, through links, and also where nothing can be read."""

from pathlib import Path

import pytest

from app.hosting.watching import files_hash


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    monkeypatch.setenv("EVTMGMT_SECRETS_DIR", "secrets")
    monkeypatch.setenv("EVTMGMT_CONFIG_FILE", "settings.toml")
    return tmp_path


def test_every_change_is_seen(folder: Path) -> None:
    seen = [files_hash()]
    for file, text in ((".env", "A=1"), ("settings.toml", "x"), ("settings.toml", "y"), ("secrets/EVTMGMT_A", "1")):
        (folder / file).write_text(text)
        seen.append(files_hash())
    (folder / "secrets" / "EVTMGMT_A").unlink()
    (folder / "secrets" / "EVTMGMT_B").write_text("1")
    seen.append(files_hash())
    (folder / "other").write_text("2")
    (folder / "secrets" / "EVTMGMT_B").unlink()
    (folder / "secrets" / "EVTMGMT_B").symlink_to("../other")
    seen.append(files_hash())
    assert len(set(seen)) == len(seen)


def test_what_is_not_ours_or_did_not_change_is_no_change(folder: Path) -> None:
    (folder / "settings.toml").write_text("x")
    before = files_hash()
    (folder / "settings.toml").write_text("x")
    (folder / "secrets" / "other").write_text("1")
    assert files_hash() == before


def test_a_folder_that_is_gone_is_a_change(folder: Path) -> None:
    before = files_hash()
    (folder / "secrets").rmdir()
    assert files_hash() != before
