"""Registrations and their finalization: rows 11 and 12."""

import orjson

from app.backend import Backend
from app.calls import JSON, Call, Reply
from translation.errors import UNSUPPORTED_MEDIA_TYPE, ProxyError


class Registrations:
    """Sends registrations to the backend.

    Args:
        backend: The organisation that is asked.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def __call__(self, call: Call) -> Reply:
        """Send one registration and answer its result.

        Raises:
            ProxyError: ``UnsupportedMediaType``, ``InvalidBody``, or what the backend raises.
        """
        if not is_json(call.content_type):
            raise ProxyError(UNSUPPORTED_MEDIA_TYPE)
        return Reply(200, JSON, orjson.dumps(await self._backend.submit(call)))


def is_json(content_type: str | None) -> bool:
    """Whether a body of that content type is JSON; one without a type is taken for it, as the old API did."""
    if content_type is None or not content_type.strip():
        return True
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("application/json", "text/json") or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
