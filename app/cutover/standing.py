"""What still stands against the next stage, in words: a pure function of what was counted and of what is listed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.cutover.decision import Source
from app.cutover.places import Listed
from app.cutover.state import Stage
from app.cutover.traffic import Name, Tally, Traffic
from app.cutover.usage import CAPTCHA_ANSWERS, OTHERS, Usage
from translation.aliases import Aliases
from translation.grammar import is_guid
from translation.operations import BY_NAME, Answer, Serving
from translation.parity import Field, Parity

WEEK: Final = 7
COMPARISONS: Final = 50
"""Fields compared of an operation from which its agreement says something."""
FIELDS_TOLD: Final = 3
"""Fields of an operation that are told; of the others how many there are."""
EVENTS_TOLD: Final = 20
SURELY: Final = 10
"""Visitors up to which their number is told as it is."""
NAMES_TOLD: Final = 5
_HOUR: Final = 3_600.0
_ANSWERS: Final = 50
"""Answers of real-time in an hour from which its errors say something."""
_ENDED_AFTER: Final = timedelta(days=1)
"""Lists tell times without their zone: one is over everywhere a day later."""
_COMPARED: Final = frozenset({Answer.EVENT_LIST, Answer.EVENT, Answer.LIST})
_SIGNED_IN: Final = frozenset(
    {"register_user_for_session", "list_user_registrations", "list_user_waitlist_items", "cancel_registration"}
)
"""What only signed-in visitors do. Portals ask on each page whether somebody is signed in."""


class Severity(StrEnum):
    """How much stands against it."""

    BLOCKER = "blocker"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands against the next stage.

    Attributes:
        severity: How much.
        text: What was seen, a sentence.
        advice: What to do about it.
    """

    severity: Severity
    text: str
    advice: str


def standing(
    stage: Stage,
    usage: Usage,
    listed_outbound: Mapping[str, Listed] | None,
    listed_realtime: Mapping[str, Listed] | None,
    aliases: Aliases,
    parity: Parity,
    traffic: Traffic,
    now: float,
) -> list[Obstacle]:
    """What stands against the stage after ``stage``; after the last one, against doing without outbound.

    Args:
        stage: Where the cutover stands.
        usage: What portals use.
        listed_outbound: The events that outbound publishes by readable id without letter case; None when not known.
        listed_realtime: The same of real-time.
        aliases: Ids changed by the migration.
        parity: How alike both answer.
        traffic: What was answered of late.
        now: Seconds since 1970.

    Returns:
        The most severe first.
    """
    lists = (listed_outbound, listed_realtime)
    found = [
        *_counted(usage),
        *_visitors(stage, usage),
        *_events(stage, lists, aliases, usage, datetime.fromtimestamp(now, UTC)),
        *_answers(stage, traffic.window(_HOUR)),
        *(_likeness(usage, parity) if stage is not Stage.OUTBOUND else ()),
        *_fields(usage, aliases),
        *_clients(usage),
    ]
    order = list(Severity)
    return sorted(found, key=lambda each: order.index(each.severity))


def _is_last_step(stage: Stage) -> bool:
    """Whether the next stage does without outbound for what both have."""
    return stage in (Stage.SPLIT, Stage.REALTIME)


def _counted(usage: Usage) -> Iterator[Obstacle]:
    days = usage.days()
    if not days:
        text = "nothing was counted so far: it is not known what portals use"
        yield Obstacle(Severity.WARNING, text, "Send the portals' traffic through the proxy for a week.")
    elif days < WEEK:
        text = f"what portals use was counted for {_many(days, 'day')} only"
        yield Obstacle(Severity.NOTE, text, "Wait until a week is counted, with its week-end and its mailings.")


def _visitors(stage: Stage, usage: Usage) -> Iterator[Obstacle]:
    """Sign-in and captcha, which real-time does not have (CONTRACT 2)."""
    visitors, calls = usage.visitors(WEEK), usage.total("operations", WEEK)
    serious = Severity.BLOCKER if _is_last_step(stage) else Severity.WARNING
    if visitors:
        # They are told apart by marks that many share (usage.py).
        about = "about " if visitors > SURELY else ""
        text = f"{about}{_many(visitors, 'visitor')} signed in this week: sign-in has no counterpart"
        advice = (
            "Switch sign-in off in the portal (`isAuthenticationEnabled: false`) and tell these visitors beforehand. "
            "Until the stage `realtime` outbound goes on serving it."
        )
        yield Obstacle(serious, text, advice)
        own = {name: count for name, count in calls.items() if name in _SIGNED_IN}
        if own:
            text = f"signed-in visitors used {_listing(own)}: none of them has a counterpart"
            yield Obstacle(serious, text, "Offer another way, such as a form or an address to write to, before you go on.")
    asked, answered = calls.get("get_captcha", 0), usage.total("signs", WEEK).get(CAPTCHA_ANSWERS, 0)
    if asked or answered:
        text = f"captcha was asked {_times(asked)} this week and answered {_times(answered)}: it has no counterpart"
        yield Obstacle(
            Severity.WARNING,
            text,
            "Portals that obey `enableCaptcha` do without. Protect the form in another way if robots come.",
        )


def _events(
    stage: Stage,
    lists: tuple[Mapping[str, Listed] | None, Mapping[str, Listed] | None],
    aliases: Aliases,
    usage: Usage,
    now: datetime,
) -> Iterator[Obstacle]:
    outbound, realtime = lists
    for side, known in (("outbound", outbound), ("real-time", realtime)):
        if known is None:
            advice = "Look with `evtmgmt-proxy check` whether it can be reached."
            yield Obstacle(Severity.WARNING, f"the list of events of {side} was not read so far", advice)
    if realtime is not None and not realtime and outbound:
        yield Obstacle(Severity.BLOCKER, "real-time lists no event", "Publish events there for the web application of the proxy.")
    if outbound is None or realtime is None:
        return
    asked = usage.total("events", WEEK)
    missing = [
        each for name, each in outbound.items() if aliases.event(name).casefold() not in realtime and not _ended(each, now)
    ]
    missing.sort(key=lambda each: (each.start or "9", each.event))
    for each in missing[:EVENTS_TOLD]:
        new = aliases.event(each.event)
        text = f"event {each.event} is listed only in outbound, {_when(each, now)}"
        calls = asked.get(each.event.casefold(), 0)
        text += f", asked for {_times(calls)} this week" if calls else ""
        if new == each.event:
            advice = "Create and publish it in real-time; where it gets another id, add an alias in `EVTMGMT_ALIASES__EVENTS`."
        else:
            advice = f"Its alias leads to {new}, which real-time does not list: publish that, or mend the alias."
        yield Obstacle(Severity.BLOCKER if _is_last_step(stage) else Severity.NOTE, text, advice)
    if len(missing) > EVENTS_TOLD:
        text = f"{len(missing) - EVENTS_TOLD} further events are listed only in outbound"
        yield Obstacle(Severity.BLOCKER if _is_last_step(stage) else Severity.NOTE, text, "As above.")


def _answers(stage: Stage, window: Mapping[Name, Tally]) -> Iterator[Obstacle]:
    """How real-time fares where it serves."""
    sides: dict[str, Tally] = {}
    for (_, backend), tally in window.items():
        sides.setdefault(backend, Tally()).add(tally)
    new, old = sides.get(Source.REALTIME, Tally()), sides.get(Source.OUTBOUND, Tally())
    if stage is Stage.SPLIT and new.answers < _ANSWERS:
        text = f"real-time answered visitors {_times(new.answers)} in the last hour: too few to say how it fares"
        yield Obstacle(Severity.WARNING, text, "Raise the percentage, and wait for a busy hour.")
    if stage in (Stage.SPLIT, Stage.REALTIME):
        for (operation, backend), tally in window.items():
            if backend == Source.REALTIME and tally.errors:
                text = f"{operation} ended with an error {_times(tally.errors)} of {tally.answers} in the last hour in real-time"
                severity = Severity.WARNING if 100 * tally.errors >= tally.answers else Severity.NOTE
                yield Obstacle(severity, text, "The log says the cause of each, with its correlation id.")
    if stage is Stage.REALTIME and old.answers:
        text = f"outbound still answered visitors {_times(old.answers)} in the last hour"
        advice = "A switch, a latch, or an event that only outbound lists sends them there: `evtmgmt-proxy explain` tells which."
        yield Obstacle(Severity.BLOCKER, text, advice)


def _likeness(usage: Usage, parity: Parity) -> Iterator[Obstacle]:
    calls = usage.total("operations", WEEK)
    for name, operation in BY_NAME.items():
        if operation.answer not in _COMPARED or operation.serving is not Serving.MAPPED or operation.row is None:
            continue
        fields = parity.operations.get(name, {})
        compared = max((found.seen.total for found in fields.values()), default=0)
        if calls.get(name) and compared < COMPARISONS:
            what = "comparison" if operation.answer is Answer.EVENT else "compared item"
            text = f"only {_many(compared, what)} of {name} so far" if compared else f"{name} was not compared so far"
            advice = "Stay in the stage `shadow` for longer, raise `EVTMGMT_SHADOW__SAMPLE`, or run `evtmgmt-proxy compare`."
            yield Obstacle(Severity.WARNING, text, advice)
        rows = parity.different(name)
        for _, path, found in rows[:FIELDS_TOLD]:
            yield Obstacle(
                Severity.WARNING, _difference(name, path, found), "Look at the samples: mend the event, or ignore the field."
            )
        if len(rows) > FIELDS_TOLD:
            text = f"{name} differs in {_many(len(rows) - FIELDS_TOLD, 'further field')}"
            yield Obstacle(Severity.NOTE, text, "The console and `evtmgmt-proxy compare` list them all.")


def _difference(operation: str, path: str, found: Field) -> str:
    if path == "[]":
        only = [(found.seen.missing_right, "outbound"), (found.seen.missing_left, "real-time")]
        told = " and ".join(f"{count} of {found.seen.total} only in {side}" for count, side in only if count)
        return f"{operation} has items on one side: {told}"
    shown = path.removeprefix("[].")
    if found.seen.missing_right > found.seen.differs:
        return f"{operation} lacks {shown} in real-time for {found.seen.missing_right} of {found.seen.total}"
    return f"{operation} differs in {shown} for {found.seen.unequal} of {found.seen.total}"


def _fields(usage: Usage, aliases: Aliases) -> Iterator[Obstacle]:
    """Custom fields that registrations answer: their ids are new where events are."""
    found = {name: count for name, count in usage.total("fields", WEEK).items() if name.casefold() not in aliases.fields}
    old = {name: count for name, count in found.items() if is_guid(name)}
    named = {name: count for name, count in found.items() if name not in old and name != OTHERS}
    if old:
        text = f"registrations answer {_many(len(old), 'custom field')} by an id of outbound: {_listing(old)}"
        yield Obstacle(Severity.WARNING, text, "Find the new ids, and add aliases in `EVTMGMT_ALIASES__FIELDS`.")
    if named:
        text = f"registrations answer these fields by name: {_listing(named)}"
        yield Obstacle(Severity.NOTE, text, "See that the events in real-time ask for fields of the same logical names.")


def _clients(usage: Usage) -> Iterator[Obstacle]:
    clients, origins = usage.total("clients", WEEK), usage.total("origins", WEEK)
    if clients:
        known = len(origins) - (OTHERS in origins)
        text = (
            f"{_many(len(clients), 'client token')} {'is' if len(clients) == 1 else 'are'} in use, from {_many(known, 'origin')}"
        )
        named = f": {_listing({name: count for name, count in origins.items() if name != OTHERS})}" if known else ""
        yield Obstacle(
            Severity.NOTE, text + named, "Nothing to do when you know these portals: the proxy calls with its own token."
        )


def _ended(event: Listed, now: datetime) -> bool:
    end = _moment(event.end) or _moment(event.start)
    return end is not None and end + _ENDED_AFTER < now


def _when(event: Listed, now: datetime) -> str:
    start = _moment(event.start)
    if start is None:
        return "without a start"
    days = (start.date() - now.date()).days
    if days < 0:
        return f"began {_many(-days, 'day')} ago"
    return "starts today" if not days else f"starts in {_many(days, 'day')}"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _listing(counts: Mapping[str, int]) -> str:
    told = [f"{name} ({count})" for name, count in list(counts.items())[:NAMES_TOLD]]
    return ", ".join(told) + (f" and {len(counts) - NAMES_TOLD} more" if len(counts) > NAMES_TOLD else "")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _times(count: int) -> str:
    return _many(count, "time")
