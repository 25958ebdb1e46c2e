"""Places: who may use a connection, and who waits for one."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.faults.lanes import Lane
from app.faults.places import NoPlaceError, Places

pytestmark = pytest.mark.anyio
R, READ, IMAGE = Lane.REGISTRATIONS, Lane.READS, Lane.IMAGES


def taken(places: Places, lane: Lane) -> int:
    """Take all that can be had."""
    count = 0
    while places.take(lane):
        count += 1
    return count


@pytest.mark.parametrize(
    ("connections", "registrations", "images", "expected"),
    [
        (10, 20, 40, (4, 4, 2)),  # images, then reads, then registrations
        (48, 20, 40, (19, 19, 10)),
        (10, 0, 100, (10, 0, 0)),
        (1, 90, 40, (1, 0, 0)),  # one is left to the others
        (2, 20, 1, (1, 0, 1)),
        (3, 90, 100, (1, 0, 2)),
    ],
)
def test_each_has_its_share(connections: int, registrations: int, images: int, expected: tuple[int, int, int]) -> None:
    places = Places(connections, registrations, images)
    assert (taken(places, IMAGE), taken(places, READ), taken(places, R)) == expected


def test_registrations_may_use_all_and_keep_their_own_beside_that() -> None:
    places = Places(10, 20, 40)
    assert taken(places, R) == 10
    for _ in range(5):
        places.free(R)
    assert taken(places, READ) == 5
    places.free(READ)
    assert places.take(R)


async def test_who_waits_is_served_in_order_registrations_first() -> None:
    places = Places(3, 0, 100)
    assert taken(places, READ) == 3
    order: list[str] = []

    async def wait(lane: Lane, name: str) -> None:
        await places.wait(lane, 20)
        order.append(name)

    waiting = []
    for lane, name in ((IMAGE, "image"), (READ, "read 1"), (READ, "read 2"), (R, "registration")):
        waiting.append(asyncio.create_task(wait(lane, name)))
        await asyncio.sleep(0)
    assert not places.take(READ)
    for lane in (READ, READ, READ, R):
        places.free(lane)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order == ["registration", "read 1", "read 2", "image"]


async def test_who_waits_too_long_is_told_and_leaves_nothing_behind() -> None:
    places = Places(1, 0, 100)
    assert places.take(READ)
    with pytest.raises(NoPlaceError):
        await places.wait(READ, 0.01)
    with pytest.raises(NoPlaceError):
        await places.wait(READ, -1)
    places.free(READ)
    assert places.take(READ)


@given(st.lists(st.tuples(st.sampled_from(list(Lane)), st.sampled_from(["take", "wait", "leave", "free"])), max_size=60))
def test_no_place_is_lost_or_made(steps: list[tuple[Lane, str]]) -> None:
    async def play() -> None:
        places = Places(5, 20, 40)
        held: list[Lane] = []
        waiting: list[tuple[Lane, asyncio.Task[None]]] = []

        async def wait(lane: Lane) -> None:
            await places.wait(lane, 20)
            held.append(lane)

        for lane, step in steps:
            if step == "take" and places.take(lane):
                held.append(lane)
            elif step == "wait":
                waiting.append((lane, asyncio.create_task(wait(lane))))
            elif step == "leave" and waiting:
                waiting.pop()[1].cancel()
            elif step == "free" and lane in held:
                held.remove(lane)
                places.free(lane)
            if len(steps) % 2:
                await asyncio.sleep(0)
            assert len(held) <= 5
            assert held.count(IMAGE) <= 2
            assert held.count(IMAGE) + held.count(READ) <= 4
        for _, task in waiting:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for lane in held:
            places.free(lane)
        assert taken(places, R) == 5

    asyncio.run(play())
