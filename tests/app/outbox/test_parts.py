"""An outbox as the settings describe it, or a refusal to start."""

from pathlib import Path
from typing import Any

import pytest

from app.configuration_error import ConfigurationError
from app.main import create_app
from app.outbox.file import FILE
from app.settings import GivenSettings
from tests.app.outbox.material import KEY
from tests.app.outbox.test_settings import REALTIME


def groups(path: Path, **outbox: Any) -> GivenSettings:
    return GivenSettings.model_validate({"realtime": REALTIME, "state": {"path": path}, "outbox": {"key": KEY, **outbox}})


def test_without_one_no_file_is_made(tmp_path: Path) -> None:
    create_app(groups(tmp_path))
    assert not (tmp_path / FILE).exists()


def test_it_is_there_from_the_start(tmp_path: Path) -> None:
    create_app(groups(tmp_path, enabled=True))
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, but rather long" * 40)
    with pytest.raises(ConfigurationError, match=f"{FILE} is damaged"):
        create_app(groups(tmp_path, enabled=True))
