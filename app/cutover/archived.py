"""What the archive has to do with a request: for the third step, which must not wait for its file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from app.cutover.decision import Facts, Source
from app.cutover.places import Places

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

    def may_answer(self, operation: str, asked: tuple[str, ...]) -> bool:
        """Whether the archive has to do with a read at all. Most have not, and are answered many thousand times a second.

        Args:
            operation: Its name.
            asked: The values of its path parameters as the portal sent them.
        """
        if not asked:
            return operation == _LIST
        thing = asked[0].casefold()
        return thing in self._held.events or thing in self._held.things

    def told(self, facts: Facts, thing: str, places: Places) -> Facts:
        """The same facts, and what the archive knows.

        Args:
            facts: What is known of a request.
            thing: The event or part that it is about, by its old id.
            places: Where things live.
        """
        folded = thing.casefold()
        event = folded if folded in self._held.events else self._held.things.get(folded)
        if event is None:
            return facts
        name = self._held.events.get(event, event)
        recreated = places.new_name(name).casefold() != event
        known = self._whole and all(places.listed(side) is not None for side in self._sides)
        return replace(facts, archived=name, recreated=recreated, gone=known and not places.is_listed(name))
