"""A file is whole or as it was."""

from pathlib import Path
from typing import BinaryIO

import pytest

from app.whole_files import prepared, replace_file


def broken(file: BinaryIO) -> None:
    file.write(b"half")
    raise OSError(28, "No space left on device")


def test_a_file_takes_its_place_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_text("old")
    path.chmod(0o640)
    replace_file(path, lambda file: file.write(b"new"))
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (b"new", 0o640)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_text("old")
    for write in (replace_file, prepared):
        with pytest.raises(OSError, match="No space"):
            write(path, broken)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_a_place_that_cannot_be_taken_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / "folder", lambda file: file.write(b"new"))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
