"""The sentence that Dynamics gave for a client error, made fit for a visitor's eyes.

Only the sentence of a 4xx answer is handed on, without markup, addresses, stack traces or e-mail addresses, cut to 300
characters; of all other failures no upstream text is shown.
"""

import html
import re
from typing import Any, Final

import orjson

MAX_SENTENCE: Final = 300
_MAX_READ: Final = 20_000
_KEYS: Final = ("message", "errormessage", "detail", "title", "error_description", "error")
_BLOCKS: Final = re.compile(r"<(script|style|head)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_TAGS: Final = re.compile(r"<[^>]*(?:>|\Z)")
# What marks a word as an address, an e-mail address or a token.
_UNWANTED: Final = re.compile(r"://|@|emapplicationtoken", re.IGNORECASE)
_STACK: Final = re.compile(
    r"(?:(?:^|[ >])at [\w.<>`+]+\(|Traceback \(most recent|\bSystem\.(?:\w{1,64}\.){0,6}\w{0,64}Exception\b|--->).*", re.DOTALL
)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def sentence_of(body: bytes) -> str | None:
    """The cleaned sentence in an upstream's error body, or None when there is none.

    Args:
        body: JSON with one of the usual keys in any letter case, a JSON string, or plain text or HTML.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    text = body[:_MAX_READ].decode("utf-8", "replace").strip()
    if text[:1] in ("{", "[", '"'):
        try:
            return clean(_find(orjson.loads(body)))
        except orjson.JSONDecodeError:
            pass
    return clean(text)


def clean(text: str | None) -> str | None:
    """Text without markup, addresses, e-mail addresses and stack traces, one line of at most 300 characters."""
    if text is None:
        return None
    # Stacks before tags, as a frame may look like one: A.<Run>d__1.MoveNext().
    text = _TAGS.sub(" ", _without_stack(_BLOCKS.sub(" ", text[:_MAX_READ])))
    text = _TAGS.sub(" ", html.unescape(text)) if "&" in text else text
    text = " ".join(word for word in _without_stack(text).split() if not _UNWANTED.search(word))
    if len(text) > MAX_SENTENCE:
        text = text[: MAX_SENTENCE - 1].rstrip() + "…"
    return text or None


def _without_stack(text: str) -> str:
    """Text up to a stack trace; on one line, so that the search does not slow down with the square of a run of blanks."""
    return _STACK.sub("", " ".join(_UNPRINTABLE.sub(" ", text).split()))


def _find(value: Any, depth: int = 0) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        value = value[0] if value else None
        return _find(value, depth + 1) if depth < 3 else None
    if not isinstance(value, dict) or depth >= 3:
        return None
    named = {key.strip().lower(): item for key, item in value.items()}
    for key in _KEYS:
        if key in named and (found := _find(named[key], depth + 1)):
            return found
    return None
