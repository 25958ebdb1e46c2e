"""Parts start in order, are let go of in reverse, and live on when their shape did not change."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.hosting.life import Life

pytestmark = pytest.mark.anyio


@dataclass(eq=False)
class Thing:
    name: str
    told: list[str]
    running: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        self.told.append(f"start {self.name}")

    async def run(self) -> None:
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.told.append(f"end {self.name}")

    async def close(self) -> None:
        self.told.append(f"close {self.name}")


def lived(told: list[str], before: Life | None = None, **shapes: Any) -> tuple[Life, dict[str, Thing]]:
    life = Life(before)
    things = {
        name: life.part(
            name, lambda name=name: Thing(name, told), shape=shape, start=Thing.start, run=Thing.run, close=Thing.close
        )
        for name, shape in shapes.items()
    }
    return life, things


async def test_what_began_last_ends_first() -> None:
    told: list[str] = []
    life, things = lived(told, one=1, two=2)
    await life.start()
    life.run()
    for thing in things.values():
        await thing.running.wait()
    await life.close()
    assert told == ["start one", "start two", "end one", "end two", "close two", "close one"]


async def test_a_part_of_the_same_shape_lives_on_with_its_work() -> None:
    told: list[str] = []
    first, before = lived(told, same=1, other=1)
    await first.start()
    first.run()
    for thing in before.values():
        await thing.running.wait()
    second, after = lived(told, first, same=1, other=2)
    assert (after["same"] is before["same"], after["other"] is before["other"]) == (True, False)
    assert (second.is_new("same"), second.is_new("other")) == (False, True)
    await second.start()
    await first.rest(second)
    second.run()
    await first.close(second)
    assert told == ["start same", "start other", "start other", "end other", "close other"]
    await after["other"].running.wait()
    del told[:]
    await second.close()
    assert told == ["end same", "end other", "close other", "close same"]


async def test_a_part_without_a_shape_is_made_anew() -> None:
    first = Life()
    one = first.part("thing", object)
    assert Life(first).part("thing", object) is not one


async def test_after_a_start_that_failed_only_what_is_new_is_let_go_of() -> None:
    told: list[str] = []
    first, _ = lived(told, same=1)
    await first.start()
    second, _ = lived(told, first, same=1, new=1)

    async def fail(_: object) -> None:
        raise OSError("cannot be started")

    second.part("bad", object, start=fail)
    with pytest.raises(OSError, match="cannot be started"):
        await second.start()
    await second.close(first)
    assert told == ["start same", "start new", "close new"]
    await first.close()
    assert told[-1] == "close same"


async def test_each_is_let_go_of_whatever_others_do() -> None:
    told: list[str] = []
    life, _ = lived(told, one=1)

    async def fail(_: object) -> None:
        raise OSError("cannot be closed")

    life.part("bad", object, close=fail)
    with pytest.raises(OSError, match="cannot be closed"):
        await life.close()
    assert told == ["close one"]


async def test_a_defect_in_what_runs_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(_: object) -> None:
        raise RuntimeError("a mistake of the program")

    life = Life()
    life.part("thing", object, run=broken)
    life.run()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert "a mistake of the program" in capsys.readouterr().out
    await life.close()
