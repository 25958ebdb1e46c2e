"""What is worth a word in a portal's files."""

import pytest

from app.repointing.notices import notices, renamed_not
from app.repointing.target import read_target

TARGET = read_target("https://proxy.example.com")


def names(text: str, to: str = "https://proxy.example.com") -> list[str]:
    return [notice.name for notice in notices("a.js", text, read_target(to))]


@pytest.mark.parametrize(
    "text",
    [
        "isAuthenticationEnabled:!0",
        '"isAuthenticationEnabled": true',
        r"\"isAuthenticationEnabled\":true",
        "isAuthenticationEnabled = 'true'",
    ],
)
def test_sign_in_that_is_on(text: str) -> None:
    (found,) = notices("a.js", f"x\n{text}", TARGET)
    assert (found.name, found.line, found.column) == ("sign_in", 2, 1 + text.index("isA"))
    assert "Set it to false" in found.text


def test_sign_in_that_is_off_or_asked_for() -> None:
    assert names('isAuthenticationEnabled:!1,"isAuthenticationEnabled": false,if(e.isAuthenticationEnabled){}') == []


def test_a_captcha() -> None:
    assert names("if(e.enableCaptcha)") == ["captcha"]
    assert names("hipObject:t") == ["captcha"]


@pytest.mark.parametrize(
    ("policy", "to"),
    [
        ("connect-src 'self' https://*.svc.dynamics.com", "https://proxy.example.com"),
        ("default-src 'self'", "https://proxy.example.com"),
        ("connect-src *.example.org", "https://proxy.example.com"),
        ("connect-src https://proxy.example.com", "https://proxy.example.com:8443"),
        ("connect-src https:", "http://127.0.0.1:8080"),
        ("connect-src https://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("default-src *; connect-src 'none'", "https://proxy.example.com"),
    ],
)
def test_a_policy_that_forbids_the_proxy(policy: str, to: str) -> None:
    text = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    (found,) = notices("index.html", text, read_target(to))
    assert found.name == "policy"
    assert read_target(to).origin in found.text
    assert found.column == 1 + text.index(policy)


@pytest.mark.parametrize(
    ("policy", "to"),
    [
        ("connect-src 'self' https://proxy.example.com", "https://proxy.example.com"),
        ("connect-src proxy.example.com/path", "https://proxy.example.com"),
        ("connect-src *.example.com", "https://proxy.example.com"),
        ("connect-src https://proxy.example.com:8443", "https://proxy.example.com:8443"),
        ("connect-src proxy.example.com:*", "https://proxy.example.com:8443"),
        ("connect-src https:", "https://proxy.example.com"),
        ("default-src 'none'; connect-src *", "https://proxy.example.com"),
        ("script-src 'self'", "https://proxy.example.com"),
    ],
)
def test_a_policy_that_lets_it_through(policy: str, to: str) -> None:
    assert names(f'<meta content="{policy}">', to) == []


def test_names_with_a_hash_of_the_content() -> None:
    for name in ("main.8f3b2a1c9d4e5f60.js", "a/index-BkQ3x9aZ.js", "main-5UYPRXHC.js"):
        assert renamed_not(name) is not None, name
    for name in ("main.js", "jquery-migrate.min.js", "polyfills-es2015.js", "a8f3b2a1c9d4e5f60/main.js", "index.html"):
        assert renamed_not(name) is None, name
