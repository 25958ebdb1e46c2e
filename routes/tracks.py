"""The sessions of a track: row 15, emulated, as the real-time API has no such operation (CONTRACT 2.1)."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from app.caching.reading import Reading
from app.calls import JSON, Call, Reply
from translation.errors import NOT_FOUND, ProxyError
from translation.grammar import is_event_id
from translation.tracks import sessions_of_track, track_ids

MAX_REMEMBERED: Final = 10_000
MAX_EVENTS_WALKED: Final = 200
WALKS_AT_ONCE: Final = 4


class TrackMemory:
    """Remembers which event a track belongs to, from the answers that passed. Bounded; the oldest is forgotten."""

    def __init__(self) -> None:
        self._events: OrderedDict[str, str] = OrderedDict()

    def learn(self, event: str, tracks: Iterable[Mapping[str, Any]]) -> None:
        """Remember the tracks of an event, by today's readable event id."""
        for track in track_ids(tracks):
            self._events[track] = event
            self._events.move_to_end(track)
        while len(self._events) > MAX_REMEMBERED:
            self._events.popitem(last=False)

    def event_of(self, track: str) -> str | None:
        """The event of a track, or None when it was not seen."""
        return self._events.get(track.lower())


class TrackSessions:
    """Finds the event that a track belongs to, then its sessions.

    Args:
        reading: Reads what the answer is made of.
        memory: What was learned from answers that passed.
    """

    def __init__(self, reading: Reading, memory: TrackMemory) -> None:
        self._reading = reading
        self._memory = memory
        self._walking = asyncio.Lock()

    async def __call__(self, call: Call) -> Reply:
        """Answer the sessions of one track.

        Raises:
            ProxyError: ``NotFound`` when no published event has the track, ``TrackSessionsNotAvailable`` when nothing relates
                tracks and sessions, or what the backend raises.
        """
        track = call.sent["track"]
        event = self._memory.event_of(track) or await self._find(track, call)
        if event is None:
            raise ProxyError(NOT_FOUND, cause="no published event has this track")
        parameters = {"event": event}
        tracks, sessions = await asyncio.gather(
            self._reading.value("list_tracks", parameters, call.trace, until=call.until),
            self._reading.value("list_sessions", parameters, call.trace, until=call.until),
        )
        found = sessions_of_track(track, tracks, sessions)
        if found is None:
            assert call.operation.refusal is not None  # noqa: S101 - the table says so
            raise ProxyError(call.operation.refusal)
        return Reply(200, JSON, orjson.dumps(found))

    async def _find(self, track: str, call: Call) -> str | None:
        """Walk the published events until one has the track. One walk at a time: the next finds what this one learned."""
        async with self._walking:
            if event := self._memory.event_of(track):
                return event
            listed = await self._reading.value("list_events", {}, call.trace, until=call.until)
            names = [name for item in listed if isinstance(name := item["readableEventId"], str) and is_event_id(name)]
            for start in range(0, min(len(names), MAX_EVENTS_WALKED), WALKS_AT_ONCE):
                await asyncio.gather(*(self._look(name, call) for name in names[start : start + WALKS_AT_ONCE]))
                if event := self._memory.event_of(track):
                    return event
        return None

    async def _look(self, event: str, call: Call) -> None:
        try:
            value = await self._reading.value("list_tracks", {"event": event}, call.trace, until=call.until)
            self._memory.learn(event, value)
        except ProxyError as error:
            if error.kind is not NOT_FOUND:
                raise
