"""What the tests of files under deploy/ have in common: names that exist, and settings read as a container would."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import SecretStr

from app.cli import cli
from app.hosting.vault import VAULT_URL
from app.settings import Settings
from app.settings_sources import CONFIG_FILE, SECRETS_DIR, known_names, load_settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
COMMANDS: dict[str, Any] = vars(typer.main.get_command(cli))["commands"]
SETTINGS = dict(known_names(Settings))
SECRETS = {name for name, field in SETTINGS.items() if field.annotation is SecretStr or "SecretStr" in str(field.annotation)}
OPTIONS = {str(option.envvar) for command in COMMANDS.values() for option in command.params if option.envvar}
NAMES = set(SETTINGS) | OPTIONS | {CONFIG_FILE, SECRETS_DIR, VAULT_URL}


def names_in(text: str) -> set[str]:
    """Names of settings that a text bears."""
    return set(re.findall(r"\bEVTMGMT_[A-Z_]*[A-Z]\b", text))


def parse(words: list[str]) -> dict[str, Any]:
    """Let the command line read the words, without running them; gives what it understood."""
    return dict(COMMANDS[words[0]].make_context(words[0], list(words[1:])).params)


def settings_of(environment: Mapping[str, str], folder: Path, patch: pytest.MonkeyPatch) -> Settings:
    """The settings of a process that starts with this environment alone, in a folder."""
    for name in [name for name in os.environ if name.upper().startswith("EVTMGMT_")]:
        patch.delenv(name)
    for name, value in environment.items():
        patch.setenv(name, value)
    patch.chdir(folder)
    return load_settings()


def longest_stop(settings: Settings) -> float:
    """Seconds from SIGTERM to the end at worst, as docs/reliability.md counts them."""
    registration = settings.limits.request_timeout + settings.upstream.pool_timeout + settings.upstream.total_timeout
    return settings.limits.drain_delay + max(settings.limits.shutdown_timeout, registration)
