"""Proxies that are killed: at every step of the path, and at random moments under load. The sandbox counts."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from signal import SIGKILL

import pytest

from sandbox.server import Sandbox, SandboxThread
from tests.app.outbox.killing import ACCEPTING, DELIVERING, PATIENCE, Kill, Scene, kill_at_random, scene

KILLS = 20
"""Here; `make kills` does more."""


def steps(points: Iterable[str]) -> list[Kill]:
    return [Kill(point, when, nth) for point in points for when, nth in (("before", 1), ("after", 2 if point == "take" else 1))]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as sandbox:
        yield sandbox


@pytest.fixture
def fresh(upstream: Sandbox, tmp_path: Path) -> Iterator[Scene]:
    upstream.control.reset()
    upstream.faults.clear()
    with scene(upstream, tmp_path) as found:
        yield found


@pytest.mark.parametrize("kill", steps(ACCEPTING), ids=str)
def test_killed_while_a_visitor_registers_nothing_is_lost_and_nothing_doubled(fresh: Scene, kill: Kill) -> None:
    fresh.away()
    with fresh.proxy(kill) as process:
        while fresh.register():
            pass
        process.join(PATIENCE)
        assert process.exitcode == -SIGKILL
    fresh.back()
    with fresh.proxy():
        fresh.wait_delivered()
    assert fresh.judge()["acknowledged"] == kill.nth - 1


@pytest.mark.parametrize("kill", steps(DELIVERING), ids=str)
def test_killed_while_it_delivers_nothing_is_lost_and_nothing_doubled(fresh: Scene, kill: Kill) -> None:
    fresh.away()
    with fresh.proxy():
        assert all(fresh.register() for _ in range(4))
    if kill.point != "settle":  # which comes after a failure
        fresh.back()
    with fresh.proxy(kill) as process:
        process.join(PATIENCE)
        assert process.exitcode == -SIGKILL
    fresh.back()
    with fresh.proxy():
        fresh.wait_delivered()
    numbers = fresh.judge()
    assert numbers["acknowledged"] == 4
    if kill.point == "claim" and kill.when == "before":
        assert numbers["parked"] == 0
    if kill.point == "send":
        assert numbers["parked"] >= 1


def test_killed_at_random_moments_nothing_is_lost_and_nothing_doubled(fresh: Scene) -> None:
    numbers = kill_at_random(fresh, KILLS)
    assert numbers["from the outbox"] > KILLS / 3


def test_nothing_is_doubled_when_several_processes_share_the_file(fresh: Scene) -> None:
    numbers = kill_at_random(fresh, KILLS // 3, processes=3)
    assert numbers["from the outbox"] > 0
