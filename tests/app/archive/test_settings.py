"""The settings of the archive."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.archive.settings import ArchiveSettings


def test_defaults() -> None:
    found = ArchiveSettings()
    assert (found.path, found.listed, found.hide_form) == (None, "past", False)


def test_as_a_person_writes_them() -> None:
    found = ArchiveSettings.model_validate({"path": "/srv/a.sqlite3", "listed": " ALL ", "hide_form": "true"})
    assert (found.path, found.listed, found.hide_form) == (Path("/srv/a.sqlite3"), "all", True)


def test_what_is_none() -> None:
    with pytest.raises(ValidationError, match="'past', 'all' or 'none'"):
        ArchiveSettings.model_validate({"listed": "some"})
