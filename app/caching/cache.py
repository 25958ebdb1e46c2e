"""The response cache: finished answers, bounded by bytes and by number, the least recently used forgotten first.

What is kept is what is sent: the translated and serialised body, its validator (RFC 9110 8.8.3), its compressed form once
somebody asked for one, and the header lines that never change. Whether an answer may still be given is decided by
``app/caching/reading.py``; this module only keeps.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from app.calls import Call, Header, header_lines
from app.metrics import Metrics
from translation.freshness import Lifetime
from translation.operations import BY_NAME, GRAMMARS, Grammar

ENTRY_BYTES: Final = 2_000
"""What an answer costs beside its body: objects, header lines, key."""
ANY_SESSION: Final = "session *"
"""The tag of a registration of which nobody knew the sessions. No id of a session is a star."""
VARIANTS: Final = 8
"""Answers of one thing that differ only in the query or in letter case: no more are kept, so that nobody fills the cache."""


class Key(NamedTuple):
    """What two requests have in common that get the same answer.

    Attributes:
        operation: The operation's name.
        asked: Path parameters as the portal sent them, GUIDs in lower case.
        sent: The same with today's ids.
        query: The declared parameters of the query, whatever their order and letter case, and their raw values.
        source: Who gave it.
    """

    operation: str
    asked: tuple[str, ...]
    sent: tuple[str, ...]
    query: tuple[tuple[str, bytes], ...]
    source: str = "realtime"


def key_of(call: Call) -> Key:
    """The key of a call."""
    query = tuple(sorted((name, raw.partition(b"=")[2]) for name, raw in call.query.kept)) if call.query.kept else ()
    return Key(call.operation.name, _lowered(call.asked), _lowered(call.sent), query, call.source)


def tags_of(key: Key) -> tuple[str, ...]:
    """What makes an answer stale before its time: a registration for these events and sessions, by today's ids."""
    operation = BY_NAME[key.operation]
    if not operation.follows_registrations:
        return ()
    return tuple(map(tag, operation.parameters, key.sent))


def tag(parameter: str, value: str) -> str:
    """The tag of everything that is about one thing, such as the event of a readable id."""
    return f"{parameter} {value.casefold()}"


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One of the forms in which an answer is sent.

    Attributes:
        body: The body.
        headers: The header lines that depend neither on the request nor on the time.
        lines: The same as they stand on the wire.
    """

    body: bytes
    headers: list[Header]
    lines: bytes


@dataclass(slots=True, eq=False)
class Entry:
    """A finished answer.

    Attributes:
        key: What it answers.
        call: The call that would bring it again.
        body: The body.
        content_type: The media type.
        etag: A weak validator, the same for both forms of the body.
        head: The header lines of the answer that depend neither on the request nor on the time nor on the form of the body.
        packed: The body in gzip; None before somebody accepted it, empty when it is not worth it.
        stored: When Dynamics answered, on the monotonic clock, in seconds; as all times here.
        refresh_at: From then on it is fetched anew when it is asked for.
        fresh_until: Until then it is given without asking.
        stale_until: Until then it is given while it is asked for anew.
        error_until: Until then it is given when Dynamics answers with an error.
        kept_until: Until then it is given when Dynamics cannot be reached.
        retry_at: Before that it is not asked for anew, as the last attempt failed.
        failures: How many attempts failed since.
        whole: It with its body as it is.
    """

    key: Key
    call: Call
    body: bytes
    content_type: bytes
    etag: bytes
    head: list[Header]
    packed: bytes | None = None
    stored: float = 0.0
    refresh_at: float = 0.0
    fresh_until: float = 0.0
    stale_until: float = 0.0
    error_until: float = 0.0
    kept_until: float = 0.0
    retry_at: float = 0.0
    failures: int = 0
    whole: Form = field(init=False, repr=False)
    _gzip: Form | None = field(default=None, init=False, repr=False)
    _unchanged: Form | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.whole = self._form(self.body)

    @property
    def gzip(self) -> Form | None:
        """It with its body compressed; None where that was not made, or is not worth it."""
        if self._gzip is None and self.packed:
            self._gzip = self._form(self.packed, (b"content-encoding", b"gzip"))
        return self._gzip

    @property
    def unchanged(self) -> Form:
        """It for who has its body."""
        if self._unchanged is None:
            self._unchanged = Form(b"", self.head, header_lines(self.head))
        return self._unchanged

    def _form(self, body: bytes, *more: Header) -> Form:
        own = [*more, (b"content-type", self.content_type), (b"content-length", b"%d" % len(body)), *self.head]
        return Form(body, own, header_lines(own))

    @property
    def size(self) -> int:
        """Bytes that it costs."""
        return ENTRY_BYTES + len(self.body) + len(self.packed or b"")

    def begin(self, now: float, lifetime: Lifetime, ahead: float, unreachable: float) -> None:
        """Start its life.

        Args:
            now: The time on the monotonic clock.
            lifetime: How long it serves.
            ahead: The part of its fresh time after which it is fetched anew when it is asked for.
            unreachable: Seconds that it serves when Dynamics cannot be reached.
        """
        self.stored = now
        self.refresh_at = now + lifetime.fresh * ahead
        self.fresh_until = now + lifetime.fresh
        self.stale_until = self.fresh_until + lifetime.stale_while_revalidate
        self.error_until = self.fresh_until + lifetime.stale_if_error
        self.kept_until = max(self.stale_until, self.error_until, self.fresh_until + unreachable)

    def expire(self, now: float) -> None:
        """Have it fetched anew before it is given again. It stays for the case that Dynamics fails."""
        self.refresh_at = min(self.refresh_at, now)
        self.fresh_until = min(self.fresh_until, now)
        self.stale_until = min(self.stale_until, now)
        self.retry_at = 0.0


class Cache:
    """Finished answers by key.

    Args:
        max_bytes: Bytes of all answers together.
        max_entries: Most answers.
        metrics: Shows the size.
    """

    def __init__(self, max_bytes: int, max_entries: int, metrics: Metrics) -> None:
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._metrics = metrics
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._tagged: dict[str, dict[Key, None]] = {}
        self._variants: dict[tuple[str, str, str], dict[Key, None]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """The number of answers."""
        return len(self._entries)

    @property
    def used_bytes(self) -> int:
        """What they cost together."""
        return self._bytes

    def get(self, key: Key) -> Entry | None:
        """The answer for a key, which becomes the most recently used."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def peek(self, key: Key) -> Entry | None:
        """The answer for a key, which does not count as a use."""
        return self._entries.get(key)

    def put(self, entry: Entry) -> None:
        """Keep an answer in the place of the one that has its key. One that is larger than the cache is not kept."""
        self.remove(entry.key)
        if entry.size <= self._max_bytes:
            self._entries[entry.key] = entry
            self._bytes += entry.size
            for name in tags_of(entry.key):
                self._tagged.setdefault(name, {})[entry.key] = None
            variants = self._variants.setdefault(_thing(entry.key), {})
            variants[entry.key] = None
            if len(variants) > VARIANTS:
                self._evict(next((key for key in variants if key.query), next(iter(variants))))
        self._shrink()

    def pack(self, entry: Entry, packed: bytes) -> None:
        """Keep the compressed form of an answer as well."""
        kept = self._entries.get(entry.key) is entry
        if kept and entry.size + len(packed) > self._max_bytes:
            self._evict(entry.key)  # rather than all others
            kept = False
        self._bytes -= entry.size if kept else 0
        entry.packed = packed
        self._bytes += entry.size if kept else 0
        self._shrink()

    def remove(self, key: Key) -> None:
        """Forget the answer for a key, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size
            for name in tags_of(key):
                _discard(self._tagged, name, key)
            _discard(self._variants, _thing(key), key)

    def tagged(self, tags: Iterable[str]) -> list[Entry]:
        """All answers that have one of these tags."""
        return [self._entries[key] for key in {key for name in tags for key in self._tagged.get(name, ())}]

    def tags(self) -> list[str]:
        """All tags of all answers."""
        return list(self._tagged)

    def _shrink(self) -> None:
        while self._bytes > self._max_bytes or len(self._entries) > self._max_entries:
            self._evict(next(iter(self._entries)))
        self._metrics.cache_bytes.set(self._bytes)
        self._metrics.cache_entries.set(len(self._entries))

    def _evict(self, key: Key) -> None:
        self.remove(key)
        self._metrics.cache_evictions.inc()


def _lowered(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The values of path parameters; letter case tells GUIDs apart nowhere."""
    return tuple(value.lower() if GRAMMARS[name] is Grammar.GUID else value for name, value in parameters.items())


def _thing(key: Key) -> tuple[str, str, str]:
    """What an answer is about, whatever the query and the letter case."""
    return key.source, key.operation, "/".join(key.asked).casefold()


def _discard(table: dict[Any, dict[Key, None]], name: Any, key: Key) -> None:
    """Take a key out of an ordered set, and the set out of the table when it is empty."""
    keys = table[name]
    del keys[key]
    if not keys:
        del table[name]
