"""The text of a calendar entry: an organiser's content with wildcards filled, as HTML and as plain text (CONTRACT 1.3)."""

import re
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from typing import Final

_WILDCARD: Final = re.compile(r"\{\{([^{}]{1,100})\}\}")
_MARKUP: Final = re.compile(r"</?[A-Za-z][^<>]*>|&(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z]{2,31});")
_TAG_START: Final = re.compile(r"</?[A-Za-z]")
_SAFE_SCHEME: Final = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_BLANKS: Final = re.compile(r"[ \t]+")
_LINE_END: Final = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# RFC 5545, TSAFE-CHAR: no control characters but the tab; a line feed is written as \n. Surrogates have no UTF-8 form.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """Text that RFC 5545 allows: line ends are line feeds, other control characters but the tab are gone."""
    return _FORBIDDEN.sub("", _LINE_END.sub("\n", text))


def _as_markup(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def fill(content: str, values: Mapping[str, str]) -> str:
    """The content as HTML with its ``{{wildcards}}`` filled once; those without a value are removed.

    Args:
        content: HTML, or plain text, which is made HTML first.
        values: Values by lower-case name. They are escaped: no value adds a tag, an attribute or a script address.
    """
    markup = content if _MARKUP.search(content) else _as_markup(content)

    def filled(match: re.Match[str]) -> str:
        value = values.get(match[1].strip().lower(), "")
        opened = markup.rfind("<", 0, match.start())
        in_tag = opened > markup.rfind(">", 0, match.start()) and _TAG_START.match(markup, opened)
        return _attribute_value(value) if in_tag else _as_markup(value)

    return _WILDCARD.sub(filled, markup)


def _attribute_value(value: str) -> str:
    # Character references hold in unquoted attributes too; a colon could begin a scheme that runs a script.
    value = value.strip()
    if not _SAFE_SCHEME.match(value):
        value = value.replace(":", "%3A")
    return "".join(c if c.isalnum() else f"&#{ord(c)};" for c in value)


def plain_text(markup: str) -> str:
    """What a reader sees of a piece of HTML, as lines of text."""
    reader = _TextOfMarkup()
    # Behind the last ">" no tag ends; html.parser would look for one from each "<" anew.
    end = markup.rfind(">") + 1
    try:
        reader.feed(markup[:end] + markup[end:].replace("<", "&lt;"))
        reader.close()
    except AssertionError:
        # html.parser gives up at some declarations (<![x[): what stands before them is kept.
        pass
    lines = (_BLANKS.sub(" ", line).strip() for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _TextOfMarkup(HTMLParser):
    """What a reader sees of a piece of HTML: lines where blocks are, the address of a link behind its words."""

    _BLOCKS: Final = frozenset({"br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "table", "tr", "ul"})
    _UNSEEN: Final = frozenset({"script", "style", "title"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._UNSEEN:
            self._unseen += 1
        elif tag in self._BLOCKS:
            self.parts.append("\n")
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in self._BLOCKS and tag != "br":
            self.parts.append("\n")
        elif tag == "a" and self._links:
            link = self._links.pop()
            if link.startswith(("http://", "https://")) and "".join(self.parts[-1:]).strip() != link:
                self.parts.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            # A line end in the source is a blank on the page.
            self.parts.append(data.replace("\n", " "))
