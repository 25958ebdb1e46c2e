"""Hashes of changed files, wherever they stand and however they are written."""

import hashlib
from base64 import b64encode

import pytest

from app.repointing.digests import digests, with_digests

OLD = next(data for data in (b"old %d" % number for number in range(1_000)) if b"/" in b64encode(hashlib.sha384(data).digest()))
NEW = next(
    data for data in (b"new %d" % number for number in range(1_000)) if {*b"/+"} <= {*b64encode(hashlib.sha384(data).digest())}
)
KNOWN = digests(OLD, NEW)


def sri(data: bytes, name: str = "sha384") -> str:
    return f"{name}-{b64encode(hashlib.new(name, data).digest()).decode()}"


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_integrity(name: str) -> None:
    text = '<script integrity="{} sha384-{}">'
    assert with_digests(text.format(sri(OLD, name), "A" * 64), KNOWN) == (text.format(sri(NEW, name), "A" * 64), 1)


@pytest.mark.parametrize("slash", ["\\/", "\\\\/", "\\u002f", "\\u002F"])
def test_integrity_in_other_writings(slash: str) -> None:
    assert with_digests(f'"{sri(OLD).replace("/", slash)}"', KNOWN) == (f'"{sri(NEW).replace("/", slash)}"', 1)


@pytest.mark.parametrize("name", ["sha1", "md5"])
def test_service_workers(name: str) -> None:
    text = f'"/main.js": "{hashlib.new(name, OLD).hexdigest()}", "/other.js": "{hashlib.new(name, b"other").hexdigest()}"'
    changed, count = with_digests(text, KNOWN)
    assert (changed, count) == (text.replace(hashlib.new(name, OLD).hexdigest(), hashlib.new(name, NEW).hexdigest()), 1)


def test_parts_of_longer_numbers_are_none() -> None:
    text = hashlib.sha1(OLD).hexdigest() + "0"
    assert with_digests(text, KNOWN) == (text, 0)
