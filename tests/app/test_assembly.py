"""A portal put together: what lives on when it is put together anew with other settings."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.assembly import NOT_IN_ANSWERS, build_portal, shape_of_answers
from app.cutover.decision import Source
from app.faults.draining import Draining
from app.hosting.budgets import Budgets
from app.hosting.portal import Portal
from app.hosting.standing import Standing
from app.main import _service
from app.metrics import Metrics
from app.settings import Settings
from sandbox.server import Sandbox
from tests.app.archive.files import archive_at
from tests.service import both_sides, settings_for

pytestmark = pytest.mark.anyio


def parts(portal: Portal) -> dict[str, Any]:
    return {name: part.value for name, part in portal.life._parts.items()}


async def anew(first: dict[str, Any], second: dict[str, Any]) -> set[str]:
    """The parts that are not the same ones after a change."""
    async with Sandbox() as sandbox:
        metrics, draining = Metrics(), Draining()
        settings = [settings_for(sandbox, **{**both_sides(sandbox), **groups}) for groups in (first, second)]
        budgets, service = Budgets(), partial(_service, (Standing(metrics), draining))
        before = build_portal(settings[0], metrics, budgets, service, draining)
        after = build_portal(settings[1], metrics, budgets, service, draining, before)
        await after.life.close()
        await before.life.close(after.life)
        old = parts(before)
        return {name for name, value in parts(after).items() if old.get(name) is not value}


ALWAYS = {"watch of tokens", "lists of events", "watcher", "shadow"}
MEMORIES = {"memory realtime", "memory outbound", "memory realtime_first", "memory outbound_first"}


async def test_another_token_loses_nothing() -> None:
    assert await anew({}, {"realtime": {"token": "another one"}}) == ALWAYS | {"readiness"}


async def test_another_admin_token_loses_nothing() -> None:
    assert await anew({}, {"admin": {"token": "another one of 16"}}) == ALWAYS


async def test_another_time_out_needs_other_connections() -> None:
    found = await anew({}, {"upstream": {"read_timeout": 7}})
    assert found == ALWAYS | {name for name in found if name.startswith(("upstream", "protection"))}
    assert len(found) == len(ALWAYS) + 6


async def test_what_shows_in_answers_empties_the_cache() -> None:
    found = await anew({}, {"answers": {"registration_form": "keep"}, "cache": {"enabled": True, "warm": True}})
    assert found - {"warm-up"} == ALWAYS | {"cache"} | {name for name in found if name.startswith("memory")}
    assert {name for name in found if name.startswith("memory")}
    assert "warm-up" in found


def test_groups_that_no_answer_shows_exist() -> None:
    assert Settings.model_fields.keys() >= NOT_IN_ANSWERS


async def test_a_token_is_not_in_the_shape_of_answers() -> None:
    async with Sandbox() as sandbox:
        settings = settings_for(sandbox, **both_sides(sandbox))
        shape = shape_of_answers(settings)
        assert settings.realtime.token.get_secret_value() not in str(shape)
        assert shape["realtime"]["endpoint"] == settings.realtime.endpoint
        assert "token" not in shape["realtime"] | shape["outbound"]


async def test_answers_show_where_the_bridge_is() -> None:
    async with Sandbox() as sandbox:
        for form, same in (("null", True), ("bridge", False)):
            one, two = (
                shape_of_answers(settings_for(sandbox, portal={"public_url": address}, answers={"registration_form": form}))
                for address in ("https://one.invalid", "https://two.invalid")
            )
            assert (one == two) is same


async def test_what_an_archive_answers_is_shared_with_no_other_replica(tmp_path: Path) -> None:
    """An archive is a file of one host: another's may hold something else."""
    archive = archive_at(tmp_path / "archive.sqlite3")
    async with Sandbox() as sandbox:
        groups: dict[str, Any] = {"cache": {"enabled": True, "warm": False}, "state": {"redis_url": "redis://127.0.0.1:9"}}
        settings = settings_for(sandbox, **both_sides(sandbox), **groups, archive={"path": str(archive)})
        metrics, draining = Metrics(), Draining()
        portal = build_portal(settings, metrics, Budgets(), partial(_service, (Standing(metrics), draining)), draining)
        answering: Any = portal.gateway._answering
        shared = {source for source, leg in answering.legs.items() if leg.reading._second is not None}
        assert shared == {Source.REALTIME, Source.OUTBOUND, Source.REALTIME_FIRST, Source.OUTBOUND_FIRST}
        assert answering.legs.keys() > shared
        await portal.life.close()
