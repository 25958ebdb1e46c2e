"""What a store of the cutover keeps, and what every store does alike; where it is kept is told by the modules beside.

A store keeps the state with its audit lines, both written in one transaction, and documents: tallies of comparisons and of
usage that each worker writes under an owner id of its own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from app.cutover.state import CutoverState
from app.sqlite_files import StoreAwayError as StoreAwayError

FOLDED: Final = "folded"
"""The owner of what ``fold`` made of the documents of workers that are gone."""
SETTINGS: Final = "settings"
"""Who wrote the first state of all."""
AUDIT_LINES: Final = 10_000
"""Audit lines that are kept; the oldest go first."""
FORGET_OWNERS_AFTER: Final = 30 * 86_400.0
"""Seconds for which a store knows that an owner's document was folded."""
LONGEST_WHO: Final = 100
LONGEST_WHY: Final = 500
_INVISIBLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]+")
"""White space, control characters, and those that turn or hide the text around them."""

Merge = Callable[[list[dict[str, Any]]], dict[str, Any]]
"""Makes one document of one or more. Called in any thread, and again when it has to be tried again."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as it was kept.

    Attributes:
        version: 1 for the first, one more with each change; 0 for the settings' state while the store is away.
        at: When it was made, in seconds since 1970.
        state: The state.
    """

    version: int
    at: float
    state: CutoverState

    def same(self, other: "Snapshot") -> bool:
        """Whether both are the same change. A Redis that lost the last change may give its number to another."""
        return (self.version, self.at) == (other.version, other.at)


@dataclass(frozen=True, slots=True)
class Change:
    """An audit line.

    Attributes:
        version: The version that the change made.
        at: When, in seconds since 1970.
        who: Who made it, as that person or program said.
        before: The parts of the state that became others, as JSON, as they were; empty for the first state of all.
        after: The same parts, as they became.
        why: The reason that was given.
    """

    version: int
    at: float
    who: str
    before: dict[str, Any]
    after: dict[str, Any]
    why: str

    def document(self) -> dict[str, Any]:
        """The line as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


class ConflictError(Exception):
    """Somebody else changed the state meanwhile. ``current`` is what it is now."""

    def __init__(self, current: Snapshot) -> None:
        super().__init__(f"the state was changed meanwhile: it is version {current.version} now")
        self.current = current


class FoldedError(Exception):
    """The owner was taken for gone, and what it had put is counted. It goes on under another id, from nought."""


class Store(Protocol):
    """Where the state is kept. All methods but ``close`` may raise ``StoreAwayError``; none holds up the event loop.

    Attributes:
        place: Where, in words, without secrets.
        durable: Whether it outlives the processes that use it.
    """

    place: str
    durable: bool

    async def open(self, initial: CutoverState) -> Snapshot:
        """What is kept. Where nothing is, ``initial`` becomes version 1, with an audit line.

        A store that can be away does not raise: it gives what was kept last on this host, or ``initial`` as version 0.
        """

    async def current(self) -> Snapshot | None:
        """What is kept; None when nothing is."""

    async def change(self, state: CutoverState, expected: int, who: str, why: str) -> Snapshot:
        """Keep a state, with an audit line. One that differs in nothing is no change: what is kept is given.

        Args:
            state: The new state.
            expected: The version that it was made from.
            who: Who changes it; cut at ``LONGEST_WHO`` characters.
            why: The reason; cut at ``LONGEST_WHY`` characters.

        Raises:
            ConflictError: Another version is kept.
            ValueError: ``who`` or ``why`` is empty.
        """

    async def audit(self, limit: int, before_version: int | None = None) -> list[Change]:
        """Audit lines, the newest first.

        Args:
            limit: How many at most.
            before_version: Only changes older than this version.
        """

    async def wait_for_change(self, known: Snapshot) -> Snapshot:
        """Wait until another state than ``known`` is kept, and give it; within 2 s of any process's change."""

    async def put_document(self, kind: str, owner: str, document: dict[str, Any]) -> None:
        """Keep a worker's whole document in the place of its last one.

        Raises:
            FoldedError: What the owner had put has been folded.
        """

    async def documents(self, kind: str) -> dict[str, dict[str, Any]]:
        """All documents of a kind by owner; what was folded is under ``FOLDED``."""

    async def fold(self, kind: str, merge: Merge, older_than_seconds: float) -> None:
        """Make one document of those whose owners have put nothing for a while, and of what was folded before.

        Several processes may fold at once: nothing is lost and nothing is counted twice.

        Args:
            kind: Which documents.
            merge: Adds them up.
            older_than_seconds: Much longer than the time between two puts of an owner that lives.
        """

    async def close(self) -> None:
        """Let go of files and connections."""


def difference(before: CutoverState | None, after: CutoverState) -> tuple[dict[str, Any], dict[str, Any]]:
    """The top-level parts in which two states differ, as JSON: as they were, and as they became."""
    old, new = before.document() if before is not None else {}, after.document()
    parts = [part for part in new if part not in old or old[part] != new[part]]
    return {part: old[part] for part in parts if part in old}, {part: new[part] for part in parts}


def author(who: str, why: str) -> tuple[str, str]:
    """Who and why, fit for an audit line: one line each, bounded, nothing in them that terminals act on.

    Raises:
        ValueError: One of them is empty.
    """
    who, why = _line(who, LONGEST_WHO), _line(why, LONGEST_WHY)
    for name, text in (("who", who), ("why", why)):
        if not text:
            raise ValueError(f"{name} is missing: each change says who made it and why")
    return who, why


def _line(text: str, longest: int) -> str:
    # Arguments of a command may hold bytes that are no text.
    return _INVISIBLE.sub(" ", text.encode("utf-8", "replace").decode()).strip()[:longest].strip()


def packed(value: Any) -> str:
    """A value as JSON, always in the same form."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
