"""A change as somebody wishes it, and what becomes of the state."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.cutover.state import CutoverState, Stage, Switch
from app.cutover.store import LONGEST_WHO, LONGEST_WHY

MOST_EVENTS: Final = 1_000
"""Switches of events: each request that is about an event looks through the patterns among them."""


class Wish(BaseModel):
    """What should be otherwise; what is left out stays.

    Attributes:
        stage: The stage.
        percent: Percent of visitors.
        operations: Switches by operation name; null takes one away.
        events: Switches by readable event id or pattern; null takes one away.
        clear_latches: Names of latches to clear (``*`` is that of the whole stage), or ``all``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Stage | None = None
    percent: Annotated[float, Field(ge=0, le=100, strict=True)] | None = None
    operations: dict[str, Switch | None] = {}
    events: dict[str, Switch | None] = {}
    clear_latches: list[str] | Literal["all"] = []

    @property
    def empty(self) -> bool:
        """Whether nothing is wished."""
        return not (self.stage or self.percent is not None or self.operations or self.events or self.clear_latches)


class Order(Wish):
    """A wish, who has it, and why.

    Attributes:
        why: The reason, for the audit log.
        who: Who wishes it; the name that was signed in with is taken when it is left out.
    """

    why: Annotated[str, Field(min_length=1, max_length=LONGEST_WHY)]
    who: Annotated[str, Field(max_length=LONGEST_WHO)] = ""


class RefusedError(ValueError):
    """A change that cannot be made. The text is one sentence or more for the person who wished it."""


class NoOutboundError(RefusedError):
    """It needs an outbound organisation, and none is configured."""


def apply(state: CutoverState, wish: Wish, *, both: bool) -> CutoverState:
    """The state as it is wished.

    Args:
        state: As it is.
        wish: What should be otherwise.
        both: Whether an outbound organisation is configured.

    Raises:
        RefusedError: It cannot be so.
    """
    if not both:
        _without_outbound(wish)
    events = {pattern.casefold(): switch for pattern, switch in wish.events.items()}
    if len(merged := _merged(state.events, events)) > max(MOST_EVENTS, len(state.events)):
        raise RefusedError(f"There may be {MOST_EVENTS:,} switches of events; a pattern such as Contoso_* covers many.")
    document = {
        "stage": wish.stage or state.stage,
        "percent": state.percent if wish.percent is None else wish.percent,
        "operations": _merged(state.operations, wish.operations),
        "events": merged,
        "latches": _cleared(state, wish),
    }
    try:
        return CutoverState.model_validate(document)
    except ValidationError as invalid:
        raise RefusedError(mistakes(invalid)) from None


def mistakes(invalid: ValidationError) -> str:
    """What a model found wrong, in words: a sentence for each mistake, without the values that were sent."""
    found = []
    for error in invalid.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in error["loc"] if part not in ("constrained-str", "list[str]", "literal['all']"))
        words = error["msg"].removeprefix("Value error, ")
        found.append(f"{place}: {words}" if place else words)
    return "; ".join(dict.fromkeys(found)) + "."


def _without_outbound(wish: Wish) -> None:
    if wish.stage not in (None, Stage.REALTIME):
        raise NoOutboundError(f"The stage {wish.stage} needs an outbound organisation, and none is configured.")
    for name, switch in (*wish.operations.items(), *wish.events.items()):
        if switch is Switch.OUTBOUND:
            raise NoOutboundError(f"{name} cannot be switched to outbound: no outbound organisation is configured.")


def _merged(old: dict[str, Switch], wished: dict[str, Switch | None]) -> dict[str, Switch]:
    merged = {**old, **wished}
    return {name: switch for name, switch in merged.items() if switch is not None}


def _cleared(state: CutoverState, wish: Wish) -> dict[str, object]:
    if wish.clear_latches == "all":
        return {}
    if unknown := sorted(set(wish.clear_latches) - set(state.latches)):
        raise RefusedError(f"Nothing is latched under {', '.join(unknown)}.")
    return {name: latch.model_dump() for name, latch in state.latches.items() if name not in wish.clear_latches}
