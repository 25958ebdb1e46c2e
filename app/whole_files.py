"""Files are written whole or not at all: beside their place first, then put there in one step."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

UNFINISHED: Final = ".evtmgmt-unfinished"
"""How the name of a file ends that is not in its place yet; a process that was killed leaves it behind."""

Write = Callable[[BinaryIO], object]
"""Writes what a file shall hold."""


def prepared(path: Path, write: Write, like: os.stat_result | None = None) -> Path:
    """Write a file beside its place, safe on the disk.

    Args:
        path: Its place.
        write: Writes what it shall hold.
        like: Its mode and, where allowed, its owner; by default those of the file that it replaces.

    Returns:
        Where it is. ``replace`` puts it into its place.

    Raises:
        OSError: It could not be written; nothing is left of it.
    """
    like = like or (path.stat() if path.exists() else None)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with unfinished.open("xb") as file:
            write(file)
            if like is not None:
                with suppress(PermissionError):  # only root may give files away
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
                os.fchmod(file.fileno(), like.st_mode & 0o7777)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return unfinished


def replace_file(path: Path, write: Write, like: os.stat_result | None = None) -> None:
    """Write a file and put it into its place.

    Args:
        path: Its place.
        write: Writes what it shall hold.
        like: As for ``prepared``.

    Raises:
        OSError: It could not be written; what was there stays.
    """
    unfinished = prepared(path, write, like)
    try:
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    settle(path.parent)


def settle(folder: Path) -> None:
    """Have the names in a folder safe on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
