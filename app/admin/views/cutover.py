"""The state of the cutover as it is shown."""

from pydantic import BaseModel

from app.cutover.state import Latch, Stage, Switch
from app.cutover.store import Change, Snapshot


class Cutover(BaseModel):
    """The state of the cutover, and what can be done with it.

    Attributes:
        version: The state's version, also in the answer's ``ETag``.
        at: When it was made, in seconds since 1970.
        stage: The stage.
        percent: Percent of visitors whose reads real-time serves in the stage ``split``.
        operations: Switches by operation name.
        events: Switches by readable event id or pattern.
        latches: What the watcher moved back, by operation name or ``*``.
        outbound_configured: Whether there is an outbound organisation.
        durable: Whether changes outlive the processes.
        kept_in: Where the state is kept.
        away: Why it cannot be changed now; null when it can.
    """

    version: int
    at: float
    stage: Stage
    percent: float
    operations: dict[str, Switch]
    events: dict[str, Switch]
    latches: dict[str, Latch]
    outbound_configured: bool
    durable: bool
    kept_in: str
    away: str | None


def show_cutover(snapshot: Snapshot, *, both: bool, durable: bool, place: str, away: str | None) -> Cutover:
    """A snapshot as it is shown.

    Args:
        snapshot: The state.
        both: Whether an outbound organisation is configured.
        durable: Whether changes outlive the processes.
        place: Where it is kept.
        away: Why it cannot be changed now.
    """
    return Cutover(
        version=snapshot.version,
        at=snapshot.at,
        **snapshot.state.model_dump(),
        outbound_configured=both,
        durable=durable,
        kept_in=place,
        away=away,
    )


class AuditLine(BaseModel):
    """One change that was made.

    Attributes:
        version: The version that it made.
        at: When, in seconds since 1970.
        who: Who made it, as that person or program said.
        why: The reason that was given.
        before: The parts of the state that became others, as they were; empty for the first state of all.
        after: The same parts, as they became.
    """

    version: int
    at: float
    who: str
    why: str
    before: dict[str, object]
    after: dict[str, object]


class Audit(BaseModel):
    """Changes, the newest first. ``next`` is the ``before`` to ask for older ones with; null when there are none."""

    changes: list[AuditLine]
    next: int | None


def show_audit(changes: list[Change], limit: int) -> Audit:
    """Audit lines as they are shown.

    Args:
        changes: One more than ``limit`` when there are more, the newest first.
        limit: How many to show.
    """
    shown = [AuditLine.model_validate(change.document()) for change in changes[:limit]]
    return Audit(changes=shown, next=shown[-1].version if len(changes) > limit else None)
