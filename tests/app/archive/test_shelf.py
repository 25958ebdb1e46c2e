"""The archive that serves: exchanged while it is read, missing, damaged, mended."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.archive.shelf import Shelf
from app.metrics import Metrics
from tests.app.archive.files import FAIR, PNG, SPEAKER, archive_at, spoil
from translation.errors import ARCHIVE_UNREADABLE, ProxyError

pytestmark = pytest.mark.anyio


@dataclass
class Told:
    """What the operator is told."""

    reasons: list[str | None] = field(default_factory=list)

    def __call__(self, part: str, reason: str | None, *, fails: bool) -> None:
        assert (part, fails) == ("archive", False)
        self.reasons.append(reason)


class Rig:
    def __init__(self, path: Path) -> None:
        self.path, self.told, self.metrics = path, Told(), Metrics()
        self.shelf = Shelf(path, self.metrics, self.told)

    @property
    def events(self) -> float | None:
        return self.metrics.registry.get_sample_value("evtmgmt_archive_events")

    async def look(self) -> None:
        await self.shelf._look()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "a.sqlite3")


def put(path: Path, *names: str, **more: Any) -> None:
    """Put another archive into a place, in one step."""
    archive_at(path.with_name("new"), *names, **more).replace(path)


async def test_what_it_gives(rig: Rig) -> None:
    put(rig.path)
    await rig.shelf.start()
    assert rig.told.reasons == [None]
    assert (rig.events, rig.shelf.events, len(rig.shelf.things)) == (1, {"old_fair": FAIR}, 4)
    assert rig.shelf.endpoint.startswith("https://old.")
    found = await rig.shelf.read("get_speaker_image", SPEAKER)
    assert found is not None
    assert found.body == PNG
    assert len(await rig.shelf.listed()) == 1
    await rig.shelf.close()
    assert (rig.events, await rig.shelf.read("get_speaker_image", SPEAKER), await rig.shelf.listed()) == (0, None, [])
    assert rig.shelf.endpoint == ""


async def test_one_that_is_not_there_yet_is_taken_up(rig: Rig) -> None:
    await rig.shelf.start()
    assert rig.told.reasons == [f"there is no archive at {rig.path}"]
    assert (rig.events, await rig.shelf.read("get_event", "old_fair")) == (0, None)
    following = asyncio.create_task(rig.shelf.run(0.01))
    put(rig.path)
    async with asyncio.timeout(20):
        while not rig.shelf.events:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    following.cancel()
    assert rig.told.reasons[-1] is None
    await rig.shelf.close()


async def test_another_one_is_taken_up_while_somebody_reads(rig: Rig) -> None:
    put(rig.path)
    await rig.shelf.start()
    old = rig.shelf._archive
    assert old is not None
    with old._lock:  # as by a slow read
        waiting = asyncio.create_task(rig.shelf.read("get_event", "old_fair"))
        put(rig.path, FAIR, "Second_Fair", description="another")
        looking = asyncio.create_task(rig.look())
        async with asyncio.timeout(20):
            while len(rig.shelf.events) < 2:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        assert not waiting.done()
    found = await waiting
    await looking
    assert found is not None  # by the old one, or again by the new one
    assert rig.events == 2
    with pytest.raises(Exception, match="closed"):
        old._connection.execute("SELECT 1")
    await rig.shelf.close()


async def test_one_that_was_let_go_of_is_not_read(rig: Rig) -> None:
    put(rig.path)
    await rig.shelf.start()
    assert rig.shelf._archive is not None
    first, ask = rig.shelf._archive, rig.shelf._archive.read

    def late(operation: str, thing: str) -> Any:
        """A read that comes to its turn when the file was exchanged and closed."""
        first.close()
        rig.shelf._archive = second
        return ask(operation, thing)

    put(rig.path, description="another")
    await rig.look()
    second = rig.shelf._archive
    rig.shelf._archive = first
    first.read = late  # type: ignore[method-assign]
    found = await rig.shelf.read("get_event", "old_fair")
    assert found is not None
    assert b"another" in found.body
    await rig.shelf.close()


@pytest.mark.parametrize("content", [b"", b"no archive", b"SQLite format 3\x00" + b"\xff" * 5_000])
async def test_one_that_cannot_be_used_changes_nothing(rig: Rig, content: bytes) -> None:
    put(rig.path)
    await rig.shelf.start()
    other = rig.path.with_name("other")
    other.write_bytes(content)
    other.replace(rig.path)
    await rig.look()
    assert str(rig.path) in str(rig.told.reasons[-1])
    assert (rig.events, await rig.shelf.read("get_event", "old_fair") is not None) == (1, True)
    told = len(rig.told.reasons)
    await rig.look()  # the same file is not looked at again
    assert len(rig.told.reasons) == told
    put(rig.path)
    await rig.look()
    assert rig.told.reasons[-1] is None
    await rig.shelf.close()


async def test_one_that_is_taken_away_serves_on(rig: Rig) -> None:
    put(rig.path)
    await rig.shelf.start()
    rig.path.unlink()
    await rig.look()
    assert rig.told.reasons[-1] == f"there is no archive at {rig.path}"
    assert await rig.shelf.read("get_event", "old_fair") is not None
    await rig.shelf.close()


async def test_a_spoilt_body_is_told_to_visitor_and_operator(rig: Rig) -> None:
    put(rig.path)
    spoil(rig.path, PNG, PNG[:-1] + b"!")
    await rig.shelf.start()
    with pytest.raises(ProxyError) as refused:
        await rig.shelf.read("get_speaker_image", SPEAKER)
    assert refused.value.kind is ARCHIVE_UNREADABLE
    assert rig.told.reasons == [None, "the archive is damaged: a body is not the one that was recorded"]
    assert await rig.shelf.read("get_event", "old_fair") is not None
    await rig.shelf.close()
