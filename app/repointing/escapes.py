r"""How a character may be written in JavaScript, JSON, HTML and addresses, and how another is written the same way.

A bundle may hold an address as ``https:\/\/...`` (JSON for HTML), ``\u002F``, ``\x2f`` (escaped or obfuscated scripts), ``%2F``
(an address within an address) or ``&#x2F;`` (HTML templates); nested in a string of a source map, with more backslashes.
"""

import re
from collections.abc import Callable
from typing import Final

_NAMED: Final = {"/": "&sol;", ":": "&colon;", ".": "&period;", "=": "&equals;"}
_BY_NAME: Final = {name: character for character, name in _NAMED.items()}
_WRITTEN: Final = re.compile(
    r"(?P<lead>\\+u\{0*)(?P<braced>[0-9a-f]{2})\}|(?P<slashes>\\+)(?P<kind>x|u00)(?P<hex>[0-9a-f]{2})"
    r"|(?P<percent>%(?:25)*)(?P<code>[0-9a-f]{2})|(?P<entity>&#x0*)(?P<entityhex>[0-9a-f]{2});|(?P<decimal>&#0*)(?P<number>\d{2,3});"
    r"|(?P<name>&(?:sol|colon|period|equals);)|(?P<before>\\+)(?P<after>/)|(?P<plain>.)",
    re.IGNORECASE | re.DOTALL,
)

Write = Callable[[str], str]
"""Writes a character in one form."""


def written(text: str) -> str:
    """A pattern for ``text`` with each character in any form. To be compiled with IGNORECASE."""
    return "".join(map(_character, text))


def _character(character: str) -> str:
    codes = sorted({ord(character.lower()), ord(character.upper())})
    pairs = "|".join(f"{code:02x}" for code in codes)
    numbers = "|".join(map(str, codes))
    forms = [
        re.escape(character),
        rf"\\{{1,16}}(?:x|u00)(?:{pairs})",
        rf"\\{{1,16}}u\{{0{{0,4}}(?:{pairs})\}}",
        rf"%(?:25)*(?:{pairs})",
        rf"&#(?:0*(?:{numbers})|x0*(?:{pairs}));",
    ]
    if character == "/":
        forms.append(r"\\{1,16}/")
    if character in _NAMED:
        forms.append(_NAMED[character])
    return f"(?:{'|'.join(forms)})"


def write_like(text: str, like: str) -> str:
    """``text``, each character written as ``like`` writes its own.

    Args:
        text: An address, or its end.
        like: The written address that it replaces.
    """
    forms: dict[str, Write] = {}
    for match in _WRITTEN.finditer(like):
        character, form = _form(match)
        forms.setdefault("letter" if character.isalnum() else character, form)
    escaped_address = forms.get("/", _plain)("/").startswith("%")

    def write(character: str) -> str:
        if character in forms:
            return forms[character](character)
        if character.isalnum() or character in "-_~":
            return forms.get("letter", _plain)(character)
        return forms["/"](character) if escaped_address and character in ":[]" else character

    return "".join(map(write, text))


def _plain(character: str) -> str:
    return character


def _form(match: re.Match[str]) -> tuple[str, Write]:
    """The character that was written, and how to write another."""
    found = match.groupdict()
    digits = found["braced"] or found["hex"] or found["code"] or found["entityhex"]
    if digits:
        case = "X" if digits.upper() == digits and digits.lower() != digits else "x"
        lead = found["lead"] or found["percent"] or found["entity"] or f"{found['slashes']}{found['kind']}"
        end = "}" if found["braced"] else ";" if found["entityhex"] else ""
        return chr(int(digits, 16)), lambda character: f"{lead}{ord(character):02{case}}{end}"
    if found["number"]:
        return chr(int(found["number"])), lambda character: f"{found['decimal']}{ord(character)};"
    if found["name"]:
        return _BY_NAME[found["name"].lower()], lambda character: _NAMED.get(character, character)
    if found["before"]:
        return "/", lambda character: f"{found['before']}{character}"
    return found["plain"], _plain
