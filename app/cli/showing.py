"""The effective settings as a table."""

from typing import Any

from pydantic import SecretStr
from rich.table import Table
from rich.text import Text

from app.hosting.installation import Installation
from app.settings import Settings
from app.settings_sources import PREFIX, known_names, origins_of_values


def portals_table(installation: Installation) -> Table:
    """What selects each portal of the table, client tokens counted only."""
    table = Table(title="Portals")
    for title in ("Portal", "Hosts", "Path prefix", "Client tokens", "Real-time endpoint"):
        table.add_column(title, overflow="fold", no_wrap=title == "Portal")
    for name, chosen in installation.selectors.items():
        endpoint = installation.portals[name].realtime.endpoint
        hosts = Text(", ".join(chosen.hosts) or "-")
        table.add_row(name, hosts, Text(chosen.path_prefix or "-"), str(len(chosen.client_tokens)), Text(endpoint))
    return table


def settings_table(settings: Settings, portal: str = "") -> Table:
    """Name, value with secrets masked, and source of every setting.

    Args:
        settings: The effective settings.
        portal: Whose they are; empty without a table of portals.
    """
    table = Table(title=f"Effective settings of {portal}" if portal else "Effective settings")
    for title in ("Setting", "Value", "From"):
        table.add_column(title, overflow="fold", no_wrap=title == "Setting")
    origins = origins_of_values(Settings, portal)
    for name, _ in known_names(Settings):
        if portal and name == f"{PREFIX}PORTALS":
            continue
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
        return Text(str(int(value)) if value.is_integer() else str(value))
    return Text("-" if value is None else str(value))
