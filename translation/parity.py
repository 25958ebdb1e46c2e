"""How alike the two organisations are: comparisons added up per operation and field path.

What differs at times even when the old organisation is asked twice is noise: a field counts as different only where its share of
differences is above its share of noise. Tallies of several processes are merged; the document is their JSON form.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Final

from translation.comparison import Comparison, Difference, Verdict
from translation.comparison_fields import OTHERS

SCHEMA: Final = 1
"""The version of the document: it grows when a key changes its meaning or goes away."""
MAX_FIELDS: Final = 500
"""Field paths of one operation; further ones are counted together as ``*``."""
MAX_OPERATIONS: Final = 50
SAMPLES: Final = 5
"""Samples of a field that are kept: the newest, one per item."""
_MOST_TEXT: Final = 500
_DOUBT: Final = 2.0
"""Standard errors by which noise measured on a small sample may be larger than it was seen to be."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One difference, and when it was seen in seconds since 1970."""

    at: float
    difference: Difference


@dataclass(slots=True)
class Tally:
    """Counts of verdicts."""

    equal: int = 0
    differs: int = 0
    missing_left: int = 0
    missing_right: int = 0

    @property
    def total(self) -> int:
        """All."""
        return self.equal + self.unequal

    @property
    def unequal(self) -> int:
        """All that are not equal."""
        return self.differs + self.missing_left + self.missing_right

    @property
    def share(self) -> float:
        """The part that is not equal, 0 to 1."""
        return self.unequal / self.total if self.total else 0.0

    def add(self, other: "Tally") -> None:
        """Count what the other has counted."""
        self.equal += other.equal
        self.differs += other.differs
        self.missing_left += other.missing_left
        self.missing_right += other.missing_right

    def document(self) -> dict[str, int]:
        """As JSON values."""
        return {name: getattr(self, name) for name in _COUNTS}


_COUNTS: Final = ("equal", "differs", "missing_left", "missing_right")


@dataclass(slots=True)
class Field:
    """One field path of one operation.

    Attributes:
        seen: The old organisation against the new.
        noise: The old organisation against itself.
        first: When it was first seen not to be equal, in seconds since 1970; None when it always was.
        last: The last time.
        samples: The newest differences, newest first.
    """

    seen: Tally = field(default_factory=Tally)
    noise: Tally = field(default_factory=Tally)
    first: float | None = None
    last: float | None = None
    samples: list[Sample] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Whether its share of differences is above its noise, as far as the noise is known."""
        if not self.seen.unequal:
            return False
        noise = self.noise.share
        doubt = _DOUBT * sqrt(noise * (1 - noise) / self.noise.total) if self.noise.total else 0.0
        return self.seen.share > noise + doubt

    def merge(self, other: "Field") -> None:
        """Add what the other has seen."""
        self.seen.add(other.seen)
        self.noise.add(other.noise)
        self.first = min((time for time in (self.first, other.first) if time is not None), default=None)
        self.last = max((time for time in (self.last, other.last) if time is not None), default=None)
        self.samples = _newest([*self.samples, *other.samples])

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "seen": self.seen.document(),
            "noise": self.noise.document(),
            "differs": self.differs,
            "first": self.first,
            "last": self.last,
            "samples": [
                {
                    "at": sample.at,
                    "verdict": sample.difference.verdict.value,
                    "item": sample.difference.item,
                    "left": sample.difference.left,
                    "right": sample.difference.right,
                    "personal": sample.difference.personal,
                }
                for sample in self.samples
            ],
        }


class Parity:
    """The tallies of all operations.

    Attributes:
        operations: The fields by path, by operation.
    """

    def __init__(self) -> None:
        self.operations: dict[str, dict[str, Field]] = {}

    def add(self, comparison: Comparison, now: float, *, noise: bool = False) -> None:
        """Count a comparison.

        Args:
            comparison: What was found.
            now: When, in seconds since 1970.
            noise: Whether the old organisation was compared with itself.
        """
        if not comparison.fields:
            return
        for path, counts in comparison.fields.items():
            found = self._field(comparison.operation, path)
            tally = Tally(*(counts.get(verdict, 0) for verdict in Verdict))
            if noise:
                found.noise.add(tally)
                continue
            found.seen.add(tally)
            if tally.unequal:
                found.first = now if found.first is None else min(found.first, now)
                found.last = now if found.last is None else max(found.last, now)
        if not noise:
            for difference in comparison.differences:
                found = self._field(comparison.operation, difference.path)
                found.samples = _newest([*found.samples, Sample(now, difference)])

    def merge(self, other: "Parity") -> None:
        """Add what another process has seen."""
        for operation, fields in other.operations.items():
            for path, found in fields.items():
                self._field(operation, path).merge(found)

    def percent(self, operation: str | None = None) -> float | None:
        """The part of compared fields that do not really differ, 0 to 100.

        Args:
            operation: An operation's name; all together when left out.

        Returns:
            None when nothing was compared.
        """
        total = different = 0
        for _, _, found in self._fields(operation):
            total += found.seen.total
            different += found.seen.unequal if found.differs else 0
        return 100 * (total - different) / total if total else None

    def different(self, operation: str | None = None) -> list[tuple[str, str, Field]]:
        """Operation, path and field of all that really differ, those that differ most often first."""
        found = [row for row in self._fields(operation) if row[2].differs]
        return sorted(found, key=lambda row: (-row[2].seen.unequal, row[0], row[1]))

    def document(self) -> dict[str, Any]:
        """As JSON values, which ``of_document`` reads."""
        return {
            "schema": SCHEMA,
            "operations": {
                operation: {
                    "percent": self.percent(operation),
                    "fields": {path: found.document() for path, found in sorted(fields.items())},
                }
                for operation, fields in sorted(self.operations.items())
            },
        }

    @classmethod
    def of_document(cls, document: Any) -> "Parity":
        """The tallies that a document holds.

        Raises:
            ValueError: It is none that this version wrote.
        """
        parity = cls()
        try:
            if document["schema"] != SCHEMA:
                raise ValueError("another schema")
            for operation, rows in document["operations"].items():
                for path, row in rows["fields"].items():
                    parity._field(_text(operation), _text(path)).merge(_read_field(path, row))
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as mistake:
            raise ValueError(f"this is no document of parity: {mistake}") from None
        return parity

    def _fields(self, operation: str | None) -> Iterator[tuple[str, str, Field]]:
        for name, fields in self.operations.items():
            if operation is None or name == operation:
                for path, found in fields.items():
                    yield name, path, found

    def _field(self, operation: str, path: str) -> Field:
        if operation not in self.operations and len(self.operations) >= MAX_OPERATIONS:
            operation = OTHERS
        fields = self.operations.setdefault(operation, {})
        if path not in fields and len(fields) >= MAX_FIELDS:
            path = OTHERS
        return fields.setdefault(path, Field())


def _newest(samples: list[Sample]) -> list[Sample]:
    """The newest samples, one per item; the same whatever order they came in."""
    ordered = sorted(samples, key=lambda sample: (-sample.at, repr(sample.difference)))
    found: dict[str, Sample] = {}
    for sample in ordered:
        found.setdefault(sample.difference.item, sample)
    return list(found.values())[:SAMPLES]


def _read_field(path: str, row: Mapping[str, Any]) -> Field:
    samples = [
        Sample(
            float(sample["at"]),
            Difference(
                path,
                Verdict(sample["verdict"]),
                _text(sample["item"]),
                _text_or_none(sample["left"]),
                _text_or_none(sample["right"]),
                sample["personal"] is True,
            ),
        )
        for sample in row["samples"]
    ]
    first, last = row["first"], row["last"]
    return Field(
        _read_tally(row["seen"]),
        _read_tally(row["noise"]),
        None if first is None else float(first),
        None if last is None else float(last),
        _newest(samples),
    )


def _read_tally(row: Mapping[str, Any]) -> Tally:
    counts = [row[name] for name in _COUNTS]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError("counts must be whole numbers")
    return Tally(*counts)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MOST_TEXT:
        raise TypeError("a short text was due")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)
