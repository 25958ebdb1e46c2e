"""Finds old web application tokens in a text: in addresses, and as values of settings (PORTAL-FACTS, CONTRACT 1)."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from app.repointing.places import Kind, Span

_ANCHOR: Final = re.compile(r"[aA][pP][pP][lL][iI][cC][aA][tT][iI][oO][nN][_-]?[tT][oO][kK][eE][nN]")
_BEFORE, _AFTER = 200, 8_192
"""How far around its name a token is looked for. Nobody knows how long one may be."""

_FLAGS: Final = re.ASCII | re.IGNORECASE
_KEY: Final = r"[\w$-]{0,60}application[_-]?token"
_QUOTE: Final = r"(?:\\{0,16}[\"'`]|&quot;|&apos;|&#(?:34|39|x22|x27);|\\{1,16}(?:x|u00)2[27]|%(?:25)*2[27])"
_SPACE: Final = r"(?:\s|\\{1,16}[nrt]|&#160;)*"
_COLON: Final = r"(?::|=(?!=)|\|\||\?\?|\\{1,16}(?:x|u00)3[ad]|%(?:25)*3[ad]|&#(?:58|61|x3a|x3d);)"
_VALUE: Final = r"(?P<value>(?:(?!(?P=quote))[^\s\"'`<>])+)"

_FORMS: Final = (
    (
        "in an address",
        re.compile(
            r"(?:[?&\"'`]|&amp;|%(?:25)*(?:3f|26)|\\{1,16}(?:x|u00)(?:3f|26)|&#(?:38|63|x26|x3f);)emapplicationtoken"
            r"(?P<equals>=|%(?:25)*3d|\\{1,16}(?:x|u00)3d|&#(?:61|x3d);)"
            r"(?P<value>(?:[\w.~+/=|:!*@-]|%(?!(?:25)*2[0236-7])(?:25)*[0-9a-f]{2}|\\{1,16}/|\\{1,16}(?:x|u00)(?:2b|2f|3d))+)",
            _FLAGS,
        ),
    ),
    (
        "as a setting",
        re.compile(rf"(?<![\w$-]){_KEY}(?:{_QUOTE})?\]?{_SPACE}{_COLON}{_SPACE}(?P<quote>{_QUOTE}){_VALUE}(?P=quote)", _FLAGS),
    ),
    (
        "as a parameter",
        re.compile(
            rf"(?:set|append)\({_SPACE}{_QUOTE}{_KEY}{_QUOTE}{_SPACE},{_SPACE}(?P<quote>{_QUOTE}){_VALUE}(?P=quote)", _FLAGS
        ),
    ),
    (
        "in a tag",
        re.compile(rf"name=[\"']?{_KEY}[\"']?\s+(?:content|value)=(?P<quote>[\"']){_VALUE}(?P=quote)", _FLAGS),
    ),
)
_LINE: Final = re.compile(
    rf"^[ \t]*(?:export[ \t]+)?{_KEY}[ \t]*[:=][ \t]*(?P<value>[^\s\"'#][^\s#]*)[ \t]*(?:#.*)?\r?$", _FLAGS | re.MULTILINE
)
_LINE_SUFFIXES: Final = frozenset({".env", ".properties", ".ini", ".yml", ".yaml", ".conf", ".sh"})


def tokens(file: str, text: str) -> list[Span]:
    """All old tokens of a text, in their order.

    Args:
        file: Its name: in some files a value has no quotes.
        text: What it holds.
    """
    forms = (*_FORMS, ("as a setting", _LINE)) if _has_lines(file) else _FORMS
    found: dict[int, Span] = {}
    for first, last in _windows(text):
        for form, pattern in forms:
            for match in pattern.finditer(text, first, last):
                start, end = match.span("value")
                # A name under its own name maps names, and a template is filled elsewhere: no tokens.
                named = _ANCHOR.search(match["value"]) or "${" in match["value"]
                if not named and not any(start < span.end and span.start < end for span in found.values()):
                    found[start] = Span(start, end, Kind.TOKEN, form, "")
    return [found[start] for start in sorted(found)]


def _has_lines(file: str) -> bool:
    name = PurePosixPath(file).name.lower()
    return name.startswith(".env") or PurePosixPath(name).suffix in _LINE_SUFFIXES


def _windows(text: str) -> Iterator[tuple[int, int]]:
    first = last = -1
    for anchor in _ANCHOR.finditer(text):
        if anchor.start() - _BEFORE > last:
            if last >= 0:
                yield first, last
            first = max(0, anchor.start() - _BEFORE)
        last = min(len(text), anchor.end() + _AFTER)
    if last >= 0:
        yield first, last
