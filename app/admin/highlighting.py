"""Two values side by side: what they have in common at both ends is told from what differs between."""

import re
from typing import Final

_WORD: Final = re.compile(r"\S{0,12}")
"""Not more: some scripts have no spaces between their words."""
Part = tuple[bool, str]
"""Whether it is the same on both sides, and the text."""


def highlighted(left: str | None, right: str | None) -> tuple[list[Part], list[Part]]:
    """The parts of both values, blank ones left out.

    Args:
        left: The one value; None when it is missing, and then all of the other differs.
        right: The other.
    """
    if left is None or right is None:
        return [(False, left)] if left else [], [(False, right)] if right else []
    start = _common(left, right)
    end = _common(left[start:][::-1], right[start:][::-1])
    start -= _rest_of_word(left[:start][::-1])
    end -= _rest_of_word(left[len(left) - end :])
    parts = []
    for text in (left, right):
        stop = len(text) - end
        found = [(True, text[:start]), (False, text[start:stop]), (True, text[stop:])]
        parts.append([part for part in found if part[1]])
    return parts[0], parts[1]


def _common(left: str, right: str) -> int:
    """How many characters are alike from the beginning on."""
    differing = (number for number, (one, other) in enumerate(zip(left, right, strict=False)) if one != other)
    return next(differing, min(len(left), len(right)))


def _rest_of_word(text: str) -> int:
    """How many characters at the beginning belong to the word that was cut there: whole words are easier to compare."""
    found = _WORD.match(text)
    return 0 if found is None else found.end()
