"""What was answered of late: slots, windows, percentiles, and the tallies of several processes laid over each other."""

from collections.abc import Iterable
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cutover.traffic import KEPT_SLOTS, SLOT_SECONDS, Tally, Traffic
from tests.clock import Clock

KEY = ("get_event", "realtime")


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = 1_800_000_000.0
    return clock


def observed(clock: Clock, seconds: Iterable[float], *, failed: bool = False, backend: str = "realtime") -> Traffic:
    traffic = Traffic(clock)
    for each in seconds:
        traffic.observe(backend, "get_event", failed, each)
    return traffic


def test_calls_and_answers_are_counted_apart(clock: Clock) -> None:
    traffic = observed(clock, [0.1, 0.2])
    traffic.observe("realtime", "get_event", True, 0.3)
    traffic.observe("outbound", "get_event", True, 0.3)
    for status in (200, 404, 429, 499, 500, 502, 501):
        traffic.answered("realtime", "get_event", status)
    window = traffic.window(60)
    found = window[KEY]
    assert (found.calls, found.failures, found.answers, found.errors) == (3, 1, 7, 2)
    assert window["get_event", "outbound"].failures == 1
    assert set(window) == {KEY, ("get_event", "outbound")}


def test_an_answer_that_cannot_be_used_is_a_failure_of_a_call_that_was_counted(clock: Clock) -> None:
    traffic = observed(clock, [0.1])
    traffic.observe("realtime", "get_event", True, None)
    found = traffic.window(60)[KEY]
    assert (found.calls, found.failures, sum(found.times.values())) == (1, 1, 1)


def test_nothing_is_no_percentile(clock: Clock) -> None:
    assert Traffic(clock).window(60) == {}
    assert Tally().p95 is None


@given(st.lists(st.floats(0, 200), min_size=1, max_size=200))
def test_a_percentile_is_told_within_a_fifth(times: list[float]) -> None:
    clock = Clock()
    found = observed(clock, times).window(60)[KEY]
    for share in (0.5, 0.95, 1.0):
        exact = sorted(times)[max(0, -int(-share * len(times) // 1) - 1)]
        told = found.quantile(share)
        assert told is not None
        if exact <= 120:
            assert max(exact, 0.001) * 0.999 <= told <= max(exact, 0.001) * 2**0.25 * 1.001


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=20))
def test_slower_is_never_told_as_faster(times: list[float]) -> None:
    told = [observed(Clock(), [each]).window(60)[KEY].p95 for each in sorted(times)]
    assert all(first is not None and second is not None and first <= second for first, second in pairwise(told))


def test_what_is_older_than_the_window_is_left_out(clock: Clock) -> None:
    traffic = observed(clock, [0.1])
    clock.go(59)
    assert traffic.window(60)[KEY].calls == 1
    clock.go(SLOT_SECONDS + 1)
    assert traffic.window(60) == {}
    assert traffic.window(120)[KEY].calls == 1


def test_since_leaves_out_the_slot_that_it_lies_in(clock: Clock) -> None:
    traffic = observed(clock, [0.1])
    clock.go(4)
    since = {"get_event": clock.now}
    traffic.observe("realtime", "get_event", False, 0.1)
    traffic.observe("realtime", "list_events", False, 0.1)
    assert list(traffic.window(60, since)) == [("list_events", "realtime")]
    clock.go(6)
    traffic.observe("realtime", "get_event", False, 0.1)
    assert traffic.window(60, since)[KEY].calls == 1
    assert traffic.window(60)[KEY].calls == 3


def test_an_hour_is_kept_and_no_more(clock: Clock) -> None:
    traffic = Traffic(clock)
    for _ in range(KEPT_SLOTS + 100):
        traffic.observe("realtime", "get_event", False, 0.1)
        clock.go(SLOT_SECONDS)
    assert traffic.window(1e6)[KEY].calls == KEPT_SLOTS - 1
    assert len(traffic._closed) <= KEPT_SLOTS
    assert len(traffic.document()["slots"]) <= KEPT_SLOTS


def test_a_clock_that_is_set_back_loses_and_doubles_nothing(clock: Clock) -> None:
    traffic = observed(clock, [0.1])
    clock.go(SLOT_SECONDS)
    traffic.observe("realtime", "get_event", False, 0.1)
    clock.go(-SLOT_SECONDS)
    traffic.observe("realtime", "get_event", False, 0.1)
    clock.go(SLOT_SECONDS)
    traffic.observe("realtime", "get_event", False, 0.1)
    assert traffic.window(60)[KEY].calls == 4
    assert Traffic.of_document(traffic.document(), clock).window(60)[KEY].calls == 4


def test_what_was_counted_before_the_clock_was_set_far_back_is_not_now(clock: Clock) -> None:
    traffic = observed(clock, [0.1])
    clock.go(SLOT_SECONDS)
    traffic.observe("realtime", "get_event", False, 0.1)
    clock.go(-3 * 3_600)
    assert traffic.window(60) == {}
    traffic.observe("realtime", "get_event", False, 0.1)
    assert traffic.window(60)[KEY].calls == 1
    assert len(traffic.document()["slots"]) == 1


def test_a_series_has_every_slot(clock: Clock) -> None:
    traffic = observed(clock, [0.1, 0.1])
    clock.go(3 * SLOT_SECONDS)
    traffic.observe("outbound", "list_events", False, 0.1)
    traffic.answered("none", "get_event", 503)
    series = traffic.series(1)
    assert len(series) == 60 // SLOT_SECONDS
    assert [slot.at % SLOT_SECONDS for slot in series] == [0] * len(series)
    assert series[-1].at <= clock.now < series[-1].at + SLOT_SECONDS
    assert [slot.calls for slot in series] == [{}, {}, {"realtime": 2}, {}, {}, {"outbound": 1}]
    assert series[-1].tallies["none"].errors == 1
    assert len(traffic.series(60)) == len(traffic.series(600)) == KEPT_SLOTS


def test_processes_are_added_up(clock: Clock) -> None:
    one, other = observed(clock, [0.1, 5.0]), observed(clock, [0.1], failed=True)
    clock.go(SLOT_SECONDS)
    other.observe("realtime", "get_event", False, 0.1)
    document = orjson.loads(orjson.dumps(other.document()))
    whole = Traffic(clock)
    whole.merge(one)
    whole.merge(Traffic.of_document(document, clock))
    found = whole.window(60)[KEY]
    assert (found.calls, found.failures, found.quantile(0.5)) == (4, 1, Tally(times={27: 1}).p95)
    again = Traffic.of_document(whole.document(), clock)
    assert again.window(60) == whole.window(60)
    assert one.window(60)[KEY].calls == 2
    assert other.window(60)[KEY].calls == 2


def test_the_end_takes_the_place_of_what_was_written_before(clock: Clock) -> None:
    traffic = observed(clock, [0.1])
    clock.go(SLOT_SECONDS)
    traffic.observe("realtime", "get_event", False, 0.1)
    before = Traffic.of_document(traffic.document(), clock)
    traffic.observe("realtime", "get_event", False, 0.1)
    end = traffic.document(5)
    assert len(end["slots"]) == 2 - (clock.now % SLOT_SECONDS >= 5)
    before.renew(Traffic.of_document(end, clock))
    assert before.window(60) == traffic.window(60)


def test_a_document_is_not_changed_by_what_comes_after(clock: Clock) -> None:
    traffic = observed(clock, [0.1])
    document = traffic.document()
    copy = orjson.loads(orjson.dumps(document))
    traffic.observe("realtime", "get_event", False, 0.1)
    clock.go(SLOT_SECONDS)
    traffic.observe("realtime", "get_event", False, 0.1)
    assert document == copy


def test_from_nought(clock: Clock) -> None:
    traffic = observed(clock, [0.1])
    traffic.clear()
    assert traffic.window(60) == {}
    traffic.observe("realtime", "get_event", False, 0.1)
    assert traffic.window(60)[KEY].calls == 1


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        [],
        {"schema": 2, "slots": {}},
        {"schema": 1, "slots": []},
        {"schema": 1, "slots": {"x": []}},
        {"schema": 1, "slots": {"1": [["get_event", "realtime", 1, 0, 0]]}},
        {"schema": 1, "slots": {"1": [["get_event", "realtime", 1, 0, 0, 0, 5]]}},
        {"schema": 1, "slots": {"1": [["get_event", "realtime", 1, 0, 0, -1]]}},
        {"schema": 1, "slots": {"1": [["get_event", 7, 1, 0, 0, 0]]}},
        {"schema": 1, "slots": {"1": [["get_event", "realtime", 1, 0, 0.5, 0]]}},
        {"schema": 1, "slots": {"1": [{}]}},
        {"schema": 1, "slots": {"1": 7}},
    ],
    ids=str,
)
def test_other_documents_are_refused(document: object) -> None:
    with pytest.raises(ValueError, match="this is no document of traffic"):
        Traffic.of_document(document)
