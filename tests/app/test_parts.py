"""The parts that settings describe, each used alone."""

import pytest

from app.calls import Call
from app.metrics import Metrics
from app.parts import USER_AGENT, WORKERS, aliases_of, build_backend, build_budget, build_outbound, build_upstream, workers
from app.readiness import Readiness
from app.version import VERSION
from sandbox.server import Sandbox
from tests.service import both_sides, settings_for
from translation.operations import BY_NAME

pytestmark = pytest.mark.anyio
FAMILY_DAY = Call(BY_NAME["get_event"], {"event": "Family_Day"}, {"event": "Family_Day"})


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


async def test_the_outbound_organisation_can_be_used_alone() -> None:
    async with Sandbox() as sandbox:
        settings = settings_for(sandbox, **both_sides(sandbox))
        assert settings.outbound is not None
        metrics = Metrics()
        told: list[tuple[str, bool]] = []
        upstream = build_upstream(settings.upstream)
        outbound = build_outbound(
            settings.outbound,
            upstream,
            build_budget(settings),
            metrics,
            Readiness(metrics),
            name="elsewhere",
            observe=lambda operation, failed, _: told.append((operation, failed)),
        )
        assert (await outbound.value(FAMILY_DAY))["readableEventId"] == "Family_Day"
        assert told == [("get_event", False)]
        labels = {"operation": "get_event", "backend": "elsewhere", "outcome": "200"}
        assert metrics.registry.get_sample_value("evtmgmt_upstream_requests_total", labels) == 1
        await upstream.close()


def test_workers_have_their_part_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_for(
        Sandbox(), realtime={"endpoint": "http://127.0.0.1:9/api/v1.0/orgs/o/eventmanagement/"}, upstream={"budget": "8/s"}
    )
    monkeypatch.delenv(WORKERS, raising=False)
    assert (workers(), build_budget(settings).tokens) == (1, 200)
    monkeypatch.setenv(WORKERS, "4")
    assert (workers(), build_budget(settings).tokens) == (4, 50)


async def test_aliases_are_those_of_the_settings() -> None:
    async with Sandbox() as sandbox:
        aliases = aliases_of(settings_for(sandbox, **both_sides(sandbox)))
        assert (aliases.event("ANNUAL_forum"), aliases.old_event("annual_FORUM_2031")) == ("Annual_Forum_2031", "Annual_Forum")
