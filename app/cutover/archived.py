"""What the archive has to do with a request: for the third step, which must not wait for its file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from app.cutover.decision import Facts, Source
from app.cutover.places import Places
from translation.operations import BY_NAME

_LIST = "list_events"


class Held(Protocol):
    """What an archive holds, as ``app/archive/shelf.py`` tells it at any moment."""

    events: Mapping[str, str]
    things: Mapping[str, str]


class Archived:
    """Tells what the archive holds of what is asked for.

    Args:
        held: What the archive holds.
        listed: Whether the list of events shows any of it.
        sides: The organisations that there are.
        whole: Whether real-time's list tells all events that it would answer for: not where it is asked for a part of them.
    """

    def __init__(self, held: Held, sides: tuple[Source, ...], *, listed: bool, whole: bool) -> None:
        self._held = held
        self._sides = sides
        self._listed = listed
        self._whole = whole

    @property
    def lists(self) -> bool:
        """Whether the list of events shows any that the archive holds."""
        return self._listed and bool(self._held.events)

    def at_once(self, operation: str, asked: tuple[str, ...], places: Places) -> Source:
        """Who answers a read that real-time would answer if there were no archive: what the whole way says, said quickly.

        Args:
            operation: Its name.
            asked: The values of its path parameters as the portal sent them.
            places: Where things live.
        """
        if not asked:
            return Source.REALTIME_AND_ARCHIVE if operation == _LIST and self.lists else Source.REALTIME
        name = self._event_of(asked[0])
        if name is None or BY_NAME[operation].row is None or places.holders(asked[0])[0]:
            return Source.REALTIME
        return Source.ARCHIVE if self._gone(name, places) and not _recreated(name, places) else Source.REALTIME

    def told(self, facts: Facts, thing: str, places: Places) -> Facts:
        """The same facts, and what the archive knows.

        Args:
            facts: What is known of a request.
            thing: The event or part that it is about, by its old id.
            places: Where things live.
        """
        name = self._event_of(thing)
        if name is None:
            return facts
        return replace(facts, archived=name, recreated=_recreated(name, places), gone=self._gone(name, places))

    def _event_of(self, thing: str) -> str | None:
        """The event that an event's id, or the id of a part of one, is of, as its id is written; None when it is not held."""
        folded = thing.casefold()
        event = folded if folded in self._held.events else self._held.things.get(folded)
        return None if event is None else self._held.events.get(event, event)

    def _gone(self, event: str, places: Places) -> bool:
        """Whether the lists of all organisations were read, and none has an event."""
        known = self._whole and all(places.listed(side) is not None for side in self._sides)
        return known and not places.is_listed(event)


def _recreated(event: str, places: Places) -> bool:
    """Whether the migration gave an event another readable id."""
    return places.new_name(event).casefold() != event.casefold()
