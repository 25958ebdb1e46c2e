"""Ignore rules: which fields are not compared because the operator says so.

A rule is ``[operation:]path``. The path is as the reports print it (``[].building.city``, ``customFields.theme``); ``*`` stands
for anything, in the operation too, and ``*.image`` means ``image`` wherever it stands.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from translation.operations import OPERATIONS

_LONGEST: Final = 200
_PATH: Final = re.compile(r"(?:\[\]|[\w$*-]|\(answer\))(?:\[\]|[\w$*.-])*")
_COMPARED: Final = tuple(operation.name for operation in OPERATIONS if operation.method == "GET")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        operation: An operation's name or pattern.
        path: A path or pattern.
    """

    operation: str
    path: str

    def covers(self, path: str) -> bool:
        """Whether a field is not compared."""
        return _fits(self.path, path) or (self.path.startswith("*.") and _fits(self.path[2:], path))


@dataclass(frozen=True, slots=True)
class Ignored:
    """All rules."""

    rules: tuple[Rule, ...]

    def of(self, operation: str) -> tuple[Rule, ...]:
        """Those that are for an operation."""
        return tuple(rule for rule in self.rules if _fits(rule.operation, operation))


NOTHING_IGNORED: Final = Ignored(())


def read_rules(texts: Iterable[str]) -> Ignored:
    """The rules that an operator wrote.

    Raises:
        ValueError: With a sentence for each that cannot be used, in lines.
    """
    rules, mistakes = [], []
    for text in texts:
        try:
            rules.append(_read(text.strip()))
        except ValueError as mistake:
            mistakes.append(str(mistake))
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return Ignored(tuple(rules))


def _read(text: str) -> Rule:
    operation, colon, path = text.rpartition(":")
    operation = operation.strip() if colon else "*"
    path = path.strip()
    if not path or len(text) > _LONGEST:
        raise ValueError(f"{text[:_LONGEST]!r} is no rule such as list_events:[].description or *.image")
    if not any(_fits(operation, name) for name in _COMPARED):
        raise ValueError(f"{text!r}: {operation!r} is no operation that reads; `evtmgmt-proxy operations` prints them")
    if not _PATH.fullmatch(path) or ".." in path or path.endswith("."):
        raise ValueError(f"{text!r}: {path!r} is no field path such as [].building.city, customFields.theme or *.image")
    return Rule(operation, path)


def _fits(pattern: str, text: str) -> bool:
    """Whether ``text`` is what ``pattern`` says; letter case does not matter. Takes no longer than the two are long."""
    head, *middle = pattern.casefold().split("*")
    text = text.casefold()
    if not middle:
        return head == text
    tail = middle.pop()
    if len(text) < len(head) + len(tail) or not (text.startswith(head) and text.endswith(tail)):
        return False
    at, end = len(head), len(text) - len(tail)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
