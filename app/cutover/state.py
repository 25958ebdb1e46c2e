"""The state of the cutover: what is changed while the proxy runs, by a person or by the watcher.

One immutable document. A request reads it once and keeps what it read to its end; a change makes a new one.
"""

import re
from enum import StrEnum
from fnmatch import translate
from functools import cached_property
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.cutover.stage import Stage as Stage
from translation.grammar import is_event_id
from translation.operations import BY_NAME

STAGE_LATCH: Final = "*"
"""The name under which the whole stage is latched."""
_Percent = Annotated[float, Field(ge=0, le=100)]


class Switch(StrEnum):
    """Where an operation or an event is served, whatever the stage says."""

    OUTBOUND = "outbound"
    REALTIME = "realtime"
    OFF = "off"
    ARCHIVE = "archive"


class Latch(BaseModel):
    """What the watcher moved back to outbound; it stays there until a person clears it.

    Attributes:
        at: When, in seconds since 1970.
        reason: What was seen, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: float
    reason: str


class CutoverState(BaseModel):
    """Which organisation serves what.

    Attributes:
        stage: How far the organisation has come.
        percent: Visitors whose reads real-time serves in the stage ``split``, of the events that both sides publish.
        operations: Switches by operation name.
        events: Switches by readable event id, or by pattern with ``*`` and ``?``. Letter case does not matter.
        latches: What the watcher moved back, by operation name or ``STAGE_LATCH``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Stage = Stage.REALTIME
    percent: _Percent = 100.0
    operations: dict[str, Switch] = {}
    events: dict[str, Switch] = {}
    latches: dict[str, Latch] = {}

    @field_validator("percent")
    @classmethod
    def _hundredths(cls, value: float) -> float:
        return round(value, 2)

    @field_validator("operations")
    @classmethod
    def _operations(cls, value: dict[str, Switch]) -> dict[str, Switch]:
        if unknown := sorted(set(value) - set(BY_NAME)):
            raise ValueError(f"no such operation: {', '.join(unknown)}; `evtmgmt-proxy operations` lists them")
        for name, switch in value.items():
            if switch is Switch.OUTBOUND and BY_NAME[name].row is None:
                raise ValueError(f"{name} is new in the real-time API: outbound cannot serve it")
            if switch is Switch.ARCHIVE:
                raise ValueError(f"{name}: the archive holds events, so that only an event can be switched to it")
        return value

    @field_validator("events")
    @classmethod
    def _events(cls, value: dict[str, Switch]) -> dict[str, Switch]:
        for pattern in value:
            # Folding may make it longer, and what is kept has to be read again.
            if not all(is_event_id(re.sub(r"[*?]", "x", form)) for form in (pattern, pattern.casefold())):
                raise ValueError(f"{pattern!r} is no readable event id or pattern such as Contoso_*")
        folded = {pattern.casefold(): switch for pattern, switch in value.items()}
        if len(folded) < len(value):
            raise ValueError("the same event stands there twice in different letter case")
        return folded

    @field_validator("latches")
    @classmethod
    def _latched(cls, value: dict[str, Latch]) -> dict[str, Latch]:
        if unknown := sorted(set(value) - set(BY_NAME) - {STAGE_LATCH}):
            raise ValueError(f"no such operation: {', '.join(unknown)}")
        return value

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str], Switch]]:
        """Patterns, the most specific (the one with the most letters) first."""
        patterns = [pattern for pattern in self.events if "*" in pattern or "?" in pattern]
        patterns.sort(key=lambda pattern: (-len(re.sub(r"[*?]", "", pattern)), -pattern.count("?"), pattern))
        # Brackets have a meaning for fnmatch that a readable event id does not know.
        return [(pattern, re.compile(translate(pattern.replace("[", "[[]"))), self.events[pattern]) for pattern in patterns]

    def event_switch(self, *ids: str, archive: bool = True) -> tuple[str, Switch] | None:
        """The switch of an event and the id or pattern that it stands under: an id itself before patterns.

        Args:
            *ids: The readable ids of the event, in any letter case.
            archive: Whether there is an archive: switches to one that there is not are passed over.
        """
        names = [name.casefold() for name in ids]
        for name in names:
            switch = self.events.get(name)
            if switch is not None and (archive or switch is not Switch.ARCHIVE):
                return name, switch
        for pattern, expression, switch in self._patterns:
            if (archive or switch is not Switch.ARCHIVE) and any(expression.match(name) for name in names):
                return pattern, switch
        return None

    @property
    def plain(self) -> bool:
        """Whether the stage alone decides, the same for every visitor and event."""
        return not (self.operations or self.events or self.latches)

    def document(self) -> dict[str, Any]:
        """The state as JSON."""
        return self.model_dump(mode="json")
