"""All settings together: they do not change, look nowhere by themselves, and their secrets are known."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import GivenSettings
from tests.app.test_setting_groups import REALTIME, given


def test_nothing_changes_after_the_start() -> None:
    settings = given("log_level", "info")
    with pytest.raises(ValidationError):
        settings.log_level = "debug"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.realtime.endpoint = "x"  # type: ignore[misc]


def test_given_settings_do_not_look_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVTMGMT_LOG_LEVEL", "debug")
    (tmp_path / ".env").write_text("EVTMGMT_LIMITS__HEADER_COUNT=50\n")
    settings = given("portal.origins", "")
    assert settings.log_level == "info"
    assert settings.limits.header_count == 100


def test_the_description_of_the_settings_can_be_read_by_machines() -> None:
    assert "Realtime" in json.dumps(GivenSettings.model_json_schema())


def test_all_secrets_are_known_wherever_they_are() -> None:
    settings = given("state.redis_url", "redis://me:pass%20word@redis.invalid/0")
    assert set(settings.secrets) == {
        REALTIME["token"],
        "redis://me:pass%20word@redis.invalid/0",
        "pass%20word",
        "pass word",
    }
