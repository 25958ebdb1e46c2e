"""The effective settings as a table."""

from typing import Any

from pydantic import SecretStr
from rich.table import Table

from app.settings import Settings
from app.settings_sources import PREFIX, known_names, origin_of


def settings_table(settings: Settings) -> Table:
    """Name, value with secrets masked, and source of every setting."""
    table = Table(title="Effective settings")
    for title in ("Setting", "Value", "From"):
        table.add_column(title, overflow="fold")
    for name, _ in known_names(Settings):
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        value: Any = settings
        for part in path:
            value = getattr(value, part)
        table.add_row(name, "********" if isinstance(value, SecretStr) else _shown(value), origin_of(path, Settings))
    return table


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return "-" if value in (None, {}) else str(value)
