"""The form of the ids that stand in paths and bodies.

A readable event id is free text chosen by the organiser (CONTRACT 1.1); all other ids are GUIDs (CONTRACT 1.2). What does
not have its form is never sent upstream.
"""

import re
from typing import Final
from unicodedata import category
from urllib.parse import quote

MAX_EVENT_ID_LENGTH: Final = 200
_FORBIDDEN: Final = frozenset("/\\?#%;")
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9_.~\-]*")
# Letters, digits and the few marks that fill nearly all real ids: decided without a look at each character.
_PLAIN_EVENT_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")
# Control characters, surrogates and the two invisible line ends; format characters stay, as emoji and scripts need them.
_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_event_id(text: str) -> bool:
    """Whether ``text``, decoded once, is a readable event id: 1-200 characters, safe as one path segment."""
    if _PLAIN_EVENT_ID.fullmatch(text):
        return True
    if not 1 <= len(text) <= MAX_EVENT_ID_LENGTH or text in (".", ".."):
        return False
    return not any(character in _FORBIDDEN or category(character) in _UNPRINTABLE for character in text)


def is_guid(text: str) -> bool:
    """Whether ``text`` is a GUID in its hyphenated form, in any letter case."""
    return _GUID.fullmatch(text) is not None


def quote_segment(text: str) -> str:
    """``text`` as one path segment: all but RFC 3986 unreserved characters percent-encoded as UTF-8.

    Nothing is left that an HTTP client would encode again or resolve (FIELD-NOTES: clients rewrite paths).
    """
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="")
