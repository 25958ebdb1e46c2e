"""The setting that names the portal's folder."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Portal


def test_a_folder_with_a_page(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    assert Portal.model_validate({"static_dir": str(tmp_path / "link")}).static_dir == tmp_path.resolve()
    assert Portal().static_dir is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", "is not a folder"),
        ("file", "is not a folder"),
        ("empty", "holds no index.html"),
        ("odd", "holds no index.html"),
    ],
)
def test_a_mistake_is_told_in_words(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd" / "index.html").mkdir(parents=True)
    with pytest.raises(ValidationError, match=words):
        Portal.model_validate({"static_dir": str(tmp_path / name)})
