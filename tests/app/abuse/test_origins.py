"""Tests of app/abuse/origins.py."""

import pytest

from app.abuse.origins import Origins
from app.guard import Headers
from translation.errors import ORIGIN_NOT_ALLOWED, ProxyError

ORIGINS = Origins(["https://portal.example.com"])


def headers(**given: str) -> Headers:
    single = {name.replace("_", "-").encode(): value.encode() for name, value in given.items()}
    return Headers(single, tuple(single.items()))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"origin": "https://portal.example.com"},
        {"origin": "https://Portal.example.com", "sec_fetch_site": "cross-site"},
        {"origin": "https://other.example.com", "sec_fetch_site": "same-origin"},
        {"origin": "https://proxy.example.com", "host": "Proxy.example.com"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ],
)
def test_pages_of_portals_and_programs_are_let_in(given: dict[str, str]) -> None:
    ORIGINS.check(headers(**given))


@pytest.mark.parametrize(
    "given",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "https://portal.example.com.evil.example"},
        {"origin": "http://portal.example.com"},
        {"origin": "https://portal.example.com:8443"},
        {"origin": "https://evil.example", "host": "proxy.example.com", "sec_fetch_site": "cross-site"},
        {"origin": "https://proxy.example.com", "host": "proxy.example.com", "sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_other_pages_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ProxyError) as error:
        ORIGINS.check(headers(**given))
    assert error.value.kind is ORIGIN_NOT_ALLOWED
    assert "evil" not in str(error.value)
