"""What a PromQL expression names: series, matchers and the labels that it groups by. promtool checks the grammar."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_STRING = r'"(?:[^"\\]|\\.)*"'
_SELECTOR = re.compile(rf"(?<![\w:\"$])((?:evtmgmt|up\b)[\w:]*)(?:\{{((?:[^}}\"]|{_STRING})*)\}})?")
_MATCHER = re.compile(rf"(\w+)\s*(=~|!~|!=|=)\s*({_STRING})")
_GROUPING = re.compile(r"\b(by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)\s*(\()?")


@dataclass(frozen=True)
class Selector:
    """A series that is asked for.

    Attributes:
        series: Its name.
        matchers: Label, operator and value of each.
    """

    series: str
    matchers: tuple[tuple[str, str, str], ...] = field(default=())


@dataclass(frozen=True)
class Grouping:
    """Labels that are named beside series.

    Attributes:
        word: ``by``, ``on`` and so on.
        labels: The labels.
        body: The expression in the parentheses after it; of ``on`` and its like the whole expression.
    """

    word: str
    labels: tuple[str, ...]
    body: str


def selectors(expression: str) -> Iterator[Selector]:
    """All series of an expression."""
    for found in _SELECTOR.finditer(expression):
        matchers = tuple((label, sign, value[1:-1]) for label, sign, value in _MATCHER.findall(found[2] or ""))
        yield Selector(found[1], matchers)


def groupings(expression: str) -> Iterator[Grouping]:
    """All lists of labels of an expression."""
    for found in _GROUPING.finditer(expression):
        labels = tuple(filter(None, re.split(r"[,\s]+", found[2])))
        is_of_body = found[1] in ("by", "without") and found[3]
        yield Grouping(found[1], labels, _enclosed(expression, found.end()) if is_of_body else expression)


def _enclosed(text: str, start: int) -> str:
    """What stands between a parenthesis that was opened before ``start`` and its other half."""
    depth = 1
    for position, character in enumerate(text[start:], start):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return text[start:position]
    return text[start:]
