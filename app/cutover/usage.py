"""What portals really use, counted by day: the ground for saying what still stands against the next stage.

Nothing personal is kept: no address, no name, no value that a visitor entered, no token. What callers choose themselves is kept
only where it has the form of a name, and bounded, so that a scanner cannot fill it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import blake2b
from math import log
from time import time
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson

from translation.operations import OPERATIONS
from translation.query import TOKEN_PARAMETER

SCHEMA: Final = 1
"""The version of the document: it grows when a key changes its meaning or goes away."""
KEPT_DAYS: Final = 30
OTHERS: Final = "*"
"""Under which everything beyond a bound is counted."""
SIGNED_IN: Final = "signed_in"
CAPTCHA_ANSWERS: Final = "captcha_answers"
TABLES: Final[Mapping[str, int]] = {
    "operations": 60,
    "events": 2_000,
    "fields": 200,
    "clients": 100,
    "origins": 100,
    "signs": 2,
}
"""What is counted, and how many names of each are kept of a day."""
EVENTS_OF_THE_PAST: Final = 200
"""Events that are kept of a day that is over: those that were asked for most."""
VISITOR_BITS: Final = 4_096
"""Places of the field in which signed-in visitors leave a mark: each place stands for many."""
_OF_EVENTS: Final = frozenset(operation.name for operation in OPERATIONS if operation.parameters[:1] == ("event",))
_TOKEN: Final = TOKEN_PARAMETER.lower().encode()
_ORIGIN: Final = re.compile(rb"https?://[a-z0-9.\-]{1,200}(?::[0-9]{1,5})?")
_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MEMO: Final = 1_000
_LONGEST_MEMO: Final = 512
"""Bytes of an origin or a query that is remembered: clients write what they like."""

Table = dict[str, int]


class Day:
    """One day's counts.

    Attributes:
        tables: Counts by name, for each of ``TABLES``.
        visitors: The field of marks, as the bits of a number.
    """

    __slots__ = ("tables", "visitors")

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {table: {} for table in TABLES}
        self.visitors = 0

    def add(self, other: "Day") -> None:
        """Count what the other has counted."""
        for table, counts in other.tables.items():
            for name, count in counts.items():
                _count(self.tables[table], name, TABLES[table], count)
        self.visitors |= other.visitors

    def trim(self) -> None:
        """Keep of the events those that were asked for most."""
        events = self.tables["events"]
        others = events.pop(OTHERS, 0)
        kept = dict(Counter(events).most_common(EVENTS_OF_THE_PAST))
        others += sum(events.values()) - sum(kept.values())
        self.tables["events"] = kept | ({OTHERS: others} if others else {})


class Usage:
    """The counts of the last days, in UTC.

    Args:
        salt: What clients and signed-in visitors are hashed with; the same in all processes.
        clock: Seconds since 1970.
    """

    def __init__(self, salt: str, clock: Callable[[], float] = time) -> None:
        self._key = salt.encode("utf-8")[:64]
        self._clock = clock
        self._days: dict[str, Day] = {}
        self._today = -1
        self._day = Day()
        self._clients: dict[bytes, str | None] = {}
        self._origins: dict[bytes, str] = {}

    def note(self, operation: str, event: str | None, headers: Mapping[bytes, bytes], query: bytes, body: bytes = b"") -> None:
        """Count a request.

        Args:
            operation: The operation's name.
            event: The readable event id that it is about, or None.
            headers: Its headers by name.
            query: Its raw query string.
            body: Its body: of a registration the names of the fields are read, never their values.
        """
        day = int(self._clock() // 86_400)
        if day != self._today:
            self._turn(day)
        tables = self._day.tables
        _count(tables["operations"], operation, TABLES["operations"])
        if event is not None:
            _count(tables["events"], event.casefold(), TABLES["events"])
        origin = headers.get(b"origin")
        if origin is not None:
            _count(tables["origins"], self._origin(origin), TABLES["origins"])
        client = self._client(query) if query else None
        if client is not None:
            _count(tables["clients"], client, TABLES["clients"])
        authorization = headers.get(b"authorization")
        if authorization is not None:
            _count(tables["signs"], SIGNED_IN, TABLES["signs"])
            self._day.visitors |= 1 << int.from_bytes(self._hash(authorization, 2), "big") % VISITOR_BITS
        if body:
            self._read(body)

    def note_kept(self, operation: str, asked: Sequence[str], headers: Mapping[bytes, bytes], query: bytes) -> None:
        """Count a request whose answer was kept.

        Args:
            operation: The operation's name.
            asked: The values of its path parameters, in their order.
            headers: Its headers by name.
            query: Its raw query string.
        """
        self.note(operation, asked[0] if operation in _OF_EVENTS else None, headers, query)

    def total(self, table: str, days: int) -> Table:
        """How often each name was counted in the last days, today included, the most frequent first.

        Args:
            table: A name of ``TABLES``.
            days: How many days.
        """
        found: Counter[str] = Counter()
        for _, day in self._last(days):
            found.update(day.tables[table])
        return dict(found.most_common())

    def visitors(self, days: int) -> int:
        """About how many signed in within the last days. Who comes back when the token was renewed counts again."""
        marks = 0
        for _, day in self._last(days):
            marks |= day.visitors
        # Linear counting: the fewer places are left blank, the more visitors share one.
        blank = max(1, VISITOR_BITS - marks.bit_count())
        return round(VISITOR_BITS * log(VISITOR_BITS / blank))

    def days(self) -> int:
        """Since how many days there are counts, today included; 0 when there are none."""
        first = min((date.fromisoformat(name).toordinal() for name, _ in self._last(KEPT_DAYS)), default=None)
        return 0 if first is None else self._now().toordinal() - first + 1

    def merge(self, other: "Usage") -> None:
        """Add what another process has counted."""
        for name, day in other._last(KEPT_DAYS):
            self._days.setdefault(name, Day()).add(day)

    def clear(self) -> None:
        """Begin from nought."""
        self._days.clear()
        self._today = -1

    def document(self) -> dict[str, Any]:
        """As JSON values, which ``of_document`` reads."""
        days = {
            name: {**{table: dict(counts) for table, counts in day.tables.items()}, "visitors": f"{day.visitors:x}"}
            for name, day in self._last(KEPT_DAYS)
        }
        return {"schema": SCHEMA, "days": days}

    @classmethod
    def of_document(cls, document: Any, clock: Callable[[], float] = time) -> "Usage":
        """The counts that a document holds.

        Raises:
            ValueError: It is none that this version wrote.
        """
        usage = cls("", clock)
        try:
            if document["schema"] != SCHEMA:
                raise ValueError("another schema")
            for name, row in document["days"].items():
                day = usage._days[date.fromisoformat(name).isoformat()] = Day()
                for table in TABLES:
                    day.tables[table] = _checked(row[table])
                day.visitors = int(row["visitors"], 16) & ((1 << VISITOR_BITS) - 1)
        except (KeyError, TypeError, AttributeError, ValueError) as mistake:
            raise ValueError(f"this is no document of usage: {mistake}") from None
        return usage

    def _now(self) -> date:
        return datetime.fromtimestamp(self._clock(), UTC).date()

    def _last(self, days: int) -> Iterator[tuple[str, Day]]:
        today = self._now().toordinal()
        for name, day in self._days.items():
            if today - days < date.fromisoformat(name).toordinal() <= today:
                yield name, day

    def _turn(self, today: int) -> None:
        """Begin another day."""
        if self._today >= 0:
            self._day.trim()
        kept = [name for name, _ in self._last(KEPT_DAYS)]
        self._days = {name: self._days[name] for name in kept}
        self._day = self._days.setdefault(self._now().isoformat(), Day())
        self._today = today

    def _origin(self, raw: bytes) -> str:
        found = self._origins.get(raw)
        if found is None:
            lower = raw.lower()
            found = lower.decode() if _ORIGIN.fullmatch(lower) else OTHERS
            if len(self._origins) < _MEMO and len(raw) <= _LONGEST_MEMO:
                self._origins[raw] = found
        return found

    def _client(self, query: bytes) -> str | None:
        """The beginning of the hash of the client's token, if there is one: enough to tell clients apart."""
        if query in self._clients:
            return self._clients[query]
        client = next((self._hash(token, 4).hex() for token in _tokens(query)), None)
        if len(query) <= _LONGEST_MEMO:
            if len(self._clients) >= _MEMO:
                self._clients.clear()
            self._clients[query] = client
        return client

    def _hash(self, value: bytes, size: int) -> bytes:
        return blake2b(value, key=self._key, digest_size=size).digest()

    def _read(self, body: bytes) -> None:
        """The names of the fields that a registration answers, and whether it answers a captcha."""
        try:
            value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError:
            return
        if not isinstance(value, dict):
            return
        if value.get("hipObject"):
            _count(self._day.tables["signs"], CAPTCHA_ANSWERS, TABLES["signs"])
        for attendee in _objects(value.get("attendees")):
            for response in _objects(attendee.get("responses")):
                name = response.get("id")
                known = isinstance(name, str) and _FIELD.fullmatch(name)
                _count(self._day.tables["fields"], str(name) if known else OTHERS, TABLES["fields"])


def _tokens(query: bytes) -> Iterator[bytes]:
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if value and unquote_to_bytes(name).lower() == _TOKEN:
            yield unquote_to_bytes(value)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _count(table: Table, name: str, most: int, times: int = 1) -> None:
    """Count a name in a bounded table. When it is full, what was seen once makes room, and is counted with the others."""
    if name not in table and len(table) >= most:
        once = [seen for seen, count in table.items() if count == 1]
        for seen in once:
            del table[seen]
        if once:
            table[OTHERS] = table.get(OTHERS, 0) + len(once)
        else:
            name = OTHERS
    table[name] = table.get(name, 0) + times


def _checked(row: Any) -> Table:
    if not all(isinstance(name, str) and type(count) is int and count >= 0 for name, count in row.items()):
        raise ValueError("counts must be whole numbers")
    return dict(row)
