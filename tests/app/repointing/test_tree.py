"""A folder as names with bytes: what is looked at, and what is not."""

from pathlib import Path

import pytest

from app.repointing import tree as module
from app.repointing.tree import Folder, RepointError
from app.whole_files import UNFINISHED


def test_files_below_in_order_and_nothing_outside(tmp_path: Path) -> None:
    portal, outside = tmp_path / "portal", tmp_path / "outside"
    for path in ("b.js", "a/c.js", "node_modules/x.js", ".git/config", ".env", f".x.1{UNFINISHED}", "kept/files/b.js"):
        (portal / path).parent.mkdir(parents=True, exist_ok=True)
        (portal / path).write_text(path)
    outside.mkdir()
    (outside / "secret.js").write_text("x")
    (portal / "link.js").symlink_to(outside / "secret.js")
    (portal / "links").symlink_to(outside)
    tree = Folder(portal, portal / "kept")
    assert tree.names() == [".env", "a/c.js", "b.js"]
    assert tree.read("a/c.js") == b"a/c.js"


def test_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("x")
    (tmp_path / "b.js").write_text("y")
    tree = Folder(tmp_path / "a.js", tmp_path / "kept")
    assert (tree.names(), tree.root) == (["a.js"], tmp_path)


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 3)
    (tmp_path / "a.js").write_text("1234")
    assert Folder(tmp_path, tmp_path / "kept").read("a.js") is None


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(RepointError, match=r"gone\.js cannot be read: No such file"):
        Folder(tmp_path, tmp_path / "kept").read("gone.js")
    with pytest.raises(RepointError, match="cannot be read"):
        Folder(tmp_path, tmp_path / "kept")._below(tmp_path / "gone", "").__next__()
