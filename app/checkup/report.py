"""What ``evtmgmt-proxy check`` found, and the JSON document that says so.

docs/check.md describes the document; a test compares.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final, TypeVar

from app.version import VERSION

SCHEMA: Final = 1
"""The version of the JSON document: it grows when a key changes its meaning or goes away."""


class Verdict(StrEnum):
    """What something means for an old portal."""

    OK = "ok"
    NOTE = "note"
    BREAKS = "breaks"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One operation.

    Attributes:
        operation: Its name in the table of operations.
        row: Its number in CONTRACT 1.1; None for those that only the new API has.
        status: The HTTP status of Dynamics; None when it was not asked or did not answer.
        ms: Milliseconds until its answer was read, an image until its headers.
        found: What was found, in words.
        verdict: What it means for a portal.
        problem: A code of ``app/checkup/problems.py``, or None.
        advice: What to do about the problem, or None.
    """

    operation: str
    row: int | None
    status: int | None = None
    ms: float | None = None
    found: str
    verdict: Verdict
    problem: str | None = None
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that nobody outside Microsoft could look up (CONTRACT [guess]), and what this organisation does.

    Attributes:
        name: A stable name.
        seen: Whether the answers differ from the old form in this; None when there was nothing to look at.
        found: What stood in the answers of Dynamics, before any repair.
        handling: What the proxy makes of it.
        verdict: What it means for a portal.
    """

    name: str
    seen: bool | None
    found: str
    handling: str
    verdict: Verdict = Verdict.OK


@dataclass(frozen=True, slots=True)
class Smell:
    """A setting that is valid and yet looks like a mistake.

    Attributes:
        name: A stable name.
        text: What it is and what to do.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found.

    Attributes:
        endpoint: The real-time base that was called; it has no query.
        event: The readable id of the event that was looked at, or None.
        settings: Settings that look like mistakes.
        operations: A line per operation, in the order of the table of operations.
        readings: What was found of each tolerant reading.
    """

    endpoint: str
    event: str | None
    settings: tuple[Smell, ...]
    operations: tuple[Line, ...]
    readings: tuple[Reading, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all; never ``skipped``."""
        found = {line.verdict for line in self.operations} | {reading.verdict for reading in self.readings}
        if Verdict.BREAKS in found:
            return Verdict.BREAKS
        return Verdict.NOTE if Verdict.NOTE in found or self.settings else Verdict.OK

    @property
    def summary(self) -> str:
        """The verdict in words, and how far it reaches."""
        if self.verdict is Verdict.BREAKS:
            return "A portal would break."
        words = "A portal would work." if self.verdict is Verdict.OK else "A portal would work. Please read the notes."
        if self.event is None:
            return f"{words} No event could be looked at, so this says little."
        return f"{words} One event was looked at, and nothing was registered: register once yourself before visitors do."

    @property
    def todo(self) -> tuple[tuple[str, tuple[str, ...], str], ...]:
        """What has to be done so that portals do not break: problem, the operations that have it, advice; each problem once."""
        found: dict[str, tuple[list[str], str]] = {}
        for line in self.operations:
            if line.verdict is Verdict.BREAKS and line.problem is not None and line.advice is not None:
                found.setdefault(line.problem, ([], line.advice))[0].append(line.operation)
        for reading in self.readings:
            if reading.verdict is Verdict.BREAKS:
                found[reading.name] = ([], f"{_sentence(reading.found)} {reading.handling}")
        return tuple((problem, tuple(operations), advice) for problem, (operations, advice) in found.items())

    def document(self) -> dict[str, Any]:
        """The report as JSON values, keys as docs/check.md describes them."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "verdict": self.verdict.value,
            "summary": self.summary,
            "endpoint": self.endpoint,
            "event": self.event,
            "todo": [
                {"problem": problem, "operations": list(operations), "advice": advice}
                for problem, operations, advice in self.todo
            ],
            "settings": [asdict(item) for item in self.settings],
            "operations": [asdict(item) for item in self.operations],
            "readings": [asdict(item) for item in self.readings],
        }

    def cleaned(self, clean: Callable[[str], str]) -> "Report":
        """The same report with ``clean`` applied to every text that may hold words of Dynamics."""
        return replace(
            self,
            event=None if self.event is None else clean(self.event),
            settings=tuple(_cleaned(self.settings, clean)),
            operations=tuple(_cleaned(self.operations, clean)),
            readings=tuple(_cleaned(self.readings, clean)),
        )


Item = TypeVar("Item", Line, Reading, Smell)


def _cleaned(items: tuple[Item, ...], clean: Callable[[str], str]) -> Iterator[Item]:
    for item in items:
        values = {field.name: getattr(item, field.name) for field in fields(item)}
        cleaned: dict[str, Any] = {name: clean(value) for name, value in values.items() if type(value) is str}
        yield replace(item, **cleaned)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
