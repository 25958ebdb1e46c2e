"""The option that names a portal, and its settings: what reads those is loaded when a command wants them, not before."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.hosting.installation import Installation
    from app.settings import Settings

Portal = Annotated[str | None, typer.Option("--portal", help="Which portal of the table; needed when there are several.")]


def portal_settings(name: str | None) -> "Settings":
    """The settings of a portal, or of the only one.

    Raises:
        ConfigurationError: They cannot be used, or there is no such portal.
    """
    from app.hosting.installation import load_portal

    return load_portal(name)


def whole_installation() -> "Installation":
    """All settings.

    Raises:
        ConfigurationError: They cannot be used.
    """
    from app.hosting.installation import load_installation

    return load_installation()
