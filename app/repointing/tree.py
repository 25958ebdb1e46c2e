"""What is looked at: a folder, one file or a zip, all as names with bytes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from app.whole_files import UNFINISHED

BACKUP_SUFFIX: Final = ".before-repoint"
SKIPPED: Final = frozenset({"node_modules", ".git", ".hg", ".svn"})
MOST_BYTES: Final = 256 * 2**20
"""Larger files are not looked into: no part of a portal is."""


class RepointError(Exception):
    """What was named cannot be worked on; the text says why and what to do."""


class Tree(Protocol):
    """Names and what they hold."""

    def names(self) -> list[str]:
        """The names of all files to look at, with ``/`` between the levels, in order."""

    def read(self, name: str) -> bytes | None:
        """What a file holds; None when it is too large to be looked into."""


class Folder:
    """A folder, or one file.

    Args:
        path: The folder or file.
        backup: A folder that is left out, where the backup is.
    """

    def __init__(self, path: Path, backup: Path) -> None:
        self._root = path if path.is_dir() else path.parent
        self._only = None if path.is_dir() else path.name
        self._backup = backup

    @property
    def root(self) -> Path:
        """What the names are relative to."""
        return self._root

    def names(self) -> list[str]:
        """All files below; symbolic links are not followed, so nothing outside is ever looked at or changed."""
        return [self._only] if self._only is not None else list(self._below(self._root, ""))

    def read(self, name: str) -> bytes | None:
        """What a file holds, None when it is too large.

        Raises:
            RepointError: It cannot be read.
        """
        path = self._root / name
        try:
            return None if path.stat().st_size > MOST_BYTES else path.read_bytes()
        except OSError as refused:
            raise RepointError(f"{path} cannot be read: {refused.strerror}") from None

    def _below(self, folder: Path, prefix: str) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as refused:
            raise RepointError(f"{folder} cannot be read: {refused.strerror}") from None
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED and Path(entry.path) != self._backup:
                    yield from self._below(Path(entry.path), f"{prefix}{entry.name}/")
            elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode) and not entry.name.endswith(UNFINISHED):
                yield prefix + entry.name
