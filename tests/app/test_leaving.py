"""app/leaving.py: clients that leave, on the wire and at each moment of the work for them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from app.bodies import ClientGoneError
from app.cutover.decision import Source
from app.extensions import TELL_WHEN_GONE
from app.leaving import UnlessGone
from sandbox.recorder import CANCELLED
from tests.app.line import CLOSE, ask, asking
from tests.clock import Clock, running_at, until
from tests.examples import example, received
from tests.service import BASE, Service
from translation.errors import UPSTREAM_TIMEOUT, ProxyError

pytestmark = pytest.mark.anyio

DISCONNECTS = 'evtmgmt_client_disconnects_total{operation="%s"}'


@pytest.fixture(scope="module")
def keeping() -> Iterator[Service]:
    with running_at(Clock()) as running:
        yield running


@pytest.mark.parametrize("kept", [True, False])
def test_a_client_that_leaves_ends_its_call(keeping: Service, service: Service, kept: bool) -> None:
    running = keeping if kept else service
    running.sandbox.control.reset()
    running.sandbox.faults.add("hang", operation="get_session")
    path = example("get_session", running).path
    left = 'evtmgmt_requests_total{backend="realtime",operation="get_session",status="499"}'
    before = running.metric(DISCONNECTS % "get_session"), running.metric(left)
    with asking(running.port, ask(BASE + path, CLOSE)):
        running.sandbox.recorder.wait(operation="get_session")
    running.sandbox.recorder.wait(operation="get_session", outcome=CANCELLED)
    until(lambda: running.metric(DISCONNECTS % "get_session") == before[0] + 1)
    assert running.metric(left) == before[1] + 1
    answer = running.get(path)  # the next one starts anew
    assert (answer.status_code, len(received(running, "get_session"))) == (200, 2)


def test_a_client_that_leaves_does_not_end_the_call_of_another(keeping: Service) -> None:
    keeping.sandbox.control.reset()
    request = ask(BASE + example("list_speakers", keeping).path, CLOSE)
    shared = 'evtmgmt_shared_reads_total{operation="list_speakers"}'
    before = keeping.metric(DISCONNECTS % "list_speakers")
    with keeping.sandbox.realtime.lock:
        first = asking(keeping.port, request)
        keeping.sandbox.recorder.wait(operation="list_speakers")
        second = asking(keeping.port, request)
        until(lambda: keeping.metric(shared) == 1)
        (flight,) = keeping.gateway._answering.legs[Source.REALTIME].reading.memory.flights._under_way.values()  # type: ignore[attr-defined]
        first.socket.close()
        until(lambda: flight.passengers == 1)
    with second:
        assert second.socket.recv(15) == b"HTTP/1.1 200 OK"
    until(lambda: keeping.metric(DISCONNECTS % "list_speakers") == before + 1)
    assert len(received(keeping, "list_speakers")) == 1


def test_a_client_that_leaves_an_image_ends_its_stream(service: Service) -> None:
    service.sandbox.faults.add("slow_drip", seconds=0.05, size=1)
    before = service.metric(DISCONNECTS % "get_speaker_image")
    with asking(service.port, ask(BASE + example("get_speaker_image", service).path, CLOSE)) as line:
        assert line.socket.recv(15) == b"HTTP/1.1 200 OK"
    service.sandbox.recorder.wait(operation="get_speaker_image", outcome=CANCELLED)
    until(lambda: service.metric(DISCONNECTS % "get_speaker_image") == before + 1)


# Each moment


class Client:
    """A client, as a server tells of it: when it is asked for messages, or by itself."""

    def __init__(self, tells: bool) -> None:
        self.tells = tells
        self.left = asyncio.Event()
        self.asked = 0
        self.cancelled = False
        self.callback: Callable[[], None] | None = None
        self.scope: dict[str, Any] = {"extensions": {TELL_WHEN_GONE: self.tell}} if tells else {}

    def leave(self) -> None:
        self.left.set()
        if self.callback is not None:
            self.callback()

    def tell(self, callback: Callable[[], None] | None) -> None:
        self.callback = callback

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        if self.asked <= 2:
            return {"type": "http.request", "body": b"x", "more_body": self.asked == 1}
        try:
            await self.left.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return {"type": "http.disconnect"}

    @property
    def silent(self) -> bool:
        """Whether nobody listens any more."""
        return self.callback is None and self.cancelled is not self.tells


@pytest.fixture(params=[True, False], ids=["told", "asked"])
def client(request: pytest.FixtureRequest) -> Client:
    return Client(request.param)


async def outcome_of(work: Callable[[], Awaitable[Any]], client: Client) -> Any:
    """What becomes of work for a client: its value or its exception. Whatever it is, nothing stays cancelled."""
    task = asyncio.current_task()
    assert task is not None
    found: Any
    try:
        async with UnlessGone(client.scope, client.receive):
            found = await work()
    except (Exception, asyncio.CancelledError) as error:
        found = error
    if not isinstance(found, asyncio.CancelledError):
        assert task.cancelling() == 0
        for _ in range(3):
            await asyncio.sleep(0)  # no cancellation comes late
    return found


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_work_for_a_client_that_stays_is_done(client: Client) -> None:

    async def work() -> int:
        await settled()
        return 7

    assert await outcome_of(work, client) == 7
    assert client.silent
    assert client.asked == (0 if client.tells else 3)  # messages of a body are passed over


async def test_work_that_never_waits_is_done(client: Client) -> None:
    client.leave()

    async def work() -> int:
        return 7

    assert await outcome_of(work, client) == 7


async def test_work_for_a_client_that_leaves_is_cancelled(client: Client) -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = asyncio.create_task(outcome_of(work, client))
    await settled()
    client.leave()
    assert isinstance(await task, ClientGoneError)
    assert cancelled.is_set()


ENDS: dict[type, Callable[["asyncio.Future[int]"], None]] = {
    int: lambda work: work.set_result(7),
    ProxyError: lambda work: work.set_exception(ProxyError(UPSTREAM_TIMEOUT)),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("end_first", [True, False])
@pytest.mark.parametrize("ticks", range(6))
async def test_a_client_that_leaves_at_the_moment_of_the_end(client: Client, end: type, end_first: bool, ticks: int) -> None:
    answer = asyncio.get_running_loop().create_future()

    async def work() -> Any:
        return await answer

    task = asyncio.create_task(outcome_of(work, client))
    await settled()
    steps = [lambda: ENDS[end](answer), client.leave]
    first, second = steps if end_first else reversed(steps)
    first()
    for _ in range(ticks):
        await asyncio.sleep(0)
    if not answer.cancelled():
        second()
    assert isinstance(await task, (end, ClientGoneError))


@pytest.mark.parametrize("clean_up", ["value", "error"])
async def test_work_that_answers_its_cancellation_leaves_nothing_cancelled(client: Client, clean_up: str) -> None:

    async def work() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if clean_up == "error":
                raise ProxyError(UPSTREAM_TIMEOUT) from None
        return 7

    task = asyncio.create_task(outcome_of(work, client))
    await settled()
    client.leave()
    found = await task
    assert found == 7 if clean_up == "value" else isinstance(found, ProxyError)


async def test_a_cancellation_from_outside_is_not_taken_for_a_client_that_left(client: Client) -> None:
    task = asyncio.create_task(outcome_of(asyncio.Event().wait, client))
    await settled()
    task.cancel()
    assert isinstance(await task, asyncio.CancelledError)
    assert task.cancelling() == 1
    await settled()
    assert client.silent


@pytest.mark.parametrize("outside_first", [True, False])
async def test_a_cancellation_from_outside_counts_more_than_a_client_that_left(client: Client, outside_first: bool) -> None:

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await settled()  # long enough for both

    task = asyncio.create_task(outcome_of(work, client))
    await settled()
    for step in (task.cancel, client.leave) if outside_first else (client.leave, task.cancel):
        step()
    found = await task
    assert isinstance(found, asyncio.CancelledError)
    assert task.cancelling() == 1


async def test_a_time_out_inside_at_the_moment_the_client_leaves(client: Client) -> None:

    async def work() -> None:
        async with asyncio.timeout(None) as bound:
            asyncio.get_running_loop().call_soon(client.leave)
            bound.reschedule(0)  # long ago
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.shield(asyncio.ensure_future(settled()))

    found = await outcome_of(work, client)
    assert isinstance(found, (TimeoutError, ClientGoneError))


async def test_a_time_out_outside_is_a_time_out(client: Client) -> None:

    async def bounded() -> None:
        async with asyncio.timeout(0.01), UnlessGone(client.scope, client.receive):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await bounded()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("end", [int, ProxyError, asyncio.CancelledError])
async def test_work_that_others_have_use_for_goes_on_without_its_client(client: Client, end: type) -> None:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    found: Any = None

    async def visit() -> None:
        nonlocal found
        try:
            async with UnlessGone(client.scope, client.receive, lambda task: task is not visit_task):
                found = await answer
        except (Exception, asyncio.CancelledError) as error:
            found = error

    visit_task = asyncio.create_task(visit())
    await settled()
    client.leave()
    await settled()
    assert not visit_task.done()
    if end is asyncio.CancelledError:
        visit_task.cancel()  # the last of the others left as well
    else:
        ENDS[end](answer)
    await visit_task
    assert isinstance(found, ProxyError if end is ProxyError else ClientGoneError)
    assert visit_task.cancelling() == 0
