"""Values as they are shown in a sample of a difference: short, around the place where they differ, without e-mail addresses."""

import re
from typing import Any, Final

MOST: Final = 200
"""Characters of a value that are shown."""

_BEFORE: Final = 40
_EMAIL: Final = re.compile(r"""[^\s@<>"'(),;:]{1,64}(?:@|%40)[^\s@<>"'(),;]{1,253}""", re.IGNORECASE)
_LONGEST_NAME: Final = 64
"""Characters before the @ of an address (RFC 5321, 4.5.3.1.1)."""


def shown(left: Any, right: Any) -> tuple[str | None, str | None]:
    """Two values that differ, as text of at most ``MOST`` characters each; None for one that is missing.

    Long texts are shown from shortly before the first character that differs.
    """
    one, other = _text(left), _text(right)
    start = 0
    if one is not None and other is not None and max(len(one), len(other)) > MOST:
        start = max(0, _first_difference(one, other) - _BEFORE)
    return _cut(one, start), _cut(other, start)


def label(text: Any) -> str:
    """An id as it is shown."""
    return _cut(text, 0) or "" if isinstance(text, str) else ""


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if abs(value) < 1e30 else f"{value:.6e}" if isinstance(value, float) else "a very large number"
    if isinstance(value, dict):
        return f"an object of {len(value)} fields"
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(sorted(filter(None, map(_text, value[:MOST]))))
    return f"a list of {len(value)}" if isinstance(value, list) else "something else"


def _first_difference(left: str, right: str) -> int:
    most = min(len(left), len(right))
    low, high = 0, most
    while low < high:  # the longest common beginning, by halves: comparing slices is quick
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _cut(text: str | None, start: int) -> str | None:
    if text is None:
        return None
    # A little more is looked at than is shown, so that no address is cut before its @.
    piece = _EMAIL.sub("[e-mail]", text[start : start + MOST + _LONGEST_NAME])
    piece = piece.encode("utf-8", "replace").decode("utf-8")
    head = "…" if start else ""
    room = MOST - len(head)
    return head + piece if len(piece) <= room and start + MOST + _LONGEST_NAME >= len(text) else head + piece[: room - 1] + "…"
