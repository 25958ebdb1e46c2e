"""A zip as it is uploaded to a host: read without ever being unpacked to the disk, and written anew with everything kept."""

import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from app.repointing.tree import MOST_BYTES, SKIPPED, RepointError

MOST_MEMBERS: Final = 100_000
MOST_TOTAL: Final = 2 * 2**30
MOST_RATIO: Final = 300
"""How many times larger than packed a member of more than a megabyte may be. Deflate ends at about 1,030; scripts reach ten."""
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


class Archive:
    """The members of a zip.

    Args:
        path: The zip.

    Raises:
        RepointError: It is none that can be worked on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError) as broken:
            raise RepointError(f"{path} cannot be read as a zip: {broken}") from None
        self._members = {member.filename: member for member in self._zip.infolist()}
        try:
            self._guard()
        except RepointError:
            self._zip.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def names(self) -> list[str]:
        """All members to look at, in their order; links and folders are none."""
        return [
            name
            for name, member in self._members.items()
            if not member.is_dir() and not _is_link(member) and not SKIPPED & set(PurePosixPath(name).parts[:-1])
        ]

    def read(self, name: str) -> bytes | None:
        """What a member holds, None when it is too large.

        Raises:
            RepointError: It is damaged.
        """
        return None if self._members[name].file_size > MOST_BYTES else self._read(name)

    def write(self, file: BinaryIO, changes: Mapping[str, bytes | None]) -> None:
        """Write the zip anew: order, times, comments, modes and packing stay.

        Args:
            file: Where it goes.
            changes: New content by name; None takes the member away.

        Raises:
            RepointError: A member is damaged.
        """
        with zipfile.ZipFile(file, "w") as target:
            target.comment = self._zip.comment
            for member in self._zip.infolist():
                content = changes[member.filename] if member.filename in changes else self._read(member.filename)
                if content is not None:
                    target.writestr(_like(member), content)

    def _read(self, name: str) -> bytes:
        try:
            return self._zip.read(self._members[name])
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError) as broken:
            raise RepointError(f"{name} in {self._path} is damaged: {broken}") from None

    def _guard(self) -> None:
        """Refuse what no portal is. What is declared holds: more than that is never unpacked."""
        members = self._zip.infolist()
        if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_TOTAL:
            bounds = f"{MOST_MEMBERS:,} members or {MOST_TOTAL >> 30} GiB"
            raise RepointError(f"{self._path} is larger than any portal: more than {bounds}")
        if len(self._members) < len(members):
            raise RepointError(f"{self._path} has two members of one name. Pack it anew")
        for member in members:
            name = member.filename
            if name.startswith("/") or "\\" in name or ":" in name.partition("/")[0] or ".." in PurePosixPath(name).parts:
                raise RepointError(f"{self._path} has a member that leads out of it: {name!r}. Pack it anew")
            if member.flag_bits & 0x1:
                raise RepointError(f"{name} in {self._path} is encrypted. Unpack it, and repoint the folder")
            if member.compress_type not in _PACKINGS:
                raise RepointError(f"{name} in {self._path} is packed in a way that is not known here. Pack it anew")
            if member.file_size > 2**20 and member.file_size > MOST_RATIO * max(1, member.compress_size):
                raise RepointError(
                    f"{name} in {self._path} unpacks to {MOST_RATIO} times its size or more: no file of a portal does"
                )


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _like(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """The head of a member for another content."""
    new = zipfile.ZipInfo(member.filename, member.date_time)
    for name in ("compress_type", "comment", "create_system", "external_attr", "internal_attr"):
        setattr(new, name, getattr(member, name))
    new.extra = _kept_extra(member.extra)
    return new


def _kept_extra(extra: bytes) -> bytes:
    """Extra fields (times, owners) without the one for sizes beyond 4 GiB, which is made anew (APPNOTE 4.5.3)."""
    kept = b""
    while len(extra) >= 4:
        size = 4 + int.from_bytes(extra[2:4], "little")
        if extra[:2] != b"\x01\x00":
            kept += extra[:size]
        extra = extra[size:]
    return kept
