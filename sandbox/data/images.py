"""Small valid PNG images, made with zlib and struct alone (PNG specification, third edition, section 5)."""

import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

Pixel = tuple[int, int, int]

_DIGITS = {
    "0": "111101101101111",
    "1": "010110010010111",
    "2": "111001111100111",
    "3": "111001111001111",
    "4": "101101111001001",
    "5": "111100111001111",
    "6": "111100111101111",
    "7": "111001010010010",
    "8": "111101111101111",
    "9": "111101111001111",
}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows: Sequence[Sequence[Pixel]]) -> bytes:
    """Return an RGB PNG file of these rows of (red, green, blue) pixels, all rows of one length."""
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    raw = b"".join(b"\x00" + bytes(value for pixel in row for value in pixel) for row in rows)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(raw, 9)) + _chunk(b"IEND", b"")


@lru_cache(maxsize=512)
def badge(key: str, width: int = 96, height: int = 96) -> bytes:
    """Return a picture in colours of its own for `key`, e.g. a speaker's or sponsorship's GUID."""
    red, green, blue, *_ = sha256(key.encode()).digest()
    rows = [[((red + 2 * x) % 256, (green + 2 * y) % 256, (blue + x + y) % 256) for x in range(width)] for y in range(height)]
    return png(rows)


@lru_cache(maxsize=512)
def matrix(key: str, cells: int = 25, scale: int = 4) -> bytes:
    """Return a black and white matrix that looks like a QR code. No reader can decode it."""
    bits = sha256(key.encode()).digest() * 3
    dark = [[bits[(y * cells + x) // 8 % len(bits)] >> (x + y) % 8 & 1 for x in range(cells)] for y in range(cells)]
    rows = [
        [(0, 0, 0) if dark[y // scale][x // scale] else (255, 255, 255) for x in range(cells * scale)]
        for y in range(cells * scale)
    ]
    return png(rows)


def digits(text: str, scale: int = 8) -> bytes:
    """Return a picture that shows `text`, decimal digits only (the challenge of the simulated captcha)."""
    columns = 4 * len(text) + 1

    def dark(x: int, y: int) -> bool:
        digit, column = divmod(x - 1, 4)
        if x < 1 or column == 3 or not 1 <= y <= 5:
            return False
        return _DIGITS[text[digit]][(y - 1) * 3 + column] == "1"

    rows = [
        [(30, 30, 120) if dark(x // scale, y // scale) else (240, 240, 240) for x in range(columns * scale)]
        for y in range(7 * scale)
    ]
    return png(rows)
