"""Ready means: configured, and the token was not refused. Alive means: the process runs."""

import asyncio

import pytest

from app.metrics import Metrics
from app.readiness import Readiness
from tests.examples import OPEN_DAY, assert_error, example, received
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
def test_a_sick_dynamics_does_not_make_unready(service: Service, kind: str) -> None:
    service.sandbox.faults.add(kind, times=None)
    assert service.get(f"events/{OPEN_DAY}").status_code >= 500
    assert state(service) == (200, 200, 1)


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
