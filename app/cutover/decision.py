"""Which organisation answers a request: a pure function of the cutover's state and of what is known at that moment.

The most binding rule first: what is switched off, what only real-time has, a tester's header, the page that a registration comes
from, what the watcher moved back, the switch of the event, the switch of the operation, the stage. Where both sides serve, in the
stage ``split`` and where the watcher moved something back, what only one side has is asked there. What no side has is answered
from the archive, where there is one that holds it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from app.cutover.state import STAGE_LATCH, CutoverState, Stage, Switch
from translation.operations import Operation, Serving

BUCKETS: Final = 10_000
"""Visitors are told apart in hundredths of a percent."""
_LONGEST_KEY: Final = 64
"""Bytes of a key of BLAKE2b (RFC 7693)."""


class Source(StrEnum):
    """Who answers: one organisation or the archive, or for the list of events several, of which the first wins."""

    REALTIME = "realtime"
    OUTBOUND = "outbound"
    REALTIME_FIRST = "realtime+outbound"
    OUTBOUND_FIRST = "outbound+realtime"
    ARCHIVE = "archive"
    REALTIME_AND_ARCHIVE = "realtime+archive"
    OUTBOUND_AND_ARCHIVE = "outbound+archive"
    REALTIME_FIRST_AND_ARCHIVE = "realtime+outbound+archive"
    OUTBOUND_FIRST_AND_ARCHIVE = "outbound+realtime+archive"


WITH_ARCHIVE: Final = {
    Source.REALTIME: Source.REALTIME_AND_ARCHIVE,
    Source.OUTBOUND: Source.OUTBOUND_AND_ARCHIVE,
    Source.REALTIME_FIRST: Source.REALTIME_FIRST_AND_ARCHIVE,
    Source.OUTBOUND_FIRST: Source.OUTBOUND_FIRST_AND_ARCHIVE,
}
"""Who lists events, and the same together with the archive."""


class Rule(StrEnum):
    """What decided."""

    OVERRIDE = "override header"
    PAGE = "page"
    ONLY_THERE = "only there"
    LATCH = "latch"
    EVENT = "event switch"
    OPERATION = "operation switch"
    STAGE = "stage"
    LISTED = "published list"
    PERCENT = "percentage"
    KNOWN_ID = "known id"
    UNKNOWN_ID = "unknown id"
    ARCHIVED = "archive"


@dataclass(frozen=True, slots=True)
class Route:
    """What was decided.

    Attributes:
        source: Who answers; None when it is switched off, or nobody can say.
        rule: What decided.
        why: The same in words for the operator.
        otherwise: Who is asked when ``source`` does not know the thing.
        archived: Whether the archive is asked when nobody before knows the thing.
    """

    source: Source | None
    rule: Rule
    why: str
    otherwise: Source | None = None
    archived: bool = False

    @property
    def followers(self) -> tuple[Source, ...]:
        """Who is asked after ``source``, one after the other, while nobody knows the thing."""
        other = () if self.otherwise is None else (self.otherwise,)
        return (*other, Source.ARCHIVE) if self.archived else other


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a request when it is decided.

    Attributes:
        operation: What is asked.
        event: The readable event id that it is about, as the portal sent it; None when it is about none, or none is known.
        publishers: The organisations that publish that event; None when that is not known.
        holders: The organisations that hold the session, speaker, sponsorship or track; empty when it was never seen.
        bucket: The visitor's, 0 to 9,999.
        override: What a tester with the admin credential asks for.
        page: Where this visitor's page of the event came from.
        also: The event's other readable id, where the migration changed it.
        has_archive: Whether there is an archive; the state may be of a time when there was one.
        archived: The event under which the archive holds the thing; None when it does not.
        recreated: Whether the migration gave that event another readable id: it goes on there, and not in the archive.
        gone: Whether the lists of all organisations were read, and none has the event.
    """

    operation: Operation
    event: str | None = None
    publishers: frozenset[Source] | None = None
    holders: frozenset[Source] = frozenset()
    bucket: int = 0
    override: Source | None = None
    page: Source | None = None
    also: str | None = None
    has_archive: bool = True
    archived: str | None = None
    recreated: bool = False
    gone: bool = False


def bucket_of(salt: str, visitor: bytes) -> int:
    """A visitor's bucket, 0 to 9,999: always the same for the same salt."""
    key = salt.encode("utf-8")
    if len(key) > _LONGEST_KEY:
        key = blake2b(key).digest()
    digest = blake2b(visitor, digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def follows_page(operation: Operation) -> bool:
    """Whether an operation is a part of the registration that began on an event's page: it goes where the page came from."""
    return operation.writes or operation.name == "get_captcha"


def decide(state: CutoverState, facts: Facts) -> Route:
    """The route of a request.

    Args:
        state: The cutover's state, one from the request's beginning to its end.
        facts: What is known of it.
    """
    operation = facts.operation
    switched = _switched(state, facts)
    if switched is not None and switched.source is None:
        return switched
    if operation.row is None:
        return Route(Source.REALTIME, Rule.ONLY_THERE, "the old API has no such operation")
    if facts.override is not None:
        return Route(facts.override, Rule.OVERRIDE, "the header X-EvtMgmt-Backend with the admin credential")
    if facts.page is not None and follows_page(operation):
        return Route(facts.page, Rule.PAGE, f"this visitor's page of the event came from {facts.page}")
    latch = state.latches.get(operation.name) or state.latches.get(STAGE_LATCH)
    if latch is not None:
        why = f"the watcher moved it back: {latch.reason}"
        if state.stage in (Stage.OUTBOUND, Stage.SHADOW):
            return _or_where_seen(Route(Source.OUTBOUND, Rule.LATCH, why), facts)
        return _by_event(facts, Source.OUTBOUND, Rule.LATCH, why)
    if switched is not None:
        return _or_where_seen(switched, facts)
    if state.stage is not Stage.SPLIT:
        side = Source.REALTIME if state.stage is Stage.REALTIME else Source.OUTBOUND
        return _or_where_seen(Route(side, Rule.STAGE, f"the stage is {state.stage}"), facts)
    # Not the product alone: 0.07 times 100 is more than 7.
    chosen = facts.bucket < round(state.percent * (BUCKETS / 100))
    side = Source.REALTIME if chosen else Source.OUTBOUND
    words = "within" if chosen else "beyond"
    return _by_event(facts, side, Rule.PERCENT, f"bucket {facts.bucket} is {words} {state.percent:g} %")


def _switched(state: CutoverState, facts: Facts) -> Route | None:
    """What a switch says: that of the event before that of the operation."""
    names = [name for name in (facts.event, facts.also, facts.archived) if name is not None]
    found = state.event_switch(*names, archive=facts.has_archive) if state.events else None
    if found is not None:
        name, switch = found
        rule, what = Rule.EVENT, f"the event switch {name}"
    elif facts.operation.name in state.operations:
        switch = state.operations[facts.operation.name]
        rule, what = Rule.OPERATION, f"the switch of {facts.operation.name}"
    else:
        return None
    source = None if switch is Switch.OFF else Source(switch.value)
    return Route(source, rule, f"{what} says {switch}")


def or_archived(route: Route, facts: Facts, *, lists: bool) -> Route:
    """The same route, and after it the archive; the archive alone for what is known to be nowhere else.

    Args:
        route: What was decided among the organisations.
        facts: What is known of the request.
        lists: Whether the list shows events of the archive.
    """
    if facts.operation.name == "list_events" and lists and route.source in WITH_ARCHIVE and route.rule is not Rule.OVERRIDE:
        return replace(route, source=WITH_ARCHIVE[route.source])
    # A tester and the switch of an event say where they want it from.
    said = route.source in (None, Source.ARCHIVE) or route.rule in (Rule.OVERRIDE, Rule.EVENT)
    if said or facts.archived is None or facts.recreated or facts.operation.row is None:
        return route
    if facts.gone and not facts.holders:
        return Route(Source.ARCHIVE, Rule.ARCHIVED, "no organisation lists the event, and the archive holds it")
    return replace(route, archived=True)


def _or_where_seen(route: Route, facts: Facts) -> Route:
    """The same route, and after it the other side for an id that was seen only there: pages outlive a change of the state."""
    if route.source is Source.ARCHIVE:
        return route
    other = Source.OUTBOUND if route.source is Source.REALTIME else Source.REALTIME
    return replace(route, otherwise=other) if facts.holders == {other} and not facts.operation.writes else route


def _by_event(facts: Facts, side: Source, rule: Rule, why: str) -> Route:
    """The side that is wanted, unless only the other one has the thing."""
    operation = facts.operation
    if operation.name == "list_events":
        both = Source.REALTIME_FIRST if side is Source.REALTIME else Source.OUTBOUND_FIRST
        return Route(both, rule, why)
    if facts.publishers != frozenset({Source.REALTIME}):
        if operation.serving is Serving.REFUSED:
            return Route(Source.OUTBOUND, Rule.ONLY_THERE, "only outbound knows users and captchas")
        if rule is Rule.LATCH and facts.holders:
            # While all was well in real-time, nobody asked outbound for what it may have as well.
            return _or_where_seen(Route(side, rule, why), facts)
    if len(facts.holders) == 1:
        (holder,) = facts.holders
        return Route(holder, Rule.KNOWN_ID, f"its id was seen in {holder}")
    if facts.event is None:
        if facts.holders:
            return Route(side, rule, why)
        # The old API finds the sessions of a track in one call, the new one by a walk over all events.
        old_first = rule is Rule.LATCH or operation.name == "list_track_sessions"
        first = Source.OUTBOUND if old_first else Source.REALTIME
        second = Source.REALTIME if first is Source.OUTBOUND else Source.OUTBOUND
        return Route(first, Rule.UNKNOWN_ID, "its id was not seen before", second)
    if facts.publishers is None:
        if operation.writes:
            return Route(None, Rule.LISTED, "the list of real-time events could not be read since the start")
        return Route(Source.OUTBOUND, Rule.LISTED, "the list of real-time events could not be read", Source.REALTIME)
    if len(facts.publishers) == 2:
        return Route(side, rule, why)
    for publisher in facts.publishers:
        return Route(publisher, Rule.LISTED, f"only {publisher} publishes the event")
    return Route(Source.OUTBOUND, Rule.LISTED, "neither side lists the event")
