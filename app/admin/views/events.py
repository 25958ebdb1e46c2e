"""The events: which organisation lists each, and where its page comes from."""

from pydantic import BaseModel

from app.cutover.archived import Held
from app.cutover.decision import BUCKETS, Facts, Source, decide, or_archived
from app.cutover.places import Listed, Places
from app.cutover.state import CutoverState, Switch
from translation.operations import BY_NAME


class EventRow(BaseModel):
    """One event.

    Attributes:
        event: Its readable id in the real-time organisation, or in outbound where only that one lists it.
        old_event: Its readable id in the outbound organisation, where it is another one.
        name: Its name.
        start: Its ``startDate``, as the list says it.
        listed: The organisations that list it, and the archive where that holds it.
        served: Where its page comes from, in words.
        why: What decides that.
        switch: The switch that it stands under, if any.
        switched_by: The id or pattern that bears this switch.
    """

    event: str
    old_event: str | None
    name: str
    start: str
    listed: list[Source]
    served: str
    why: str
    switch: Switch | None
    switched_by: str | None

    @property
    def by_pattern(self) -> bool:
        """Whether the switch is that of a pattern."""
        return self.switched_by is not None and not {"*", "?"}.isdisjoint(self.switched_by)


class ListRead(BaseModel):
    """When the list of an organisation was read, in seconds before now; null when it never was."""

    backend: Source
    seconds_ago: float | None
    events: int


class Events(BaseModel):
    """All published events, by their start; the lists that they were found in; and switches that no listed event stands under.

    ``archived`` is how many the archive holds; null where there is none.
    """

    events: list[EventRow]
    lists: list[ListRead]
    archived: int | None
    unused_switches: dict[str, Switch]


def show_events(state: CutoverState, places: Places, archive: Held | None = None, *, both: bool) -> Events:
    """All published events as they are shown.

    Args:
        state: The cutover's state.
        places: Where events live.
        archive: What the archive holds, where there is one.
        both: Whether an outbound organisation is configured.
    """
    backends = (Source.REALTIME, Source.OUTBOUND) if both else (Source.REALTIME,)
    found: dict[str, dict[Source, Listed]] = {}
    for backend in backends:
        for listed in (places.listed(backend) or {}).values():
            new_name = places.new_name(listed.event) if backend is Source.OUTBOUND else listed.event
            found.setdefault(new_name.casefold(), {})[backend] = listed
    for name in () if archive is None else archive.events.values():
        found.setdefault(places.new_name(name).casefold(), {})[Source.ARCHIVE] = Listed(name, "", "")
    rows = [_row(state, places, sides) for sides in found.values()]
    rows.sort(key=lambda row: (not row.start, row.start, row.event.casefold()))
    used = {row.switched_by for row in rows}
    return Events(
        events=rows,
        lists=[_list_read(places, backend) for backend in backends],
        archived=None if archive is None else len(archive.events),
        unused_switches={name: switch for name, switch in state.events.items() if name not in used},
    )


def _row(state: CutoverState, places: Places, sides: dict[Source, Listed]) -> EventRow:
    newest = next(sides[side] for side in (Source.REALTIME, Source.OUTBOUND, Source.ARCHIVE) if side in sides)
    old_name = sides[Source.OUTBOUND].event if Source.OUTBOUND in sides else places.old_name(newest.event)
    switch = state.event_switch(newest.event, old_name)
    served, why = _served(state, newest.event, old_name, frozenset(sides))
    return EventRow(
        event=newest.event,
        old_event=old_name if old_name.casefold() != newest.event.casefold() else None,
        name=newest.name,
        start=newest.start,
        listed=list(sides),
        served=served,
        why=why,
        switch=None if switch is None else switch[1],
        switched_by=None if switch is None else switch[0],
    )


def _served(state: CutoverState, event: str, also: str, publishers: frozenset[Source]) -> tuple[str, str]:
    organisations = publishers - {Source.ARCHIVE}
    held = also if Source.ARCHIVE in publishers else None
    recreated = held is not None and held.casefold() != event.casefold()
    facts = [
        Facts(
            BY_NAME["get_event"],
            event,
            organisations,
            bucket=bucket,
            also=also,
            archived=held,
            recreated=recreated,
            gone=not organisations,
        )
        for bucket in (0, BUCKETS - 1)
    ]
    ends = [or_archived(decide(state, each), each, lists=False) for each in facts]
    if ends[0].source is None:
        return "off", ends[0].why
    if ends[0].source != ends[1].source:
        return f"real-time for {state.percent:g} %", "the percentage of visitors"
    return ends[0].source.value, "the percentage of visitors" if ends[0].rule != ends[1].rule else ends[0].why


def _list_read(places: Places, backend: Source) -> ListRead:
    listed = places.listed(backend)
    return ListRead(
        backend=backend, seconds_ago=None if listed is None else round(places.age(backend), 1), events=len(listed or {})
    )
