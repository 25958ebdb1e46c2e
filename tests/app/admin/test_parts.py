"""Tests of app/admin/parts.py: what a real assembly gives to pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.admin.parts import sources_of
from app.admin.sources import Sources
from app.cutover.decision import Rule, Source
from app.cutover.parts import stage
from app.cutover.state import CutoverState, Stage
from app.metrics import Metrics
from app.parts import build_budget
from sandbox.server import Sandbox, SandboxThread
from tests.service import both_sides, settings_for

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as running:
        yield running


def sources(sandbox: Sandbox, **groups: Any) -> Sources:
    settings = settings_for(sandbox, **groups)
    metrics = Metrics()
    staging, _ = stage(settings, build_budget(settings), metrics)
    assert staging.observed is not None
    return sources_of(staging, staging.observed, metrics)


async def test_of_both_organisations(sandbox: Sandbox) -> None:
    budget = {"budget": "10/s", "budget_burst": 50}
    found = sources(sandbox, **both_sides(sandbox, "outbound"), upstream=budget)
    await found.live.start(CutoverState(stage=Stage.OUTBOUND))
    assert found.both
    assert found.gauges().burst == 50
    assert found.explain("GET", "events/published", "")[1].rule is Rule.STAGE
    told = [each.text for each in await found.standing()]
    assert any("was not read so far" in text for text in told)
    assert await found.reports.traffic()
    await found.live.store.close()


async def test_of_real_time_alone(sandbox: Sandbox) -> None:
    found = sources(sandbox, admin={"token": "a-token-of-some-length"})
    assert not found.both
    assert found.gauges().burst is None
    assert found.explain("GET", "events/published", "")[1].source is Source.REALTIME
