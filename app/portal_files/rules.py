"""What a file of a portal is: whether it is served, as what, how long browsers keep it, and what a route is."""

import mimetypes
import re
from collections.abc import Sequence
from typing import Final

PAGE: Final = "index.html"
IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATED: Final = "no-cache"
CODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
"""Content codings of precompressed siblings, best first, and the endings of their names."""
_TYPES: Final = {
    "css": "text/css",
    "csv": "text/csv",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "js": "text/javascript",
    "json": "application/json",
    "map": "application/json",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "vtt": "text/vtt",
    "webmanifest": "application/manifest+json",
    "xml": "application/xml",
}
"""Text: in UTF-8, and worth a precompressed sibling."""
_BINARY: Final = {
    "7z": "application/x-7z-compressed",
    "avif": "image/avif",
    "br": "application/octet-stream",
    "eot": "application/vnd.ms-fontobject",
    "gif": "image/gif",
    "gz": "application/gzip",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "otf": "font/otf",
    "pdf": "application/pdf",
    "png": "image/png",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "webm": "video/webm",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "zip": "application/zip",
}
_OTHERS: Final = mimetypes.MimeTypes()
"""The library's own table: what is installed on the machine has no say."""
_PACKED_TOO: Final = frozenset({"wasm", "ttf", "otf", "eot", "ico"})
_SOURCE_MAP: Final = re.compile(r"\.map(?:\.gz|\.br)?$", re.IGNORECASE)
_HASHED: Final = re.compile(
    r".+[.\-_](?:"
    r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{8,64}"  # webpack, Angular up to 16: hexadecimal, no date
    r"|(?=[A-Z0-9]*[A-Z])[A-Z0-9]{8}"  # Angular since 17
    r"|(?=[\w\-]{0,7}[0-9_\-])(?=[\w\-]{0,7}[A-Z])(?=[\w\-]{0,7}[a-z])[\w\-]{8}"  # Vite
    r")(?:\.[a-z]{1,12})?\.[a-z0-9]{1,5}",
    re.ASCII,
)


def is_hidden(path: Sequence[str], *, source_maps: bool) -> bool:
    """Whether a file is not served, though it may be there.

    Args:
        path: The decoded segments.
        source_maps: Whether source maps are served.
    """
    inner = path[1:] if path and path[0] == ".well-known" else path  # RFC 8615
    if any(segment.startswith(".") for segment in inner):
        return True
    return not source_maps and bool(path) and _SOURCE_MAP.search(path[-1]) is not None


def content_type(name: str) -> str:
    """The media type of a file, by the ending of its name."""
    ending = _ending(name)
    if ending in _TYPES:
        return f"{_TYPES[ending]}; charset=utf-8"
    return _BINARY.get(ending) or _OTHERS.guess_type(f"x.{ending}")[0] or "application/octet-stream"


def may_be_packed(name: str) -> bool:
    """Whether precompressed siblings of a file are looked for."""
    ending = _ending(name)
    return ending in _TYPES or ending in _PACKED_TOO


def cache_control(name: str) -> str:
    """How long browsers may keep a file.

    A page is never kept unasked: it names the others. What looks as if its content were in its name never changes. A wrong guess
    would be kept for a year, so what is not sure is revalidated.
    """
    return IMMUTABLE if not name.endswith((".html", ".htm")) and _HASHED.fullmatch(name) else REVALIDATED


def is_route(path: Sequence[str], accept: str) -> bool:
    """Whether a path that is no file is a route of the portal's own, answered with its page.

    Args:
        path: The decoded segments.
        accept: The Accept header. Browsers that go to a page name text/html; scripts, styles, images and calls do not, and must
            not get a page in their place.
    """
    if "text/html" not in accept.lower():
        return False
    ending = _ending(path[-1]) if path else ""
    return ending in ("html", "htm") or (ending not in _TYPES and ending not in _BINARY)


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
