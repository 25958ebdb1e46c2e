"""What an operator should know of the portal's folder, told once when the proxy starts."""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import structlog

from app.settings import Settings

log = structlog.get_logger("evtmgmt.portal")
_OLD: Final = re.compile(rb"https?:(?:\\*/){2}[A-Za-z0-9-]+\.svc(?:-tip)?\.dynamics\.com\b", re.IGNORECASE)
"""CONTRACT 1: the base address of the old API, also with the escaped slashes of JSON in a script."""
_READ: Final = (".js", ".mjs", ".html", ".json")
MAX_FILE_BYTES: Final = 8 * 2**20
MAX_BYTES: Final = 64 * 2**20
"""What is read at most: it must not hold up the start."""
_NAMED: Final = 5


def old_endpoints(folder: Path) -> Iterator[str]:
    """The names of the files that hold an address of the old API.

    Args:
        folder: The portal's folder.
    """
    left = MAX_BYTES
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not name.endswith(_READ) or left <= 0:
                continue
            path = Path(place, name)
            try:
                with path.open("rb") as file:
                    content = file.read(min(MAX_FILE_BYTES, left))
            except OSError:
                continue  # it cannot be served either
            left -= len(content)
            if _OLD.search(content):
                yield path.relative_to(folder).as_posix()


def tell_of_the_portal(settings: Settings, rooms: Collection[str]) -> None:
    """Log what is likely to be a mistake.

    Args:
        settings: What the proxy runs with.
        rooms: First segments of paths that the proxy answers itself.
    """
    folder = settings.portal.static_dir
    if folder is None:
        return
    found = list(old_endpoints(folder))
    if found:
        log.warning(
            "portal_calls_the_old_endpoint",
            files=found[:_NAMED],
            count=len(found),
            hint=f"Such a portal does not call this proxy. See: evtmgmt-proxy repoint {folder} --to /EvtMgmt/api/v2.0/",
        )
    hidden = sorted({entry.name for entry in folder.iterdir()} & set(rooms))
    if hidden:
        log.warning("portal_files_hidden", names=hidden, hint="The proxy answers these paths itself (docs/static.md).")
    log.info("portal_is_served", folder=str(folder))
