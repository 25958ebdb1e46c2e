"""A change before it is made: what it says of itself, so that nobody makes one by mistake."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from app.admin.changes import RefusedError, Wish, mistakes
from app.admin.words import Step, share, steps
from app.cutover.state import CutoverState, Stage, Switch
from app.cutover.store import difference

FIELDS: Final = ("stage", "percent", "operation", "event", "switch", "clear")
"""The fields of a form that wishes a change."""
NO_SWITCH: Final = "none"

_EFFECTS: Final = {
    Stage.OUTBOUND: "Outbound serves every visitor. Real-time is not asked.",
    Stage.SHADOW: "Outbound serves every visitor. A sample of the reads goes to real-time too, and both answers are compared.",
    Stage.REALTIME: "Real-time serves every visitor. Outbound is not asked.",
}
_SWITCHED: Final = {
    Switch.OFF: "Visitors who ask for it get an error that says it is switched off.",
    Switch.REALTIME: "Real-time serves it, whatever the stage says.",
    Switch.OUTBOUND: "Outbound serves it, whatever the stage says.",
    Switch.ARCHIVE: "Its pages are shown as they were recorded, whatever the stage says. Nobody can register for it.",
    None: "The stage decides again who serves it.",
}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a change makes otherwise.

    Attributes:
        steps: What was, and what it becomes; empty when nothing would change.
        effects: What visitors will notice, in sentences.
        cautions: What the person should think of before.
        forward: Whether it is a step towards real-time: what stands against that is worth a look.
    """

    steps: list[Step]
    effects: list[str]
    cautions: list[str]
    forward: bool


def read_wish(fields: Mapping[str, str]) -> Wish:
    """The change that a form's fields wish.

    Raises:
        RefusedError: They wish nothing that can be.
    """
    wish: dict[str, object] = {}
    if stage := fields.get("stage"):
        wish["stage"] = stage
    if percent := fields.get("percent", "").strip():
        try:
            wish["percent"] = float(percent.replace(",", "."))
        except ValueError:
            raise RefusedError("The percentage must be a number from 0 to 100.") from None
    for part in ("operation", "event"):
        if name := fields.get(part, "").strip():
            switch = fields.get("switch", "")
            wish[f"{part}s"] = {name: None if switch == NO_SWITCH else switch}
    if clear := fields.get("clear"):
        wish["clear_latches"] = "all" if clear == "all" else [clear]
    try:
        read = Wish.model_validate(wish)
    except ValidationError as invalid:
        raise RefusedError(mistakes(invalid)) from None
    if read.empty:
        raise RefusedError("The form wishes no change.")
    return read


def confirm(before: CutoverState, after: CutoverState, wish: Wish, *, durable: bool) -> Confirmation:
    """What a change makes otherwise.

    Args:
        before: The state as it is.
        after: The state as it would be.
        wish: What is wished.
        durable: Whether changes outlive the processes.
    """
    order = list(Stage)
    jump = order.index(after.stage) - order.index(before.stage)
    effects = []
    cautions = []
    if jump:
        effects.append(_effect(after))
    elif before.percent != after.percent:
        effects.append(_of_percent(before, after))
    effects += [
        _SWITCHED[switch]
        for old, wished in ((before.operations, wish.operations), (before.events, wish.events))
        for name, switch in wished.items()
        if old.get(name if old is before.operations else name.casefold()) != switch
    ]
    if before.latches != after.latches:
        effects.append(
            "What was moved back is served as its switch or the stage says. The watcher looks on, and may move it back again."
        )
    if jump > 1:
        skipped = " and ".join(order[order.index(before.stage) + 1 : order.index(after.stage)])
        cautions.append(f"This leaves out {skipped}: what was not tried there is tried on all visitors at once.")
    if after.latches and jump:
        cautions.append("Something is latched: it stays with outbound in every stage until the latch is cleared.")
    if not durable:
        cautions.append("The state is kept in memory only: this change is forgotten when the proxy restarts.")
    return Confirmation(steps(*difference(before, after)), effects, cautions, forward=jump > 0)


def _effect(after: CutoverState) -> str:
    if after.stage is not Stage.SPLIT:
        return _EFFECTS[after.stage]
    return (
        "An event that only one organisation publishes is served there. Of those that both publish, real-time serves "
        f"{share(after.percent)} of the visitors; a registration goes where its page came from."
    )


def _of_percent(before: CutoverState, after: CutoverState) -> str:
    if after.stage is not Stage.SPLIT:
        return f"Visitors notice nothing: the percentage counts in the stage split only, and this is {after.stage}."
    if after.percent > before.percent:
        return "Visitors whom real-time serves stay with it; more of the others join them, at once."
    return "Some of the visitors whom real-time serves go back to outbound, at once. Nobody else notices."
