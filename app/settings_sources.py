"""Where settings come from, in this order: environment, .env, secret files, a key vault, the TOML file.

Every mistake is told in words, all of them together, and never with the value: it may be a secret.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from sys import maxsize
from typing import TYPE_CHECKING, Any, Final, get_args

from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    TomlConfigSettingsSource,
)

from app.configuration_error import ConfigurationError
from app.hosting.merging import laid_over
from app.hosting.settings import PORTALS, Selectors
from app.hosting.vault import VAULT_URL, VaultError, read_vault
from app.setting_words import no_such_setting, plain_words

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from app.settings import Settings

PREFIX: Final = "EVTMGMT_"
CONFIG_FILE: Final = "EVTMGMT_CONFIG_FILE"
SECRETS_DIR: Final = "EVTMGMT_SECRETS_DIR"
DOTENV: Final = ".env"
_TEXT: Final = "utf-8-sig"
"""Some editors on Windows put a mark before the first letter."""
ENVIRONMENT_ONLY: Final = frozenset(
    {
        *(CONFIG_FILE, SECRETS_DIR, VAULT_URL, "EVTMGMT_HEALTH_URL"),
        *("EVTMGMT_SERVE_HOST", "EVTMGMT_SERVE_PORT", "EVTMGMT_SERVE_WORKERS"),
    }
)
"""Names with the prefix that are no settings: where settings are, and options of the command line."""

_TABLE_EXPECTED: Final = 'must be a table, in the environment as JSON such as {"old": "new"}'
_SERVICE_LINK: Final = re.compile(r"EVTMGMT_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP)(?:_\w+)?)")
"""What Kubernetes puts into the environment of every pod beside a service named ``evtmgmt-proxy``."""


class Environment(EnvSettingsSource):
    """Environment variables."""

    def next_field(self, field: FieldInfo | Any | None, key: str, case_sensitive: bool | None = None) -> FieldInfo | None:
        """The setting that a part of a name stands for: a portal of the table has its selectors and all the settings."""
        if isinstance(field, FieldInfo) and field is self.settings_cls.model_fields.get(PORTALS):
            return Selectors  # type: ignore[return-value] # as the library does for tables: the type of what is in it
        if field is Selectors:
            field = self.settings_cls if key.lower() in self.settings_cls.model_fields else Selectors
        return super().next_field(field, key, case_sensitive)

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """What a variable with JSON holds, or its text: the validators tell of it together with all other mistakes."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class DotEnv(Environment, DotEnvSettingsSource):
    """The file .env of the working directory."""


class SecretFiles(Environment, NestedSecretsSettingsSource):
    """One file per setting, named as the environment variable."""

    @classmethod
    def load_secrets(cls, path: Path) -> dict[str, str]:
        """What the files hold, by name: as it is, but for the line end that editors add. Files of others are not read."""
        return {file.name: _read(file).rstrip("\r\n") for file in _secret_files(path)}


class SettingsFile(TomlConfigSettingsSource):
    """The TOML file."""

    def _read_file(self, file_path: "Path | Traversable") -> dict[str, Any]:
        return tomllib.loads(_read(file_path))


class KeyVault(Environment):
    """Azure Key Vault."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in read_vault().items()}


_LABELS: Final[dict[type[PydanticBaseSettingsSource], str]] = {
    Environment: "environment",
    DotEnv: ".env",
    SecretFiles: "secret file",
    KeyVault: "key vault",
    SettingsFile: "settings file",
}


def secrets_directory() -> Path:
    """The directory of secret files."""
    return Path(os.environ.get(SECRETS_DIR) or "/run/secrets")


def sources(settings_cls: type[BaseSettings]) -> tuple[PydanticBaseSettingsSource, ...]:
    """The sources of settings, the most binding first."""
    found: list[PydanticBaseSettingsSource] = [
        Environment(settings_cls),
        # Names of other programs in the file are none of our business; slips of the pen are found by load_settings.
        DotEnv(settings_cls, env_file=DOTENV, env_file_encoding=_TEXT, dotenv_filtering="only_existing"),
    ]
    if secrets_directory().is_dir():
        source = SecretsSettingsSource(settings_cls, secrets_dir=secrets_directory())
        # Files of others in the folder are not read, whatever their size.
        found.append(SecretFiles(source, secrets_dir_max_size=maxsize))
    if os.environ.get(VAULT_URL):
        found.append(KeyVault(settings_cls))
    if path := os.environ.get(CONFIG_FILE):
        found.append(SettingsFile(settings_cls, toml_file=Path(path)))
    return tuple(found)


def load_settings() -> "Settings":
    """The settings of a process without a table of portals.

    Raises:
        ConfigurationError: With a sentence for each mistake that was found.
    """
    from app.settings import Settings

    problems = list(_unreadable())
    if not problems:
        problems = list(_unknown_names(Settings))
        try:
            settings = Settings()
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False, include_input=False):
                problems += in_words(error, Settings)
        else:
            if not problems:
                return settings
    raise ConfigurationError(list(dict.fromkeys(problems)))


def given_values(settings_cls: type[BaseSettings]) -> tuple[dict[str, Any], list[str]]:
    """What all sources say together, not yet validated, and a sentence for each name that is no setting.

    Raises:
        ConfigurationError: A source cannot be read.
    """
    if problems := list(_unreadable()):
        raise ConfigurationError(problems)
    values: dict[str, Any] = {}
    for source in reversed(sources(settings_cls)):
        values = laid_over(values, source())
    return values, list(_unknown_names(settings_cls))


def origins_of_values(settings_cls: type[BaseSettings], portal: str = "") -> dict[str, str]:
    """Which source each setting has its value from.

    Args:
        settings_cls: The settings.
        portal: A portal of the table, whose own settings come before those that all share.

    Returns:
        Environment name to ``environment``, ``.env``, ``secret file``, ``settings file`` or ``default``. Tables are put
        together from all sources: they may have several, parted by commas.
    """
    given = [(_LABELS[type(source)], source()) for source in sources(settings_cls)]
    origins = {}
    for name, field in known_names(settings_cls):
        path = name.removeprefix(PREFIX).lower().split("__")
        labels = [label for label, values in given if _value(values, path) is not None]
        if portal:
            own = [f"{label} (portal)" for label, values in given if _value(values, [PORTALS, portal, *path]) is not None]
            labels = [*own, *labels]
        origins[name] = ", ".join(labels if _is_table(field) else labels[:1]) or "default"
    return origins


def known_names(model: type[BaseModel], prefix: str = PREFIX) -> Iterator[tuple[str, FieldInfo]]:
    """Every setting: its environment name and its field."""
    for name, field in model.model_fields.items():
        group = _group(field)
        if group is not None:
            yield from known_names(group, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", field


def _group(field: FieldInfo) -> type[BaseModel] | None:
    """The group that a field holds, also one that may be missing as a whole; None for a single setting."""
    choices = (field.annotation, *get_args(field.annotation))
    return next((choice for choice in choices if isinstance(choice, type) and issubclass(choice, BaseModel)), None)


def _groups(model: type[BaseModel], prefix: str = PREFIX) -> Iterator[str]:
    """The names under which whole groups may be given as JSON, and those of single settings of the first level."""
    for name, field in model.model_fields.items():
        group = _group(field)
        yield f"{prefix}{name.upper()}"
        if group is not None:
            yield from _groups(group, f"{prefix}{name.upper()}__")


def _is_table(field: FieldInfo) -> bool:
    return getattr(field.annotation, "__origin__", None) is dict


def _value(values: Any, path: list[str]) -> Any:
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _read(file: "Path | Traversable") -> str:
    return file.read_bytes().decode(_TEXT)


def _secret_files(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.name.upper().startswith(PREFIX) and file.is_file()]


def _unreadable() -> Iterator[str]:
    """Files and folders that are not there or cannot be read. What they hold is not quoted."""
    folder = secrets_directory()
    if folder.is_dir():
        yield from _trouble(str(folder), lambda: _secret_files(folder)) or (
            problem for file in _secret_files(folder) for problem in _trouble(str(file), partial(_read, file))
        )
    elif os.environ.get(SECRETS_DIR):
        yield f"{SECRETS_DIR}: there is no folder {folder}"
    try:
        read_vault()
    except VaultError as refused:
        yield f"{VAULT_URL}: {refused}"
    yield from _trouble(DOTENV, lambda: dotenv_values(DOTENV, encoding=_TEXT))
    if path := os.environ.get(CONFIG_FILE):
        yield from _trouble(f"{CONFIG_FILE}: {path}", lambda: tomllib.loads(_read(Path(path))))


def _trouble(place: str, read: Callable[[], object]) -> list[str]:
    try:
        read()
    except OSError as refused:
        return [f"{place} cannot be read: {refused.strerror}"]
    except UnicodeDecodeError:
        return [f"{place} is not UTF-8 text"]
    except tomllib.TOMLDecodeError as broken:
        return [f"{place} is not TOML: {broken}"]
    return []


def _unknown_names(settings_cls: type[BaseSettings]) -> Iterator[str]:
    """Names that look like ours and are none: mostly slips of the pen."""
    known = dict(known_names(settings_cls))
    groups = set(_groups(settings_cls))
    tables = tuple(f"{name}__" for name, field in known.items() if _is_table(field))
    environment = {name.upper() for name, value in os.environ.items() if not _is_service_link(name, value)}
    folder = secrets_directory()
    files = _secret_files(folder) if folder.is_dir() else []
    elsewhere = {name.upper() for name in (*dotenv_values(DOTENV, encoding=_TEXT), *(file.name for file in files), *read_vault())}
    for name in sorted(environment | elsewhere):
        if not name.startswith(PREFIX) or name in known or name in groups or name.startswith(tables):
            continue
        if name not in ENVIRONMENT_ONLY:
            yield f"{name}: {no_such_setting(name, known)}"
        elif name not in environment:
            yield f"{name}: is read from the environment only"


def _is_service_link(name: str, value: str) -> bool:
    return _SERVICE_LINK.fullmatch(name) is not None or (name.endswith("_PORT") and "://" in value)


def in_words(error: Any, settings_cls: type[BaseModel], prefix: str = PREFIX) -> Iterator[str]:
    """The sentences for one error of pydantic.

    Args:
        error: As pydantic gives it.
        settings_cls: What was to be made.
        prefix: What the names of its settings begin with.
    """
    name = prefix + "__".join(part.upper() for part in error["loc"] if isinstance(part, str))
    match error["type"]:
        case "missing":
            # A group that is missing as a whole: its settings are what the operator has to write.
            inner = [
                known
                for known, field in known_names(settings_cls, prefix)
                if known.startswith(f"{name}__") and field.is_required()
            ]
            yield from (f"{missing}: is missing" for missing in inner or [name])
        case "extra_forbidden":
            yield f"{name}: {no_such_setting(name, dict(known_names(settings_cls, prefix)))}"
        case "dict_type" | "model_type" | "model_attributes_type":
            yield f"{name}: {_TABLE_EXPECTED}"
        case _:
            yield from (f"{name}: {line}" for line in plain_words(error).splitlines())
