"""The setting that names the portal's folder. docs/static.md tells how to use it."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator


def _folder(value: Path | None) -> Path | None:
    if value is None:
        return None
    if not value.is_dir():
        raise ValueError(f"{value} is not a folder")
    page = value / "index.html"
    if not page.is_file():
        hint = "name the folder that the build of the portal writes, often dist/<name> or dist/<name>/browser"
        raise ValueError(f"{value} holds no index.html: {hint}")
    if not os.access(page, os.R_OK):
        raise ValueError(f"{page} cannot be read by the user that the proxy runs as")
    return value.resolve()


PortalFolder = Annotated[Path | None, AfterValidator(_folder)]
