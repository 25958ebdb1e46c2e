"""Serves the files of a portal's folder, on the origin of the proxy: then there is no CORS, and no preflight.

Starlette's ``StaticFiles`` looks files up (symbolic links do not lead out of the folder) and sends them in parts, with
validators and ranges. What is here: which path is which file, what is not served, precompressed siblings, how long browsers keep
what, and clients that do not read. Each answer looks at the disk: what changed there is served.
"""

import asyncio
import errno
import os
import re
import stat
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from app.bodies import ClientGoneError, Receive, Scope
from app.delivery import Send
from app.extensions import CUT, extension
from app.portal_files.rules import CODINGS, PAGE, cache_control, content_type, is_hidden, is_route, may_be_packed
from translation.errors import METHOD_NOT_ALLOWED, OPERATION_NOT_FOUND, ProxyError
from translation.targets import segments
from translation.validators import accepts_coding

log = structlog.get_logger("evtmgmt.portal")
_ALLOWED: Final = ("GET", "HEAD", "OPTIONS")
_ONE_RANGE: Final = re.compile(r"bytes=(?:([0-9]{1,15})-([0-9]{0,15})|-[0-9]{1,15})")
_NO_SUCH_FILE: Final = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EINVAL})


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was found: its name for browsers, where its bytes are, and their content coding."""

    name: str
    place: str
    status: os.stat_result
    coding: str | None = None


class PortalFiles:
    """An ASGI application that answers with files.

    Args:
        folder: The portal's folder; it holds an index.html.
        source_maps: Whether source maps are served.
        patience: Longest time for a client to take a part of a file, in seconds.
    """

    def __init__(self, folder: Path, *, source_maps: bool, patience: float) -> None:
        self._files = StaticFiles(directory=folder)
        self._source_maps = source_maps
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            ProxyError: ``MethodNotAllowed``, ``BadTarget``, or ``OperationNotFound`` for a path that is no file and no route.
            ClientGoneError: The client did not read, and was cut off.
        """
        if scope["method"] == "OPTIONS":
            response = Response(status_code=204, headers={"allow": ", ".join(_ALLOWED)})
        elif scope["method"] in ("GET", "HEAD"):
            response = await self._answer(scope)
        else:
            raise ProxyError(METHOD_NOT_ALLOWED, allow=_ALLOWED)
        response.headers["x-content-type-options"] = "nosniff"
        await self._send(response, _with_one_range(scope), receive, send)

    async def _answer(self, scope: Scope) -> Response:
        path, headers = segments(scope["raw_path"]), Headers(scope=scope)
        if is_hidden(path, source_maps=self._source_maps):
            raise ProxyError(OPERATION_NOT_FOUND)
        accepted = headers.get("accept-encoding", "").encode("latin-1")
        codings = [(name, ending) for name, ending in CODINGS if accepts_coding(accepted, name.encode("ascii"))]
        found = await asyncio.to_thread(self._find, path, is_route(path, headers.get("accept", "")), codings)
        if found is None:
            raise ProxyError(OPERATION_NOT_FOUND)
        if path and found.name == f"{'/'.join(path)}/{PAGE}" and not scope["raw_path"].endswith(b"/"):
            return _to_its_slash(path, scope["query_string"])  # what the page names relative to itself is below the slash
        own = {"cache-control": cache_control(found.name)}
        if may_be_packed(found.name):
            own["vary"] = "Accept-Encoding"
        if found.coding is not None:
            own["content-encoding"] = found.coding
        response = FileResponse(found.place, headers=own, media_type=content_type(found.name), stat_result=found.status)
        return NotModifiedResponse(response.headers) if self._files.is_not_modified(response.headers, headers) else response

    def _find(self, path: tuple[str, ...], route: bool, codings: list[tuple[str, str]]) -> _File | None:
        """The file for a path, in the form that the client likes best."""
        name = "/".join(path)
        found = self._file(name) or self._file(f"{name}/{PAGE}" if name else PAGE)
        if found is None and route:
            # A portal in several languages has a folder and a page for each.
            found = self._file(f"{path[0]}/{PAGE}") or self._file(PAGE)
        if found is None or not may_be_packed(found.name):
            return found
        for coding, ending in codings:
            packed = self._file(found.name + ending)
            # One that is older was made of another content.
            if packed is not None and packed.status.st_mtime_ns >= found.status.st_mtime_ns:
                return _File(found.name, packed.place, packed.status, coding)
        return found

    def _file(self, name: str) -> _File | None:
        try:
            place, status = self._files.lookup_path(name)
        except ValueError:
            return None
        except OSError as refused:
            if refused.errno in _NO_SUCH_FILE:
                return None
            raise
        return _File(name, place, status) if status is not None and stat.S_ISREG(status.st_mode) else None

    async def _send(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def patient(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            async with asyncio.timeout(self._patience):
                await send(message)

        try:
            await response(scope, receive, patient)
        except (OSError, RuntimeError) as broken:
            # The client does not read, or the file was changed while it was sent: what is sent must not look whole.
            if not started:
                raise
            log.warning("portal_file_cut_off", path=scope["raw_path"][:512].decode("latin-1"), cause=type(broken).__name__)
            cut = extension(scope, CUT)
            if cut is None:
                raise
            cut()
            if isinstance(broken, TimeoutError):
                raise ClientGoneError from None


def _to_its_slash(path: tuple[str, ...], query: bytes) -> Response:
    """A redirect from a folder to its page. Written anew, so that no path is taken for a host."""
    target = "/" + "/".join(quote(segment, safe="") for segment in path) + "/"
    location = target if not query else f"{target}?{quote(query, safe='=&%+,;:@/?!$()*-._~')}"
    return Response(status_code=308, headers={"location": location, "cache-control": "no-cache"})


def _with_one_range(scope: Scope) -> Scope:
    """The request without a range that is malformed, or that are several (RFC 9110 14.2 allows to ignore them)."""
    kept = []
    for name, value in scope["headers"]:
        if name == b"range":
            found = _ONE_RANGE.fullmatch(value.decode("latin-1").strip())
            if found is None or (found[2] and int(found[2]) < int(found[1])):
                continue
        kept.append((name, value))
    return scope if len(kept) == len(scope["headers"]) else {**scope, "headers": kept}
