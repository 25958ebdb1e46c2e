"""The way of an entry, step by step: what leads where, and what does not."""

from pathlib import Path

from app.outbox import delivering
from app.outbox.deciding import retry
from app.outbox.entries import Claimed, State
from app.outbox.store import Store
from tests.app.outbox.material import EVENT, put


def claim(store: Store, number: int) -> Claimed:
    claimed = delivering.claim(store, number)
    assert claimed is not None
    return claimed


def state_of(store: Store, number: int) -> tuple[State, str | None]:
    found = store.sealed(number)
    assert found is not None
    return found[0].state, found[0].code


def test_only_one_of_two_gets_an_entry(store: Store, tmp_path: Path) -> None:
    number = put(store)
    other = Store(tmp_path)
    assert delivering.claim(other, number) is not None
    assert delivering.claim(store, number) is None
    assert state_of(store, number) == (State.SENDING, None)
    other.close()


def test_heads_are_the_first_of_each_event_unless_one_of_it_is_under_way(store: Store) -> None:
    first, second = put(store, "a@example.com"), put(store, "b@example.com")
    other = put(store, "a@example.com", "Family_Day")
    in_other_case = put(store, "c@example.com", EVENT.upper())
    assert [head.id for head in delivering.heads(store)] == [first, other]
    claimed = claim(store, first)
    assert [head.id for head in delivering.heads(store)] == [other]
    delivering.settle(store, claimed, State.PARKED, "Interrupted")
    assert [head.id for head in delivering.heads(store)] == [second, other]
    delivering.delivered(store, claim(store, second), 0)
    assert [head.id for head in delivering.heads(store)] == [other, in_other_case]


def test_what_became_of_it_is_kept(store: Store) -> None:
    for state, code in ((State.WAITING, "UpstreamFailed"), (State.DEAD, "NotFound"), (State.PARKED, "Interrupted")):
        number = put(store, f"{state}@example.com")
        assert delivering.settle(store, claim(store, number), state, code)
        assert state_of(store, number) == (state, code)
    totals = store.summary().totals
    assert (totals["dead"], totals["parked"], totals["delivered"]) == (1, 1, 0)


def test_an_answer_that_comes_after_somebody_decided_changes_nothing(store: Store) -> None:
    number = put(store)
    late = claim(store, number)
    assert delivering.recover(store) == 1
    assert state_of(store, number) == (State.PARKED, "Interrupted")
    retry(store, [number], "Ida", "not in Dynamics")
    assert not delivering.settle(store, late, State.DEAD, "NotFound")
    again = claim(store, number)
    assert not delivering.delivered(store, late, 0)
    assert delivering.delivered(store, again, 0)
    assert store.entries() == []


def test_one_that_was_parked_too_early_is_delivered_by_who_knows(store: Store) -> None:
    claimed = claim(store, put(store))
    delivering.recover(store)
    assert delivering.delivered(store, claimed, 0)
    assert store.entries() == []


def test_what_is_too_old_dies_and_what_nobody_decided_is_forgotten(tmp_path: Path) -> None:
    now = [10_000.0]
    store = Store(tmp_path, lambda: now[0])
    number = put(store)
    assert delivering.tidy(store, 60, 100) == (0, 0)
    now[0] += 61
    assert delivering.tidy(store, 60, 100) == (1, 0)
    assert state_of(store, number) == (State.DEAD, "TooOld")
    retry(store, [number], "Ida", "once more")
    assert delivering.tidy(store, 60, 100) == (0, 0)
    now[0] += 61
    delivering.tidy(store, 60, 100)
    now[0] += 101
    assert delivering.tidy(store, 60, 100) == (0, 1)
    assert (store.entries(), store.summary().totals["expired"]) == ([], 1)
    store.close()


def test_a_wait_that_dynamics_asked_for_outlives_the_process(tmp_path: Path) -> None:
    now = [10_000.0]
    store = Store(tmp_path, lambda: now[0])
    assert delivering.held(store) == (0, 0)
    delivering.settle(store, claim(store, put(store)), State.WAITING, "TooManyRequests", hold=30)
    store.close()
    now[0] += 10
    assert delivering.held(Store(tmp_path, lambda: now[0])) == (10_030, 20)


def test_of_two_waits_the_longer_one_counts_unless_the_clock_was_put_back(tmp_path: Path) -> None:
    now = [1_000_000.0]
    store = Store(tmp_path, lambda: now[0])
    for hold in (300, 1):
        delivering.settle(store, claim(store, put(store, f"{hold}@example.com")), State.WAITING, "TooManyRequests", hold=hold)
    assert delivering.held(store) == (1_000_300, 300)
    now[0] -= 500_000
    assert delivering.held(store)[1] == 3_600
    delivering.settle(store, claim(store, put(store)), State.WAITING, "TooManyRequests", hold=5)
    assert delivering.held(store) == (500_005, 5)
    store.close()


def test_the_least_tried_event_comes_first(store: Store) -> None:
    tried, other = put(store), put(store, event="Family_Day")
    assert [head.id for head in delivering.heads(store)] == [tried, other]
    delivering.settle(store, claim(store, tried), State.WAITING, "UpstreamFailed")
    put(store, "behind@example.com")
    assert [head.id for head in delivering.heads(store)] == [other, tried]
