"""What the rehearsal found, and the one document that the terminal, the JSON file and the page are made of."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import floor
from typing import Any, Final

from app.comparing.reader import Failure
from app.redaction import Redactor
from app.version import VERSION
from translation.comparison_fields import KINDS
from translation.parity import Field, Parity

SCHEMA: Final = 1
"""The version of the JSON document: it grows when a key changes its meaning or goes away."""


@dataclass(frozen=True, slots=True)
class Lonely:
    """An event that only one organisation lists.

    Attributes:
        event: Its readable id.
        name: Its name.
        start: Its local start, or empty.
        namesake: The readable id of an event of the same name that only the other one lists, or empty.
    """

    event: str
    name: str
    start: str
    namesake: str


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event that both list.

    Attributes:
        event: Its readable id in the outbound organisation.
        realtime: That in the real-time organisation.
        compared: Fields that were compared.
        unequal: Fields that are not equal, noise included.
    """

    event: str
    realtime: str
    compared: int
    unequal: int


@dataclass(frozen=True, slots=True)
class Reads:
    """How many reads were asked for, and how many failed."""

    total: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found.

    Attributes:
        began: When, in seconds since 1970.
        seconds: How long it took.
        outbound: The outbound base address; it has no query.
        realtime: The real-time base address.
        event: The one event that was asked about, or None for all.
        threshold: The percentage that every operation has to reach.
        ignored: The ignore rules, as they were written.
        events: The events that both list.
        only_outbound: Events that only outbound lists.
        only_realtime: Events that only real-time lists.
        outbound_reads: Reads of the outbound organisation.
        realtime_reads: Reads of the real-time organisation.
        failures: The first failed reads of each.
        parity: What was compared.
    """

    began: float
    seconds: float
    outbound: str
    realtime: str
    event: str | None
    threshold: float
    ignored: tuple[str, ...]
    events: tuple[EventLine, ...]
    only_outbound: tuple[Lonely, ...]
    only_realtime: tuple[Lonely, ...]
    outbound_reads: Reads
    realtime_reads: Reads
    failures: tuple[Failure, ...]
    parity: Parity

    @property
    def holds(self) -> bool:
        """Whether every operation that was compared reaches the threshold, and anything was."""
        shares = [self.parity.percent(operation) for operation in self.parity.operations]
        reached = [share >= self.threshold for share in shares if share is not None]
        return bool(reached) and all(reached)

    @property
    def summary(self) -> str:
        """The verdict in words."""
        share = self.parity.percent()
        if share is None:
            return "Nothing could be compared."
        words = f"{percent(share)} of the compared fields are equal, in {counted(len(self.events), 'event')}."
        failed = self.outbound_reads.failed + self.realtime_reads.failed
        if failed:
            words += f" {counted(failed, 'read')} failed."
        verdict = "holds" if self.holds else "does not hold"
        return f"The threshold of {percent(self.threshold)} {verdict}: {words}"

    def document(self, redactor: Redactor) -> dict[str, Any]:
        """The report as JSON values, keys as docs/cutover.md describes them; nothing secret, nothing that steers a terminal."""
        document = {
            "schema": SCHEMA,
            "version": VERSION,
            "holds": self.holds,
            "summary": self.summary,
            "threshold": self.threshold,
            "percent": self.parity.percent(),
            "began": datetime.fromtimestamp(self.began, UTC).isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "outbound": {"endpoint": self.outbound, **asdict(self.outbound_reads)},
            "realtime": {"endpoint": self.realtime, **asdict(self.realtime_reads)},
            "event": self.event,
            "ignored": list(self.ignored),
            "events": [asdict(line) for line in self.events],
            "only_outbound": [asdict(event) for event in self.only_outbound],
            "only_realtime": [asdict(event) for event in self.only_realtime],
            "failures": [asdict(failure) for failure in self.failures],
            "differences": [_difference(*row) for row in self.parity.different()],
            "operations": self.parity.document()["operations"],
            "not_compared": {
                f"{name}.{field}": why for name, kind in sorted(KINDS.items()) for field, why in sorted(kind.never.items())
            },
        }
        cleaned: dict[str, Any] = _cleaned(document, lambda text: _printable(redactor.text(text)))
        return cleaned


def percent(share: float) -> str:
    """A percentage in words; never rounded up, so that 100 % means all."""
    return f"{floor(share * 100 + 1e-9) / 100:g} %"


def counted(number: int, noun: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _difference(operation: str, path: str, found: Field) -> dict[str, Any]:
    return {
        "operation": operation,
        "path": path,
        "share": round(100 * found.seen.share, 2),
        "noise": round(100 * found.noise.share, 2),
        **found.seen.document(),
    }


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(item, clean) for key, item in value.items()}
    return [_cleaned(item, clean) for item in value] if isinstance(value, list) else value


def _printable(text: str) -> str:
    """``text`` without characters that could steer a terminal or turn the direction of a page."""
    return "".join(mark if mark.isprintable() or mark == "\n" else "\N{REPLACEMENT CHARACTER}" for mark in text)
