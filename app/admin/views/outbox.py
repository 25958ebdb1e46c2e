"""The outbox as it is shown: what stands where, without anything personal."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.outbox.deciding import DROPPABLE, RETRIABLE
from app.outbox.entries import CODES, Decision, Entry, State, Summary
from translation.errors import ERRORS


@dataclass(frozen=True, slots=True)
class Row:
    """One entry.

    Attributes:
        entry: What is known of it.
        age: Seconds since it was accepted.
        meaning: What its code means, in words; None without a code.
        decisions: What a person can do with it.
    """

    entry: Entry
    age: float
    meaning: str | None
    decisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The page.

    Attributes:
        rows: Those that somebody must look at first.
        more: How many are not shown.
        summary: All together.
        oldest: Seconds that the oldest one has waited; None when none waits.
        latest: What was decided and looked at, the newest first.
    """

    rows: list[Row]
    more: int
    summary: Summary
    oldest: float | None
    latest: Sequence[Decision]


def show_outbox(entries: Sequence[Entry], summary: Summary, latest: Sequence[Decision], now: float) -> Shown:
    """The outbox as it is shown.

    Args:
        entries: As many as are to be shown.
        summary: All together.
        latest: The newest decisions.
        now: Seconds since 1970.
    """
    rows = [Row(entry, max(0.0, now - entry.at), meaning_of(entry.code), decisions_on(entry.state)) for entry in entries]
    oldest = None if summary.oldest is None else max(0.0, now - summary.oldest)
    return Shown(rows, sum(summary.states.values()) - len(rows), summary, oldest, latest)


def decisions_on(state: State) -> tuple[str, ...]:
    """What a person can do with an entry that stands there."""
    return tuple(what for what, states in (("retry", RETRIABLE), ("drop", DROPPABLE)) if state in states)


def meaning_of(code: str | None) -> str | None:
    """What a code means, in words."""
    if code is None:
        return None
    return CODES.get(code) or (f"{ERRORS[code].title}." if code in ERRORS else None)
