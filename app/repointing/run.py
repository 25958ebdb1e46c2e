"""Leads a built portal to the proxy.

    1  look into every text file: old endpoints, old tokens, what is worth a word
    2  put the new endpoint in the writing of the old one, and nothing in the place of the token
    3  make anew the hashes of changed files that stand in others, until none is old
    4  let packed siblings follow
    5  write: all new files beside their places, the originals into the backup, then each into its place in one step

Without ``write`` it ends after 4.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from zipfile import is_zipfile

from app.repointing.archives import Archive
from app.repointing.backups import Backup, Restored, sha256_of
from app.repointing.digests import HINTS, digests, with_digests
from app.repointing.endpoints import endpoints
from app.repointing.notices import Notice, notices, renamed_not
from app.repointing.places import Place, Span, merged, place, replaced
from app.repointing.report import Report
from app.repointing.siblings import PACKED, siblings
from app.repointing.target import Target
from app.repointing.texts import read_text
from app.repointing.tokens import tokens
from app.repointing.tree import BACKUP_SUFFIX, Folder, RepointError, Tree
from app.whole_files import UNFINISHED, Write, prepared, settle

Progress = Callable[[int, int], None]
"""Is told how many files were looked into, and of how many."""

_ROUNDS: Final = 20
"""A hash in a file that has a hash in a file, and so on: no portal is deeper."""
_FIRST_ONLY: Final = frozenset({"captcha"})
"""Notices that one place is enough for."""


def repoint(
    path: Path,
    target: Target,
    *,
    write: bool = False,
    backup: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Find what leads to the old organisation, and lead it to the proxy.

    Args:
        path: A folder, a zip or one file.
        target: The proxy.
        write: Whether to write; only to look by default.
        backup: Where the originals go; beside ``path`` by default.
        progress: Is told of each file.

    Raises:
        RepointError: It cannot be worked on. Nothing was changed.
        OSError: A file could not be written. What was changed until then is undone by the next run or by ``restore``.
    """
    kept = backup_of(path, backup)
    before = Backup(kept, _root(path)).exists
    if write:
        _recover(path, kept)
    with _tree(path, kept) as tree:
        survey = Survey(tree, target)
        survey.look(progress)
        survey.follow()
        if write and survey.changes:
            _write(path, tree, survey.changes, kept)
        return Report(
            path=str(path),
            to=target.url,
            files=survey.files,
            looked_into=survey.looked_into,
            places=tuple(survey.places),
            changed=tuple(sorted(survey.changes)),
            notices=tuple(survey.notices),
            backup=str(kept),
            written=write,
            before=before,
        )


def restore(path: Path, backup: Path | None = None, *, force: bool = False) -> Restored:
    """Put everything back that ``repoint`` changed.

    Args:
        path: What was repointed.
        backup: Where the originals are; beside ``path`` by default.
        force: Also over files that somebody changed since.

    Raises:
        RepointError: There is no backup.
        OSError: A file could not be written.
    """
    folder = backup_of(path, backup)
    kept = Backup(folder, _root(path))
    if not kept.exists:
        raise RepointError(f"There is no backup at {folder}: nothing was written, or it is put back already")
    _sweep(path)
    return kept.restore(force=force)


def backup_of(path: Path, backup: Path | None) -> Path:
    """Where the originals of a portal are."""
    path = path.resolve()
    if not path.name:
        raise RepointError("The root of the file system is no portal")
    return backup.resolve() if backup is not None else path.with_name(path.name + BACKUP_SUFFIX)


class Survey:
    """What is found in a tree, and what becomes of its files.

    Args:
        tree: The portal.
        target: The proxy.

    Attributes:
        files: How many files were there.
        looked_into: How many of them are text.
        places: Old endpoints and tokens.
        notices: What has to be known.
        changes: New content by name, None for what is taken away.
    """

    def __init__(self, tree: Tree, target: Target) -> None:
        self.files = 0
        self.looked_into = 0
        self.places: list[Place] = []
        self.notices: list[Notice] = []
        self.changes: dict[str, bytes | None] = {}
        self._tree = tree
        self._target = target
        self._with_hashes: list[str] = []

    def look(self, progress: Progress) -> None:
        """Steps 1 and 2."""
        names = self._tree.names()
        there = set(names)
        self.files = len(names)
        for number, name in enumerate(names):
            progress(number, len(names))
            data = self._tree.read(name)
            if data is None:
                self.notices.append(Notice("too_large", name, "Not looked into: it is larger than any file of a portal."))
            elif name.endswith(PACKED) and name.rpartition(".")[0] not in there:
                self.notices.append(Notice("packed_alone", name, "Not looked into: it is packed. Unpack it, and repoint that."))
            else:
                self._look_into(name, data)
        progress(len(names), len(names))

    def follow(self) -> None:
        """Steps 3 and 4."""
        self._hashes()
        there = set(self._tree.names())
        for name, content in list(self.changes.items()):
            if content is not None:
                changes, told = siblings(name, content, there)
                self.changes |= changes
                self.notices += told
            if (notice := renamed_not(name)) is not None:
                self.notices.append(notice)

    def _look_into(self, name: str, data: bytes) -> None:
        file = read_text(name, data)
        if file is None:
            return
        self.looked_into += 1
        spans = self._spans(name, file.text)
        self.places += [place(name, file.text, span, spans) for span in spans]
        known = {notice.name for notice in self.notices} & _FIRST_ONLY
        self.notices += [notice for notice in notices(name, file.text, self._target) if notice.name not in known]
        if any(hint in file.text for hint in HINTS):
            self._with_hashes.append(name)
        if any(span.replacement is not None for span in spans):
            self.changes[name] = file.encoded(replaced(file.text, spans))

    def _hashes(self) -> None:
        """A file that takes a new hash gets one itself, which others may hold."""
        counts: dict[str, int] = {}
        for _ in range(_ROUNDS):
            known: dict[str, str] = {}
            for name, content in self.changes.items():
                known |= digests(self._tree.read(name) or b"", content or b"")
            before = dict(self.changes)
            for name in self._with_hashes:
                file = read_text(name, self._tree.read(name) or b"")
                assert file is not None  # noqa: S101 - it was text
                count = with_digests(file.text, known)[1]
                if count:
                    # Always from the original: it holds the old hashes, whatever they became until now.
                    text = replaced(file.text, self._spans(name, file.text))
                    self.changes[name] = file.encoded(with_digests(text, known)[0])
                    counts[name] = count
            if self.changes == before:
                break
        for name, count in sorted(counts.items()):
            words = f"{count} {'hash' if count == 1 else 'hashes'} of changed files made anew (integrity, service worker)."
            self.notices.append(Notice("hashes", name, words))

    def _spans(self, name: str, text: str) -> list[Span]:
        return merged(tokens(name, text), endpoints(text, self._target))


def _root(path: Path) -> Path:
    path = path.resolve()
    return path if path.is_dir() else path.parent


@contextmanager
def _tree(path: Path, backup: Path) -> Iterator[Tree]:
    path = path.resolve()
    if not path.exists():
        raise RepointError(f"There is no {path}")
    if path.is_file() and is_zipfile(path):
        archive = Archive(path)
        try:
            yield archive
        finally:
            archive.close()
    else:
        yield Folder(path, backup)


def _recover(path: Path, backup: Path) -> None:
    """Undo what a run left behind that was killed: half of its files may be new."""
    kept = Backup(backup, _root(path))
    if not kept.finished:
        left = kept.restore()
        if left.changed:
            names = ", ".join(left.changed)
            raise RepointError(f"A former run was broken off, and these were changed since: {names}. See --restore and --force")
    _sweep(path)


def _sweep(path: Path) -> None:
    """Take away what a run left behind that was killed."""
    path = path.resolve()
    found = path.rglob(f".*{UNFINISHED}") if path.is_dir() else path.parent.glob(f".{path.name}.*{UNFINISHED}")
    for left in found:
        left.unlink(missing_ok=True)


def _write(path: Path, tree: Tree, changes: dict[str, bytes | None], backup: Path) -> None:
    """Step 5."""
    root = _root(path)
    writers: dict[str, Write | None]
    if isinstance(tree, Archive):
        writers = {path.resolve().name: lambda file: tree.write(file, changes)}
    else:
        writers = {name: None if content is None else _writer(content) for name, content in changes.items()}
    ready: dict[str, Path] = {}
    try:
        for name, writer in writers.items():
            if writer is not None:
                ready[name] = prepared(root / name, writer)
        kept = Backup(backup, root)
        kept.begin({name: sha256_of(ready[name]) if name in ready else None for name in writers})
        for name in writers:
            if name in ready:
                ready.pop(name).replace(root / name)
            else:
                (root / name).unlink()
    finally:
        for unfinished in ready.values():
            unfinished.unlink(missing_ok=True)
    for folder in {(root / name).parent for name in writers}:
        settle(folder)
    kept.finish()


def _writer(content: bytes) -> Write:
    return lambda file: file.write(content)
