"""The one place that every line of output passes: tokens, e-mail addresses and queries of addresses do not get out.

FIELD-NOTES: HTTP clients and their exceptions carry the full URL, so the token. What is written to the log goes through
``Redactor.text``; what leaves as an error body or a metric is made of names from closed lists only.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

import orjson

MASK: Final = "[redacted]"
_TOKEN: Final = re.compile(r"(emapplicationtoken(?:=|%3d|\"?\s*[:=]\s*\"?))[^&\s\"'\\]+", re.IGNORECASE)
# From the first character of a word and without steps back, or a long word costs the square of its length; the part behind
# the sign has the characters of the part before it, so that no address begins in the middle of a word that was matched.
_EMAIL: Final = re.compile(r"(?<![A-Za-z0-9._+\-])[A-Za-z0-9._+\-]++(?:@|%(?:25)*40)[A-Za-z0-9._+\-]+")
_URL_QUERY: Final = re.compile(r"(\bhttps?://[^\s?\"'\\]+\?)[^\s\"'\\]+", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"%[0-9A-F]{2}")
_BEARER: Final = re.compile(r"(\bbearer\s+)[^\s\"'\\]+", re.IGNORECASE)


class Redactor:
    """Removes secrets and personal data from text.

    Args:
        secrets: Values that must never be seen, such as the token.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in forms_of(secret)}
        self._secrets = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None

    def text(self, text: str) -> str:
        """``text`` without the known secrets, token parameters, queries of addresses, bearer tokens and e-mail addresses."""
        if self._secrets is not None:
            text = self._secrets.sub(MASK, text)
        # Cheap tests first, the search for one letter before that for a word: nearly all lines hold none of these.
        lower = text.lower()
        if "k" in lower and "oken" in lower:
            text = _TOKEN.sub(rf"\1{MASK}", text)
        if "?" in text:
            text = _URL_QUERY.sub(rf"\1{MASK}", text)
        if "@" in text or ("%" in text and ("%40" in text or "2540" in text)):
            text = _EMAIL.sub(MASK, text)
        if " " in text and "earer " in lower:
            text = _BEARER.sub(rf"\1{MASK}", text)
        return text


def forms_of(secret: str) -> tuple[str, ...]:
    """How a secret may look: as it is, in an address, in a representation, in JSON (a line is cleaned once it is JSON)."""
    in_address = (quote(secret, safe=""), quote_plus(secret))
    in_lower_case = (_ESCAPE.sub(lambda escape: escape[0].lower(), form) for form in in_address)
    return (secret, *in_address, *in_lower_case, repr(secret)[1:-1], orjson.dumps(secret).decode()[1:-1])
