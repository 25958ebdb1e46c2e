"""Where settings come from, in this order: environment, .env, secret files, the TOML file.

Every mistake is told in words, all of them together, and never with the value: it may be a secret.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
    TomlConfigSettingsSource,
)

if TYPE_CHECKING:
    from app.settings import Settings

PREFIX: Final = "EVTMGMT_"
CONFIG_FILE: Final = "EVTMGMT_CONFIG_FILE"
SECRETS_DIR: Final = "EVTMGMT_SECRETS_DIR"
DOTENV: Final = ".env"
_OUTSIDE: Final = frozenset({CONFIG_FILE, SECRETS_DIR})
"""Names with the prefix that say where settings are, rather than being settings."""


class ConfigurationError(Exception):
    """Settings that cannot be used. ``problems`` has a sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def secrets_directory() -> Path:
    """The directory of secret files: one file per setting, named as the environment variable."""
    return Path(os.environ.get(SECRETS_DIR) or "/run/secrets")


def sources(settings_cls: type[BaseSettings]) -> tuple[PydanticBaseSettingsSource, ...]:
    """The sources of settings, the most binding first."""
    found: list[PydanticBaseSettingsSource] = [
        EnvSettingsSource(settings_cls),
        DotEnvSettingsSource(settings_cls, env_file=DOTENV, env_file_encoding="utf-8"),
    ]
    if secrets_directory().is_dir():
        found.append(
            NestedSecretsSettingsSource(
                settings_cls, secrets_dir=secrets_directory(), secrets_prefix=PREFIX, secrets_nested_delimiter="__"
            )
        )
    if path := os.environ.get(CONFIG_FILE):
        found.append(TomlConfigSettingsSource(settings_cls, toml_file=Path(path)))
    return tuple(found)


def load_settings() -> "Settings":
    """The settings of this process.

    Raises:
        ConfigurationError: With a sentence for each mistake that was found.
    """
    from app.settings import Settings

    problems = list(_unknown_names(Settings))
    path = os.environ.get(CONFIG_FILE)
    if path and not Path(path).is_file():
        problems.append(f"{CONFIG_FILE}: there is no file {path}")
    else:
        try:
            settings = Settings()  # type: ignore[call-arg]
        except ValidationError as invalid:
            problems += [_in_words(error) for error in invalid.errors(include_url=False, include_input=False)]
        except (SettingsError, ValueError, OSError) as broken:
            problems.append(f"The settings cannot be read: {_outline(broken)}")
        else:
            if not problems:
                return settings
    raise ConfigurationError(problems)


def origin_of(names: tuple[str, ...], settings_cls: type[BaseSettings]) -> str:
    """Which source a setting has its value from.

    Args:
        names: The path of the setting, such as ``("realtime", "endpoint")``.
        settings_cls: The settings class.

    Returns:
        ``environment``, ``.env``, ``secret file``, ``settings file`` or ``default``.
    """
    labels = ("environment", ".env", "secret file", "settings file")
    by_type = dict(
        zip((EnvSettingsSource, DotEnvSettingsSource, NestedSecretsSettingsSource, TomlConfigSettingsSource), labels, strict=True)
    )
    for source in sources(settings_cls):
        value: Any = source()
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            return by_type[type(source)]  # type: ignore[index]
    return "default"


def known_names(model: type[BaseModel], prefix: str = PREFIX) -> Iterator[tuple[str, Any]]:
    """Every setting: its environment name and its field."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from known_names(annotation, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", field


def _unknown_names(settings_cls: type[BaseSettings]) -> Iterator[str]:
    """Names in the environment or .env that look like ours and are none: mostly slips of the pen."""
    known = {name for name, _ in known_names(settings_cls)}
    given = {name.upper() for name in (*os.environ, *dotenv_values(DOTENV)) if name.upper().startswith(PREFIX)}
    groups = {f"{PREFIX}{name.upper()}" for name in settings_cls.model_fields}
    for name in sorted(given - known - _OUTSIDE - groups):
        if not any(name.startswith(f"{parent}__") for parent in known):  # keys of a table, such as ..ALIASES__EVENTS__X
            yield f"{name}: there is no such setting"


def _in_words(error: Any) -> str:
    place = "__".join(str(part).upper() for part in error["loc"])
    what = "is missing" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        what = "there is no such setting"
    return f"{PREFIX}{place}: {what}"


def _outline(broken: Exception) -> str:
    """The kind of a reading error and its place, without the content of a line that may hold a secret."""
    if isinstance(broken, OSError):
        return f"{broken.strerror} ({broken.filename})"
    return str(broken).splitlines()[0][:200]
