"""Events of the archive: their pages as they were recorded, and no registrations (docs/archive.md)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from app.archive.archive import Recorded
from app.archive.file import LISTED, thing_of
from app.archive.shelf import Shelf
from app.caching.reading import Reading
from app.caching.served import Served
from app.calls import JSON, Call, Reply
from routes.calendar import PersonalCalendar
from routes.images import HEADERS, kept_for
from routes.published import union
from routes.refusals import refuse
from translation.aliases import NO_ALIASES
from translation.answers import read_json, translate
from translation.closing import close_registration, close_session
from translation.errors import NOT_FOUND, REGISTRATION_CLOSED, TRACK_SESSIONS_NOT_AVAILABLE, ProxyError
from translation.operations import BY_NAME, OPERATIONS, Answer, Operation, Serving
from translation.repairs import Repairs
from translation.tracks import sessions_of_track

_MARGIN: Final = timedelta(days=1)
"""Times in answers are local: what was a day before the recording was before it everywhere."""


class Archived:
    """Answers reads from the archive, in the old form.

    Args:
        shelf: The archive.
        repairs: How answers are mended.
        sign_in: Whether events say that only signed-in visitors may register.
    """

    def __init__(self, shelf: Shelf, repairs: Callable[[], Repairs], *, sign_in: bool) -> None:
        self._shelf = shelf
        self._repairs = repairs
        self._sign_in = sign_in

    async def __call__(self, call: Call) -> Reply:
        """Answer one read.

        Raises:
            ProxyError: ``NotFound``, ``ArchiveUnreadable``.
        """
        thing = thing_of(call.operation, call.sent)
        recorded = await self._shelf.read(call.operation.name, thing)
        if recorded is None and call.operation.answer is Answer.EVENT:
            recorded = await self._shelf.read(LISTED, thing)  # a saved copy may hold no more of it
        if recorded is None and call.operation.answer is Answer.LIST and thing in self._shelf.events:
            return Reply(200, JSON, b"[]")  # likewise; an error would leave a portal's page blank (PORTAL-FACTS)
        if recorded is None:
            raise ProxyError(NOT_FOUND, cause="the archive has no such answer")
        if call.operation.answer is Answer.IMAGE:
            return Reply(200, recorded.content_type.encode("ascii"), recorded.body, [*HEADERS, kept_for(shared=False)])
        return Reply(200, JSON, orjson.dumps(self.value(call, recorded)))

    async def listed(self) -> list[dict[str, Any]]:
        """All its events, as the list shows them.

        Raises:
            ProxyError: ``ArchiveUnreadable``.
        """
        call = Call(BY_NAME[LISTED], {}, {})
        recorded = await self._shelf.listed()
        return await asyncio.to_thread(lambda: [event for each in recorded for event in self._of_list(call, each)])

    def value(self, call: Call, recorded: Recorded) -> Any:
        """The value of an answer that was recorded, in the old form."""
        value, _ = translate(call.operation, read_json(recorded.body), call.asked, call.sent, self._repairs())
        if call.operation.answer is Answer.EVENT:
            return self._closed(value, recorded)
        return [close_session(item) for item in value] if call.operation.shape == "Session" else value

    def _of_list(self, call: Call, recorded: Recorded) -> list[dict[str, Any]]:
        value, _ = translate(call.operation, [read_json(recorded.body)], {}, {}, self._repairs())
        return [self._closed(event, recorded) for event in value]

    def _closed(self, event: Mapping[str, Any], recorded: Recorded) -> dict[str, Any]:
        latest = (datetime.fromtimestamp(recorded.at, UTC) - _MARGIN).strftime("%Y-%m-%dT%H:%M:%S")
        return close_registration(event, latest, sign_in=self._sign_in)


class ArchivedTrackSessions:
    """The sessions of a track: as they were recorded, or from the tracks and sessions of its event, where these relate them.

    Args:
        archived: Answers reads.
        shelf: The archive.
        reading: Reads tracks and sessions.
    """

    def __init__(self, archived: Archived, shelf: Shelf, reading: Reading) -> None:
        self._archived = archived
        self._shelf = shelf
        self._reading = reading

    async def __call__(self, call: Call) -> Reply:
        """Answer the sessions of one track.

        Raises:
            ProxyError: ``NotFound``, ``TrackSessionsNotAvailable``, ``ArchiveUnreadable``.
        """
        try:
            return await self._archived(call)
        except ProxyError as error:
            event = self._shelf.things.get(call.sent["track"].lower())
            if error.kind is not NOT_FOUND or event is None:
                raise
        parameters = {"event": event}
        tracks, sessions = await asyncio.gather(
            self._reading.value("list_tracks", parameters, call.trace, until=call.until),
            self._reading.value("list_sessions", parameters, call.trace, until=call.until),
        )
        found = sessions_of_track(call.sent["track"], tracks, sessions)
        if found is None:
            raise ProxyError(TRACK_SESSIONS_NOT_AVAILABLE)
        return Reply(200, JSON, orjson.dumps(found))


class ArchivedList:
    """The events of the archive alone, by their starts: what a tester asks for.

    Args:
        archived: Answers reads.
    """

    def __init__(self, archived: Archived) -> None:
        self._archived = archived

    async def __call__(self, call: Call) -> Reply:
        """Answer the list.

        Raises:
            ProxyError: ``ArchiveUnreadable``.
        """
        return Reply(200, JSON, orjson.dumps(union([await self._archived.listed()], NO_ALIASES)))


async def closed(call: Call) -> Reply:
    """Refuse a registration.

    Raises:
        ProxyError: ``RegistrationClosed``, always.
    """
    raise ProxyError(REGISTRATION_CLOSED)


def archive_handlers(
    archived: Archived, shelf: Shelf, reading: Reading
) -> dict[str, Callable[[Call], Awaitable[Reply | Served]]]:
    """The handler of each operation of the old API, by name.

    Args:
        archived: Answers reads.
        shelf: The archive.
        reading: Answers what was answered before.
    """
    own: dict[str, Callable[[Call], Awaitable[Reply | Served]]] = {
        LISTED: reading.through(BY_NAME[LISTED], ArchivedList(archived)),
        "list_track_sessions": ArchivedTrackSessions(archived, shelf, reading),
        "get_personal_calendar": PersonalCalendar(reading, NO_ALIASES),
    }

    def of(operation: Operation) -> Callable[[Call], Awaitable[Reply | Served]]:
        if operation.name in own:
            return own[operation.name]
        if "event" in operation.parameters and operation.writes:
            return closed
        return refuse if operation.serving is Serving.REFUSED else reading.through(operation, archived)

    return {operation.name: of(operation) for operation in OPERATIONS if operation.row is not None}
