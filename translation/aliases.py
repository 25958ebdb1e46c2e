"""Ids changed by the migration: events have to be created anew and may bear another id than the one in bookmarks.

Source: CONTRACT 2 ("events created in outbound marketing are not usable in real-time journeys").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


def _folded(table: Mapping[str, str]) -> dict[str, str]:
    return {old.casefold(): new for old, new in table.items()}


@dataclass(frozen=True, slots=True)
class Aliases:
    """Old ids and what they are today. Old ids are compared without regard to letter case, as the old API did.

    Attributes:
        events: Old readable event id to new.
        sessions: Old session GUID to new.
        passes: Old pass GUID to new.
        fields: Old id of a custom registration field to the new one.
        old_events: New readable event id to old, as it was written.
    """

    events: Mapping[str, str] = field(default_factory=dict)
    sessions: Mapping[str, str] = field(default_factory=dict)
    passes: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    old_events: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        events: Mapping[str, str],
        sessions: Mapping[str, str],
        passes: Mapping[str, str],
        fields: Mapping[str, str],
    ) -> "Aliases":
        """Aliases from tables as a person writes them, in any letter case."""
        old_events = {new.casefold(): old for old, new in events.items()}
        return cls(_folded(events), _folded(sessions), _folded(passes), _folded(fields), old_events)

    def event(self, old: str) -> str:
        """The readable event id to ask for."""
        return self.events.get(old.casefold(), old) if self.events else old

    def session(self, old: str) -> str:
        """The session id to ask for."""
        return self.sessions.get(old.casefold(), old) if self.sessions else old

    def parameters(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """Path parameters with today's ids."""
        if not (self.events or self.sessions) or not parameters:
            return parameters
        new = dict(parameters)
        if "event" in new:
            new["event"] = self.event(new["event"])
        if "session" in new:
            new["session"] = self.session(new["session"])
        return new

    def old_event(self, new: str) -> str:
        """The readable id of an event before the migration; an id that is no new one is given back."""
        return self.old_events.get(new.casefold(), new) if self.old_events else new

    def old_parameters(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """Path parameters as the organisation knows them that the migration leaves: portals may have seen new ids in a list."""
        if "event" not in parameters or not self.old_events:
            return parameters
        return {**parameters, "event": self.old_event(parameters["event"])}

    def attendee(self, attendee: dict[str, Any]) -> None:
        """Put today's ids into one attendee of a registration, in place."""
        _replace(attendee, "passId", self.passes)
        for session in _objects(attendee.get("attendeeSessions")):
            _replace(session, "sessionId", self.sessions)
        for response in _objects(attendee.get("responses")):
            _replace(response, "id", self.fields)


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _replace(item: dict[str, Any], key: str, table: Mapping[str, str]) -> None:
    old = item.get(key)
    if isinstance(old, str):
        item[key] = table.get(old.casefold(), old)


NO_ALIASES: Final = Aliases()
"""Nothing was renamed."""
