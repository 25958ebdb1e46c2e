"""Settings of the archive. docs/settings.md describes each; docs/archive.md tells how to use them."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from app.setting_types import Group


class ArchiveSettings(Group):
    """Events that were recorded and are answered from a file."""

    path: Path | None = Field(None, description="The file that `evtmgmt-proxy record` wrote. Without it there is no archive.")
    listed: Literal["past", "all", "none"] = Field(
        "past", description="Which of its events the list shows: those that are over (`past`), `all` or `none`."
    )
    hide_form: bool = Field(
        False,
        description="Whether its events are answered as for signed-in visitors only: portals that would show a form to who comes "
        "by a bookmark then ask to sign in.",
    )

    @field_validator("listed", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value
