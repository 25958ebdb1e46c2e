"""The script of the bridge (docs/forms.md): for portals on any origin, for ever under the name of its content."""

import re
from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response

from app.bridge.script import ROOM, Script
from translation.validators import accepts_gzip

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_NAME: Final = re.compile(r"[0-9a-f]{16}\.js")
_BRIEFLY: Final = "public, max-age=60"
"""For the name of another version: while replicas are exchanged, answers that name the old one are about."""


def bridge_router(script: Script) -> APIRouter:
    """The route of the script.

    Args:
        script: The script.
    """
    router = APIRouter(include_in_schema=False)

    @router.api_route(f"/{ROOM}/{{name}}", methods=["GET", "HEAD"])
    async def bridge(request: Request, name: str) -> Response:
        if not _NAME.fullmatch(name):
            raise HTTPException(404)
        headers = {
            "Cache-Control": _FOR_EVER if name == script.name else _BRIEFLY,
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        content = script.content
        if accepts_gzip(request.headers.get("accept-encoding", "").encode("latin-1")):
            content = script.packed
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type="text/javascript; charset=utf-8", headers=headers)

    return router
