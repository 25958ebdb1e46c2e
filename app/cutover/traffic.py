"""What was answered of late: the calls to each organisation with their times, and beside them what visitors were answered.

Counted in slots of ten seconds of the wall clock, so that the tallies of several processes can be laid over each other, and
kept for an hour. Names come from closed lists, operations and organisations, so that there are few.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, log2
from time import time
from typing import Any, Final

SCHEMA: Final = 1
"""The version of the document: it grows when a key changes its meaning or goes away."""
SLOT_SECONDS: Final = 10
KEPT_SLOTS: Final = 360
_FASTEST: Final = 0.001
"""Seconds up to which all times are alike."""
_STEPS: Final = 4
"""Buckets in which a time doubles: a time is told within a fifth."""
_LAST: Final = _STEPS * 17
"""The bucket of all times above two minutes."""
_NO_REFUSAL: Final = 501
"""The status of what the contract does not have: a visitor's error, but nobody's failure."""
_NEVER: Final[Mapping[str, float]] = {}

Row = list[Any]
"""One operation of one organisation in a slot: both names, calls, failures, answers, errors, then buckets and their counts."""
Name = tuple[str, str]
"""An operation and an organisation."""


@dataclass(slots=True)
class Tally:
    """Counts of one organisation.

    Attributes:
        calls: Calls made to it.
        failures: Those that failed.
        answers: What visitors were answered from it, kept answers included.
        errors: Those that were its or the proxy's fault.
        times: How many calls took how long, by bucket.
    """

    calls: int = 0
    failures: int = 0
    answers: int = 0
    errors: int = 0
    times: dict[int, int] = field(default_factory=dict)

    @property
    def p95(self) -> float | None:
        """The seconds within which 95 of 100 calls were answered or failed; None without calls."""
        return self.quantile(0.95)

    def quantile(self, share: float) -> float | None:
        """The seconds within which a share of the calls was answered or failed, rounded up by a fifth at most.

        Args:
            share: 0.95 for the 95th percentile.

        Returns:
            None without calls.
        """
        due = share * sum(self.times.values())
        seen = 0
        for bucket in sorted(self.times):
            seen += self.times[bucket]
            if seen >= due:
                return float(_FASTEST * 2 ** (bucket / _STEPS))
        return None

    def add(self, other: "Tally") -> None:
        """Count what the other has counted."""
        self.calls += other.calls
        self.failures += other.failures
        self.answers += other.answers
        self.errors += other.errors
        for bucket, count in other.times.items():
            self.times[bucket] = self.times.get(bucket, 0) + count

    def _row(self, name: Name) -> Row:
        times = [number for pair in self.times.items() for number in pair]
        return [*name, self.calls, self.failures, self.answers, self.errors, *times]

    def _add_row(self, row: Row) -> None:
        self.calls += row[2]
        self.failures += row[3]
        self.answers += row[4]
        self.errors += row[5]
        for place in range(6, len(row), 2):
            self.times[row[place]] = self.times.get(row[place], 0) + row[place + 1]


@dataclass(frozen=True, slots=True)
class Slot:
    """Ten seconds.

    Attributes:
        at: When they began, in seconds since 1970.
        tallies: What was counted, by organisation.
    """

    at: int
    tallies: dict[str, Tally]

    @property
    def calls(self) -> dict[str, int]:
        """How many calls were made to each organisation."""
        return {backend: tally.calls for backend, tally in self.tallies.items() if tally.calls}


class Traffic:
    """The tallies of the last hour.

    Args:
        clock: Seconds since 1970: all processes have to mean the same slots.
    """

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._clock = clock
        self._slot = 0
        self._open: dict[Name, Tally] = {}
        self._closed: dict[int, list[Row]] = {}

    def observe(self, backend: str, operation: str, failed: bool, seconds: float | None) -> None:
        """Count a call to an organisation.

        Args:
            backend: The organisation.
            operation: The operation's name.
            failed: Whether it failed.
            seconds: How long it took; None when a call that was counted before gave an answer that cannot be used.
        """
        tally = self._tally(backend, operation)
        if failed:
            tally.failures += 1
        if seconds is None:
            return
        tally.calls += 1
        bucket = min(_LAST, ceil(log2(seconds / _FASTEST) * _STEPS)) if seconds > _FASTEST else 0
        tally.times[bucket] = tally.times.get(bucket, 0) + 1

    def answered(self, backend: str, operation: str, status: int) -> None:
        """Count what a visitor was answered, wherever the answer was kept.

        Args:
            backend: Who answered, as ``Exchange.backend`` says it.
            operation: The operation's name.
            status: The HTTP status.
        """
        tally = self._tally(backend, operation)
        tally.answers += 1
        if status >= 500 and status != _NO_REFUSAL:
            tally.errors += 1

    def window(self, seconds: float, since: Mapping[str, float] = _NEVER) -> dict[Name, Tally]:
        """The tallies of the last seconds, by operation and organisation.

        Args:
            seconds: How long back; slots that began before are counted whole.
            since: When the counting began, in seconds since 1970, for operations of which it began later. What came in the
                same slot, but before, is left out.
        """
        now = self._clock()
        starts = {operation: int(at // SLOT_SECONDS) + 1 for operation, at in since.items()}
        found: dict[Name, Tally] = {}
        for slot, rows in self._rows(int((now - seconds) // SLOT_SECONDS)):
            for row in rows:
                if slot >= starts.get(row[0], slot):
                    found.setdefault((row[0], row[1]), Tally())._add_row(row)
        return found

    def series(self, minutes: int) -> list[Slot]:
        """The slots of the last minutes, the oldest first, those without calls as well."""
        last = int(self._clock() // SLOT_SECONDS)
        first = max(last - minutes * 60 // SLOT_SECONDS, last - KEPT_SLOTS) + 1
        slots = {slot: Slot(slot * SLOT_SECONDS, {}) for slot in range(first, last + 1)}
        for slot, rows in self._rows(first):
            for row in rows if slot in slots else ():
                slots[slot].tallies.setdefault(row[1], Tally())._add_row(row)
        return list(slots.values())

    def merge(self, other: "Traffic") -> None:
        """Add what another process has counted."""
        for slot, rows in other._rows(0):
            self._closed[slot] = [*self._closed.get(slot, ()), *rows]

    def renew(self, later: "Traffic") -> None:
        """Put a later document of the same process in the place of the slots that it has."""
        self._closed.update(later._rows(0))

    def clear(self) -> None:
        """Begin from nought."""
        self._open.clear()
        self._closed.clear()

    def document(self, seconds: float = KEPT_SLOTS * SLOT_SECONDS) -> dict[str, Any]:
        """As JSON values, which ``of_document`` reads. Lists of past slots are shared with it.

        Args:
            seconds: How long back; slots that began before are in it whole.
        """
        first = int((self._clock() - seconds) // SLOT_SECONDS)
        return {"schema": SCHEMA, "slots": {str(slot): rows for slot, rows in self._rows(first)}}

    @classmethod
    def of_document(cls, document: Any, clock: Callable[[], float] = time) -> "Traffic":
        """The tallies that a document holds.

        Raises:
            ValueError: It is none that this version wrote.
        """
        traffic = cls(clock)
        try:
            if document["schema"] != SCHEMA:
                raise ValueError("another schema")
            for slot, rows in document["slots"].items():
                for row in rows:
                    _check(row)
                traffic._closed[int(slot)] = list(rows)
        except (KeyError, TypeError, AttributeError, ValueError) as mistake:
            raise ValueError(f"this is no document of traffic: {mistake}") from None
        return traffic

    def _rows(self, first: int) -> Iterator[tuple[int, list[Row]]]:
        """The slots from ``first`` on that are kept, with their rows."""
        now = int(self._clock() // SLOT_SECONDS)
        first = max(first, now - KEPT_SLOTS + 1)
        for slot, rows in self._closed.items():
            # The clocks of hosts differ a little; what is further ahead was counted before a clock was set back.
            if first <= slot <= now + 1 and slot != self._slot:
                yield slot, rows
        if first <= self._slot <= now + 1 and (self._open or self._slot in self._closed):
            yield self._slot, [*self._closed.get(self._slot, ()), *(tally._row(name) for name, tally in self._open.items())]

    def _tally(self, backend: str, operation: str) -> Tally:
        slot = int(self._clock() // SLOT_SECONDS)
        if slot != self._slot:
            self._turn(slot)
        name = operation, backend
        tally = self._open.get(name)
        if tally is None:
            tally = self._open[name] = Tally()
        return tally

    def _turn(self, slot: int) -> None:
        """Begin another slot; the clock may have been set back to one that was."""
        if self._open:
            rows = [tally._row(name) for name, tally in self._open.items()]
            self._closed[self._slot] = [*self._closed.get(self._slot, ()), *rows]
        self._open = {}
        self._slot = slot
        for old in [old for old in self._closed if not slot - KEPT_SLOTS < old <= slot + KEPT_SLOTS]:
            del self._closed[old]


def _check(row: Any) -> None:
    if not (isinstance(row, list) and len(row) >= 6 and len(row) % 2 == 0 and {*map(type, row[2:])} == {int}):
        raise ValueError("a row is malformed")
    if not (isinstance(row[0], str) and isinstance(row[1], str) and min(row[2:]) >= 0):
        raise ValueError("a row is malformed")
