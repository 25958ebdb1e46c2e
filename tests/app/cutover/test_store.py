"""What every store does, asked of each: memory, SQLite, Redis."""

import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cutover import live, sqlite
from app.cutover.state import CutoverState, Latch, Stage, Switch
from app.cutover.store import (
    FOLDED,
    LONGEST_WHO,
    LONGEST_WHY,
    Change,
    ConflictError,
    FoldedError,
    Snapshot,
    author,
    difference,
)
from app.shared import redis_news
from tests.app.cutover.stores import KINDS, SEEN_WITHIN, MakeStore, consistent, replayed, stores
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio
EVERYTHING = -5.0
"""Seconds after which all that was put is taken for old."""


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(params=KINDS)
async def make(request: pytest.FixtureRequest, redis: RedisServer, tmp_path: Path) -> AsyncIterator[MakeStore]:
    async with stores(request.param, tmp_path / "state", redis, uuid.uuid4().hex) as make:
        yield make


def added(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {"n": sum(document["n"] for document in documents)}


async def test_the_first_state_is_that_of_the_settings_and_what_is_kept_wins_afterwards(make: MakeStore) -> None:
    store = make()
    assert await store.current() is None
    assert await store.audit(10) == []
    before = time.time()
    first = await store.open(CutoverState(stage=Stage.SHADOW))
    assert (first.version, first.state) == (1, CutoverState(stage=Stage.SHADOW))
    assert before <= first.at <= time.time()
    (line,) = await store.audit(10)
    assert line == Change(1, first.at, "settings", {}, first.state.document(), "the first start")
    assert await store.open(CutoverState(stage=Stage.REALTIME)) == first
    assert await make().open(CutoverState(stage=Stage.REALTIME)) == first
    assert await make().current() == first
    await consistent(store)


async def test_a_change_is_kept_with_what_it_changed(make: MakeStore) -> None:
    store, other = make(), make()
    first = await store.open(CutoverState())
    state = CutoverState(percent=25, events={"Contoso_*": Switch.OUTBOUND}, latches={"*": Latch(at=1.5, reason="slow")})
    second = await other.change(state, first.version, "Ann", "first quarter")
    assert (second.version, second.state) == (2, state)
    assert second.at >= first.at
    assert await store.current() == second
    newest, _ = await store.audit(10)
    assert newest == Change(
        2,
        second.at,
        "Ann",
        {"percent": 100.0, "events": {}, "latches": {}},
        {"percent": 25.0, "events": {"contoso_*": "outbound"}, "latches": {"*": {"at": 1.5, "reason": "slow"}}},
        "first quarter",
    )
    assert (await consistent(store)).state == state


async def test_who_comes_too_late_is_told_what_is_kept(make: MakeStore) -> None:
    store, other = make(), make()
    await store.open(CutoverState())
    kept = await store.change(CutoverState(percent=1), 1, "a", "b")
    for expected in (0, 1, 3):
        with pytest.raises(ConflictError) as conflict:
            await other.change(CutoverState(percent=2), expected, "c", "d")
        assert conflict.value.current == kept
    assert await consistent(store) == kept


async def test_of_many_at_once_one_is_first(make: MakeStore) -> None:
    several = [make() for _ in range(5)]
    await several[0].open(CutoverState())
    changes = [store.change(CutoverState(percent=n), 1, "a", "b") for n, store in enumerate(several)]
    done = await asyncio.gather(*changes, return_exceptions=True)
    (first,) = (made for made in done if isinstance(made, Snapshot))
    assert [made.current for made in done if isinstance(made, ConflictError)] == [first] * 4
    assert await consistent(several[0]) == first


async def test_no_difference_is_no_change(make: MakeStore) -> None:
    store = make()
    first = await store.open(CutoverState(percent=5))
    assert await store.change(CutoverState(percent=5), 1, "a", "b") == first
    assert len(await store.audit(10)) == 1


@pytest.mark.parametrize(("who", "why"), [("", "why"), ("who", ""), ("who", " \r\n\t\x00\u200b"), ("\u202e", "why")])
async def test_a_change_without_who_or_why_is_none(make: MakeStore, who: str, why: str) -> None:
    store = make()
    first = await store.open(CutoverState())
    with pytest.raises(ValueError, match="is missing: each change says who made it and why"):
        await store.change(CutoverState(percent=5), 1, who, why)
    assert await consistent(store) == first


async def test_what_people_write_is_one_line_and_bounded(make: MakeStore) -> None:
    store = make()
    await store.open(CutoverState())
    await store.change(
        CutoverState(percent=5), 1, "Ann\x1b[31m\n'\"; DROP TABLE state; --" + "x" * 1_000, "\udc80ü 中\u202e" * 999
    )
    line = (await store.audit(1))[0]
    assert line.who.startswith("Ann [31m '\"; DROP TABLE state; --xxx")
    assert len(line.who) == LONGEST_WHO
    assert line.why.startswith("?ü 中 ?ü 中 ")
    assert len(line.why) <= LONGEST_WHY
    await consistent(store)


async def test_the_audit_is_read_in_pages_from_the_newest(make: MakeStore) -> None:
    store = make()
    await store.open(CutoverState(percent=0))
    for version in range(1, 8):
        await store.change(CutoverState(percent=version), version, "a", f"number {version + 1}")

    async def versions(limit: int, before: int | None = None) -> list[int]:
        return [change.version for change in await store.audit(limit, before)]

    assert await versions(100) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert await versions(3) == [8, 7, 6]
    assert await versions(3, 6) == [5, 4, 3]
    assert await versions(3, 3) == [2, 1]
    assert await versions(3, 1) == []
    assert await versions(0) == []
    assert await versions(2, 1_000) == [8, 7]


async def test_the_audit_is_bounded(make: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cutover.sqlite.AUDIT_LINES", 3)
    monkeypatch.setattr("app.cutover.redis_store.AUDIT_LINES", 3)
    store = make()
    await store.open(CutoverState(percent=0))
    for version in range(1, 8):
        await store.change(CutoverState(percent=version), version, "a", "b")
    assert [change.version for change in await store.audit(100)] == [8, 7, 6]


def test_all_look_often_enough_to_see_a_change_within_two_seconds() -> None:
    """The longest way: a try that failed just before the change, and then one look in vain."""
    assert live.TRY_AGAIN_SECONDS + max(sqlite.LOOK_SECONDS, redis_news.LOOK_SECONDS) < 2


async def test_others_see_a_change_in_time(make: MakeStore) -> None:
    store, other = make(), make()
    known = await store.open(CutoverState(percent=0))
    for version in range(1, 4):
        waiting = asyncio.create_task(other.wait_for_change(known))
        changed = await store.change(CutoverState(percent=version), version, "a", "b")
        assert await asyncio.wait_for(waiting, SEEN_WITHIN) == changed
        known = changed
    # What happened before somebody waits is seen as well.
    assert await asyncio.wait_for(other.wait_for_change(Snapshot(1, 0.0, CutoverState())), SEEN_WITHIN) == known


async def test_documents_are_kept_by_kind_and_owner(make: MakeStore) -> None:
    store, other = make(), make()
    assert await store.documents("usage") == {}
    await store.put_document("usage", "a", {"n": 1, "nested": {"ü": [1, None, "\n"]}})
    await store.put_document("usage", "a", {"n": 2, "nested": {"ü": [1, None, "\n"]}})
    await other.put_document("usage", "b", {})
    await other.put_document("comparisons", "a", {"n": 3})
    assert await other.documents("usage") == {"a": {"n": 2, "nested": {"ü": [1, None, "\n"]}}, "b": {}}
    assert await store.documents("comparisons") == {"a": {"n": 3}}


async def test_documents_of_those_that_are_gone_become_one(make: MakeStore) -> None:
    store, other = make(), make()
    for number in range(3):
        await store.put_document("usage", f"w{number}", {"n": 10**number})
    await store.put_document("comparisons", "w0", {"n": 5})
    await store.fold("usage", added, 3_600)
    assert (await store.documents("usage")).keys() == {"w0", "w1", "w2"}
    await store.fold("usage", added, EVERYTHING)
    assert await other.documents("usage") == {FOLDED: {"n": 111}}
    await other.fold("usage", added, EVERYTHING)  # nothing more to fold
    assert await other.documents("usage") == {FOLDED: {"n": 111}}
    # Who was only asleep is told; what it had put is counted already.
    with pytest.raises(FoldedError):
        await store.put_document("usage", "w1", {"n": 1_000})
    await store.put_document("usage", "w1 again", {"n": 1_000})
    await store.put_document("comparisons", "w1", {"n": 1})
    assert await store.documents("usage") == {FOLDED: {"n": 111}, "w1 again": {"n": 1_000}}
    await store.fold("usage", added, EVERYTHING)
    assert await store.documents("usage") == {FOLDED: {"n": 1_111}}
    assert (await store.documents("comparisons")).keys() == {"w0", "w1"}


async def test_owners_that_were_folded_are_forgotten_in_the_end(make: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make()
    await store.put_document("usage", "a", {"n": 1})
    await store.fold("usage", added, EVERYTHING)
    monkeypatch.setattr("app.cutover.sqlite_documents.FORGET_OWNERS_AFTER", EVERYTHING)
    monkeypatch.setattr("app.cutover.redis_documents.FORGET_OWNERS_AFTER", EVERYTHING)
    await store.put_document("usage", "b", {"n": 2})
    await store.fold("usage", added, EVERYTHING)
    await store.put_document("usage", "a", {"n": 4})
    assert await store.documents("usage") == {FOLDED: {"n": 3}, "a": {"n": 4}}


async def test_a_merge_that_fails_changes_nothing(make: MakeStore) -> None:
    store = make()
    await store.put_document("usage", "a", {"n": 1})
    with pytest.raises(KeyError):
        await store.fold("usage", lambda documents: {"n": documents[0]["m"]}, EVERYTHING)
    assert await store.documents("usage") == {"a": {"n": 1}}
    await store.put_document("usage", "a", {"n": 2})
    await store.fold("usage", added, EVERYTHING)
    assert await store.documents("usage") == {FOLDED: {"n": 2}}


async def test_nothing_is_lost_or_counted_twice_when_several_fold_and_write_at_once(make: MakeStore) -> None:
    several = [make() for _ in range(3)]

    async def write(number: int) -> int:
        """A worker that puts its growing tally until it is taken for gone; gives what counts."""
        counted = 0
        for n in range(1, 8):
            try:
                await several[number % 3].put_document("usage", f"w{number}", {"n": n})
            except FoldedError:
                break
            counted = n
        return counted

    async def fold(number: int) -> None:
        for _ in range(10):
            await several[number % 3].fold("usage", added, EVERYTHING)

    *counted, _, _, _, _ = await asyncio.gather(*map(write, range(20)), *map(fold, range(4)))
    total = sum(number for number in counted if number is not None)
    assert added(list((await several[0].documents("usage")).values())) == {"n": total}
    assert total >= 20


async def test_a_store_says_where_it_is_and_whether_it_lasts(make: MakeStore) -> None:
    store = make()
    assert store.durable is (store.place != "memory")


_PATTERNS = st.sampled_from(["Contoso_*", "contoso_open_day", "A?", "*"])
_STATES = st.builds(
    CutoverState,
    stage=st.sampled_from(Stage),
    percent=st.integers(0, 10_000).map(lambda hundredths: hundredths / 100),
    operations=st.dictionaries(st.sampled_from(["list_events", "get_event"]), st.sampled_from([Switch.OFF, Switch.REALTIME])),
    events=st.dictionaries(_PATTERNS, st.sampled_from(Switch), max_size=3),
    latches=st.dictionaries(st.just("*"), st.builds(Latch, at=st.floats(0, 2e9), reason=st.text(max_size=9))),
)
_CHANGES = st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 1), _STATES), max_size=4), max_size=6)
"""Batches of changes that are made at once: by whom, how far beside the newest version they were made from, and what."""


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(initial=_STATES, batches=_CHANGES)
def test_whatever_happens_the_audit_replays_to_the_state(
    kind: str, redis: RedisServer, initial: CutoverState, batches: list[list[tuple[int, int, CutoverState]]]
) -> None:
    async def run(directory: Path) -> None:
        async with stores(kind, directory, redis, uuid.uuid4().hex) as make:
            several = [make() for _ in range(3)]
            kept = await several[0].open(initial)
            for batch in batches:
                made = await asyncio.gather(
                    *(several[who].change(state, kept.version + beside, "a", "b") for who, beside, state in batch),
                    return_exceptions=True,
                )
                assert all(isinstance(each, Snapshot | ConflictError) for each in made), made
                newest = await consistent(several[0])
                assert newest.version - kept.version == len(
                    {each.version for each in made if isinstance(each, Snapshot)} - {kept.version}
                )
                kept = newest

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(Path(directory)))


def test_a_difference_names_the_parts_that_differ() -> None:
    state = CutoverState(percent=5)
    assert difference(state, state) == ({}, {})
    assert difference(None, state) == ({}, state.document())
    assert difference(CutoverState(), state) == ({"percent": 100.0}, {"percent": 5.0})


def test_replayed_finds_what_does_not_fit() -> None:
    with pytest.raises(AssertionError):
        replayed([Change(2, 0, "a", {"percent": 2.0}, {"percent": 3.0}, "b"), Change(1, 0, "a", {}, {"percent": 1.0}, "b")])


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\r", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066", "\ufeff"])
def test_nothing_that_steers_a_terminal_is_kept(character: str) -> None:
    assert author(f"a{character}b", f"{character}c{character}") == ("a b", "c")
