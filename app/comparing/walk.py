"""Do both organisations answer the same? Asked of all published events, by reading only.

    1  the list of both: shows whether tokens, origins and network are right
    2  which event is which: by readable id and alias; those on one side only are told
    3  the parts of each event that both have, from both at once, compared field by field
    4  every tenth event is read from outbound twice: what differs then is noise

The parts of the running service are used, so what is compared is what visitors would get.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from app.budget import Budget
from app.calls import Call
from app.comparing.reader import Pace, Reader, Side
from app.comparing.report import EventLine, Lonely, Reads, Report
from app.metrics import Metrics
from app.parts import aliases_of, build_backend, build_outbound, build_upstream
from app.readiness import Readiness
from app.settings import Settings
from translation.comparison import Comparison, Rules, Verdict, compare_in_steps, only_one
from translation.comparison_fields import KINDS
from translation.comparison_matching import Thing, pairs, same_id
from translation.grammar import is_event_id
from translation.operations import BY_NAME
from translation.parity import Parity

PARTS: Final = (
    "get_event",
    "list_passes",
    "list_sessions",
    "list_tracks",
    "list_speakers",
    "list_sponsorships",
    "list_custom_registration_fields",
    "count_event_registrations",
)
"""What is asked of each event. Counts are read to see that they can be; they are never compared."""
NOISE_EVERY: Final = 10
"""Of how many events one is read from outbound twice."""

Progress = Callable[[int, int], None]
"""Is told how many events are done, and of how many."""

_LIST: Final = BY_NAME["list_events"]
_KIND: Final = KINDS["Event"]


class NotConfiguredError(Exception):
    """The settings name no outbound organisation."""


class NotListedError(Exception):
    """The event that was asked about is listed by neither organisation."""


async def rehearse(
    settings: Settings,
    *,
    rate: float,
    threshold: float = 100,
    event: str | None = None,
    ignore: Iterable[str] = (),
    progress: Progress = lambda done, total: None,
) -> Report:
    """Read all published events of both organisations and compare them. Nothing is registered.

    Args:
        settings: What the proxy would run with.
        rate: Calls per second to each organisation.
        threshold: The percentage that every operation has to reach.
        event: Readable id of the one event to look at, as either organisation knows it; all by default.
        ignore: Ignore rules beside those of the settings.
        progress: Is told of each event that is done.

    Raises:
        NotConfiguredError: There is no outbound organisation.
        NotListedError: Neither organisation lists ``event``.
        UnreadableError: An organisation cannot be read.
        ValueError: An ignore rule cannot be used.
    """
    if settings.outbound is None:
        raise NotConfiguredError
    ignored = (*settings.shadow.ignore, *ignore)
    rules = Rules.of(ignored, aliases_of(settings))
    began, clock = time.time(), time.monotonic()
    metrics = Metrics()
    quiet = Quiet(metrics)
    # The rate holds the calls back. Each side has a budget of its own, so that a pause of one is not the other's.
    old_upstream, upstream = build_upstream(settings.upstream), build_upstream(settings.upstream)
    outbound = build_outbound(settings.outbound, old_upstream, Budget(None, 1, 0), metrics, quiet)
    backend = build_backend(settings, upstream, Budget(None, 1, 0), metrics, quiet)
    walk = Walk(Reader(Side.OUTBOUND, outbound.value, Pace(rate)), Reader(Side.REALTIME, backend.read, Pace(rate)), rules)
    try:
        await walk.run(event, progress)
    finally:
        await old_upstream.close()
        await upstream.close()
    return Report(
        began=began,
        seconds=time.monotonic() - clock,
        outbound=settings.outbound.endpoint,
        realtime=settings.realtime.endpoint,
        event=event,
        threshold=threshold,
        ignored=ignored,
        events=tuple(walk.events),
        only_outbound=tuple(walk.only_outbound),
        only_realtime=tuple(walk.only_realtime),
        outbound_reads=Reads(walk.outbound.total, walk.outbound.failed),
        realtime_reads=Reads(walk.realtime.total, walk.realtime.failed),
        failures=(*walk.outbound.failures, *walk.realtime.failures),
        parity=walk.parity,
    )


class Walk:
    """One run.

    Args:
        outbound: Reads the outbound organisation.
        realtime: Reads the real-time organisation.
        rules: Ignore rules and aliases.

    Attributes:
        events: What was found of each event that both list.
        only_outbound: Events that only outbound lists.
        only_realtime: Events that only real-time lists.
        parity: What was compared.
    """

    def __init__(self, outbound: Reader, realtime: Reader, rules: Rules) -> None:
        self.outbound, self.realtime = outbound, realtime
        self.events: list[EventLine] = []
        self.only_outbound: list[Lonely] = []
        self.only_realtime: list[Lonely] = []
        self.parity = Parity()
        self._rules = rules
        self._among_itself = rules.within_one()

    async def run(self, event: str | None, progress: Progress) -> None:
        """Read and compare, event by event."""
        both = await self._lists(event)
        progress(0, len(both))
        for number, (old, new) in enumerate(both):
            found = await asyncio.gather(*(self._part(name, old, noise=number % NOISE_EVERY == 0) for name in PARTS))  # 3
            compared = sum(comparison.count() for comparison in found)
            equal = sum(comparison.count(Verdict.EQUAL) for comparison in found)
            self.events.append(EventLine(old, new, compared, compared - equal))
            progress(number + 1, len(both))

    async def _lists(self, event: str | None) -> list[tuple[str, str]]:
        """Compare the lists, and give the readable ids of the events that both have."""
        call = Call(_LIST, {}, {})
        left, right = await asyncio.gather(self.outbound.must(call), self.realtime.must(call))  # 1
        read_again, again = await self.outbound.read(call)
        if event is not None:
            table = self._rules.aliases.events
            left = [item for item in left if same_id(item["readableEventId"], event, table)]
            right = [item for item in right if same_id(event, item["readableEventId"], table)]
            again = [item for item in again or () if same_id(item["readableEventId"], event, table)]
            if not left and not right:
                raise NotListedError
        await self._add(compare_in_steps(_LIST, left, right, self._rules))
        if read_again:
            await self._add(compare_in_steps(_LIST, left, again, self._among_itself), noise=True)  # 4
        return self._who_is_who(left, right)

    def _who_is_who(self, left: Sequence[Thing], right: Sequence[Thing]) -> list[tuple[str, str]]:
        both = []
        table = self._rules.aliases.events
        for one, other in pairs(_KIND, left, right, table):  # 2
            old = None if one is None else one["readableEventId"]
            new = None if other is None else other["readableEventId"]
            if isinstance(old, str) and isinstance(new, str) and is_event_id(old) and same_id(old, new, table):
                both.append((old, new))
                continue
            if one is not None:
                self.only_outbound.append(_lonely(one, new))
            if other is not None:
                self.only_realtime.append(_lonely(other, old))
        return both

    async def _part(self, name: str, event: str, *, noise: bool) -> Comparison:
        operation, asked = BY_NAME[name], {"event": event}
        old = Call(operation, asked, asked)
        new = Call(operation, asked, self._rules.aliases.parameters(asked))
        (has_left, left), (has_right, right) = await asyncio.gather(self.outbound.read(old), self.realtime.read(new))
        if not has_left:
            return Comparison(name)
        if not has_right:
            comparison = only_one(operation, left=True, event=event)
            self.parity.add(comparison, time.time())
            return comparison
        if noise:  # 4
            read_again, again = await self.outbound.read(old)
            if read_again:
                await self._add(compare_in_steps(operation, left, again, self._among_itself, event), noise=True)
        return await self._add(compare_in_steps(operation, left, right, self._rules, event))

    async def _add(self, steps: Iterator[Comparison], *, noise: bool = False) -> Comparison:
        """Compare step by step: timers of calls in flight go on meanwhile."""
        comparison = next(steps)
        for _ in steps:
            await asyncio.sleep(0)
        self.parity.add(comparison, time.time(), noise=noise)
        return comparison


def _lonely(event: Thing, namesake: Any) -> Lonely:
    texts = (event["readableEventId"], event["eventName"], event["startDate"], namesake)
    return Lonely(*(text if isinstance(text, str) else "" for text in texts))


class Quiet(Readiness):
    """Logs nothing about a refused token: the report says it."""

    def refused(self, organisation: str) -> None:
        """An organisation refused the token or the origin."""
