"""The paths that the proxy answers itself, by their first segments. A portal that it serves cannot have files of these names."""

from typing import Final

from app.bridge.script import ROOM as BRIDGE
from app.settings import Settings

SERVICE: Final = frozenset({"livez", "readyz", "metrics", "openapi.json", "docs"})
"""What it says of itself: ``routes/service.py``."""
ADMIN: Final = frozenset({"admin", "console"})
"""The admin API and the console, where there is an admin."""


def rooms_of(settings: Settings) -> frozenset[str]:
    """The rooms that are there with these settings, in small letters; two segments for what lies beside the old API."""
    admin = ADMIN if settings.admin.token is not None else frozenset()
    bridge = {BRIDGE.lower()} if settings.answers.registration_form == "bridge" else frozenset()
    return SERVICE | admin | bridge
