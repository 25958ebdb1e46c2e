"""The warm start: the list of events and the pages of the next ones are fetched before anybody asks.

In the background, at a bounded rate, and out of what the budget leaves over: visitors and registrations come first. Afterwards
nothing is fetched that nobody asks for; what is asked for is kept fresh by ``app/caching/reading.py``.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import structlog

from app.budget import Need
from app.caching.reading import Reading
from translation.errors import ProxyError
from translation.grammar import is_event_id
from translation.operations import BY_NAME, OPERATIONS, Answer, Serving

log = structlog.get_logger("evtmgmt.warming")

PAGES: Final = tuple(
    operation.name
    for operation in OPERATIONS
    if operation.serving is Serving.MAPPED
    and operation.method == "GET"
    and operation.parameters == ("event",)
    and operation.answer in (Answer.EVENT, Answer.LIST, Answer.COUNT)
)
"""What the page of an event is made of (PORTAL-FACTS)."""
FIRST_WAIT: Final = 5.0
LONGEST_WAIT: Final = 60.0


async def warm_up(reading: Reading, events: int, rate: float) -> int:
    """Fetch the list, then the pages of the events on it. Waits and tries again while Dynamics fails.

    Args:
        reading: Keeps what is fetched.
        events: How many events, in the order of the list.
        rate: Calls per second.

    Returns:
        How many answers were fetched.
    """
    gap = 1 / rate
    listed = await _patiently(reading, "list_events", {})
    names = [name for event in listed or () if isinstance(name := event["readableEventId"], str) and is_event_id(name)]
    fetched = 0 if listed is None else 1
    pages = [name for name in PAGES if reading.keeps(BY_NAME[name])]
    for event in names[:events]:
        for operation in pages:
            await asyncio.sleep(gap)
            if await _patiently(reading, operation, {"event": event}) is not None:
                fetched += 1
    log.info("warm", answers=fetched, events=min(len(names), events))
    return fetched


async def _patiently(reading: Reading, operation: str, parameters: Mapping[str, str]) -> Any:
    """The value of a read, however long it takes; None when Dynamics does not know it or rejects the call."""
    wait = FIRST_WAIT
    while True:
        try:
            return await reading.value(operation, parameters, need=Need.REFRESH)
        except ProxyError as error:
            if error.http_status < 500 and error.retry_after is None:
                return None
            await asyncio.sleep(error.retry_after or wait)
            wait = min(LONGEST_WAIT, wait * 2)
