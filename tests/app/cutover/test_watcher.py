"""The watcher: when it moves back, and all that it never does."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.cutover import watcher as module
from app.cutover.live import Live
from app.cutover.settings import Rollback
from app.cutover.sqlite import SqliteStore
from app.cutover.state import STAGE_LATCH, CutoverState, Latch, Stage
from app.cutover.store import Snapshot, StoreAwayError
from app.cutover.traffic import Tally, Traffic
from app.cutover.watcher import OUTBOUND_MINIMUM, PROBE_SECONDS, WHO, Watcher, breach, breaches
from app.metrics import Metrics
from tests.clock import Clock
from translation.errors import UPSTREAM_UNREACHABLE, ProxyError

pytestmark = pytest.mark.anyio
DEFAULT = Rollback()
FAST, FLOOR, SLOW = 10, 40, 60  # buckets of about 6 ms, 1 s and 33 s


def side(calls: int = 0, failures: int = 0, bucket: int = FAST, slow: int = 0, answers: int = 0, errors: int = 0) -> Tally:
    times = {bucket: calls - slow, SLOW: slow}
    return Tally(calls, failures, answers, errors, {key: count for key, count in times.items() if count})


@pytest.mark.parametrize(
    ("new", "old", "reason"),
    [
        (side(60, 18), side(41), "18 of 60 calls failed (30 %), outbound 0 of 41"),
        (side(60, 18), side(), "18 of 60 calls failed (30 %), no sample of outbound"),
        (side(60, 18), side(9, 9), "18 of 60 calls failed (30 %), outbound 9 of 9"),
        (side(60, 18), side(20, 6), None),
        (side(60, 18), side(20, 5), "18 of 60 calls failed (30 %), outbound 5 of 20"),
        (side(60, 18), side(40, 11), None),
        (side(49, 49), side(1_000), None),
        (side(50, 3), side(50), "3 of 50 calls failed (6 %), outbound 0 of 50"),
        (side(100, 5), side(100), "5 of 100 calls failed (5 %), outbound 0 of 100"),
        (side(100, 4), side(100), None),
        (side(60, 1), side(), None),
        (side(), side(1_000, 1_000), None),
        (side(60, slow=6), side(41), "95 % of 60 calls took up to 32.77 s, outbound 0.01 s"),
        (side(60, slow=6), side(), "95 % of 60 calls took up to 32.77 s, no sample of outbound"),
        (side(60, slow=2), side(41), None),
        (side(60, slow=6), side(41, slow=41), None),
        (side(60, bucket=FLOOR - 1), side(41), None),
        (side(60, bucket=FLOOR), side(41), "95 % of 60 calls took up to 1.02 s, outbound 0.01 s"),
        (side(60, bucket=FLOOR + 6), side(), None),
        (side(60, bucket=FLOOR + 7), side(), "95 % of 60 calls took up to 3.44 s, no sample of outbound"),
        (side(60, bucket=FLOOR + 7), side(41, bucket=FLOOR + 1), None),
        (side(49, slow=49), side(41), None),
        (side(60, 61), side(), "61 of 60 calls failed (100 %), no sample of outbound"),
        # One call that fails may be many visitors' error: they share it.
        (side(60, 1, answers=160, errors=100), side(), None),
        (side(answers=60, errors=60), side(), None),
    ],
)
def test_what_counts_as_a_breach(new: Tally, old: Tally, reason: str | None) -> None:
    assert breach(new, old, DEFAULT) == reason


@st.composite
def sides(draw: st.DrawFn, least: int = 0) -> Tally:
    buckets = draw(st.lists(st.integers(0, 68), min_size=least, max_size=120))
    times = {bucket: buckets.count(bucket) for bucket in buckets}
    return Tally(len(buckets), draw(st.integers(0, len(buckets))), times=times)


BOUNDS = st.builds(
    Rollback,
    minimum=st.integers(10, 150),
    error_percent=st.floats(0.01, 100),
    latency_factor=st.floats(1.01, 100),
    latency_floor=st.floats(0.001, 100),
)


@given(sides(), sides(), BOUNDS)
def test_never_below_the_minimum(new: Tally, old: Tally, settings: Rollback) -> None:
    if new.calls < settings.minimum:
        assert breach(new, old, settings) is None


@given(sides(OUTBOUND_MINIMUM), BOUNDS)
def test_never_on_equal_sides(both: Tally, settings: Rollback) -> None:
    assert breach(both, both, settings) is None


@given(sides(), sides(), BOUNDS, st.data())
def test_worse_is_never_better(new: Tally, old: Tally, settings: Rollback, data: st.DataObject) -> None:
    if breach(new, old, settings) is None:
        return
    times = dict(new.times)
    for bucket in list(times):
        slower = data.draw(st.integers(bucket, 68))
        times[slower] = times.get(slower, 0) + times.pop(bucket)
    worse = Tally(new.calls, data.draw(st.integers(new.failures, new.calls)), times=times)
    assert breach(worse, old, settings) is not None
    better = Tally(old.calls, data.draw(st.integers(0, old.failures)), times={0: old.calls} if old.calls else {})
    assert breach(new, better, settings) is not None


@pytest.mark.parametrize(
    ("state", "name", "found"),
    [
        (CutoverState(stage=Stage.SPLIT), "get_event", True),
        (CutoverState(stage=Stage.REALTIME), "get_event", True),
        (CutoverState(stage=Stage.OUTBOUND), "get_event", False),
        (CutoverState(stage=Stage.SHADOW), "get_event", False),
        (CutoverState(latches={"get_event": Latch(at=1, reason="-")}), "get_event", False),
        (CutoverState(latches={"list_events": Latch(at=1, reason="-")}), "get_event", True),
        (CutoverState(latches={STAGE_LATCH: Latch(at=1, reason="-")}), "get_event", False),
        (CutoverState(), "get_session", False),
        (CutoverState(), "unmatched", False),
    ],
)
def test_where_it_judges(state: CutoverState, name: str, found: bool) -> None:
    window = {
        (name, "realtime"): side(60, 60),
        ("list_sessions", "outbound"): side(60, 60),
        ("list_passes", "realtime+outbound"): side(60, 60),
    }
    assert set(breaches(window, state, DEFAULT)) == ({name} if found else set())


def test_operations_are_judged_by_themselves() -> None:
    window = {
        ("get_event", "realtime"): side(60, 60),
        ("get_event", "outbound"): side(60, 60),
        ("list_events", "realtime"): side(60, 60),
        ("list_events", "outbound"): side(60),
        ("list_tracks", "realtime"): side(60),
    }
    assert set(breaches(window, CutoverState(), DEFAULT)) == {"list_events"}


class Scene:
    """A watcher with a state, what it looks at, and an outbound that may be dead."""

    def __init__(self, live: Live, clock: Clock, settings: Rollback) -> None:
        self.live = live
        self.clock = clock
        self.traffic = Traffic(clock)
        self.metrics = Metrics()
        self.outbound: ProxyError | None = None
        self.probes = 0
        self.watcher = Watcher(settings, live, self._view, self._probe, self.metrics, clock)
        self.watcher.begin()

    async def _view(self) -> Traffic:
        return self.traffic

    async def _probe(self) -> None:
        self.probes += 1
        if self.outbound is not None:
            raise self.outbound

    def fail(self, *operations: str, calls: int = 60) -> None:
        for name in operations:
            for number in range(calls):
                self.traffic.observe("realtime", name, number % 3 == 0, 0.01)

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            await self.watcher.look()

    async def clear(self) -> None:
        await self.live.change(lambda state: state.model_copy(update={"latches": {}}), "Ann", "mended")

    async def lines(self) -> list[str]:
        return [line.who for line in await self.live.store.audit(100)]

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    @property
    def latches(self) -> set[str]:
        return set(self.live.state.latches)


@pytest.fixture(autouse=True)
def every_level() -> None:
    """Services of other tests have set what is logged."""
    structlog.reset_defaults()


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = 4_000_000_000.0
    return clock


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    live = Live(SqliteStore(None))
    await live.start(CutoverState(stage=Stage.SPLIT, percent=50))
    yield live
    await live.store.close()


@pytest.fixture
def scene(live: Live, clock: Clock) -> Scene:
    return Scene(live, clock, DEFAULT)


async def test_two_looks_in_a_row_move_an_operation_back(scene: Scene) -> None:
    scene.fail("get_event")
    await scene.look()
    assert scene.latches == set()
    assert scene.probes == 0
    await scene.look()
    assert scene.latches == {"get_event"}
    assert scene.live.state.latches["get_event"] == Latch(
        at=scene.clock.now, reason="20 of 60 calls failed (33 %), no sample of outbound"
    )
    (line, _) = await scene.live.store.audit(9)
    assert (line.who, line.why) == (WHO, "get_event: 20 of 60 calls failed (33 %), no sample of outbound")
    assert list(line.after) == ["latches"]
    assert scene.value("evtmgmt_rollbacks_total", operation="get_event") == 1
    assert scene.value("evtmgmt_latched") == 1
    assert scene.probes == 1


async def test_one_look_is_forgotten_when_the_next_is_good(scene: Scene) -> None:
    scene.fail("get_event")
    await scene.look()
    scene.clock.go(120)
    await scene.look()
    scene.fail("get_event")
    await scene.look()
    assert scene.latches == set()
    await scene.look()
    assert scene.latches == {"get_event"}


async def test_what_is_moved_back_stays_and_is_not_moved_again(scene: Scene) -> None:
    scene.fail("get_event")
    await scene.look(2)
    scene.fail("get_event", calls=300)
    await scene.look(3)
    scene.clock.go(3_600)
    await scene.look(3)
    assert scene.latches == {"get_event"}
    assert scene.probes == 1
    assert len(await scene.lines()) == 2


async def test_a_small_sample_is_none(scene: Scene) -> None:
    scene.fail("get_event", "list_events", "list_tracks", calls=DEFAULT.minimum - 1)
    await scene.look(5)
    assert scene.latches == set()
    assert scene.probes == 0


async def test_no_data_is_no_reason(scene: Scene) -> None:
    await scene.look(5)
    for _ in range(100):
        scene.traffic.observe("outbound", "get_event", False, 0.01)
    await scene.look(5)
    assert scene.latches == set()


async def test_two_operations_are_independent(scene: Scene) -> None:
    scene.fail("get_event")
    await scene.look(2)
    scene.fail("list_sessions")
    for _ in range(60):
        scene.traffic.observe("realtime", "list_tracks", False, 0.01)
    await scene.look()
    assert scene.latches == {"get_event"}
    await scene.look()
    assert scene.latches == {"get_event", "list_sessions"}
    assert scene.value("evtmgmt_latched") == 2


async def test_three_at_once_are_the_whole_stage(scene: Scene) -> None:
    scene.fail("get_event", "list_sessions", "list_tracks")
    await scene.look(2)
    assert scene.latches == {STAGE_LATCH}
    reason = scene.live.state.latches[STAGE_LATCH].reason
    assert all(f"{name}: 20 of 60 calls failed" in reason for name in ("get_event", "list_sessions", "list_tracks"))
    assert scene.value("evtmgmt_rollbacks_total", operation="*") == 1
    assert scene.value("evtmgmt_rollbacks_total", operation="get_event") == 0
    scene.fail("list_passes")
    await scene.look(3)
    assert scene.latches == {STAGE_LATCH}


async def test_two_at_once_are_two(scene: Scene) -> None:
    scene.fail("get_event", "list_sessions")
    await scene.look(2)
    assert scene.latches == {"get_event", "list_sessions"}
    assert len(await scene.lines()) == 2


async def test_the_stage_when_the_settings_say_so(live: Live, clock: Clock) -> None:
    scene = Scene(live, clock, Rollback(scope="stage"))
    scene.fail("get_event")
    await scene.look(2)
    assert scene.latches == {STAGE_LATCH}


async def test_a_dead_outbound_has_it_do_nothing_and_say_so_once(scene: Scene) -> None:
    scene.outbound = ProxyError(UPSTREAM_UNREACHABLE)
    scene.fail("get_event")
    with capture_logs() as logs:
        for _ in range(3):
            await scene.look(4)
            scene.clock.go(PROBE_SECONDS)
    assert scene.latches == set()
    assert await scene.lines() == ["settings"]
    said = [line for line in logs if line["event"] == "real-time fails, and nothing is moved back"]
    assert [line["cause"] for line in said] == ["outbound does not answer either: UpstreamUnreachable"]
    assert scene.value("evtmgmt_rollbacks_refused_total", reason="outbound") == scene.probes == 3
    scene.outbound = None
    await scene.look()
    assert scene.latches == {"get_event"}


async def test_a_store_that_is_away_keeps_it_from_moving(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> Snapshot:
        raise StoreAwayError("the disk is full")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(scene.live.store, "change", away)
        scene.fail("get_event")
        await scene.look(2)
        assert scene.latches == set()
    assert [line["cause"] for line in logs] == ["the disk is full"]
    assert scene.value("evtmgmt_rollbacks_refused_total", reason="store") == 1
    scene.clock.go(PROBE_SECONDS)
    await scene.look()
    assert scene.latches == {"get_event"}


async def test_what_was_cleared_comes_back_with_new_data_only(scene: Scene) -> None:
    scene.fail("get_event", "list_events")
    await scene.look(2)
    await scene.clear()
    assert scene.value("evtmgmt_latched") == 0
    scene.traffic.observe("realtime", "get_event", True, 0.01)
    await scene.look(5)
    assert scene.latches == set()
    scene.clock.go(10)
    await scene.look(5)
    assert scene.latches == set()
    scene.fail("get_event")
    await scene.look()
    assert scene.latches == set()
    await scene.look()
    assert scene.latches == {"get_event"}


async def test_a_look_before_it_was_cleared_does_not_count(scene: Scene) -> None:
    scene.fail("get_event")
    await scene.look(2)
    await scene.clear()
    scene.clock.go(10)
    scene.fail("get_event")
    await scene.look()
    assert scene.latches == set()


async def test_a_cleared_stage_comes_back_with_new_data_only(scene: Scene) -> None:
    scene.fail("get_event", "list_sessions", "list_tracks")
    await scene.look(2)
    await scene.clear()
    await scene.look(5)
    assert scene.latches == set()


async def test_a_stage_that_a_person_sets_is_judged_by_what_comes_after(scene: Scene) -> None:
    scene.fail("get_event")
    await scene.look()
    for stage in (Stage.OUTBOUND, Stage.SPLIT):
        await scene.live.change(lambda state, stage=stage: state.model_copy(update={"stage": stage}), "Ann", "a try")  # type: ignore[misc]
        await scene.look(2)
    assert scene.latches == set()


async def test_a_change_meanwhile_comes_first(scene: Scene) -> None:
    """Another worker's change is not here yet: what was looked at is not what is kept."""
    scene.fail("get_event")
    await scene.look()
    stage = scene.live.state.model_copy(update={"stage": Stage.OUTBOUND})
    await scene.live.store.change(stage, scene.live.snapshot.version, "Ann", "by hand")
    await scene.look()
    assert await scene.lines() == ["Ann", "settings"]
    assert scene.value("evtmgmt_rollbacks_total", operation="get_event") == 0


async def test_of_several_workers_one_moves_back(live: Live, clock: Clock) -> None:
    scenes = [Scene(live, clock, DEFAULT) for _ in range(4)]
    for scene in scenes:
        scene.fail("get_event")
        await scene.look()
    await asyncio.gather(*(scene.look() for scene in scenes))
    assert [line.who for line in await live.store.audit(9)] == [WHO, "settings"]
    assert sum(scene.value("evtmgmt_rollbacks_total", operation="get_event") for scene in scenes) == 1
    assert all(scene.value("evtmgmt_latched") == 1 for scene in scenes)


async def test_a_start_forgets_what_was_before_the_state(live: Live, clock: Clock) -> None:
    """After a restart, the others' tallies tell of times before somebody cleared the latch."""
    traffic = Traffic(clock)
    clock.now = live.snapshot.at - 20
    for _ in range(60):
        traffic.observe("realtime", "get_event", True, 0.01)
    clock.go(21)
    scene = Scene(live, clock, DEFAULT)
    scene.traffic = traffic
    await scene.look(3)
    assert scene.latches == set()


async def test_it_never_moves_forward(scene: Scene) -> None:
    scene.fail("get_event")
    await scene.look(2)
    before = scene.live.state
    for _ in range(500):
        scene.traffic.observe("realtime", "get_event", False, 0.001)
        scene.traffic.observe("outbound", "get_event", True, 30)
        scene.traffic.observe("outbound", "list_events", True, 30)
    for _ in range(100):
        await scene.look()
        scene.clock.go(10)
    assert scene.live.state == before


async def test_it_goes_on_after_a_defect(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0)
    answers = [RuntimeError("a defect")]
    looked = asyncio.Event()

    async def view() -> Traffic:
        if answers:
            raise answers.pop()
        looked.set()
        return scene.traffic

    monkeypatch.setattr(scene.watcher, "_view", view)
    with capture_logs() as logs:
        task = asyncio.create_task(scene.watcher.run())
        async with asyncio.timeout(60):
            await looked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [line["event"] for line in logs] == ["defect"]


async def test_switched_off_it_only_shows_what_is_latched(live: Live, clock: Clock) -> None:
    await live.change(
        lambda state: state.model_copy(update={"latches": {"get_event": Latch(at=1, reason="-")}}), "Ann", "kept from before"
    )
    scene = Scene(live, clock, Rollback(enabled=False))
    async with asyncio.timeout(60):
        await scene.watcher.run()
    assert scene.value("evtmgmt_latched") == 1


async def test_one_that_is_let_go_of_hears_of_nothing_more(live: Live, clock: Clock) -> None:
    scene = Scene(live, clock, DEFAULT)
    await scene.watcher.close()
    await live.change(lambda state: state.model_copy(update={"latches": {"get_event": Latch(at=1, reason="-")}}), "Ann", "a test")
    assert scene.value("evtmgmt_latched") == 0
