"""What is found in a text: the places of old endpoints and tokens, and where they stand."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MASK: Final = "********"
_CONTEXT: Final = 60
"""Characters that are shown on each side of a place."""
_LONGEST: Final = 200
"""Characters of a place that are shown."""
_SECRET: Final = re.compile(r"[\w+=~-]{32,}", re.ASCII)
"""What may be a secret under another name."""
_AROUND: Final = 512
"""Characters on each side that are looked at for it."""
_TORN: Final = re.compile(r"[\w+=~-]*", re.ASCII)


class Kind(StrEnum):
    """What stands at a place."""

    ENDPOINT = "endpoint"
    TOKEN = "token"  # noqa: S105 - the name of a kind


@dataclass(frozen=True, slots=True)
class Span:
    """A place within one text.

    Attributes:
        start: Of the characters that are meant.
        end: Behind them.
        kind: What stands there.
        form: How it is written, in words.
        replacement: What is put there instead; None when a person has to do it.
        why: Why a person has to, and what to do; empty otherwise.
    """

    start: int
    end: int
    kind: Kind
    form: str
    replacement: str | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, as it is reported. It holds no token.

    Attributes:
        file: The file's name, relative to what was looked at.
        line: Counted from 1.
        column: In characters, counted from 1.
        kind: What stands there.
        form: How it is written.
        replaced: Whether ``--write`` replaces it.
        context: What stands around it, on one line, tokens masked.
        why: Why a person has to replace it, and what to do; empty otherwise.
    """

    file: str
    line: int
    column: int
    kind: Kind
    form: str
    replaced: bool
    context: str
    why: str


def merged(*groups: list[Span]) -> list[Span]:
    """All spans in their order. Of two that overlap, the one of the earlier group stays."""
    kept: list[Span] = []
    for group in groups:
        taken = list(kept)
        kept += [span for span in group if not any(span.start < other.end and other.start < span.end for other in taken)]
    return sorted(kept, key=lambda span: span.start)


def replaced(text: str, spans: list[Span]) -> str:
    """The text with every span replaced that can be; all else as it was."""
    parts, done = [], 0
    for span in spans:
        if span.replacement is not None:
            parts += [text[done : span.start], span.replacement]
            done = span.end
    return "".join((*parts, text[done:]))


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a character, counted from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def place(file: str, text: str, span: Span, spans: list[Span]) -> Place:
    """A span as it is reported.

    Args:
        file: The file's name.
        text: The whole text.
        span: The one to report.
        spans: All spans of the text: tokens among them are masked.
    """
    line, column = position(text, span.start)
    context = excerpt(text, span.start, span.end, spans)
    return Place(file, line, column, span.kind, span.form, span.replacement is not None, context, span.why)


def excerpt(text: str, start: int, end: int, spans: list[Span]) -> str:
    """What stands from ``start`` to ``end`` and around it, bounded, on one line, with all that may be a token masked."""
    # Cut wide, masked, and cut again: half a token is one too.
    first, last = max(0, start - _AROUND), min(len(text), end + _AROUND)
    middle = _masked(text, start, end, spans)
    before = _masked(text, _whole(text, first, start), start, spans).rpartition("\n")[2]
    after = _masked(text, end, last, spans).partition("\n")[0]
    shown = middle if len(middle) <= _LONGEST else f"{middle[: _LONGEST - 3]}..."
    left = before if len(before) <= _CONTEXT else f"...{before[-_CONTEXT:]}"
    right = after if len(after) <= _CONTEXT else f"{after[:_CONTEXT]}..."
    line = " ".join(f"{left}{shown}{right}".split())
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)


def _whole(text: str, first: int, start: int) -> int:
    """Where the first whole word begins: a secret that is cut is not known for one."""
    match = _TORN.match(text, first, start) if first else None
    return first if match is None else match.end()


def _masked(text: str, start: int, end: int, spans: list[Span]) -> str:
    parts, done = [], start
    nearest = bisect_right(spans, start, key=lambda span: span.end)  # they are in order and do not overlap
    for span in spans[nearest:]:
        if span.start >= end:
            break
        if span.kind is Kind.TOKEN:
            parts += [text[done : max(done, span.start)], MASK]
            done = min(end, span.end)
    return _SECRET.sub(MASK, "".join((*parts, text[done:end])))
