"""Bytes as text and back, so that every byte outside of what is replaced stays as it is."""

import codecs
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

_BINARY_SUFFIXES: Final = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".webp",
        ".avif",
        ".ico",
        ".bmp",
        ".woff",
        ".woff2",
        ".ttf",
        ".otf",
        ".eot",
        ".mp3",
        ".mp4",
        ".webm",
        ".ogg",
        ".pdf",
        ".wasm",
        ".zip",
        ".gz",
        ".br",
        ".zst",
        ".7z",
        ".exe",
        ".dll",
        ".so",
        ".class",
        ".jar",
    ]
)
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class TextFile:
    """What a file holds.

    Attributes:
        text: Without the byte order mark.
        mark: The byte order mark, or nothing.
        encoding: How the text is encoded.
    """

    text: str
    mark: bytes
    encoding: str

    def encoded(self, text: str) -> bytes:
        """Another text as the bytes of this file."""
        return self.mark + text.encode(self.encoding)


def read_text(file: str, data: bytes) -> TextFile | None:
    """The text of a file, or None when it is none.

    UTF-8; UTF-16 with a byte order mark; else as Latin-1, which takes every byte and gives it back.

    Args:
        file: Its name: pictures and the like are not looked into.
        data: Its bytes.
    """
    if PurePosixPath(file.lower()).suffix in _BINARY_SUFFIXES:
        return None
    mark, encoding = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", "utf-8"))
    if encoding == "utf-8" and b"\0" in data:
        return None
    for candidate in (encoding,) if encoding != "utf-8" else ("utf-8", "latin-1"):
        try:
            text = data[len(mark) :].decode(candidate)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else TextFile(text, mark, candidate)
    return None
