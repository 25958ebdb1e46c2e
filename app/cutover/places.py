"""Where things live: which organisation publishes an event, and in which one the id of a session or speaker was seen.

Learned from the answers that pass. Readable event ids are those of the portal; aliases are applied both ways.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from app.cutover.decision import Source
from translation.aliases import Aliases
from translation.grammar import is_guid

MOST_IDS: Final = 50_000
MOST_PAGES: Final = 100_000
Page = tuple[int, str]
"""The bucket of the visitors who saw it, and the event's readable id without letter case."""
_PARTS: Final = frozenset(
    {"list_sessions", "list_tracks", "list_speakers", "list_sponsorships", "list_passes", "list_track_sessions"}
)
TELLING: Final = _PARTS | {"list_events"}
"""The operations whose answers tell what lives where."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One event of a list of published events.

    Attributes:
        event: Its readable id.
        name: Its name.
        start: Its ``startDate``, as the list says it.
        end: Its ``endDate`` likewise.
    """

    event: str
    name: str
    start: str
    end: str = ""


@dataclass(frozen=True, slots=True)
class _List:
    read: float
    events: Mapping[str, Listed]


class Places:
    """What is known of both organisations.

    Args:
        aliases: Ids changed by the migration.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, aliases: Aliases, clock: Callable[[], float] = monotonic) -> None:
        self._aliases = aliases
        self._clock = clock
        self._lists: dict[Source, _List] = {}
        self._ids: OrderedDict[str, tuple[frozenset[Source], str | None]] = OrderedDict()

    def learn(self, source: Source, operation: str, parameters: Mapping[str, str], value: Any) -> None:
        """Remember what an answer tells.

        Args:
            source: Who gave it.
            operation: The operation's name.
            parameters: Path parameters as they were sent.
            value: The parsed answer, of any form.
        """
        if not isinstance(value, list):
            return  # whoever gave it is not well
        if operation == "list_events":
            self._lists[source] = _List(self._clock(), {listed.event.casefold(): listed for listed in _listed(value)})
        elif operation in _PARTS:
            event = parameters.get("event")
            for item in value:
                self._keep(source, event, item)

    def listed(self, source: Source) -> Mapping[str, Listed] | None:
        """The published events of an organisation by readable id without letter case, or None when its list was never read."""
        found = self._lists.get(source)
        return None if found is None else found.events

    def age(self, source: Source) -> float:
        """Seconds since an organisation's list was read."""
        found = self._lists.get(source)
        return float("inf") if found is None else self._clock() - found.read

    def is_listed(self, event: str) -> bool:
        """Whether an organisation is known to publish an event, by its old or new readable id."""
        return bool(self._publishers(event))

    def publishers(self, event: str) -> frozenset[Source] | None:
        """The organisations that publish an event, by its old or new readable id.

        Returns:
            None while the list of real-time was never read: it decides (what it does not list, outbound serves).
        """
        return None if Source.REALTIME not in self._lists else self._publishers(event)

    def old_name(self, event: str) -> str:
        """The readable id of an event in the outbound organisation."""
        return self._aliases.old_event(event)

    def new_name(self, event: str) -> str:
        """The readable id of an event in the real-time organisation."""
        return self._aliases.event(event)

    def holders(self, thing: str) -> tuple[frozenset[Source], str | None]:
        """The organisations in which the id of a thing was seen, and the event that it belongs to."""
        return self._ids.get(thing.lower(), (frozenset(), None))

    def found(self, source: Source, thing: str) -> None:
        """An organisation answered for a thing."""
        sources, event = self.holders(thing)
        self._remember(thing, sources | {source}, event)

    def _publishers(self, event: str) -> frozenset[Source]:
        names = {Source.REALTIME: self.new_name(event), Source.OUTBOUND: self.old_name(event)}
        return frozenset(source for source, name in names.items() if name.casefold() in (self.listed(source) or ()))

    def _keep(self, source: Source, event: str | None, item: Any) -> None:
        if not isinstance(item, dict):
            return
        for name in ("id", "sponsorshipId"):
            if isinstance(thing := item.get(name), str) and is_guid(thing):
                sources, known = self.holders(thing)
                self._remember(thing, sources | {source}, event or known)
        for name in ("speakers", "sessions"):
            if isinstance(parts := item.get(name), list):
                for part in parts:
                    self._keep(source, event, part)

    def _remember(self, thing: str, sources: frozenset[Source], event: str | None) -> None:
        self._ids[thing.lower()] = (sources, event)
        self._ids.move_to_end(thing.lower())
        if len(self._ids) > MOST_IDS:
            self._ids.popitem(last=False)


class Pages:
    """Where visitors' pages came from, so that their registrations go to the same side. Bounded; the oldest is forgotten.

    Args:
        seconds: How long a page is remembered.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._pages: OrderedDict[Page, tuple[float, Source]] = OrderedDict()

    def seen(self, bucket: int, event: str, source: Source) -> None:
        """A page of an event was answered to visitors of a bucket."""
        self._keep((bucket, event.casefold()), self._clock(), source)

    def source(self, bucket: int, event: str) -> Source | None:
        """Where the last page of an event came from that visitors of a bucket saw."""
        at, source = self._pages.get((bucket, event.casefold()), (0.0, None))
        return source if source is not None and self._clock() - at < self._seconds else None

    async def hear(self, bucket: int, event: str) -> None:
        """Learn what others know of a page, before ``source`` is asked about a registration. Alone, there are no others."""

    def _keep(self, page: Page, at: float, source: Source) -> None:
        self._pages[page] = at, source
        self._pages.move_to_end(page)
        if len(self._pages) > MOST_PAGES:
            self._pages.popitem(last=False)


def _listed(value: list[Any]) -> Iterable[Listed]:
    for item in value:
        if isinstance(item, dict) and isinstance(event := item.get("readableEventId"), str):
            name, start, end = (str(item.get(field) or "") for field in ("eventName", "startDate", "endDate"))
            yield Listed(event, name, start, end)
