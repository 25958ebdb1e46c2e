"""Tests of app/admin/guarding.py."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.requests import Request

from app.admin import guarding
from app.admin.guarding import MOST_BYTES, read_form, read_json, same_origin
from app.admin.problems import AdminError, Kind

pytestmark = pytest.mark.anyio


def request(parts: Iterable[bytes] = (), **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    waiting = list(parts)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()  # a client that says no more
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": not part.endswith(b"\n")}

    return Request({"type": "http", "method": "POST", "headers": raw, "path": "/"}, receive)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "same-origin", "origin": "https://console.example.com", "host": "proxy:8000"},
        {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"},
        {"origin": "https://Console.example.com", "host": "console.example.com"},
    ],
)
def test_the_console_itself_and_programs_may(headers: dict[str, str]) -> None:
    same_origin(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": ""},
        {"sec_fetch_site": "cross-site", "origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"},
        {"origin": "null", "host": "127.0.0.1:8000"},
        {"origin": "", "host": ""},
        {"origin": "http://evil.invalid", "host": "127.0.0.1:8000"},
        {"origin": "http://127.0.0.1:9000", "host": "127.0.0.1:8000"},
        {"origin": "http://[", "host": "127.0.0.1:8000"},
        {"origin": "http://127.0.0.1:8000@evil.invalid", "host": "127.0.0.1:8000"},
        {"origin": "http://evil.invalid"},
    ],
)
def test_other_pages_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(AdminError) as error:
        same_origin(request(**headers))
    assert error.value.kind is Kind.CrossSite


async def test_json_is_read() -> None:
    assert await read_json(request([b'{"a":', b" 1}\n"], content_type="application/json; charset=utf-8")) == {"a": 1}


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx"]
)
async def test_json_must_be_declared(media: str) -> None:
    with pytest.raises(AdminError) as error:
        await read_json(request([b"{}\n"], content_type=media))
    assert error.value.kind is Kind.UnsupportedMediaType


@pytest.mark.parametrize("body", [b"\n", b"{\n", b"\xff\n", b"NaN\n"])
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(AdminError) as error:
        await read_json(request([body], content_type="application/json"))
    assert error.value.kind is Kind.InvalidChange


FORM = "application/x-www-form-urlencoded"


async def test_forms_are_read() -> None:
    assert await read_form(request([b"why=%C3%A4+b&stage=&why=c%0A\n"], content_type=FORM)) == {"why": "c\n\n", "stage": ""}
    with pytest.raises(AdminError):
        await read_form(request([b"a=1\n"], content_type="application/json"))
    with pytest.raises(AdminError) as error:
        await read_form(request([b"&".join([b"a=1"] * 100) + b"\n"], content_type=FORM))
    assert error.value.kind is Kind.InvalidChange


async def test_a_body_is_bounded_whatever_it_says_of_itself() -> None:
    with pytest.raises(AdminError) as error:
        await read_json(request([b" " * 60_000, b" " * 60_000], content_type="application/json", content_length="5"))
    assert error.value.kind is Kind.BodyTooLarge
    assert error.value.headers["Connection"] == "close"
    assert await read_json(request([b" " * (MOST_BYTES - 2), b"1\n"], content_type="application/json")) == 1


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "BODY_SECONDS", 0.01)
    with pytest.raises(AdminError) as error:
        await read_json(request([b"{"], content_type="application/json"))
    assert error.value.kind is Kind.BodyTimeout
