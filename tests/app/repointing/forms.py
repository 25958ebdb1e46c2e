"""Writings of an address, as bundlers, templates and obfuscators leave them: how each is made from plain text."""

from collections.abc import Callable
from typing import Final

OLD: Final = "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/"
NEW: Final = "https://proxy.example.com/EvtMgmt/api/v2.0/"


def each(*characters: str, by: Callable[[str], str]) -> Callable[[str], str]:
    """Writes these characters another way, or all of them when none is named."""
    return lambda text: "".join(by(character) if not characters or character in characters else character for character in text)


FORMS: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "escaped slashes": each("/", by=lambda character: f"\\{character}"),
    "escaped twice": each("/", by=lambda character: f"\\\\{character}"),
    "unicode escapes": each("/", ":", by=lambda character: f"\\u{ord(character):04X}"),
    "unicode escapes in a string in a string": each("/", by=lambda character: f"\\\\u{ord(character):04x}"),
    "braced escapes": each("/", by=lambda character: f"\\u{{{ord(character):x}}}"),
    "hexadecimal escapes": each("/", ".", by=lambda character: f"\\x{ord(character):02x}"),
    "all hexadecimal": each(by=lambda character: f"\\x{ord(character):02x}"),
    "all unicode": each(by=lambda character: f"\\u{ord(character):04x}"),
    "URL-encoded": each("/", ":", by=lambda character: f"%{ord(character):02X}"),
    "URL-encoded twice": each("/", ":", by=lambda character: f"%25{ord(character):02X}"),
    "hexadecimal entities": each("/", ":", by=lambda character: f"&#x{ord(character):X};"),
    "decimal entities": each("/", ".", by=lambda character: f"&#{ord(character)};"),
    "named entities": each("/", by=lambda character: "&sol;"),
}
