"""The effective settings as a table."""

from typing import Any

from pydantic import SecretStr
from rich.table import Table
from rich.text import Text

from app.settings import Settings
from app.settings_sources import PREFIX, known_names, origins_of_values


def settings_table(settings: Settings) -> Table:
    """Name, value with secrets masked, and source of every setting."""
    table = Table(title="Effective settings")
    for title in ("Setting", "Value", "From"):
        table.add_column(title, overflow="fold", no_wrap=title == "Setting")
    origins = origins_of_values(Settings)
    for name, _ in known_names(Settings):
        value: Any = settings
        for part in name.removeprefix(PREFIX).lower().split("__"):
            value = getattr(value, part, None)  # a group that is not given has no parts
        table.add_row(name, "********" if isinstance(value, SecretStr) else _shown(value), origins[name])
    return table


def _shown(value: Any) -> Text:
    # As text, not as markup: event ids may hold square brackets.
    if isinstance(value, tuple):
        return Text(", ".join("********" if isinstance(part, SecretStr) else part for part in value) or "-")
    if isinstance(value, dict):
        return Text(", ".join(f"{name} -> {part}" for name, part in value.items()) or "-")
    if isinstance(value, float):
        return Text(f"{value:g}")
    return Text("-" if value is None else str(value))
