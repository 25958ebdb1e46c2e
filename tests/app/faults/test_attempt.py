"""One call under protection: what is known of it in the end, and what time it has."""

import asyncio
from time import perf_counter

import pytest

from app.budget import Need
from app.calls import Call
from app.faults.attempt import Attempt
from app.faults.breaker import State
from app.faults.lanes import Lane
from app.faults.protection import Protection
from app.faults.settings import Faults
from app.metrics import Metrics
from app.upstream import Trouble, UpstreamError
from tests.clock import Clock
from tests.examples import OPEN_DAY
from translation.errors import BREAKER_OPEN, UPSTREAM_TIMEOUT, ProxyError
from translation.operations import BY_NAME

pytestmark = pytest.mark.anyio
EVENT = {"event": OPEN_DAY}


class Scene:
    """A protection with two connections, and what its breaker of reads does."""

    def __init__(self, **faults: float) -> None:
        self.clock = Clock()
        self.metrics = Metrics()
        settings = Faults.model_validate({"breaker_minimum": 1, "breaker_percent": 100, "registrations_percent": 0, **faults})
        self.protection = Protection("here", settings, 2, 20, 30, self.metrics, self.clock)

    def call(self, name: str = "get_event", left: float | None = None, need: Need = Need.READ) -> Call:
        until = None if left is None else perf_counter() + left
        return Call(BY_NAME[name], EVENT, EVENT, need=need, until=until)

    async def started(self, call: Call | None = None) -> Attempt:
        attempt = self.protection.attempt(call or self.call())
        try:
            await attempt.start()
        except Exception:
            attempt.release()
            raise
        return attempt

    @property
    def state(self) -> float | None:
        return self.metrics.registry.get_sample_value("evtmgmt_breaker_state", {"backend": "here", "lane": "reads"})


@pytest.mark.parametrize("trouble", Trouble)
async def test_which_troubles_open_the_breaker(trouble: Trouble) -> None:
    scene = Scene()
    attempt = await scene.started()
    attempt.failed(UpstreamError(trouble, "a cause"))
    attempt.release()
    blamed = {Trouble.UNREACHABLE, Trouble.CONNECT_TIMEOUT, Trouble.TIMEOUT, Trouble.BROKEN}
    assert scene.state == (State.OPEN if trouble in blamed else State.CLOSED)


@pytest.mark.parametrize(("left", "state"), [(14, State.CLOSED), (16, State.OPEN), (100, State.OPEN)])
async def test_a_call_with_little_time_from_the_start_says_nothing_by_its_time_out(left: float, state: State) -> None:
    scene = Scene()
    attempt = await scene.started(scene.call(left=left))
    assert attempt.seconds == pytest.approx(min(left, 30), abs=1)
    attempt.failed(UpstreamError(Trouble.TIMEOUT, "the total time is over"))
    assert scene.state == state


async def test_a_registration_has_its_whole_time_once_it_can_be_sent() -> None:
    scene = Scene()
    assert (await scene.started(scene.call("register", left=1))).seconds == 30
    for name in ("register", "get_event"):
        with pytest.raises(ProxyError) as over:
            await scene.started(scene.call(name, left=0))
        assert over.value.kind is UPSTREAM_TIMEOUT


async def test_who_waited_for_a_place_while_the_breaker_opened_is_not_sent() -> None:
    scene = Scene()
    first, second = await scene.started(), await scene.started()
    waiting = scene.protection.attempt(scene.call())
    task = asyncio.create_task(waiting.start())
    await asyncio.sleep(0)
    first.failed(UpstreamError(Trouble.BROKEN, "ReadError"))
    first.release()
    with pytest.raises(ProxyError) as shut:
        await task
    assert shut.value.kind is BREAKER_OPEN
    waiting.release()
    second.release()
    scene.clock.go(2)
    again = [await scene.started() for _ in range(2)]  # every place was given back
    assert len(again) == 2


async def test_an_image_that_broke_off_counts() -> None:
    scene = Scene(breaker_percent=50)
    attempt = await scene.started()
    assert not attempt.answered(200, {})
    assert scene.state == State.CLOSED
    attempt.spoiled(UpstreamError(Trouble.BROKEN, "ReadError"))
    assert scene.state == State.OPEN


@pytest.mark.parametrize("reason", ["refresh", "time", "breaker", "retries", "budget", "places"])
async def test_why_a_call_is_not_made_once_more(reason: str) -> None:
    scene = Scene(breaker_minimum=1 if reason == "breaker" else 1_000, retry_percent=0 if reason == "retries" else 20)
    call = scene.call(left=0.01 if reason == "time" else None, need=Need.REFRESH if reason == "refresh" else Need.READ)
    attempt = await scene.started(call)
    assert attempt.failed(UpstreamError(Trouble.BROKEN, "ReadError"))
    attempt.release()
    if reason == "places":
        others = [await scene.started() for _ in range(2)]
        assert len(others) == 2
    assert not await attempt.repeat(lambda _: reason != "budget")
    attempt.release()
    refused = scene.metrics.registry.get_sample_value("evtmgmt_retries_refused_total", {"backend": "here", "reason": reason})
    assert refused == (None if reason == "refresh" else 1)


async def test_once_is_enough() -> None:
    scene = Scene(breaker_minimum=1_000)
    attempt = await scene.started()
    for again in (True, False):
        attempt.failed(UpstreamError(Trouble.BROKEN, "ReadError"))
        attempt.release()
        assert await attempt.repeat(lambda _: True) is again
    attempt.release()
    retried = scene.metrics.registry.get_sample_value("evtmgmt_retries_total", {"backend": "here", "lane": Lane.READS.value})
    assert retried == 1
