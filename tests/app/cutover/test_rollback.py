"""Roll-back over real sockets: real-time fails under the visitors' hands, and the watcher moves them back."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from threading import Condition, Event, Thread
from typing import Any

import httpx
import pytest

from app.cutover import reports, watcher
from app.cutover.reports import Reports
from app.cutover.state import STAGE_LATCH, CutoverState, Latch
from app.cutover.store import Change
from app.cutover.traffic import Traffic
from app.cutover.watcher import Watcher
from tests.clock import Clock, until
from tests.examples import CONFERENCE, MUNICH, OPEN_DAY, TOKYO, registration
from tests.service import BASE, Service, event_path, running_both

VISITORS = 4
OFTEN = 0.02
"""Seconds between two looks, instead of five."""
EVENT = f"events/{OPEN_DAY}"
EVENTS = [event_path(event) for event in (OPEN_DAY, CONFERENCE, MUNICH, TOKYO)]
SESSIONS = f"events/{OPEN_DAY}/sessions"
FEW = {"minimum": 10, "latency_floor": 0.05}


class Watched(Watcher):
    """The watcher of the service, and how often it has looked."""

    looks = 0
    resting = False
    looked = Condition()

    async def look(self) -> None:
        self.loop = asyncio.get_running_loop()
        if not self.resting:
            await super().look()
            with self.looked:
                self.looks += 1
                self.looked.notify_all()


class Scene:
    """A service whose time stands still, but for its looks."""

    def __init__(self, service: Service, watched: Watched, clock: Clock) -> None:
        self.service = service
        self.faults = service.sandbox.faults
        self.watched = watched
        self.clock = clock

    @property
    def latches(self) -> dict[str, Latch]:
        return dict(self.watched._live.state.latches)

    @property
    def refused(self) -> float | None:
        labels = {"reason": "outbound"}
        return self.watched._metrics.registry.get_sample_value("evtmgmt_rollbacks_refused_total", labels)

    def ask(self, path: str, times: int = 1) -> httpx.Response:
        for _ in range(times):
            answer = self.service.get(path)
        return answer

    @contextmanager
    def visitors(self, *paths: str) -> Iterator[None]:
        """A few visitors who ask again and again, each for something else than the others, until the block ends."""
        over = Event()

        def visit(first: int) -> None:
            with httpx.Client(timeout=60, trust_env=False) as client:
                for path in cycle([*paths[first:], *paths[:first]]):
                    if over.is_set():
                        return
                    client.get(f"{self.service.url}{BASE}{path}")

        threads = [Thread(target=visit, args=(number % len(paths),)) for number in range(VISITORS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def looked(self, times: int = 5) -> None:
        """Wait until it has looked so often again, at what there is now."""
        due = self.watched.looks + times
        self.until(lambda: self.watched.looks >= due)

    def moved(self, *names: str) -> None:
        """Wait until these are latched."""
        self.until(lambda: set(names) <= set(self.latches))

    def until(self, fits: Callable[[], bool]) -> None:
        """Look at it after each of its looks."""
        with self.watched.looked:
            assert self.watched.looked.wait_for(fits, 90)

    def clear(self) -> None:
        """What a person does."""

        def cleared(state: CutoverState) -> CutoverState:
            return state.model_copy(update={"latches": {}})

        self._in_loop(lambda: self.watched._live.change(cleared, "Ann", "mended"))

    def audit(self) -> list[Change]:
        lines: list[Change] = self._in_loop(lambda: self.watched._live.store.audit(100))
        return lines

    def _in_loop(self, work: Callable[[], Any]) -> Any:
        self.until(lambda: self.watched.looks > 0)
        return asyncio.run_coroutine_threadsafe(work(), self.watched.loop).result(60)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A service that is watched, by a clock that stands still."""
    clock = Clock()
    clock.now = 4_000_000_000.0  # all that was counted came after the state was made
    watchers: list[Watched] = []

    def watched(*parts: Any) -> Watched:
        watchers.append(Watched(*parts, clock=clock))
        return watchers[-1]

    monkeypatch.setattr(watcher, "LOOK_SECONDS", OFTEN)
    monkeypatch.setattr(reports, "WRITE_SECONDS", OFTEN)
    monkeypatch.setattr("app.cutover.parts.Traffic", partial(Traffic, clock))
    monkeypatch.setattr("app.cutover.parts.Reports", partial(Reports, clock=clock))
    monkeypatch.setattr("app.cutover.parts.Watcher", watched)

    @contextmanager
    def run(stage: str = "realtime", **groups: Any) -> Iterator[Scene]:
        with running_both(stage, log_level="error", **groups) as service:
            until(lambda: bool(watchers))
            yield Scene(service, watchers[0], clock)

    return run


def test_errors_move_an_operation_back_and_visitors_see_none_any_more(running: Callable[..., Any]) -> None:
    with running() as scene:
        number = scene.faults.add("status", status=500, operation="get_event", backend="realtime", times=None).number
        with scene.visitors(*EVENTS, SESSIONS):
            scene.moved("get_event")
        answer = scene.ask(EVENT)
        assert (answer.status_code, answer.headers["x-evtmgmt-backend"]) == (200, "outbound")
        assert scene.ask(SESSIONS).headers["x-evtmgmt-backend"] == "realtime"
        latch = scene.latches.pop("get_event")
        assert set(scene.latches) == {"get_event"}
        assert "calls failed (100 %)" in latch.reason
        line = scene.audit()[0]
        assert (line.who, line.why) == ("watcher", f"get_event: {latch.reason}")
        service = scene.service
        assert service.metric('evtmgmt_rollbacks_total{operation="get_event"}') == 1
        assert service.metric("evtmgmt_latched") == 1

        # It is mended: that alone moves nothing forward.
        scene.faults.clear(number)
        scene.ask(EVENT, 60)
        scene.looked()
        assert scene.ask(EVENT).headers["x-evtmgmt-backend"] == "outbound"
        scene.clear()
        assert scene.ask(EVENT).headers["x-evtmgmt-backend"] == "realtime"


def test_a_small_sample_moves_nothing_and_one_call_more_does(running: Callable[..., Any]) -> None:
    with running() as scene:
        scene.faults.add("status", status=500, operation="get_event", backend="realtime", times=None)
        scene.ask(EVENT, 49)
        scene.looked()
        assert scene.latches == {}
        scene.ask(EVENT)
        scene.moved("get_event")
        assert scene.latches["get_event"].reason == "50 of 50 calls failed (100 %), no sample of outbound"


def test_with_a_dead_outbound_it_does_nothing_and_says_so(running: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    with running() as scene:
        scene.faults.add("status", status=500, operation="get_event", backend="realtime", times=None)
        dead = scene.faults.add("reset", backend="outbound", times=None).number
        scene.ask(EVENT, 60)
        for more in (1, 2):
            scene.until(lambda more=more: scene.refused == more)  # type: ignore[misc]
            scene.looked()
            assert scene.latches == {}
            assert scene.refused == more
            if more == 1:  # no probe may be under way when outbound comes back
                scene.clock.go(watcher.PROBE_SECONDS)
        assert scene.service.metric('evtmgmt_rollbacks_refused_total{reason="outbound"}') == 2
        assert [line.who for line in scene.audit()] == ["settings"]
        scene.faults.clear(dead)
        scene.clock.go(watcher.PROBE_SECONDS)
        scene.moved("get_event")
    told = capfd.readouterr()
    assert (told.out + told.err).count("real-time fails, and nothing is moved back") == 1


def test_slow_answers_move_an_operation_back(running: Callable[..., Any]) -> None:
    with running("split", rollback=FEW) as scene:
        scene.faults.add("latency", seconds=0.2, operation="get_event", backend="realtime", times=None)
        with scene.visitors(*EVENTS):
            scene.moved("get_event")
        assert "calls took up to 0." in scene.latches["get_event"].reason
        assert scene.ask(EVENT).headers["x-evtmgmt-backend"] == "outbound"


def test_what_was_cleared_does_not_come_back_without_new_data(running: Callable[..., Any]) -> None:
    with running(rollback=FEW) as scene:
        scene.faults.add("status", status=503, operation="get_event", backend="realtime", times=None)
        scene.ask(EVENT, 20)
        scene.moved("get_event")
        scene.clear()
        scene.looked()
        assert scene.latches == {}
        scene.clock.go(10)
        scene.looked()
        assert scene.latches == {}
        scene.ask(EVENT, 9)
        scene.looked()
        assert scene.latches == {}
        scene.ask(EVENT)
        scene.moved("get_event")
        assert [line.who for line in scene.audit()] == ["watcher", "Ann", "watcher", "settings"]


def test_two_operations_are_independent(running: Callable[..., Any]) -> None:
    with running(rollback=FEW) as scene:
        scene.faults.add("status", status=500, operation="get_event", backend="realtime", times=None)
        scene.ask(EVENT, 20)
        scene.moved("get_event")
        scene.ask(SESSIONS, 20)
        scene.looked()
        assert set(scene.latches) == {"get_event"}
        scene.faults.add("status", status=500, operation="list_sessions", backend="realtime", times=None)
        scene.ask(SESSIONS, 20)
        scene.moved("list_sessions")
        assert set(scene.latches) == {"get_event", "list_sessions"}


def test_when_all_fails_the_whole_stage_goes_back(running: Callable[..., Any]) -> None:
    with running(rollback=FEW) as scene:
        scene.faults.add("status", status=500, backend="realtime", times=None)
        scene.watched.resting = True
        for part in ("sessions", "speakers", "tracks"):
            scene.ask(f"events/{OPEN_DAY}/{part}", 10)
        scene.watched.resting = False
        scene.moved(STAGE_LATCH)
        assert set(scene.latches) == {STAGE_LATCH}
        for path in (EVENT, SESSIONS, "events/published"):
            assert scene.ask(path).headers["x-evtmgmt-backend"].startswith("outbound")


def test_numbers_of_both_sides_are_told(running: Callable[..., Any]) -> None:
    with running("split", cutover={"percent": 50}) as scene:
        scene.faults.add("status", status=500, operation="get_event", backend="realtime", times=None)
        scene.watched.resting = True
        answers = [scene.service.get(EVENT, headers={"X-Visitor": str(number)}) for number in range(150)]
        new = sum(answer.headers["x-evtmgmt-backend"] == "realtime" for answer in answers)
        scene.watched.resting = False
        scene.moved("get_event")
        assert scene.latches["get_event"].reason == f"{new} of {new} calls failed (100 %), outbound 0 of {150 - new}"
        assert {scene.service.get(EVENT, headers={"X-Visitor": str(number)}).status_code for number in range(150)} == {200}


def test_both_sick_moves_nothing(running: Callable[..., Any]) -> None:
    with running("split", cutover={"percent": 50}, rollback={**FEW, "latency_floor": 30}) as scene:  # a busy machine is slow
        scene.faults.add("status", status=500, operation="get_event", times=None)
        for number in range(100):
            scene.service.get(EVENT, headers={"X-Visitor": str(number)})
        scene.looked()
        assert scene.latches == {}


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("status", {"status": 401}),
        ("status", {"status": 403}),
        ("status", {"status": 503}),
        ("reset", {}),
    ],
)
def test_what_counts_as_a_failure(running: Callable[..., Any], kind: str, fault: dict[str, Any]) -> None:
    with running(rollback=FEW) as scene:
        scene.faults.add(kind, operation="get_event", backend="realtime", times=None, **fault)
        scene.ask(EVENT, 20)
        scene.moved("get_event")


@pytest.mark.parametrize("kind", ["html", "wrong_json", "redirect"])
def test_what_visitors_cannot_use_is_a_failure(running: Callable[..., Any], kind: str) -> None:
    with running(rollback=FEW) as scene:
        scene.faults.add(kind, operation="get_event", backend="realtime", times=None)
        assert scene.ask(EVENT).status_code == 502
        scene.ask(EVENT, 20)
        scene.moved("get_event")


@pytest.mark.parametrize("status", [400, 404, 429])
def test_what_does_not(running: Callable[..., Any], status: int) -> None:
    with running(rollback=FEW) as scene:
        scene.faults.add("status", status=status, operation="get_event", backend="realtime", times=None)
        assert scene.ask(EVENT, 40).status_code == status
        scene.looked()
        assert scene.latches == {}


@pytest.mark.parametrize("stage", ["outbound", "shadow"])
def test_the_stages_before_are_not_judged(running: Callable[..., Any], stage: str) -> None:
    with running(stage, rollback=FEW, cutover={"operations": {"get_event": "realtime"}}) as scene:
        scene.faults.add("status", status=500, backend="realtime", times=None)
        assert scene.ask(EVENT, 40).headers["x-evtmgmt-backend"] == "realtime"
        scene.looked()
        assert scene.latches == {}


def test_registrations_go_where_they_are_taken(running: Callable[..., Any]) -> None:
    with running(rollback=FEW) as scene:
        scene.faults.add("status", status=500, operation="register", backend="realtime", times=None)
        for _ in range(10):
            assert scene.service.post(f"events/{CONFERENCE}/registrations", json=registration()).status_code == 502
        scene.moved("register")
        told = scene.service.post(f"events/{OPEN_DAY}/registrations", json=registration()).headers["x-evtmgmt-backend"]
        assert told == "outbound"


def test_nobody_watches_where_it_is_switched_off(running: Callable[..., Any]) -> None:
    with running(rollback={**FEW, "enabled": False}) as scene:
        scene.faults.add("status", status=500, operation="get_event", backend="realtime", times=None)
        scene.ask(EVENT, 40)
        assert scene.ask(EVENT).status_code == 502
        assert scene.watched.looks == 0
        assert scene.latches == {}
