"""The published events of both organisations in one list, for the stage ``split``."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson
import structlog

from app.caching.reading import Reading
from app.calls import JSON, Call, Reply
from app.cutover.decision import Source
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
