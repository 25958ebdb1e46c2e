"""Packed siblings follow their file, or are taken away."""

import gzip
import sys
from types import ModuleType

import pytest

from app.repointing.siblings import brotli, siblings


def test_gzip_is_packed_anew_and_the_same_each_time() -> None:
    changes, told = siblings("a.js", b"new", {"a.js", "a.js.gz"})
    assert told == []
    packed = changes["a.js.gz"]
    assert packed is not None
    assert gzip.decompress(packed) == b"new"
    assert siblings("a.js", b"new", {"a.js", "a.js.gz"})[0] == changes


def test_brotli_without_its_module_is_taken_away_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    monkeypatch.setitem(sys.modules, "brotlicffi", None)
    assert brotli() is None
    changes, told = siblings("a.js", b"new", {"a.js", "a.js.br", "a.js.zst"})
    assert changes == {"a.js.br": None, "a.js.zst": None}
    assert [(notice.name, notice.file) for notice in told] == [("sibling_removed", "a.js.br"), ("sibling_removed", "a.js.zst")]


def test_brotli_with_its_module_is_packed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("brotli")
    module.compress = lambda data: b"packed " + data  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "brotli", module)
    assert siblings("a.js", b"new", {"a.js", "a.js.br"}) == ({"a.js.br": b"packed new"}, [])


def test_without_siblings_nothing_happens() -> None:
    assert siblings("a.js", b"new", {"a.js", "b.js.gz"}) == ({}, [])
