"""The entries on the disk: what is one, what is full, what is said of troubles, what is left of what was deleted."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.outbox import delivering
from app.outbox.entries import State
from app.outbox.file import FILE
from app.outbox.sealing import Letter, Sealing
from app.outbox.store import Put, Store
from app.sqlite_files import StoreAwayError
from tests.app.outbox.material import EVENT, KEY, ROOM, SEALING, body, digests, put, sealed
from tests.app.outbox.test_sealing import OTHER


def test_an_entry_is_there_after_a_restart_and_for_other_processes(store: Store, tmp_path: Path) -> None:
    number = put(store)
    other = Store(tmp_path)
    (entry,) = other.entries()
    assert (entry.id, entry.event, entry.state, entry.attempts, entry.code) == (number, EVENT, State.WAITING, 0, None)
    found = other.sealed(number)
    assert found is not None
    assert b"nia@example.com" in SEALING.open(found[1], EVENT).body
    assert other.summary().oldest == entry.at
    other.close()


def test_what_is_written_is_synced_before_it_is_said(store: Store) -> None:
    put(store)
    assert store._connection is not None
    assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._connection.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_of_identical_ones_there_is_one_and_the_newer_contents_count_while_it_waits(store: Store) -> None:
    number = put(store)
    assert store.put(EVENT, digests(jobTitle="B"), sealed(jobTitle="B"), ROOM) == (Put.REPEATED, number)
    found = store.sealed(number)
    assert found is not None
    assert b'"B"' in SEALING.open(found[1], EVENT).body
    assert store.summary().totals["accepted"] == 1
    assert store.summary().totals["repeated"] == 1


def test_what_was_sealed_anew_is_known_by_the_new_key_alone(store: Store) -> None:
    number = put(store)
    both, new = Sealing([OTHER, KEY]), Sealing([OTHER])
    assert store.put(EVENT, both.digests(EVENT, body()), both.seal(Letter(EVENT, body(), "")), ROOM) == (Put.REPEATED, number)
    assert store.put(EVENT, new.digests(EVENT, body()), new.seal(Letter(EVENT, body(), "")), ROOM) == (Put.REPEATED, number)


def test_one_under_way_or_parked_is_the_same_only_with_equal_contents(store: Store) -> None:
    claimed = delivering.claim(store, put(store))
    assert claimed is not None
    for _ in range(2):
        assert store.put(EVENT, digests(), sealed(), ROOM) == (Put.REPEATED, claimed.id)
        delivering.settle(claimed=claimed, store=store, state=State.PARKED, code="Interrupted")
    assert store.repeat(digests(), sealed)
    assert not store.repeat(digests(jobTitle="B"), sealed)
    assert store.put(EVENT, digests(jobTitle="B"), sealed(jobTitle="B"), ROOM)[0] is Put.STORED


def test_a_dead_one_is_no_reason_to_forget_a_new_one(store: Store) -> None:
    claimed = delivering.claim(store, put(store))
    assert claimed is not None
    delivering.settle(store, claimed, State.DEAD, "NotFound")
    assert not store.repeat(digests(), sealed)
    assert store.put(EVENT, digests(), sealed(), ROOM)[0] is Put.STORED


def test_a_delivered_one_is_the_same_within_the_window(tmp_path: Path) -> None:
    now = [1_000.0]
    store = Store(tmp_path, lambda: now[0])
    claimed = delivering.claim(store, put(store))
    assert claimed is not None
    assert delivering.delivered(store, claimed, 60)
    assert store.repeat(digests(), sealed)
    assert store.put(EVENT, digests(), sealed(), ROOM) == (Put.REPEATED, 0)
    assert not store.repeat(digests(jobTitle="B"), sealed)
    now[0] += 61
    assert not store.repeat(digests(), sealed)
    store.close()


def test_it_is_bounded_by_number_and_bytes(store: Store) -> None:
    put(store, "a@example.com")
    assert store.put(EVENT, digests(), sealed(), (1, 10**6)) == (Put.FULL, 0)
    assert store.put(EVENT, digests(), sealed(), (100, len(sealed()) + 10)) == (Put.FULL, 0)
    assert store.put(EVENT, digests("a@example.com"), sealed("a@example.com"), (1, 10**6))[0] is Put.REPEATED


def test_what_passes_cost_is_remembered(store: Store, tmp_path: Path) -> None:
    assert store.is_paid(EVENT) is None
    store.learn_passes(EVENT, paid=True)
    with closing(Store(tmp_path)) as other:
        assert other.is_paid(EVENT.lower()) is True
    store.learn_passes(EVENT, paid=False)
    assert store.is_paid(EVENT) is False


def test_after_delivery_nothing_is_left_in_the_files(store: Store, tmp_path: Path) -> None:
    numbers = [put(store, f"visitor{number}@example.com", notes="x" * 20_000) for number in range(3)]
    contents = [found[1] for number in numbers if (found := store.sealed(number))]
    for number in numbers:
        claimed = delivering.claim(store, number)
        assert claimed is not None
        assert delivering.delivered(store, claimed, 60)
    before = b"".join(path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith("-shm"))
    assert any(content[100:200] in before for content in contents)  # the log still has them: it is what has to be emptied
    delivering.wipe(store)
    after = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(content[start : start + 100] in after for content in contents for start in range(0, len(content), 500))


def test_a_file_that_was_moved_away_is_noticed_before_anything_is_promised(store: Store, tmp_path: Path) -> None:
    put(store)
    (tmp_path / FILE).rename(tmp_path / "elsewhere.sqlite3")
    for rest in ("-wal", "-shm"):
        (tmp_path / f"{FILE}{rest}").rename(tmp_path / f"elsewhere.sqlite3{rest}")
    put(store)
    with closing(Store(tmp_path)) as other:
        assert len(other.entries()) == 1


def test_a_trouble_is_told_in_words(store: Store, tmp_path: Path) -> None:
    put(store)
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreAwayError, match="is held by another process; try again"):
            put(store, "b@example.com")
        other.execute("ROLLBACK")
    other.close()
    put(store, "b@example.com")
