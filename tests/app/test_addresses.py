"""Tests of app/addresses.py; tests/app/test_settings.py has those of whole settings."""

import pytest

from app.addresses import base_address, is_loopback, origin_of


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
    ],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


@pytest.mark.parametrize(
    ("pasted", "address"),
    [
        ("https://A.Example.com/Path/", "https://a.example.com/Path/"),
        (' "https://a.example.com" ', "https://a.example.com"),
        ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"),
        ("https://[::1]:8/", "https://[::1]:8/"),
    ],
)
def test_one_form(pasted: str, address: str) -> None:
    assert base_address(pasted, "it") == address


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("a.example.com", "it must start with https://"),
        ("http://a.example.com", "it must use https"),
        ("ftp://a.example.com", "it must use https"),
        ("https://me:secret@a.example.com", "no user name"),
        ("https://a.example.com/?x=1", "no user name, query"),
        ("https://a b.example.com", "is not an address"),
        ("https://a.example.com:port", "is not an address"),
        ("https://", "is not an address"),
    ],
)
def test_mistakes_in_words(pasted: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        base_address(pasted, "it")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("pasted", "origin"),
    [
        ("https://A.example.com/", "https://a.example.com"),
        ("https://a.example.com:443", "https://a.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:4200", "http://localhost:4200"),
    ],
)
def test_origins(pasted: str, origin: str) -> None:
    assert origin_of(pasted, "it") == origin


def test_an_origin_has_no_path() -> None:
    with pytest.raises(ValueError, match="an origin has no path"):
        origin_of("https://a.example.com/path", "it")
