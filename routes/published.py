"""The published events of several in one list: of both organisations in the stage ``split``, and of the archive."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
import structlog

from app.caching.reading import Reading
from app.calls import JSON, Call, Reply
from app.cutover.decision import Source
from app.cutover.state import CutoverState, Switch
from app.metrics import Metrics
from translation.aliases import Aliases
from translation.answers import translate
from translation.errors import UPSTREAM_ANSWER_INVALID, ProxyError
from translation.repairs import AS_IT_IS

log = structlog.get_logger("evtmgmt.cutover")
PARTIAL_SECONDS: Final = 5.0
"""How long a list may be given again in which one side is missing."""


class PublishedByBoth:
    """Reads both lists at once and makes one of them.

    Args:
        first: Whose event is shown of those that both publish.
        sides: Read the lists of both.
        aliases: Ids changed by the migration.
        metrics: Counts lists in which a side is missing.
    """

    def __init__(self, first: Source, sides: Mapping[Source, Reading], aliases: Aliases, metrics: Metrics) -> None:
        second = next(side for side in sides if side is not first)
        self._order = (first, second)
        self._sides = sides
        self._aliases = aliases
        self._metrics = metrics

    async def __call__(self, call: Call) -> Reply:
        """Answer the union. One side's failure is tolerated.

        Raises:
            ProxyError: What the first side failed with, when both did.
        """
        answers = await asyncio.gather(*(self._read(side, call) for side in self._order))
        failures = [answer for answer in answers if isinstance(answer, ProxyError)]
        if len(failures) == len(answers):
            raise failures[0]
        for side, answer in zip(self._order, answers, strict=True):
            if isinstance(answer, ProxyError):
                self._metrics.partial_lists.labels(side.value).inc()
                log.warning("list without one side", missing=side.value, code=answer.kind.code)
        lists = [answer for answer in answers if not isinstance(answer, ProxyError)]
        return Reply(200, JSON, orjson.dumps(union(lists, self._aliases)), brief=PARTIAL_SECONDS if failures else None)

    async def _read(self, side: Source, call: Call) -> list[dict[str, Any]] | ProxyError:
        try:
            value = await self._sides[side].value("list_events", {}, call.trace, call.need, call.query, call.until)
            # Real-time's list is in order already. Outbound's is as it came, and a card without a date ends an old portal's list.
            published: list[dict[str, Any]] = translate(call.operation, value, {}, {}, AS_IT_IS)[0]
        except ProxyError as error:
            return error
        except orjson.JSONDecodeError:
            return ProxyError(UPSTREAM_ANSWER_INVALID, cause="the answer is not JSON")
        return published


class PublishedWithArchive:
    """Reads the list of the organisations, and puts events of the archive into it. Those that were recreated stand in it once.

    Args:
        published: Reads the list of the organisations.
        archived: Reads the events of the archive.
        state: Gives the cutover's state: an event that is switched to the archive is shown as it is there.
        aliases: Ids changed by the migration.
        only_past: Whether only events that are over are put in.
        now: The time, in UTC.
    """

    def __init__(
        self,
        published: Reading,
        archived: Callable[[], Awaitable[list[dict[str, Any]]]],
        state: Callable[[], CutoverState],
        aliases: Aliases,
        *,
        only_past: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._published = published
        self._archived = archived
        self._state = state
        self._aliases = aliases
        self._only_past = only_past
        self._now = now

    async def __call__(self, call: Call) -> Reply:
        """Answer the list. An archive that cannot be read is left out.

        Raises:
            ProxyError: The organisations' list cannot be had: without it there would seem to be nothing to register for.
        """
        value, held = await asyncio.gather(
            self._published.value("list_events", {}, call.trace, call.need, call.query, call.until), self._held()
        )
        published = translate(call.operation, value, {}, {}, AS_IT_IS)[0]
        switched = [event for event in held or () if self._switch(event) is Switch.ARCHIVE]
        others = [event for event in held or () if self._is_shown(event)]
        merged = union([switched, published, others], self._aliases)
        return Reply(200, JSON, orjson.dumps(merged), brief=PARTIAL_SECONDS if held is None else None)

    async def _held(self) -> list[dict[str, Any]] | None:
        try:
            return await self._archived()
        except ProxyError:
            return None  # whoever reads the file has told of it

    def _switch(self, event: Mapping[str, Any]) -> Switch | None:
        name = str(event["readableEventId"])
        found = self._state().event_switch(name, self._aliases.event(name))
        return None if found is None else found[1]

    def _is_shown(self, event: Mapping[str, Any]) -> bool:
        """Whether an event that the organisations do not list is shown: not one that goes on there under another id."""
        name = str(event["readableEventId"])
        if self._aliases.event(name) != name or self._switch(event) is not None:
            return False
        return not self._only_past or is_over(event, self._now())


def is_over(event: Mapping[str, Any], now: datetime) -> bool:
    """Whether an event is over everywhere.

    Args:
        event: In the old form.
        now: The time, in UTC.
    """
    in_utc = isinstance(event["endDateUTC"], str)
    end = event["endDateUTC"] if in_utc else event["endDate"]
    # Local times bear no offset: half a day later it is over in all zones.
    moment = now if in_utc else now - timedelta(hours=12)
    return isinstance(end, str) and end[:19] < moment.strftime("%Y-%m-%dT%H:%M:%S")


def union(lists: list[list[Any]], aliases: Aliases) -> list[dict[str, Any]]:
    """One list of events, each once, in the order of their starts; events without a date stand last (PORTAL-FACTS).

    Args:
        lists: Events of the old form; of an event in several, the first is taken. What is no event is left out.
        aliases: Under which id an event stands in the other list.
    """
    events: dict[str, dict[str, Any]] = {}
    for published in lists:
        for event in published:
            name = event.get("readableEventId") if isinstance(event, dict) else None
            if isinstance(name, str):
                events.setdefault(aliases.event(name).casefold(), event)
    return sorted(events.values(), key=_start)


def _start(event: Mapping[str, Any]) -> tuple[bool, str]:
    start = event.get("startDate")
    return not isinstance(start, str), start if isinstance(start, str) else ""
