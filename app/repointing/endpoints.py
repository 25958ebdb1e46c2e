"""Finds old endpoints in a text: ``https://<alias>.svc[-tip].dynamics.com/EvtMgmt/api/v1.0|v2.0/`` (CONTRACT 1), in any form."""

import re
from collections.abc import Iterator
from typing import Final

from app.repointing.escapes import write_like, written
from app.repointing.places import Kind, Span
from app.repointing.target import Target

_ANCHOR: Final = re.compile(
    r"[dD][yY][nN][aA][mM][iI][cC][sS]|(?:x|u00)[46]4\\{1,16}(?:x|u00)[57]9|%[46]4%[57]9|&#x[46]4;&#x[57]9;"
    r"|&#(?:100|68);&#(?:121|89);"
)
"""What every address has; the patterns below are tried around it only, so that a line of ten megabytes is quick."""
_BEFORE, _AFTER = 1_500, 1_500
"""How far around: an address in its longest writing."""

_FLAGS: Final = re.ASCII | re.IGNORECASE
_CODES: Final = r"(?:2d|3[0-9]|[46][1-9a-f]|[57][0-9a])"
_NUMBERS: Final = r"(?:45|4[89]|5[0-7]|6[5-9]|[78]\d|90|9[7-9]|1[01]\d|12[0-2])"
_TEMPLATE: Final = r"\$\{[\w$.?]{1,80}\}"
# An atomic group, and not a possessive quantifier: that one is wrong before CPython 3.11.5 (gh-106052), as on Debian 12.
_LABEL: Final = rf"(?>(?:[a-z0-9-]|\\{{1,16}}(?:x|u00){_CODES}|%{_CODES}|&#x{_CODES};|&#{_NUMBERS};|{_TEMPLATE}){{1,100}})"
_DOT, _SLASH = written("."), written("/")
_HOST: Final = rf"{_DOT}{written('svc')}(?:{written('-')}[a-z0-9]{{1,20}})?{_DOT}{written('dynamics')}{_DOT}{written('com')}"
_PATH: Final = (
    rf"(?:{_SLASH})+{written('EvtMgmt')}(?:{_SLASH})+{written('api')}(?:{_SLASH})+{written('v')}"
    rf"(?:{written('1')}|{written('2')}){_DOT}{written('0')}(?P<slash>{_SLASH})?(?(slash)|(?![\w-]|\.\w))"
)
_ADDRESS: Final = re.compile(
    rf"(?:(?P<scheme>{written('http')}(?:{written('s')})?{written(':')})?(?P<double>{_SLASH}{_SLASH})|(?<![\w.%-]))"
    rf"(?P<alias>(?:{_LABEL}{_DOT}){{0,20}}?{_LABEL}){_HOST}{_PATH}",
    _FLAGS,
)

_QUOTE: Final = r"\\{0,16}[\"'`]"
_SPACE: Final = r"(?:\s|\\{1,16}[nrt])*"
_NAME: Final = r"[\w$]+(?:\.[\w$]+|\[[\w$\"'\\]+\])*"
_SCHEME: Final = rf"{_QUOTE}{written('https://')}(?:{_QUOTE})"
_JOINED: Final = re.compile(
    rf"{_SCHEME}{_SPACE}\+{_SPACE}{_NAME}{_SPACE}\+{_SPACE}(?P<quote>{_QUOTE})(?P<like>{_HOST}{_PATH})", _FLAGS
)
_CONCAT: Final = re.compile(
    rf"{_SCHEME}\.concat\({_SPACE}{_NAME}{_SPACE},{_SPACE}(?P<quote>{_QUOTE})(?P<like>{_HOST}{_PATH})(?P=quote){_SPACE}\)", _FLAGS
)

_LEFT: Final = re.compile(
    rf"(?:(?<![\w.-])|(?<=2[fF]))(?P<alias>(?:{_LABEL}{_DOT}){{0,20}}{_LABEL}|\*)?{_HOST}(?P<path>{_PATH})?", _FLAGS
)
"""What is left when all of the above is taken away: a person has to look at it."""

_PARTS: Final = (
    "The address is put together from parts here, by code that cannot be replaced safely. Change it by hand so that {url} "
    "comes out."
)
_HOST_ALONE: Final = (
    "Only the old host stands here, without the path of the API. If code puts the path to it, write {origin} here by hand; "
    "if it is a policy or a hint for the browser, name {origin} there as well."
)
_NO_SCHEME: Final = "The address has no scheme here, so the page's code gives it https, and {url} has http. Change it by hand."


def endpoints(text: str, target: Target) -> list[Span]:
    """All old endpoints of a text, in their order."""
    found: list[Span] = []
    for first, last in _windows(text):
        for pattern, form in ((_JOINED, "concatenated"), (_CONCAT, "concatenated")):
            found += [_joined(match, form, target) for match in pattern.finditer(text, first, last)]
        found += [_address(match, target) for match in _ADDRESS.finditer(text, first, last) if not _taken(match, found)]
        found += [_by_hand(match, target) for match in _LEFT.finditer(text, first, last) if not _taken(match, found)]
    return sorted(found, key=lambda span: span.start)


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses may be: parts of the text that do not overlap."""
    first = last = -1
    for anchor in _ANCHOR.finditer(text):
        if anchor.start() - _BEFORE > last:
            if last >= 0:
                yield first, last
            first = max(0, anchor.start() - _BEFORE)
        last = min(len(text), anchor.end() + _AFTER)
    if last >= 0:
        yield first, last


def _taken(match: re.Match[str], spans: list[Span]) -> bool:
    return any(match.start() < span.end and span.start < match.end() for span in spans)


def _address(match: re.Match[str], target: Target) -> Span:
    like = re.sub(_TEMPLATE, "", match[0])
    scheme, _, rest = target.origin.partition("://")
    template = "template literal" if "${" in match[0] else ""
    if match["scheme"] is None and match["double"] is None and scheme != "https":
        why = _NO_SCHEME.format(url=target.url)
        return Span(match.start(), match.end(), Kind.ENDPOINT, template or "without scheme", None, why)
    text = f"{rest}{target.path}"
    if match["double"] is not None:
        text = f"//{text}"
    if match["scheme"] is not None:
        text = f"{scheme}:{text}"
    form = template or _writing(match[0]) or ("plain" if match["scheme"] else "without scheme")
    replacement = write_like(text, like) + (match["slash"] or "")
    return Span(match.start(), match.end(), Kind.ENDPOINT, form, replacement)


def _writing(text: str) -> str:
    """The name of the escaping that an address has; empty when it has none."""
    if "%" in text:
        return "URL-encoded"
    if "&" in text:
        return "HTML entities"
    return "escaped" if "\\" in text else ""


def _joined(match: re.Match[str], form: str, target: Target) -> Span:
    replacement = f"{match['quote']}{write_like(target.origin + target.path, match['like'])}{match['slash'] or ''}"
    if match.re is _CONCAT:
        replacement += match["quote"]
    return Span(match.start(), match.end(), Kind.ENDPOINT, form, replacement)


def _by_hand(match: re.Match[str], target: Target) -> Span:
    parts = match["path"] is not None or match["alias"] is None
    why = (_PARTS if parts else _HOST_ALONE).format(url=target.url, origin=target.origin)
    return Span(match.start(), match.end(), Kind.ENDPOINT, "put together" if parts else "host alone", None, why)
