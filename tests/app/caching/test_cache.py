"""app/caching/cache.py: what is kept, what is forgotten first, and what makes two requests the same one."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.caching.cache import ENTRY_BYTES, VARIANTS, Cache, Entry, Key, key_of, tag, tags_of
from app.calls import JSON, Call
from app.metrics import Metrics
from tests.examples import named
from translation.aliases import Aliases
from translation.freshness import Lifetime
from translation.operations import BY_NAME, OPERATIONS, Operation
from translation.query import Query, read_query

EVENT = BY_NAME["get_event"]
GUID = "0b8d1f5e-2f0a-4a55-8c0c-5d1a5d1c000a"
OTHER = "0b8d1f5e-2f0a-4a55-8c0c-5d1a5d1c000b"


def call(name: str, *values: str, sent: tuple[str, ...] | None = None, query: bytes = b"") -> Call:
    operation = BY_NAME[name]
    return Call(
        operation,
        dict(zip(operation.parameters, values, strict=True)),
        dict(zip(operation.parameters, sent or values, strict=True)),
        read_query(query, operation.query),
    )


def entry(of: Call, size: int = 0, *, packed: bytes | None = None) -> Entry:
    return Entry(key_of(of), of, b"x" * size, JSON, b'W/"x"', [], packed)


def event(name: str, size: int = 0, version: int | None = None) -> Entry:
    return entry(call("get_event", name, query=b"" if version is None else b"api-version=%d" % version), size)


def cache(max_bytes: int = 10**6, max_entries: int = 1_000) -> Cache:
    return Cache(max_bytes, max_entries, Metrics())


def names(kept: Cache, *asked: str) -> str:
    """Those of the events that are kept; looked up without touching them."""
    return "".join(name for name in asked if key_of(call("get_event", name)) in kept._entries)


# Keys and tags


def test_letter_case_of_guids_is_no_difference() -> None:
    assert key_of(call("get_session", GUID)) == key_of(call("get_session", GUID.upper()))
    assert key_of(call("get_session", GUID, sent=(OTHER,))) == key_of(call("get_session", GUID.upper(), sent=(OTHER.upper(),)))
    assert key_of(call("get_session", GUID)) != key_of(call("get_session", OTHER))


def test_letter_case_of_readable_ids_is_a_difference() -> None:
    assert key_of(call("get_event", "Open_Day")) != key_of(call("get_event", "open_day"))
    assert key_of(call("get_event", "Σ")) != key_of(call("get_event", "ς"))


def test_another_operation_is_another_key() -> None:
    keys = {key_of(Call(operation, dict.fromkeys(operation.parameters, GUID), {})) for operation in OPERATIONS}
    assert len(keys) == len(OPERATIONS)


def test_an_alias_and_the_id_of_today_are_two_keys_with_one_tag() -> None:
    """Answers repeat the id that was asked for, so that they differ."""
    aliases = Aliases.of(events={"Old": "New"}, sessions={GUID: OTHER}, passes={}, fields={})
    for name, old, new in (("list_passes", "Old", "New"), ("get_session", GUID.upper(), OTHER.upper())):
        operation = BY_NAME[name]
        asked = {operation.parameters[0]: old}
        by_alias = key_of(Call(operation, asked, aliases.parameters(asked)))
        today = key_of(call(name, new))
        assert by_alias != today
        assert tags_of(by_alias) == tags_of(today)


def test_trace_body_and_urgency_are_no_difference() -> None:
    plain = call("get_event", "A")
    more = Call(EVENT, plain.asked, plain.sent, plain.query, (("x-request-id", "1"),), b"body", "text/plain", anew=True)
    assert key_of(plain) == key_of(more)


@pytest.mark.parametrize("query", [b"ts=1", b"_=2", b"emApplicationtoken=x", b"foo=1&bar=2", b"data=1", b"&&", b"webAppId=1"])
def test_what_does_not_travel_upstream_is_no_difference(query: bytes) -> None:
    assert key_of(call("get_event", "A", query=query)) == key_of(call("get_event", "A"))


def test_what_travels_upstream_is_a_difference() -> None:
    keys = {key_of(call("list_events", query=query)) for query in (b"", b"api-version=1", b"api-version=2", b"webAppId=1")}
    assert len(keys) == 4


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_tags_are_of_what_a_registration_changes(operation: Operation) -> None:
    key = Key(operation.name, ("old",), ("new",), ())
    expected = (tag(operation.parameters[0], "new"),) if operation.follows_registrations else ()
    assert tags_of(key) == expected


def test_tags_of_events_and_sessions_do_not_mix() -> None:
    kept = cache()
    kept.put(entry(call("count_event_registrations", GUID)))
    kept.put(entry(call("count_session_registrations", GUID)))
    (found,) = kept.tagged([tag("session", GUID)])
    assert found.key.operation == "count_session_registrations"


# Entries


def test_an_entry_costs_its_body_its_compressed_form_and_its_overhead() -> None:
    found = event("A", 100)
    assert found.size == ENTRY_BYTES + 100
    found.packed = b"12345"
    assert found.size == ENTRY_BYTES + 105


@pytest.mark.parametrize(
    ("lifetime", "unreachable", "kept"),
    [
        (Lifetime(30, 600, 86_400), 86_400, 86_430),
        (Lifetime(30, 600, 86_400), 0, 86_430),
        (Lifetime(30, 600, 60), 0, 630),
        (Lifetime(30, 60, 600), 1_000, 1_030),
        (Lifetime(0, 0, 0), 0, 0),
    ],
)
def test_a_life_begins(lifetime: Lifetime, unreachable: float, kept: float) -> None:
    found = event("A")
    found.begin(1_000, lifetime, 0.5, unreachable)
    assert (found.stored, found.refresh_at, found.fresh_until) == (1_000, 1_000 + lifetime.fresh / 2, 1_000 + lifetime.fresh)
    assert found.stale_until == found.fresh_until + lifetime.stale_while_revalidate
    assert found.error_until == found.fresh_until + lifetime.stale_if_error
    assert found.kept_until == 1_000 + kept


def test_an_expired_answer_is_asked_for_anew_and_serves_when_dynamics_fails() -> None:
    found = event("A")
    found.begin(1_000, Lifetime(30, 600, 900), 0.8, 5_000)
    found.retry_at = 2_000
    found.expire(1_010)
    assert (found.refresh_at, found.fresh_until, found.stale_until, found.retry_at) == (1_010, 1_010, 1_010, 0)
    assert (found.stored, found.error_until, found.kept_until) == (1_000, 1_930, 6_030)


def test_what_is_stale_already_does_not_get_younger_by_expiring() -> None:
    found = event("A")
    found.begin(1_000, Lifetime(30, 60, 900), 0.8, 0)
    found.expire(5_000)
    assert (found.refresh_at, found.fresh_until, found.stale_until) == (1_024, 1_030, 1_090)


# The cache


def test_the_least_recently_used_is_forgotten_first() -> None:
    kept = cache(max_entries=3)
    for name in "abc":
        kept.put(event(name))
    kept.get(key_of(call("get_event", "a")))
    kept.put(event("d"))
    assert names(kept, *"abcd") == "acd"
    kept.put(event("c"))  # anew is used, too
    kept.put(event("e"))
    assert names(kept, *"abcde") == "cde"
    assert kept._metrics.cache_evictions._value.get() == 2


def test_as_many_are_forgotten_as_it_takes() -> None:
    kept = cache(max_bytes=10 * ENTRY_BYTES)
    for name in "abcdefgh":
        kept.put(event(name))
    kept.put(event("x", 4 * ENTRY_BYTES))
    assert names(kept, *"abcdefghx") == "defghx"
    assert kept.used_bytes == 10 * ENTRY_BYTES


def test_an_answer_larger_than_the_cache_is_not_kept_and_pushes_nothing_out() -> None:
    kept = cache(max_bytes=10 * ENTRY_BYTES)
    kept.put(event("a"))
    kept.put(event("b", 9 * ENTRY_BYTES + 1))
    assert names(kept, "a", "b") == "a"
    kept.put(event("c", 9 * ENTRY_BYTES))  # as large as the cache
    assert names(kept, "a", "c") == "c"


def test_an_answer_that_grew_larger_than_the_cache_takes_the_old_one_with_it() -> None:
    kept = cache(max_bytes=10 * ENTRY_BYTES)
    kept.put(event("a", 1))
    kept.put(event("a", 10 * ENTRY_BYTES))
    assert (len(kept), kept.used_bytes) == (0, 0)


def test_an_answer_takes_the_place_of_the_one_before() -> None:
    kept = cache()
    kept.put(event("a", 100))
    new = event("a", 50)
    kept.put(new)
    assert kept.get(new.key) is new
    assert (len(kept), kept.used_bytes) == (1, ENTRY_BYTES + 50)


def test_what_is_not_there_can_be_removed_and_asked_for() -> None:
    kept = cache()
    key = key_of(call("get_event", "a"))
    kept.remove(key)
    assert kept.get(key) is None
    assert kept.tagged([tag("event", "a")]) == []


def test_the_compressed_form_counts() -> None:
    kept = cache(max_bytes=3 * ENTRY_BYTES)
    first, second = event("a", 100), event("b", 100)
    kept.put(first)
    kept.put(second)
    kept.pack(second, b"z" * 50)
    assert (second.packed, kept.used_bytes) == (b"z" * 50, 2 * ENTRY_BYTES + 250)
    kept.pack(second, b"z" * 30)
    assert kept.used_bytes == 2 * ENTRY_BYTES + 230


def test_the_compressed_form_pushes_others_out() -> None:
    kept = cache(max_bytes=3 * ENTRY_BYTES)
    first, second = event("a", 100), event("b", 100)
    kept.put(first)
    kept.put(second)
    kept.pack(second, b"z" * ENTRY_BYTES)
    assert names(kept, "a", "b") == "b"
    assert kept.used_bytes == second.size


def test_all_tags_are_told() -> None:
    kept = cache()
    for name in ("list_passes", "count_event_registrations", "list_tracks"):
        kept.put(entry(call(name, "A")))
    kept.put(entry(call("get_session", GUID)))
    assert sorted(kept.tags()) == [tag("event", "A"), tag("session", GUID)]
    kept.remove(key_of(call("get_session", GUID)))
    assert kept.tags() == [tag("event", "A")]


def test_the_compressed_form_of_what_is_no_longer_kept_does_not_count() -> None:
    kept = cache()
    replaced, removed = event("a", 100), event("b", 100)
    for one in (replaced, removed, event("a", 10)):
        kept.put(one)
    kept.remove(removed.key)
    for one in (replaced, removed):
        kept.pack(one, b"z" * 50)
        assert one.packed == b"z" * 50  # who asked gets it all the same
    assert kept.used_bytes == ENTRY_BYTES + 10


def test_a_compressed_form_that_does_not_fit_pushes_no_other_out() -> None:
    kept = cache(max_bytes=10 * ENTRY_BYTES)
    kept.put(event("a"))
    large = event("b", 7 * ENTRY_BYTES)
    kept.put(large)
    kept.pack(large, b"z" * (6 * ENTRY_BYTES))
    assert names(kept, "a", "b") == "a"
    assert kept.used_bytes == ENTRY_BYTES
    assert large.packed  # who asked gets it all the same


def test_no_more_than_some_variants_of_one_thing_are_kept() -> None:
    kept = cache()
    kept.put(event("other", version=0))
    for version in range(VARIANTS + 5):
        kept.put(event("a", version=version))
    found = [key.query[0][1] for key in kept._entries if key.asked == ("a",)]
    assert found == [b"%d" % version for version in range(5, VARIANTS + 5)]
    assert len(kept) == VARIANTS + 1


def test_order_and_letter_case_of_parameters_make_no_variants() -> None:
    plain = Query((("api-version", b"api-version=1"), ("x", b"x=2")), client_token=False, dropped=0)
    other = Query((("x", b"X=2"), ("api-version", b"API-Version=1")), client_token=False, dropped=0)
    keys = {key_of(Call(BY_NAME["list_events"], {}, {}, query)) for query in (plain, other)}
    assert len(keys) == 1


def test_letter_case_makes_variants_too() -> None:
    kept = cache()
    word = "abcdefghij"
    for number in range(2 * VARIANTS):
        kept.put(event("".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate(word))))
    assert len(kept) == VARIANTS
    kept.put(entry(call("list_tracks", word)))  # another thing
    assert len(kept) == VARIANTS + 1


def test_a_variant_that_comes_anew_is_the_youngest() -> None:
    kept = cache()
    for version in range(VARIANTS):
        kept.put(event("a", version=version))
    kept.put(event("a", version=0))
    kept.put(event("a", version=VARIANTS))
    assert kept.get(event("a", version=0).key)
    assert not kept.get(event("a", version=1).key)


def test_entries_are_found_by_their_tags_once() -> None:
    kept = cache()
    count, passes = entry(call("count_event_registrations", "Old", sent=("New",))), entry(call("list_passes", "New"))
    session = entry(call("get_session", GUID.upper()))
    for one in (count, passes, session, event("New")):
        kept.put(one)
    assert kept.tagged([]) == kept.tagged([tag("event", "Old")]) == []
    found = kept.tagged([tag("event", "New"), tag("session", GUID), tag("event", "New")])
    assert {one.key for one in found} == {count.key, passes.key, session.key}
    assert len(found) == 3
    kept.remove(count.key)
    assert kept.tagged([tag("event", "New")]) == [passes]


def test_the_size_is_shown() -> None:
    kept = cache(max_bytes=2 * ENTRY_BYTES)
    for name in "abc":
        kept.put(event(name))
    metrics = kept._metrics
    assert (metrics.cache_entries._value.get(), metrics.cache_bytes._value.get()) == (2, 2 * ENTRY_BYTES)
    assert metrics.cache_evictions._value.get() == 1


CALLS = [
    call(name, *[value] * len(BY_NAME[name].parameters), query=query)
    for name in ("get_event", "count_event_registrations", "list_passes", "list_sessions")
    for value in ("A", "a", "B")
    for query in (b"", *(b"api-version=%d" % number for number in range(6)))
] + [call("get_session", value) for value in (GUID, GUID.upper(), OTHER)]
calls = st.sampled_from(CALLS)
few = st.sampled_from(CALLS[:14])
sizes = st.integers(0, 200) | st.integers(0, 30_000)


class Model(RuleBasedStateMachine):
    """The cache beside lists that are searched from one end to the other."""

    @initialize(max_bytes=st.sampled_from([1_024, 2_500, 20_000, 90_000]), max_entries=st.sampled_from([1, 3, 12, 100]))
    def begin(self, max_bytes: int, max_entries: int) -> None:
        self.max_bytes, self.max_entries = max_bytes, max_entries
        self.cache = cache(max_bytes, max_entries)
        self.used: list[Entry] = []  # the least recently used first
        self.stored: list[Entry] = []  # the first stored first
        self.gone: list[Entry] = []
        self.evicted = 0

    def forget(self, one: Entry) -> None:
        self.used.remove(one)
        self.stored.remove(one)
        self.gone = [*self.gone[-3:], one]

    def make_room(self) -> None:
        while sum(one.size for one in self.used) > self.max_bytes or len(self.used) > self.max_entries:
            self.forget(self.used[0])
            self.evicted += 1

    def of(self, key: Key) -> Entry | None:
        return next((one for one in self.used if one.key == key), None)

    @rule(asked=calls | few, size=sizes, packed=st.none() | st.just(b"") | st.binary(max_size=9))
    def put(self, asked: Call, size: int, packed: bytes | None) -> None:
        new = entry(asked, size, packed=packed)
        self.cache.put(new)
        if (old := self.of(new.key)) is not None:
            self.forget(old)
        if new.size <= self.max_bytes:
            self.used.append(new)
            self.stored.append(new)
            thing = [one for one in self.stored if self.thing(one) == self.thing(new)]
            if len(thing) > VARIANTS:
                # What scanners vary is the query: the plain answer, which portals ask for, stays.
                self.forget(next((one for one in thing if one.key.query), thing[0]))
                self.evicted += 1
        self.make_room()

    @staticmethod
    def thing(one: Entry) -> tuple[str, tuple[str, ...]]:
        return one.key.operation, tuple(value.casefold() for value in one.key.asked)

    @rule(asked=calls | few)
    def get(self, asked: Call) -> None:
        expected = self.of(key_of(asked))
        assert self.cache.get(key_of(asked)) is expected
        if expected is not None:
            self.used.remove(expected)
            self.used.append(expected)

    @rule(asked=calls | few)
    def remove(self, asked: Call) -> None:
        self.cache.remove(key_of(asked))
        if (old := self.of(key_of(asked))) is not None:
            self.forget(old)

    @precondition(lambda self: any(one.packed is None for one in self.used))
    @rule(data=st.data(), size=sizes)
    def pack(self, data: st.DataObject, size: int) -> None:
        one = data.draw(st.sampled_from([one for one in self.used if one.packed is None]))
        one_too_large = one.size + size > self.max_bytes
        self.cache.pack(one, b"z" * size)
        if one_too_large:
            self.forget(one)
            self.evicted += 1
        self.make_room()

    @precondition(lambda self: self.gone)
    @rule(data=st.data(), size=sizes)
    def pack_what_is_gone(self, data: st.DataObject, size: int) -> None:
        self.cache.pack(data.draw(st.sampled_from(self.gone)), b"z" * size)

    @rule(value=st.sampled_from(["A", "a", "B"]))
    def tagged(self, value: str) -> None:
        expected = [one for one in self.used if tag("event", value) in tags_of(one.key)]
        assert sorted(map(id, self.cache.tagged([tag("event", value)]))) == sorted(map(id, expected))

    @invariant()
    def sums_are_right_and_within_the_bounds(self) -> None:
        assert self.cache.used_bytes == sum(one.size for one in self.used) <= self.max_bytes
        assert len(self.cache) == len(self.used) <= self.max_entries

    @invariant()
    def order_is_that_of_use(self) -> None:
        assert list(self.cache._entries.values()) == self.used

    @invariant()
    def tables_have_what_is_kept_and_nothing_else(self) -> None:
        tagged: dict[str, set[Key]] = {}
        things: dict[Any, list[Key]] = {}
        for one in self.stored:
            for name in tags_of(one.key):
                tagged.setdefault(name, set()).add(one.key)
            things.setdefault(self.thing(one), []).append(one.key)
        assert {name: set(keys) for name, keys in self.cache._tagged.items()} == tagged
        assert sorted(map(list, self.cache._variants.values())) == sorted(things.values())

    @invariant()
    def metrics_tell_it(self) -> None:
        metrics = self.cache._metrics
        assert metrics.cache_evictions._value.get() == self.evicted


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


@given(st.lists(st.tuples(calls, sizes), max_size=40))
def test_all_removed_is_nothing_left(puts: list[tuple[Call, int]]) -> None:
    kept = cache(60_000, 10)
    for asked, size in puts:
        kept.put(entry(asked, size))
    for asked, _ in puts:
        kept.remove(key_of(asked))
    assert (len(kept), kept.used_bytes, kept._tagged, kept._variants) == (0, 0, {}, {})
