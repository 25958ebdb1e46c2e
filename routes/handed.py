"""The old API handed through: what it says, as it says it (CONTRACT 1)."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from app.caching.reading import Reading
from app.calls import JSON, Call, Header, Reply
from app.outbound import Outbound
from routes.registrations import MAY_HAVE_REGISTERED, is_json
from translation.errors import (
    REGISTRATION_ANSWER_UNREADABLE,
    UNSUPPORTED_MEDIA_TYPE,
    UPSTREAM_ANSWER_INVALID,
    ProxyError,
)
from translation.operations import Answer

_CALENDAR: Final = b"text/calendar; charset=utf-8"
_FILE: Final[Header] = (b"content-disposition", b'attachment; filename="calendar.ics"')
_NOBODY_ELSES: Final[Header] = (b"cache-control", b"no-store")


class Handed:
    """Hands calls to the outbound organisation.

    Args:
        outbound: The organisation that is asked.
        reading: Is told of registrations.
        learn: Is told of each answer to a read, parsed.
    """

    def __init__(self, outbound: Outbound, reading: Reading, learn: Callable[[Call, Any], None]) -> None:
        self._outbound = outbound
        self._reading = reading
        self._learn = learn

    async def __call__(self, call: Call) -> Reply:
        """Hand one call through.

        Raises:
            ProxyError: ``UnsupportedMediaType``, ``UpstreamAnswerInvalid`` or ``RegistrationAnswerUnreadable`` for what is no
                JSON, or what the backend raises.
        """
        if call.operation.writes:
            return await self._write(call)
        body = await self._outbound.ask(call)
        if call.operation.answer is Answer.CALENDAR:
            if not body.lstrip().startswith(b"BEGIN:VCALENDAR"):
                raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="not a calendar file")
            return Reply(200, _CALENDAR, body, [_FILE, _NOBODY_ELSES])
        try:
            value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError:
            raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="the answer is not JSON") from None
        private = call.authorization is not None
        if not private:
            self._learn(call, value)
        return Reply(200, JSON, body, [_NOBODY_ELSES] if private or call.operation.freshness is None else [], call=call)

    async def _write(self, call: Call) -> Reply:
        if not is_json(call.content_type):
            raise ProxyError(UNSUPPORTED_MEDIA_TYPE)
        event = call.sent.get("event")
        try:
            body = await self._outbound.ask(call)
        except ProxyError as error:
            if error.kind in MAY_HAVE_REGISTERED and event is not None:
                self._reading.registered(event)
            raise
        if event is not None:
            self._reading.registered(event)
        if body.strip():
            try:
                orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
            except orjson.JSONDecodeError:
                raise ProxyError(REGISTRATION_ANSWER_UNREADABLE, cause="the answer is not JSON") from None
        return Reply(200, JSON, body, [_NOBODY_ELSES])
