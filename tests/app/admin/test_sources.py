"""Tests of app/admin/sources.py."""

import pytest

from app.admin.sources import Sources
from app.cutover.state import Stage
from app.cutover.store import StoreAwayError
from tests.app.admin.rig import Desk

pytestmark = pytest.mark.anyio


def sources_of(desk: Desk) -> Sources:
    return Sources(desk.live, desk.places, desk.reports, desk.standing, desk.explain, lambda: desk.gauges, both=True)


async def test_what_is_kept_is_shown_before_this_worker_adopts_it() -> None:
    desk = Desk()
    await desk.live.start(desk.state)
    state = desk.state.model_copy(update={"stage": Stage.SHADOW})
    await desk.store.change(state, 1, "another worker", "a test")
    assert desk.live.state.stage is Stage.SPLIT
    assert (await sources_of(desk).snapshot()).state.stage is Stage.SHADOW
    await desk.store.close()


async def test_while_the_store_is_away_what_serves_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    await desk.live.start(desk.state)

    async def away() -> None:
        raise StoreAwayError("the disk is gone")

    monkeypatch.setattr(desk.store, "current", away)
    assert await sources_of(desk).snapshot() is desk.live.snapshot
    await desk.store.close()
