"""Registrations and their finalization: rows 11 and 12."""

from typing import Final

import orjson

from app.backend import Backend
from app.caching.reading import Reading
from app.calls import JSON, Call, Reply
from app.outbox.outbox import Outbox
from translation.errors import (
    REGISTRATION_ANSWER_UNREADABLE,
    REGISTRATION_OUTCOME_UNKNOWN,
    UNSUPPORTED_MEDIA_TYPE,
    ProxyError,
)

MAY_HAVE_REGISTERED: Final = frozenset({REGISTRATION_ANSWER_UNREADABLE, REGISTRATION_OUTCOME_UNKNOWN})
"""Errors of a registration that perhaps happened."""


class Registrations:
    """Sends registrations to the backend.

    Args:
        backend: The organisation that is asked.
        reading: Is told of registrations.
        outbox: Stores those that cannot be sent, where there is one.
    """

    def __init__(self, backend: Backend, reading: Reading, outbox: Outbox | None = None) -> None:
        self._backend = backend
        self._reading = reading
        self._outbox = outbox

    async def __call__(self, call: Call) -> Reply:
        """Send one registration and answer its result.

        Raises:
            ProxyError: ``UnsupportedMediaType``, ``InvalidBody``, or what the backend raises.
        """
        if not is_json(call.content_type):
            raise ProxyError(UNSUPPORTED_MEDIA_TYPE)
        if self._outbox is not None and call.operation.name == "register":
            return await self._safely(call, self._outbox)
        return await self._send(call, self._backend.translated(call))

    async def _safely(self, call: Call, outbox: Outbox) -> Reply:
        """Send a registration, unless the outbox has it; store it when it cannot be sent."""
        body = self._backend.translated(call)
        held = await outbox.holds(call, body)
        if held is not None:
            return held
        try:
            return await self._send(call, body)
        except ProxyError as error:
            stored = await outbox.take(call, body, error)
            if stored is None:
                raise
            return stored

    async def _send(self, call: Call, body: bytes) -> Reply:
        try:
            result = await self._backend.send(call, body)
        except ProxyError as error:
            if error.kind in MAY_HAVE_REGISTERED:
                self._reading.registered(call.sent["event"])
            raise
        if result["status"] != "Failed":
            self._reading.registered(call.sent["event"])
        return Reply(200, JSON, orjson.dumps(result))


def is_json(content_type: str | None) -> bool:
    """Whether a body of that content type is JSON; one without a type is taken for it, as the old API did."""
    if content_type is None or not content_type.strip():
        return True
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("application/json", "text/json") or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
