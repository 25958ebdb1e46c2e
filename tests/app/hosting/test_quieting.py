"""Tests of app/hosting/quieting.py: for a portal that is no more nobody is called."""

from pathlib import Path
from time import monotonic, sleep

import pytest

from app.hosting.quieting import quiet
from app.metrics import Metrics, Registry
from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import PATIENCE
from tests.app.hosting.test_reloading import TAKEN, proxy, put
from tests.app.outbox.material import KEY
from tests.examples import registration
from tests.service import BASE

pytestmark = pytest.mark.anyio

ONE = '[portals.alpha]\npath_prefix = "/alpha"\n'
BOTH = ONE + '[portals.beta]\npath_prefix = "/beta"\nrealtime.token = "one-that-is-refused"\n'


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one", "two"])
def test_a_portal_that_was_taken_out_raises_no_alarm(workers: tuple[str, ...], tmp_path: Path) -> None:
    outbox = {
        "EVTMGMT_STATE__PATH": str(tmp_path / "state"),
        "EVTMGMT_OUTBOX__ENABLED": "true",
        "EVTMGMT_OUTBOX__KEY": KEY,
        "EVTMGMT_OUTBOX__UNKNOWN_PASSES": "take",
        "EVTMGMT_UPSTREAM__TOTAL_TIMEOUT": "1",
        "EVTMGMT_UPSTREAM__READ_TIMEOUT": "1",
    }
    (tmp_path / "settings.toml").write_text(BOTH)
    with SandboxThread(Sandbox()) as sandbox, proxy(sandbox, tmp_path, *workers, **outbox) as (process, client):
        sandbox.faults.add("status", operation="register", status=503, times=None)
        assert client.get(f"/beta{BASE}events/published").status_code == 502
        assert client.post(f"/beta{BASE}events/Contoso_Open_Day/registrations", json=registration()).status_code == 200

        def shown(ready: int, waiting: int) -> bool:
            lines = client.get("/metrics").text.splitlines()
            wanted = (
                f'evtmgmt_ready{{portal="beta"}} {ready}.0',
                f'evtmgmt_outbox_entries{{portal="beta",state="waiting"}} {waiting}.0',
            )
            return all(line in lines for line in wanted)

        until = monotonic() + PATIENCE
        while not shown(0, 1):
            assert monotonic() < until
            sleep(0.05)
        put(tmp_path / "settings.toml", ONE)
        process.wait_for(TAKEN, int(workers[1]) if workers else 1)
        while not shown(1, 0):
            assert monotonic() < until + PATIENCE
            sleep(0.05)


async def test_nothing_of_other_portals_is_touched() -> None:
    metrics = Metrics(Registry(portals=True))
    for name in ("alpha", "beta"):
        metrics.of(name).ready.set(0)
        metrics.of(name).latched.set(3)
        metrics.of(name).breaker_state.labels("realtime", "registrations").set(2)
    await quiet(metrics.of("beta"))

    def value(name: str, portal: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, {"portal": portal, **labels})

    lane = {"backend": "realtime", "lane": "registrations"}
    for portal, ready, latched, breaker in (("alpha", 0, 3, 2), ("beta", 1, 0, 0)):
        assert value("evtmgmt_ready", portal) == ready
        assert value("evtmgmt_latched", portal) == latched
        assert value("evtmgmt_breaker_state", portal, **lane) == breaker
