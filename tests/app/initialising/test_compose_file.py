"""The compose file runs the proxy as the project's own does."""

from pathlib import Path
from typing import Any

import yaml

from app.initialising.compose_file import IMAGE_USER, compose_file

ROOT = Path(__file__).parents[3]
WRITTEN: dict[str, Any] = yaml.safe_load(compose_file("settings.toml", "secrets", 1000, 1001))
OURS: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["proxy"]


def test_it_is_hardened_and_watched_like_the_projects_own() -> None:
    proxy = WRITTEN["services"]["proxy"]
    for key in (
        "image",
        "restart",
        "ports",
        "read_only",
        "cap_drop",
        "security_opt",
        "tmpfs",
        "stop_grace_period",
        "healthcheck",
    ):
        assert proxy[key] == OURS[key], key


def test_it_hands_on_the_settings_file_and_the_secret() -> None:
    proxy = WRITTEN["services"]["proxy"]
    assert proxy["user"] == "1000:1001"
    assert proxy["volumes"] == [f"./settings.toml:{proxy['environment']['EVTMGMT_CONFIG_FILE']}:ro"]
    assert proxy["secrets"] == list(WRITTEN["secrets"])
    assert WRITTEN["secrets"]["EVTMGMT_REALTIME__TOKEN"] == {"file": "./secrets/EVTMGMT_REALTIME__TOKEN"}


def test_the_user_of_the_image() -> None:
    assert f"USER {IMAGE_USER}:{IMAGE_USER}\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
