"""Bytes come back as they were, whatever they are; what is no text is not looked into."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repointing.texts import read_text


@given(st.binary())
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    file = read_text("a.js", data)
    if file is not None:
        assert file.encoded(file.text) == data


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(b"", "utf-8"), (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")],
)
def test_text_is_read(mark: bytes, encoding: str, text: str) -> None:
    file = read_text("a.js", mark + text.encode(encoding))
    assert file is not None
    if mark or not text.startswith("\ufeff"):
        assert file.text == text
    assert file.encoded("x") == file.mark + "x".encode(encoding)


def test_what_is_no_utf8_is_latin_1() -> None:
    file = read_text("a.js", b"caf\xe9\r\n")
    assert file is not None
    assert (file.text, file.encoding) == ("caf\xe9\r\n", "latin-1")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.js", b"a\0b"),
        ("logo.PNG", b"plain"),
        ("main.js.gz", b"plain"),
        ("a.txt", codecs.BOM_UTF32_LE + "abc".encode("utf-32-le")),
        ("a.txt", codecs.BOM_UTF16_LE + b"\x00\xd8"),
        ("a.txt", codecs.BOM_UTF16_LE + b"a"),
    ],
)
def test_what_is_no_text(name: str, data: bytes) -> None:
    assert read_text(name, data) is None
