"""The settings file: every setting there is, with its description and default, made from the settings themselves."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.initialising.answers import Answers
from app.settings import Settings
from app.settings_sources import PREFIX

_HEAD: Final = """\
Settings of evtmgmt-proxy. EVTMGMT_CONFIG_FILE names this file.

What is commented out has the value shown: take away the # to change it; where none is shown, there is none. The environment \
wins over this file: [cache] enabled is EVTMGMT_CACHE__ENABLED there. Secrets stand in files of their own, in the folder that \
EVTMGMT_SECRETS_DIR names. docs/settings.md says more; evtmgmt-proxy config prints what is in force.\
"""
_WIDTH: Final = 110


def settings_file(answers: Answers) -> str:
    """The text of the file, in TOML.

    Args:
        answers: What is set in it. The token is not: it has a file of its own.
    """
    given = {"realtime": {"endpoint": answers.endpoint, "origin": answers.origin}}
    lines = [*_comment(_HEAD), *_table(Settings, (), given, active=True)]
    return "\n".join(lines) + "\n"


def _table(model: type[BaseModel], path: tuple[str, ...], given: Mapping[str, Any], *, active: bool) -> Iterator[str]:
    """The lines of a table: its own settings first, as TOML wants it, then the tables within."""
    for name, field in model.model_fields.items():
        if _group(field) is None:
            yield from _setting(name, path, field, given.get(name))
    for name, field in model.model_fields.items():
        group = _group(field)
        if group is None:
            continue
        whole = active and not _may_be_missing(field)
        inner = (*path, name)
        yield from ("", *_comment(field.description or (group.__doc__ or "").strip().partition("\n")[0]))
        if active and not whole:
            yield from _comment("To use it, take away the # before the name of the table as well.")
        yield f"{'' if whole else '# '}[{'.'.join(inner)}]"
        yield from _table(group, inner, given.get(name, {}), active=whole)


def _setting(name: str, path: tuple[str, ...], field: FieldInfo, given: str | None) -> Iterator[str]:
    yield ""
    if field.description:
        yield from _comment(field.description)
    if given is not None:
        yield f"{name} = {_toml(given)}"
    elif _is_secret(field):
        yield f"# {name}: a secret, in a file named {PREFIX}{'__'.join((*path, name)).upper()}"
    elif field.is_required() or field.default is None:
        yield f"# {name} ="
    else:
        yield f"# {name} = {_toml(field.get_default(call_default_factory=True))}"


def _toml(value: Any) -> str:
    """A value as TOML writes it; JSON does it the same way for all that is used here."""
    if isinstance(value, Enum):
        return _toml(value.value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, tuple | list | frozenset):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from (f"# {part}" for part in textwrap.wrap(line, _WIDTH)) if line else ["#"]


def _choices(field: FieldInfo) -> tuple[Any, ...]:
    return (field.annotation, *get_args(field.annotation))


def _group(field: FieldInfo) -> type[BaseModel] | None:
    """The table that a field is; None for a setting. A mapping of tables is a setting: nobody knows their names."""
    if getattr(field.annotation, "__origin__", None) is dict:
        return None
    return next((choice for choice in _choices(field) if isinstance(choice, type) and issubclass(choice, BaseModel)), None)


def _may_be_missing(field: FieldInfo) -> bool:
    return type(None) in _choices(field)


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in _choices(field)
