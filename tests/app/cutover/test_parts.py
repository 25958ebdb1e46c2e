"""What a process puts together for the cutover, for which settings, and that all of it is let go of at the end."""

import asyncio
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.budget import Budget
from app.calls import Call
from app.configuration_error import ConfigurationError
from app.cutover.decision import Source
from app.cutover.live import SHARED_STATE
from app.cutover.parts import NEEDED, Staging, own_connections, stage
from app.cutover.places import Pages
from app.cutover.settings import Shadow
from app.cutover.shared_pages import SharedPages
from app.cutover.sqlite import SqliteStore
from app.cutover.sqlite_file import FILE
from app.cutover.state import CutoverState, Stage
from app.hosting.life import Life
from app.metrics import Metrics
from app.readiness import Readiness
from app.settings import GivenSettings, Upstream
from app.shared.parts import build_line
from sandbox.server import Sandbox
from tests.service import ADMIN, both_sides, running_both, running_service, settings_for
from translation.operations import BY_NAME

pytestmark = pytest.mark.anyio

LIST = Call(BY_NAME["list_events"], {}, {})


def put_together(settings: GivenSettings) -> tuple[Staging, Readiness]:
    return stage(settings, Budget(None, 1, 0), Metrics())


def open_files() -> list[str]:
    """What this process has open, sockets and files."""
    gc.collect()
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:  # the one of the listing itself
            continue
    return sorted(found)


async def until(fits: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not fits():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0)


async def test_by_default_there_is_one_organisation_and_nothing_to_follow() -> None:
    async with Sandbox() as sandbox:
        staging, _ = put_together(settings_for(sandbox))
        assert (staging.live, staging.outbound, staging.shadow, staging.observed) == (None, None, None, None)
        assert (staging.life.works(), staging.observer(Source.REALTIME)) == ([], None)
        assert staging.router.state == CutoverState()
        await staging.life.start()
        await staging.life.close()


@pytest.mark.parametrize(
    "group",
    [{"admin": {"token": ADMIN}}, {"state": {"path": "PLACE"}}, {"state": {"redis_url": "unix:///nowhere.sock"}}],
    ids=str,
)
async def test_a_state_is_followed_where_something_can_change_it(group: dict[str, Any], tmp_path: Path) -> None:
    if group.get("state", {}).get("path"):
        group = {"state": {"path": tmp_path}}
    async with Sandbox() as sandbox:
        staging, _ = put_together(settings_for(sandbox, **group))
        assert staging.live is not None
        assert staging.observed is not None
        assert (staging.outbound, staging.shadow) == (None, None)
        works = staging.life.works()
        assert {work.__qualname__ for work in works} == {"Live.run", "Reports.run"}
        for work in works:
            work.close()
        await staging.life.close()


async def test_two_organisations_have_a_shadow_with_connections_of_its_own() -> None:
    async with Sandbox() as sandbox:
        staging, _ = put_together(settings_for(sandbox, **both_sides(sandbox, "shadow")))
        assert staging.outbound is not None
        assert staging.shadow is not None
        own = {id(part.value) for name, part in staging.life._parts.items() if name.startswith("upstream")}
        assert len(own) == 3  # beside that of real-time, which is not the cutover's
        works = staging.life.works()
        assert {work.__qualname__ for work in works} == {"Live.run", "Shadow.run", "Reports.run", "Watcher.run"}
        for work in works:
            work.close()
        await staging.life.close()


async def test_what_was_kept_serves_before_what_the_settings_say(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        settings = settings_for(sandbox, **both_sides(sandbox, "shadow"), state={"path": tmp_path})
        staging, _ = put_together(settings)
        await staging.life.start()
        assert staging.router.state.stage is Stage.SHADOW
        assert staging.live is not None
        changed = await staging.live.change(lambda state: state.model_copy(update={"stage": Stage.SPLIT}), "ann", "a test")
        assert staging.router.state is changed.state
        await staging.life.close()
        again, _ = put_together(settings)
        await again.life.start()
        assert again.router.state.stage is Stage.SPLIT
        await again.life.close()


async def test_a_place_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with Sandbox() as sandbox:
        with pytest.raises(ConfigurationError) as refused:
            put_together(settings_for(sandbox, state={"path": tmp_path / "file"}))
        assert str(refused.value).startswith("EVTMGMT_STATE__PATH: ")


async def test_workers_share_a_state_that_nobody_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED_STATE, str(tmp_path))
    async with Sandbox() as sandbox:
        workers = [put_together(settings_for(sandbox, **both_sides(sandbox)))[0] for _ in range(2)]
        for worker in workers:
            await worker.life.start()
            assert worker.live is not None
            assert not worker.live.store.durable
        first, second = workers
        assert first.live is not None
        assert second.live is not None
        following = asyncio.create_task(second.live.run())
        await first.live.change(lambda state: state.model_copy(update={"percent": 7.0}), "ann", "a test")
        await until(lambda: second.router.state.percent == 7)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await asyncio.gather(*(worker.life.close() for worker in workers))


async def test_pages_are_shared_by_those_who_mean_the_same_and_no_others() -> None:
    redis = {"redis_url": "unix:///nowhere.sock"}
    async with Sandbox() as sandbox:
        basis = settings_for(sandbox, **both_sides(sandbox), state=redis)
        assert basis.outbound is not None
        elsewhere = basis.outbound.model_copy(update={"endpoint": "https://other.svc.dynamics.com/EvtMgmt/api/v2.0/"})
        given = [
            basis,
            settings_for(sandbox, **both_sides(sandbox, "realtime"), state=redis, limits={"concurrency": 5}),
            basis.named("munich"),
            settings_for(sandbox, **both_sides(sandbox, salt="x"), state=redis),
            settings_for(sandbox, **both_sides(sandbox, sticky_header="X-Real-IP"), state=redis),
            settings_for(sandbox, **both_sides(sandbox), state=redis, realtime={"token": "another"}),
            basis.model_copy(update={"outbound": elsewhere}),
        ]
        names = []
        for settings in given:
            life = Life()
            line = build_line(settings, Metrics(), life)
            staging, _ = stage(settings, Budget(None, 1, 0), Metrics(), life, line=line)
            pages = staging.router._pages
            assert isinstance(pages, SharedPages)
            names.append((pages._name, pages._secret))
            again, _ = stage(
                settings, Budget(None, 1, 0), Metrics(), heir := Life(life), line=build_line(settings, Metrics(), heir)
            )
            assert again.router._pages is pages
            await heir.close()
        assert names[0] == names[1]
        assert len(set(names)) == len(given) - 1
        assert len({name for name, _ in names}) == len(given) - 1
        # Who has one organisation has nothing to remember.
        for settings, shares in ((settings_for(sandbox, state=redis), True), (basis, False)):
            life = Life()
            line = build_line(settings, Metrics(), life) if shares else None
            staging, _ = stage(settings, Budget(None, 1, 0), Metrics(), life, line=line)
            assert type(staging.router._pages) is Pages
            await life.close()


@pytest.mark.parametrize("named", [stage.value for stage in Stage])
async def test_ready_means_that_those_who_serve_take_the_token(named: str) -> None:
    async with Sandbox() as sandbox:
        staging, readiness = put_together(settings_for(sandbox, **both_sides(sandbox, named)))
        await staging.life.start()
        serving = {source.value for source in NEEDED[Stage(named)]}
        for organisation in ("realtime", "outbound"):
            readiness.refused(organisation)
            assert readiness.ready == (organisation not in serving)
            readiness.accepted(organisation)
            assert readiness.ready
        readiness.refused("shadow")  # the shadow's calls are no visitor's
        assert readiness.ready
        await staging.life.close()


async def test_where_there_is_one_organisation_its_token_counts_whatever_is_kept(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open(CutoverState(stage=Stage.OUTBOUND))
    await store.change(CutoverState(stage=Stage.SHADOW), (await store.open(CutoverState())).version, "ann", "a test")
    await store.close()
    async with Sandbox() as sandbox:
        staging, readiness = put_together(settings_for(sandbox, state={"path": tmp_path}))
        await staging.life.start()
        assert staging.router.state.stage is Stage.SHADOW
        readiness.refused("outbound")
        assert readiness.ready
        readiness.refused("realtime")
        assert not readiness.ready
        await staging.life.close()


async def test_nothing_is_left_open(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        settings = settings_for(
            sandbox, **both_sides(sandbox, "shadow", percent=3), state={"path": tmp_path}, shadow={"sample": 100}
        )
        await _lived(settings)  # what the process opens once and for all
        before = open_files()
        await _lived(settings)
        await until(lambda: open_files() == before)


async def _lived(settings: GivenSettings) -> None:
    """The life of a process: calls to both sides, a change, an end."""
    staging, _ = put_together(settings)
    await staging.life.start()
    tasks = [asyncio.create_task(work) for work in staging.life.works()]
    assert staging.outbound is not None
    assert staging.shadow is not None
    assert staging.live is not None
    body = await staging.outbound.ask(LIST)
    await staging.live.change(lambda state: state.model_copy(update={"percent": state.percent + 1}), "ann", "a test")
    staging.shadow.offer(Call(BY_NAME["list_events"], {}, {}, source=Source.OUTBOUND), body)
    await staging.shadow.idle()
    assert any(name.endswith(FILE) for name in open_files())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await staging.life.close()
    assert not any(name.endswith(FILE) for name in open_files())  # not only when nobody holds the store any more


def test_a_running_service_leaves_nothing_open() -> None:
    def lived() -> None:
        with running_both("split", cutover={"percent": 50}) as service:
            for key in range(4):
                assert service.get("events/published", headers={"x-visitor": str(key)}).status_code == 200

    lived()
    before = open_files()
    lived()
    assert open_files() == before


def test_a_service_of_one_organisation_asks_no_other() -> None:
    with running_service() as service:
        assert service.get("events/published").status_code == 200
        assert {record.backend for record in service.sandbox.recorder.find()} == {"realtime"}


def test_the_shadows_connections_are_bounded_as_its_settings_say() -> None:
    usual = Upstream(connect_timeout=5, read_timeout=20, total_timeout=30, connections=48)
    own = own_connections(usual, Shadow(connections=2, timeout=3, max_answer_bytes=2_048))
    assert (own.connections, own.connect_timeout, own.read_timeout, own.total_timeout) == (2, 3, 3, 3)
    assert own.max_answer_bytes == 2_048
    patient = own_connections(usual, Shadow(timeout=60))
    assert (patient.connect_timeout, patient.read_timeout, patient.total_timeout) == (5, 20, 60)
    assert (patient.proxy, patient.ca_file, patient.max_image_bytes) == (usual.proxy, usual.ca_file, usual.max_image_bytes)
