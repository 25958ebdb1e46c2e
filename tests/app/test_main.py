"""The assembly: settings in, a whole application out."""

import pytest

from app.calls import Call
from app.gateway import Gateway
from app.main import create_app
from app.metrics import Metrics
from app.parts import USER_AGENT, build_backend, build_budget, build_upstream
from app.readiness import Readiness
from app.settings import GivenSettings
from app.settings_sources import ConfigurationError
from app.version import VERSION
from sandbox.server import Sandbox
from tests.service import settings_for
from translation.operations import BY_NAME

pytestmark = pytest.mark.anyio
FAMILY_DAY = Call(BY_NAME["get_event"], {"event": "Family_Day"}, {"event": "Family_Day"})
ENDPOINT = "https://public-eur.mkt.dynamics.invalid/api/v1.0/orgs/7/eventmanagement"


def given() -> GivenSettings:
    return GivenSettings.model_validate({"realtime": {"endpoint": ENDPOINT, "token": "t", "origin": "https://portal.invalid"}})


def test_the_application_is_built_from_given_settings() -> None:
    gateway = create_app(given())
    assert isinstance(gateway, Gateway)
    assert gateway.limits == given().limits


def test_workers_read_the_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ENDPOINT", ENDPOINT), ("TOKEN", "t"), ("ORIGIN", "https://portal.invalid")):
        monkeypatch.setenv(f"EVTMGMT_REALTIME__{name}", value)
    monkeypatch.setenv("EVTMGMT_LIMITS__CONCURRENCY", "7")
    assert create_app().limits.concurrency == 7


def test_settings_that_cannot_be_used_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVTMGMT_REALTIME__TOKEN", raising=False)
    with pytest.raises(ConfigurationError):
        create_app()


async def test_the_parts_can_be_used_alone() -> None:
    async with Sandbox() as sandbox:
        settings = settings_for(sandbox)
        metrics = Metrics()
        readiness = Readiness(metrics)
        upstream = build_upstream(settings.upstream)
        backend = build_backend(settings, upstream, build_budget(settings), metrics, readiness)
        event = await backend.read(FAMILY_DAY)
        assert event["readableEventId"] == "Family_Day"
        (record,) = sandbox.recorder.find()
        assert record.request.header("user-agent") == USER_AGENT == f"evtmgmt-proxy/{VERSION}"
        await upstream.close()


async def test_addresses_of_dynamics_in_answers_are_mended() -> None:
    async with Sandbox() as sandbox:
        settings = settings_for(sandbox)
        upstream = build_upstream(settings.upstream)
        metrics = Metrics()
        backend = build_backend(settings, upstream, build_budget(settings), metrics, Readiness(metrics))
        sandbox.faults.add("merge", body={"image": f"{sandbox.base_url}/picture.png"})
        assert (await backend.read(FAMILY_DAY))["image"] is None
        await upstream.close()
