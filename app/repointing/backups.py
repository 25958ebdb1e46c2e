"""The originals of all changed files, in a folder beside the portal, and the way back.

Beside and not within: what is in the portal's folder is published with it, and the originals hold the old token.

    <portal>.before-repoint/
        manifest.json    of each file: its name, and the SHA-256 before and after
        files/...        the originals, with mode and time
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import Any, Final

from app.repointing.tree import RepointError
from app.whole_files import replace_file, settle

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """One original.

    Attributes:
        before: SHA-256 of the original.
        after: SHA-256 of what took its place; None when it was taken away.
    """

    before: str
    after: str | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    Attributes:
        files: Names of the files that are as before again.
        changed: Names of files that somebody changed since, so they were left alone, and their originals kept.
    """

    files: tuple[str, ...]
    changed: tuple[str, ...]


class Backup:
    """The backup of one portal.

    Args:
        folder: Where it is; it need not exist.
        root: What the names of files are relative to.

    Raises:
        RepointError: There is a folder of that name that is none.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._root = root
        self._manifest = folder / "manifest.json"
        self._kept: dict[str, Kept] = {}
        self.finished = True
        if folder.exists():
            self._load()

    @property
    def exists(self) -> bool:
        """Whether there is anything to put back."""
        return bool(self._kept)

    def begin(self, after: dict[str, str | None]) -> None:
        """Keep the originals of files that are about to be replaced.

        A file that was replaced before, and is as it was left then, keeps its first original.

        Args:
            after: SHA-256 of what takes the place of each file; None when it is taken away.

        Raises:
            OSError: They could not be kept. Nothing may be replaced then.
        """
        for name, coming in after.items():
            now, known = sha256_of(self._root / name), self._kept.get(name)
            if known is None or known.after != now:
                assert now is not None  # noqa: S101 - it was read
                original = self._folder / "files" / name
                original.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self._root / name, original)
                with original.open("rb") as file:
                    os.fsync(file.fileno())
                known = Kept(now, coming)
            self._kept[name] = Kept(known.before, coming)
        self._save(finished=False)

    def finish(self) -> None:
        """All files that were named are in their places."""
        self._save(finished=True)

    def restore(self, *, force: bool = False) -> Restored:
        """Put the originals back, and take the backup away when all are.

        Args:
            force: Also over files that somebody changed since.

        Raises:
            OSError: A file could not be written.
        """
        back, changed = [], []
        for name, kept in self._kept.items():
            now = sha256_of(self._root / name)
            if now == kept.before:
                continue
            if now != kept.after and not force:
                changed.append(name)
                continue
            self._put_back(name)
            back.append(name)
        if changed:
            self._kept = {name: self._kept[name] for name in changed}
            self._save(finished=True)
        else:
            shutil.rmtree(self._folder)
        return Restored(tuple(back), tuple(changed))

    def _put_back(self, name: str) -> None:
        original, place = self._folder / "files" / name, self._root / name
        found = original.stat()
        place.parent.mkdir(parents=True, exist_ok=True)
        with original.open("rb") as file:
            replace_file(place, lambda target: shutil.copyfileobj(file, target), found)
        os.utime(place, ns=(found.st_atime_ns, found.st_mtime_ns))

    def _save(self, *, finished: bool) -> None:
        self.finished = finished
        files = {name: asdict(kept) for name, kept in sorted(self._kept.items())}
        document = {"schema": SCHEMA, "finished": finished, "files": files}
        text = json.dumps(document, indent=2, ensure_ascii=True) + "\n"
        self._folder.mkdir(exist_ok=True)
        replace_file(self._manifest, lambda file: file.write(text.encode("ascii")))
        settle(self._folder.parent)

    def _load(self) -> None:
        try:
            document: dict[str, Any] = json.loads(self._manifest.read_bytes())
            if document["schema"] != SCHEMA:
                raise ValueError("another version")
            self._kept = {name: Kept(**kept) for name, kept in document["files"].items()}
            self.finished = bool(document["finished"])
            inside = all(".." not in PurePosixPath(name).parts and not name.startswith("/") for name in self._kept)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
            inside, why = False, type(broken).__name__
        else:
            why = "names that lead out of it"
        if not inside:
            raise RepointError(f"{self._folder} is no backup that can be read ({why}). Move it away, or use --backup")


def sha256_of(path: Path) -> str | None:
    """The SHA-256 of a file; None when there is none."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
