"""Tests of translation/images.py."""

import pytest

from translation.images import image_type

PNG = b"\x89PNG\r\n\x1a\n\x00\x00"


@pytest.mark.parametrize(
    ("said", "first", "expected"),
    [
        ("image/png", b"", "image/png"),
        ("Image/JPEG; charset=binary", b"", "image/jpeg"),
        ("image/svg+xml", b"<svg/>", "image/svg+xml"),
        (None, PNG, "image/png"),
        ("", b"GIF89a..", "image/gif"),
        ("application/octet-stream", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("image/jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("application/octet-stream", b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        ("application/octet-stream", b"RIFF\x00\x00\x00\x00WAVE", None),
        ("application/octet-stream", b"<html>", None),
        (None, b"", None),
        # What upstream says is believed over the bytes: a page never becomes an image, whatever it begins with.
        ("text/html", PNG, None),
        ("application/json", PNG, None),
        ("image/made-up", PNG, None),
    ],
)
def test_type(said: str | None, first: bytes, expected: str | None) -> None:
    assert image_type(said, first) == expected
