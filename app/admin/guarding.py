"""Changes come from where they should: not from foreign pages, and not without bounds."""

import asyncio
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson
from starlette.requests import ClientDisconnect, Request

from app.admin.problems import AdminError, Kind

MOST_BYTES: Final = 65_536
BODY_SECONDS: Final = 10.0
_MOST_FIELDS: Final = 50


def same_origin(request: Request) -> None:
    """Refuse what a page of another origin sends. Programs say nothing of where they come from, and are let through.

    Browsers say it in ``Sec-Fetch-Site``, which no page can change; older ones, and those on plain connections, in ``Origin``.
    The first is believed alone where it stands: reverse proxies may ask with another ``Host`` than the browser did.

    Raises:
        AdminError: ``CrossSite``.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        allowed = site in ("same-origin", "none")
    elif origin is not None:
        host = request.headers.get("host", "").lower()
        try:
            allowed = bool(host) and urlsplit(origin).netloc.lower() == host
        except ValueError:
            allowed = False
    else:
        allowed = True
    if not allowed:
        raise AdminError(Kind.CrossSite)


async def read_json(request: Request) -> Any:
    """The JSON body of a change. That it must be declared as JSON keeps forms of foreign pages out.

    Raises:
        AdminError: It is none, too large, or too slow.
    """
    if _media_type(request) != "application/json":
        raise AdminError(Kind.UnsupportedMediaType)
    try:
        return orjson.loads(await _body(request))
    except orjson.JSONDecodeError:
        raise AdminError(Kind.InvalidChange, "The body is no JSON.") from None


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form; of one that is doubled the last.

    Raises:
        AdminError: It is none, too large, or too slow.
    """
    if _media_type(request) != "application/x-www-form-urlencoded":
        raise AdminError(Kind.UnsupportedMediaType, "A form was expected.")
    text = (await _body(request)).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise AdminError(Kind.InvalidChange, "The form has too many fields.") from None


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BYTES:
                    raise AdminError(Kind.BodyTooLarge)
                parts.append(part)
    except TimeoutError:
        raise AdminError(Kind.BodyTimeout) from None
    except ClientDisconnect:
        raise AdminError(Kind.BodyTimeout) from None
    return b"".join(parts)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
