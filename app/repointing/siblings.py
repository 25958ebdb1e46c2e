"""Packed siblings of changed files: servers give ``main.js.gz`` and ``main.js.br`` instead of ``main.js``, so they follow it."""

import gzip
import importlib
from collections.abc import Callable, Collection
from typing import Final

from app.repointing.notices import Notice

PACKED: Final = (".gz", ".br", ".zst")


def brotli() -> Callable[[bytes], bytes] | None:
    """Brotli's compression, where one of its modules is installed."""
    for name in ("brotli", "brotlicffi"):
        try:
            compress: Callable[[bytes], bytes] = importlib.import_module(name).compress
        except ImportError:
            continue
        return compress
    return None


def siblings(name: str, content: bytes, there: Collection[str]) -> tuple[dict[str, bytes | None], list[Notice]]:
    """What becomes of the packed siblings of a changed file.

    Args:
        name: The changed file.
        content: What it holds now.
        there: All names of the tree.

    Returns:
        New content by name, None for what is taken away; and what has to be told.
    """
    changes: dict[str, bytes | None] = {}
    told = []
    for suffix in PACKED:
        sibling = name + suffix
        if sibling not in there:
            continue
        compress = brotli() if suffix == ".br" else None
        if suffix == ".gz":
            changes[sibling] = gzip.compress(content, 9, mtime=0)
        elif compress is not None:
            changes[sibling] = compress(content)
        else:
            changes[sibling] = None
            told.append(Notice("sibling_removed", sibling, _REMOVED.format(suffix=suffix)))
    return changes, told


_REMOVED: Final = (
    "Taken away, as it holds the old content and nothing here packs {suffix}: servers then send the plain or the gzip form. "
    "(For .br: install the Python package brotli beside evtmgmt-proxy, and it is packed anew.)"
)
