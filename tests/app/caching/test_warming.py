"""The warm start: what is fetched before anybody asks, how fast, and what happens when Dynamics fails."""

import asyncio
import gc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from app import assembly, main
from app.budget import Need
from app.caching import warming
from app.caching.warming import PAGES, warm_up
from app.logs import configure_logs
from app.parts import WORKERS
from app.redaction import Redactor
from sandbox.server import SandboxThread
from tests.app.desk import HIT, Desk, call, failure
from tests.clock import until
from tests.examples import OPEN_DAY, received
from tests.service import Service, event_path, running_proxy, running_service, settings_for
from translation import errors
from translation.errors import ProxyError

pytestmark = pytest.mark.anyio

FAST = 1_000_000.0
THREE = ["First", "Second", "Third"]


def listed(*names: Any) -> bytes:
    return orjson.dumps([{"readableEventId": name} for name in names])


def desk_of(*names: Any, **settings: Any) -> Desk:
    desk = Desk(**settings)
    desk.bodies["list_events"] = listed(*names)
    return desk


def asked_for(desk: Desk) -> list[tuple[str, str]]:
    return [(found.operation.name, found.sent.get("event", "")) for found in desk.calls]


def test_the_pages_of_an_event_are_what_a_portal_reads_of_it() -> None:
    assert set(PAGES) == {
        "get_event",
        "list_passes",
        "list_sessions",
        "list_tracks",
        "list_speakers",
        "list_sponsorships",
        "list_custom_registration_fields",
        "count_event_registrations",
    }


async def test_the_list_is_fetched_then_the_pages_of_each_event() -> None:
    desk = desk_of(*THREE)
    configure_logs("info", Redactor())  # the level of another test may be in force
    with capture_logs() as logs:
        assert await warm_up(desk.reading, 50, FAST) == 1 + 3 * len(PAGES)
    assert asked_for(desk) == [("list_events", ""), *[(page, event) for event in THREE for page in PAGES]]
    assert {found.need for found in desk.calls} == {Need.REFRESH}
    assert [(line["event"], line["answers"], line["events"]) for line in logs] == [("warm", 25, 3)]
    assert [(await desk.ask(call(page, {"event": "Third"})))[0] for page in PAGES] == [HIT] * len(PAGES)


async def test_no_more_events_than_are_asked_for_in_the_order_of_the_list() -> None:
    desk = desk_of(*THREE)
    await warm_up(desk.reading, 2, FAST)
    assert {event for _, event in asked_for(desk)} == {"", "First", "Second"}


@pytest.mark.parametrize("name", [None, "", 7])
async def test_events_without_an_id_are_left_out(name: Any) -> None:
    desk = desk_of(name, "Second")
    await warm_up(desk.reading, 50, FAST)
    assert {event for _, event in asked_for(desk)} == {"", "Second"}


@pytest.mark.parametrize("name", ["..", "a/b", "x\r\ny"])
async def test_an_id_that_no_visitor_could_ask_for_is_not_asked_for(name: str) -> None:
    desk = desk_of(name, "Second")
    await warm_up(desk.reading, 50, FAST)
    assert {event for _, event in asked_for(desk)} == {"", "Second"}


async def test_what_is_kept_is_not_fetched_again() -> None:
    desk = desk_of("First")
    await desk.ask(call("list_tracks", {"event": "First"}))
    await warm_up(desk.reading, 50, FAST)
    assert [name for name, _ in asked_for(desk)].count("list_tracks") == 1


async def test_calls_are_made_at_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = waits(monkeypatch)
    await warm_up(desk_of(*THREE).reading, 50, 4)
    assert slept == [0.25] * 3 * len(PAGES)


def waits(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None] = lambda: None) -> list[float]:
    """Have nothing waited for, and note how long it would have been."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def at_once(seconds: float) -> None:
        slept.append(seconds)
        meanwhile()
        await sleep(0)

    monkeypatch.setattr(warming, "asyncio", SimpleNamespace(sleep=at_once))  # not for the servers of other threads
    return slept


@pytest.mark.parametrize(
    "kind", [errors.UPSTREAM_UNREACHABLE, errors.UPSTREAM_TIMEOUT, errors.UPSTREAM_FAILED, errors.UPSTREAM_REFUSED_PROXY]
)
async def test_it_waits_longer_and_longer_while_dynamics_fails(monkeypatch: pytest.MonkeyPatch, kind: errors.ErrorKind) -> None:
    desk = desk_of()
    desk.error = failure(kind)
    slept: list[float] = []

    def back() -> None:
        if len(slept) == 6:
            desk.error = None

    slept = waits(monkeypatch, back)
    assert await warm_up(desk.reading, 50, FAST) == 1
    assert slept == [5, 10, 20, 40, 60, 60]
    assert len(desk.calls) == 7


async def test_it_waits_as_long_as_dynamics_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_of()
    desk.error = failure(errors.TOO_MANY_REQUESTS, retry_after=77)
    slept: list[float] = []

    def back() -> None:
        desk.error = None

    slept = waits(monkeypatch, back)
    await warm_up(desk.reading, 50, FAST)
    assert slept == [77]


@pytest.mark.parametrize("error", [failure(errors.NOT_FOUND), failure(errors.UPSTREAM_REJECTED, status=410)])
async def test_an_event_that_dynamics_does_not_know_does_not_end_it(error: ProxyError) -> None:
    desk = desk_of("First", "Second")
    ask = desk.reading.value

    async def value(name: str, parameters: Any, trace: Any = (), need: Need = Need.READ) -> Any:
        desk.error = error if parameters.get("event") == "First" else None
        return await ask(name, parameters, trace, need)

    desk.reading.value = value  # type: ignore[method-assign]
    assert await warm_up(desk.reading, 50, FAST) == 1 + len(PAGES)
    assert (await desk.ask(call("get_event", {"event": "Second"})))[0] == HIT


async def test_what_was_not_fetched_is_not_counted() -> None:
    desk = desk_of()
    desk.error = failure(errors.NOT_FOUND)
    assert await warm_up(desk.reading, 50, FAST) == 0


async def test_what_is_never_kept_is_not_fetched() -> None:
    desk = desk_of("First", operations={"list_tracks": "never"})
    await warm_up(desk.reading, 50, FAST)
    assert "list_tracks" not in [name for name, _ in asked_for(desk)]


# In the service.


def warmed(service: Service) -> list[str]:
    return [record.operation for record in received(service)]


def test_the_service_warms_itself_and_visitors_find_everything() -> None:
    with running_service(cache={"warm_rate": 1_000, "warm_events": 3}, log_level="error") as service:
        service.sandbox.recorder.wait(count=1 + 3 * len(PAGES), outcome="answered", timeout=30)
        until(lambda: service.metric("evtmgmt_cache_entries") == 1 + 3 * len(PAGES))
        names = [event["readableEventId"] for event in service.get("events/published").json()]
        for rest in ("", "/sessions", "/passes", "/tracks", "/speakers", "/sponsorships", "/registrations/count"):
            assert service.get(event_path(names[2], rest)).is_success
        assert len(warmed(service)) == 1 + 3 * len(PAGES)
        (answered,) = [service.metric('evtmgmt_refreshes_total{operation="list_events",outcome="answered"}')]
        assert answered == 1


@pytest.mark.parametrize("setting", [{"warm": False}, {"enabled": False}])
def test_it_is_off_when_it_is_off(monkeypatch: pytest.MonkeyPatch, setting: dict[str, bool]) -> None:
    def called(*_: Any) -> None:
        raise AssertionError("the warm start was begun")

    monkeypatch.setattr(assembly, "warm_up", called)
    with running_service(cache=setting) as service:
        assert service.get(event_path(OPEN_DAY)).is_success
        assert warmed(service) == ["get_event"]


def test_workers_share_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    async def noted(_: Any, events: int, rate: float) -> int:
        given.append((events, rate))
        return 0

    monkeypatch.setattr(assembly, "warm_up", noted)
    monkeypatch.setenv(WORKERS, "4")
    with running_service(cache={"warm_rate": 10, "warm_events": 7}):
        assert given == [(7, 2.5)]


def test_visitors_are_served_while_it_waits_for_dynamics_and_it_goes_on_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(warming, "LONGEST_WAIT", 0.05)
    with running_service(log_level="error") as source:
        source.sandbox.faults.add("status", status=500, operation="list_events", times=None)
        settings = settings_for(source.sandbox, cache={"warm_rate": 1_000, "warm_events": 1})
        with running_proxy(settings) as (port, _):
            source.sandbox.recorder.wait(count=3, operation="list_events", outcome="answered")
            answer = source.client.get(f"http://127.0.0.1:{port}/EvtMgmt/api/v2.0/{event_path(OPEN_DAY)}")
            assert answer.is_success
            source.sandbox.faults.clear()
            source.sandbox.recorder.wait(count=1, operation="count_event_registrations", outcome="answered", timeout=30)


@pytest.mark.parametrize("fault", ["hang", "status", None])
def test_a_stop_in_the_middle_leaves_nothing_behind(fault: str | None) -> None:
    with running_service(log_level="error") as source:
        if fault is not None:
            source.sandbox.faults.add(fault, status=500, operation="list_tracks", times=None)
        settings = settings_for(source.sandbox, cache={"warm_rate": 200})
        with running_proxy(settings):
            source.sandbox.recorder.wait(operation="list_tracks")
        gc.collect()  # a task that is left behind complains, and complaints are errors
        if fault == "hang":
            source.sandbox.recorder.wait(operation="list_tracks", outcome="cancelled")
        calls = len(source.sandbox.recorder.find())
        assert calls < 1 + 23 * len(PAGES)


@pytest.mark.parametrize("fault", ["hang", "status"])
async def test_nothing_runs_on_after_the_shutdown(fault: str) -> None:
    before = asyncio.all_tasks()
    with SandboxThread() as sandbox:
        sandbox.faults.add(fault, status=500, operation="list_events", times=None)
        host = main.create_app(settings_for(sandbox, cache={}))
        come: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        gone: asyncio.Queue[Any] = asyncio.Queue()
        life = asyncio.create_task(host({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, come.get, gone.put))
        come.put_nowait({"type": "lifespan.startup"})
        assert (await gone.get())["type"] == "lifespan.startup.complete"
        await sandbox.recorder.wait_async(operation="list_events")
        come.put_nowait({"type": "lifespan.shutdown"})
        assert (await gone.get())["type"] == "lifespan.shutdown.complete"
        await life
        assert asyncio.all_tasks() == before


def test_a_defect_in_it_is_logged(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(*_: Any) -> int:
        raise RuntimeError("a mistake of the program")

    monkeypatch.setattr(assembly, "warm_up", broken)
    with running_service(cache={"warm": True}) as service:
        assert service.get(event_path(OPEN_DAY)).is_success
    assert "a mistake of the program" in capsys.readouterr().out
