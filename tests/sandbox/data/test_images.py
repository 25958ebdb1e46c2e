import struct
import zlib

import pytest

from sandbox.data.images import badge, digits, matrix


def chunks(image: bytes) -> dict[bytes, bytes]:
    """Read a PNG strictly: signature, lengths, checksums."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(image):
        (length,) = struct.unpack(">I", image[at : at + 4])
        kind, data = image[at + 4 : at + 8], image[at + 8 : at + 8 + length]
        assert struct.unpack(">I", image[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        found[kind] = data
        at += 12 + length
    return found


@pytest.mark.parametrize("image", [badge("a"), matrix("b"), digits("0123456789")], ids=["badge", "matrix", "digits"])
def test_images_are_valid_png(image: bytes) -> None:
    found = chunks(image)
    assert list(found) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour = struct.unpack(">IIBB", found[b"IHDR"][:10])
    assert (depth, colour) == (8, 2)
    assert len(zlib.decompress(found[b"IDAT"])) == height * (1 + 3 * width)


def test_images_differ_by_key() -> None:
    assert badge("a") != badge("b")
    assert digits("12") != digits("21")
