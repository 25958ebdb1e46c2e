"""Ready means: configured, and the token was not refused. Alive means: the process runs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from app.metrics import Metrics
from app.readiness import Readiness
from tests.clock import until
from tests.examples import OPEN_DAY, assert_error, example, received
from tests.old_side import running_old
from tests.service import Service, running_proxy
from translation.errors import UPSTREAM_REFUSED_PROXY, ProxyError

pytestmark = pytest.mark.anyio


def state(service: Service) -> tuple[int, int, float]:
    statuses = [service.client.get(f"{service.url}/{room}").status_code for room in ("livez", "readyz")]
    return statuses[0], statuses[1], service.metric("evtmgmt_ready")


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("operation", ["list_events", "register", "get_speaker_image", "get_personal_calendar"])
def test_a_refused_token_is_a_502_and_makes_unready_until_it_is_accepted(service: Service, status: int, operation: str) -> None:
    call = example(operation, service)
    service.sandbox.faults.add("status", status=status, times=None)
    body = assert_error(call.send(service), "UpstreamRefusedProxy", 502)
    assert "sign" not in body["Message"]
    assert body["type"] == "InternalServerError"
    assert state(service) == (200, 503, 0)
    reason = service.client.get(f"{service.url}/readyz").json()
    assert reason == {"status": "not ready", "reason": "Dynamics refused the token or the origin"}
    service.sandbox.faults.clear()
    assert call.send(service).status_code == 200
    assert state(service) == (200, 200, 1)


@pytest.mark.parametrize("kind", ["hang", "reset", "html", "status"])
def test_a_sick_dynamics_does_not_make_unready(hurried: Service, kind: str) -> None:
    hurried.sandbox.faults.add(kind, times=None)
    assert hurried.get(f"events/{OPEN_DAY}").status_code >= 500
    assert state(hurried) == (200, 200, 1)


def test_a_sick_dynamics_does_not_make_ready_again_either(service: Service) -> None:
    service.sandbox.faults.add("status", status=401)
    service.get("events/published")
    for status in (404, 400, 500):
        service.sandbox.faults.add("status", status=status)
        service.get("events/published")
        assert state(service) == (200, 503, 0)
    assert service.get("events/published").status_code == 200
    assert state(service) == (200, 200, 1)


def test_probes_ask_nobody(service: Service) -> None:
    state(service)
    assert received(service) == []


async def test_a_refused_token_is_tried_again_until_it_is_accepted() -> None:
    readiness = Readiness(Metrics())
    asked = 0
    accepted = asyncio.Event()

    async def probe() -> None:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise ProxyError(UPSTREAM_REFUSED_PROXY)
        readiness.accepted("realtime")
        accepted.set()

    watching = asyncio.create_task(readiness.watch({"realtime": probe}, seconds=0.001))
    await asyncio.sleep(0)
    assert (asked, readiness.ready) == (0, True)
    readiness.refused("realtime")
    assert not readiness.ready
    async with asyncio.timeout(5):
        await accepted.wait()
    assert (asked, readiness.ready) == (3, True)
    # Accepted once, nobody is asked any more; refused again, it starts anew.
    accepted.clear()
    readiness.refused("realtime")
    async with asyncio.timeout(5):
        await accepted.wait()
    assert asked == 4
    watching.cancel()


def test_the_service_finds_a_mended_token_by_itself(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.readiness.Readiness.watch.__defaults__", (0.01,))
    service.sandbox.faults.add("status", status=401, times=3)
    with running_proxy(service.settings) as (port, _):
        assert service.client.get(f"http://127.0.0.1:{port}/EvtMgmt/api/v2.0/events/published").status_code == 502
        service.sandbox.recorder.wait(operation="list_events", outcome="answered", count=4)
        while service.client.get(f"http://127.0.0.1:{port}/readyz").status_code != 200:
            pass  # the answer is on its way


# Several organisations.


def test_only_a_token_that_visitors_need_makes_unready() -> None:
    needed = ["outbound"]
    metrics = Metrics()
    readiness = Readiness(metrics, lambda: needed)
    assert gauge(metrics) == 1
    readiness.refused("realtime")
    readiness.refused("shadow")
    assert (readiness.ready, gauge(metrics)) == (True, 1)
    readiness.refused("outbound")
    assert gauge(metrics) == 0
    assert not readiness.ready
    readiness.accepted("outbound")
    assert (gauge(metrics), readiness.ready) == (1, True)
    # What is needed changes with the stage.
    needed[:] = ["outbound", "realtime"]
    assert (readiness.ready, gauge(metrics)) == (False, 0)
    needed[:] = ["realtime"]
    readiness.accepted("outbound")
    assert not readiness.ready
    readiness.accepted("realtime")
    assert (readiness.ready, gauge(metrics)) == (True, 1)


def gauge(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("evtmgmt_ready")


def test_a_refusal_is_logged_once_and_says_whether_it_matters() -> None:
    readiness = Readiness(Metrics(), lambda: ("outbound",))
    with capture_logs() as lines:
        for _ in range(3):
            readiness.refused("realtime")
            readiness.refused("outbound")
        for _ in range(3):
            readiness.accepted("outbound")
    told = [(line["organisation"], line["log_level"], line.get("ready")) for line in lines]
    assert told == [("realtime", "error", True), ("outbound", "error", False), ("outbound", "warning", None)]


async def test_each_organisation_is_tried_by_its_own_probe_as_long_as_it_refuses() -> None:
    readiness = Readiness(Metrics(), lambda: ("outbound", "realtime"))
    asked: list[str] = []
    done = asyncio.Event()

    def probe(organisation: str, enough: int) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            asked.append(organisation)
            if asked.count(organisation) < enough:
                raise ProxyError(UPSTREAM_REFUSED_PROXY)
            readiness.accepted(organisation)
            if readiness.ready:
                done.set()

        return ask

    probes = {"realtime": probe("realtime", 1), "outbound": probe("outbound", 3)}
    watching = asyncio.create_task(readiness.watch(probes, seconds=0.001))
    readiness.refused("shadow")  # which has no probe: its own calls tell when it is accepted
    readiness.refused("outbound")
    async with asyncio.timeout(5):
        await done.wait()
    assert asked == ["outbound"] * 3
    done.clear()
    readiness.refused("realtime")
    async with asyncio.timeout(5):
        await done.wait()
    assert asked == ["outbound"] * 3 + ["realtime"]
    watching.cancel()


def test_a_refused_outbound_is_found_mended_without_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.readiness.Readiness.watch.__defaults__", (0.01,))
    with running_old(log_level="error") as service:
        service.sandbox.outbound.token = "another"
        assert service.get("events/published").status_code == 502
        assert state(service) == (200, 503, 0)
        service.sandbox.outbound.token = service.settings.outbound.token.get_secret_value()  # type: ignore[union-attr]
        until(lambda: state(service) == (200, 200, 1))
        assert {record.backend for record in received(service)} == {"outbound"}
