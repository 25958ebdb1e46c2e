"""Which answers are images, and of which type.

Only images may come from an image operation: anything else would be served from the portal's origin.
"""

from typing import Final

_TYPES: Final = frozenset(
    {
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/bmp", "image/avif", "image/x-icon",
        "image/vnd.microsoft.icon", "image/tiff",
    }
)  # fmt: skip
_UNSAID: Final = frozenset({"", "application/octet-stream", "binary/octet-stream", "image/jpg", "image/*"})
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)


def image_type(content_type: str | None, first: bytes) -> str | None:
    """The media type to answer an image with.

    Args:
        content_type: What upstream says.
        first: The first bytes of the body, looked at only when upstream does not say.

    Returns:
        A type of a short list, or None when it is no image.
    """
    said = (content_type or "").partition(";")[0].strip().lower()
    if said in _TYPES:
        return said
    if said not in _UNSAID:
        return None
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return "image/webp"
    return next((found for magic, found in _MAGIC if first.startswith(magic)), None)
