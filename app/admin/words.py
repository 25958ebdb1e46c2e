"""Numbers, times and changes in words, for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from app.cutover.state import STAGE_LATCH

NOTHING: Final = "–"
_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def moment(at: float | None) -> str:
    """A time in seconds since 1970, as ``2026-11-23 16:40:05 UTC``."""
    return NOTHING if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def machine_moment(at: float) -> str:
    """The same for machines (RFC 3339)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """How long: the largest unit only, as ``3 hours``."""
    for length, name in _UNITS:
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {name}{'' if number == 1 else 's'}"
    return f"{max(0, int(seconds))} s"


def number(value: float) -> str:
    """A whole number with thousands told apart by narrow spaces."""
    return f"{value:,.0f}".replace(",", "\u202f")


def percent(value: float | None) -> str:
    """A percentage of 0 to 100. Neither 0 nor 100 is shown for what is not."""
    if value is None:
        return NOTHING
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{round(value, 1):g} %"


def share(percent_of_visitors: float) -> str:
    """The percentage of visitors exactly as it is set, in hundredths."""
    return f"{percent_of_visitors:g} %"


def duration(seconds: float | None) -> str:
    """The time of a call."""
    if seconds is None:
        return NOTHING
    # No line ends between a number and its unit.
    return f"{seconds * 1000:.0f}\u00a0ms" if seconds < 1 else f"{seconds:.1f}\u00a0s"


def size(number_of_bytes: float) -> str:
    """Bytes in kB or MB."""
    return f"{number_of_bytes / 1e6:.1f} MB" if number_of_bytes >= 1e6 else f"{number_of_bytes / 1e3:.0f} kB"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a change makes otherwise.

    Attributes:
        what: What it is.
        before: What it was.
        after: What it becomes.
    """

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        """The three in one line."""
        return f"{self.what}: {self.before} → {self.after}"


def steps(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Step]:
    """What a change makes otherwise.

    Args:
        before: The parts of the state that became others, as JSON (``app/cutover/store.py``, ``Change``); empty for the first.
        after: The same parts, as they became.
    """
    found: list[Step] = []
    if "stage" in after:
        found.append(Step("Stage", str(before.get("stage", NOTHING)), str(after["stage"])))
    if "percent" in after:
        old = before.get("percent")
        found.append(Step("Percentage", NOTHING if old is None else share(old), share(after["percent"])))
    for part, noun in (("operations", "Switch of"), ("events", "Switch of event")):
        old, new = before.get(part, {}), after.get(part, before.get(part, {}))
        found += [
            Step(f"{noun} {name}", old.get(name, "none"), new.get(name, "none"))
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        ]
    old, new = before.get("latches", {}), after.get("latches", before.get("latches", {}))
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            what = "Latch of the whole stage" if name == STAGE_LATCH else f"Latch of {name}"
            found.append(Step(what, _latch(old.get(name), "none"), _latch(new.get(name), "cleared")))
    return found


def _latch(latch: Mapping[str, Any] | None, without: str) -> str:
    return without if latch is None else f"moved back to outbound ({latch['reason']})"
