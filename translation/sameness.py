"""Whether two values of one field mean the same to a visitor, however the two APIs spell it.

Forgiven is spelling only: white space at the ends and line ends of text; white space, entities and letter case of tags in HTML;
offsets and fractions of times; zeros at the end of numbers; the address before a relative ``imageUrl``. Nothing here raises,
whatever the values are.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from html import unescape
from typing import Any, Final

from translation.timezones import UTC_INDEX, to_utc

HTML_FIELDS: Final = frozenset(
    {
        "about", "accomplishments", "description", "detailedDescription", "publications", "sessionObjectives",
        "sessionPreRequisites", "sessionSummary", "websiteMessage",
    }
)  # fmt: skip
"""Fields that organisers write in an editor for rich text; another text is HTML when both sides hold a tag."""

_MAX_HTML: Final = 2_000_000
_MAX_MARKS: Final = 4_000
"""Longer texts, or such with more tags and entities, are not read as HTML: it would take many milliseconds."""
_TAG: Final = re.compile(r"<([^<>]*)>")
_STARTS_TAG: Final = re.compile(r"<[A-Za-z/!]")
_ATTRIBUTE: Final = re.compile(r"""([^\s=/"']+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"']+))?""")
_INLINE: Final = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "button",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
    ]
)
_SPACE: Final = re.compile(r"[ \t\n\r\f]+")
_DECIMAL: Final = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_ABSOLUTE: Final = re.compile(r"(?:https?:)?//[^/]*/?", re.IGNORECASE)


def blank(value: Any) -> bool:
    """Whether a value says nothing: null, missing, an empty or white text, an empty list, an object of nulls (CONTRACT 1)."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    if isinstance(value, dict):
        return all(item is None for item in value.values())
    return isinstance(value, list) and not value


def same(name: str, left: Any, right: Any, zones: tuple[Any, Any] = (None, None)) -> bool:
    """Whether two values of a field are the same.

    Args:
        name: The field's name, which says whether it is HTML or in UTC.
        left: A scalar.
        right: A scalar.
        zones: The Dynamics time-zone index that local times of each side are in, or None.
    """
    if isinstance(left, str) and isinstance(right, str):
        return left == right or _same_text(name, left, right, zones)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    if isinstance(left, str) and isinstance(right, int | float):
        return _same_number(left, right)
    if isinstance(right, str) and isinstance(left, int | float):
        return _same_number(right, left)
    return False


def same_image_path(left: Any, right: Any, ids: tuple[Any, Any]) -> bool:
    """Whether two ``imageUrl`` lead to the same image: absolute or relative, each with its own speaker's id.

    Args:
        left: An address, or a path under the base.
        right: Likewise.
        ids: The ids of the two speakers: the migration may have given them new ones.
    """
    if not (isinstance(left, str) and isinstance(right, str)):
        return False
    return _image_path(left, ids[0]) == _image_path(right, ids[1])


def plain(text: str) -> str:
    """``text`` without what nobody sees: white space at its ends, carriage returns."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def named(value: Any) -> str:
    """A name to find things by: letter case and the kind and number of blanks do not count."""
    return " ".join(value.split()).casefold() if isinstance(value, str) else ""


def normal_html(text: str) -> str:
    """HTML in one spelling: entities resolved, white space as a browser shows it, tags in lower case, attributes in order."""
    parts: list[str] = []
    glued = True  # white space after a block tag, or at the beginning, is not shown
    at = 0
    for found in _TAG.finditer(text):
        tag, block = (_short_tag if found.end() - found.start() < 64 else _tag)(found[1])
        words = _words(text[at : found.start()], glued)
        parts += [words.rstrip(" ") if block else words, tag]
        glued = block or (glued and not words)
        at = found.end()
    parts.append(_words(text[at:], glued).rstrip(" "))
    return "".join(parts)


def _words(text: str, glued: bool) -> str:
    words = unescape(_SPACE.sub(" ", text))
    return words.lstrip(" ") if glued else words


def _tag(inner: str) -> tuple[str, bool]:
    """A tag in one spelling, and whether it starts or ends a block."""
    parts = [(found[1].lower(), unescape((found[2] or "").strip("\"'"))) for found in _ATTRIBUTE.finditer(inner)]
    name = parts[0][0] if parts else ""
    attributes = "".join(f" {key}={value}" for key, value in sorted(parts[1:]))
    mark = "/" if inner.startswith("/") else ""
    # Control characters mark tags: a "<" that was an entity is text.
    return f"\x01{mark}{name}{attributes}\x02", name not in _INLINE


_short_tag: Final = lru_cache(1_024)(_tag)


def _same_text(name: str, left: str, right: str, zones: tuple[Any, Any]) -> bool:
    left, right = plain(left), plain(right)
    if left == right or _same_time(name, left, right, zones):
        return True
    if _DECIMAL.fullmatch(left) and _DECIMAL.fullmatch(right):
        return _without_zeros(left) == _without_zeros(right)
    html = name in HTML_FIELDS or (_STARTS_TAG.search(left) and _STARTS_TAG.search(right))
    return bool(html) and _readable(left) and _readable(right) and normal_html(left) == normal_html(right)


def _readable(text: str) -> bool:
    return len(text) <= _MAX_HTML and text.count("<") + text.count("&") <= _MAX_MARKS


def _without_zeros(number: str) -> str:
    # Only those after the point: "007" is no number.
    return number.rstrip("0").rstrip(".") if "." in number else number


def _same_number(text: str, number: float) -> bool:
    text = text.strip()
    if not _DECIMAL.fullmatch(text) or not abs(number) < 1e30:
        return False
    return Decimal(text) == Decimal(repr(number))


def _same_time(name: str, left: str, right: str, zones: tuple[Any, Any]) -> bool:
    first, second = _moment(left), _moment(right)
    if first is None or second is None:
        return False
    if (first.tzinfo is None) == (second.tzinfo is None):
        return first == second
    places = (UTC_INDEX, UTC_INDEX) if name.endswith("UTC") else zones
    if first.tzinfo is None:
        return _instant(left, (places[0], places[1])) == second.astimezone(UTC)
    return first.astimezone(UTC) == _instant(right, (places[1], places[0]))


def _moment(text: str) -> datetime | None:
    if not (text[:4].isdigit() and text[4:5] == text[7:8] == "-"):
        return None
    try:
        moment = datetime.fromisoformat(text.upper()).replace(microsecond=0)
        # Refuses now what astimezone would stumble over later.
        return moment if 1 < moment.year < 9999 else None
    except (ValueError, OverflowError):
        return None


def _instant(text: str, zones: tuple[Any, Any]) -> datetime | None:
    own = to_utc(text, zones[0])
    found = own if own is not None else to_utc(text, zones[1])
    return None if found is None else found.replace(microsecond=0)


def _image_path(url: str, own: Any) -> str:
    path = url.strip().casefold()
    _, mark, rest = path.rpartition("speakers/")
    path = rest if mark else _ABSOLUTE.sub("", path, count=1)
    return path.replace(own.casefold(), "{own}") if isinstance(own, str) and own else path
