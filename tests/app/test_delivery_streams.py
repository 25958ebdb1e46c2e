"""app/delivery.py: answers that take their time, as they are streamed or as their client does not read."""

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.caching.cache import Cache
from app.caching.finishing import Finisher
from app.calls import Reply
from app.cors import Cors
from app.delivery import TAKEN_AT_ONCE, Delivery
from app.gateway import MOST_AT_ONCE
from app.guard import Headers
from app.metrics import Metrics
from app.record import Exchange
from app.upstream import Trouble, UpstreamError
from tests.app.line import CLOSE, ORIGIN, ask, asking
from tests.clock import until
from tests.examples import CONFERENCE, OPEN_DAY, example
from tests.service import BASE, Service, running_service
from translation.errors import UPSTREAM_TIMEOUT, ProxyError

pytestmark = pytest.mark.anyio

KEPT_BYTES = 9 * 2**20
DISCONNECTS = 'evtmgmt_client_disconnects_total{operation="%s"}'


@pytest.fixture(scope="module")
def patient() -> Iterator[Service]:
    """Time enough for whoever reads."""
    with running_service(cache={"warm": False}, log_level="error") as running:
        yield running


@pytest.fixture(scope="module")
def hasty() -> Iterator[Service]:
    """Little time to take an answer."""
    with running_service(
        cache={"warm": False, "max_entry_bytes": KEPT_BYTES},
        limits={"answer_timeout": 1},
        upstream={"max_image_bytes": 2 * KEPT_BYTES},
        log_level="error",
    ) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "size"), [("kept", KEPT_BYTES - 1_000_000), ("not kept", KEPT_BYTES + 1_000_000), ("streamed", KEPT_BYTES + 1)]
)
def test_a_client_that_does_not_read_is_cut_off(hasty: Service, name: str, size: int) -> None:
    hasty.sandbox.control.reset()
    operation = "get_speaker_image" if name == "streamed" else "list_sessions"
    path = example(operation, hasty, CONFERENCE if name == "kept" else OPEN_DAY).path
    if name == "streamed":
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {size}\r\n\r\n"
        hasty.sandbox.faults.add("raw", body=head + "x" * size, times=None)
    else:
        hasty.sandbox.faults.add("body", body=[{"id": "1", "name": "y" * size}], times=None)
    before = hasty.metric(DISCONNECTS % operation)
    with asking(hasty.port, ask(BASE + path, CLOSE), buffer=4_096) as line:
        until(lambda: hasty.metric(DISCONNECTS % operation) == before + 1)
        assert len(line.rest()) < size


def test_a_client_that_does_not_read_what_was_sent_in_one_go_is_cut_off(hasty: Service) -> None:
    hasty.sandbox.control.reset()
    size = MOST_AT_ONCE - 100_000
    path = example("list_speakers", hasty).path
    hasty.sandbox.faults.add("body", body=[{"id": "1", "name": "y" * size}])
    plain = {"accept-encoding": "identity"}
    asked = [hasty.get(path, headers=plain) for _ in range(2)]
    assert [len(answer.content) > size for answer in asked] == [True, True]
    assert asked[1].headers["x-evtmgmt-cache"] == "hit"
    before = hasty.metric(DISCONNECTS % "list_speakers")
    with asking(hasty.port, ask(BASE + path), buffer=4_096) as line:
        until(lambda: hasty.metric(DISCONNECTS % "list_speakers") == before + 1)
        assert len(line.rest()) < size


@pytest.mark.parametrize("size", [1_000, TAKEN_AT_ONCE + 1, 2_000_000])
def test_a_client_that_reads_gets_all(patient: Service, size: int) -> None:
    patient.sandbox.control.reset()
    path = example("list_tracks", patient).path
    patient.sandbox.faults.add("body", body=[{"id": "1", "name": "y" * size}])
    before = patient.metric(DISCONNECTS % "list_tracks")
    answer = patient.get(f"{path}?api-version={size}", headers={"accept-encoding": "identity"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(answer.content)))
    assert len(answer.content) > size
    assert patient.metric(DISCONNECTS % "list_tracks") == before


# The messages of a stream


class Streamed:
    """An answer that is streamed to a client who takes some of its messages and then leaves, or stays."""

    def __init__(self, *parts: bytes | Exception, taken: int = 100) -> None:
        self.parts = parts
        self.taken = taken
        self.closed = 0
        self.messages: list[MutableMapping[str, Any]] = []
        self.left = asyncio.Event()
        resources = AsyncExitStack()
        resources.callback(self.close)
        self.reply = Reply(200, b"image/png", chunks=self.chunks(), length=6, resources=resources)

    def close(self) -> None:
        self.closed += 1

    async def chunks(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if len(self.messages) == self.taken:
            self.left.set()
            await asyncio.Event().wait()
        self.messages.append(message)

    async def delivered(self, method: str = "GET", answer_timeout: float = 30) -> Exchange:
        exchange = Exchange(method, b"/", 0.0)
        exchange.request_id = "abc"
        cache = Cache(2**20, 10, Metrics())
        delivery = Delivery(Cors([ORIGIN]), Finisher(cache, 2**20, 30, browsers=True), answer_timeout)
        await delivery.send_reply(exchange, self.reply, Headers({}, ()), {}, self.receive, self.send)
        return exchange

    @property
    def body(self) -> list[tuple[bytes, bool]]:
        return [(message["body"], message.get("more_body", False)) for message in self.messages[1:]]


async def test_a_streamed_answer_is_whole_and_closed() -> None:
    stream = Streamed(b"abc", b"def")
    exchange = await stream.delivered()
    assert stream.body == [(b"abc", True), (b"def", True), (b"", False)]
    assert (exchange.status, exchange.size, exchange.gone, exchange.broken, stream.closed) == (200, 6, False, None, 1)


async def test_head_of_a_streamed_answer_reads_nothing_and_closes_it() -> None:
    stream = Streamed(LookupError())
    exchange = await stream.delivered("HEAD")
    assert (stream.body, exchange.size, stream.closed) == ([(b"", False)], 0, 1)


@pytest.mark.parametrize("error", [ProxyError(UPSTREAM_TIMEOUT), UpstreamError(Trouble.BROKEN, "ReadError")])
async def test_a_stream_that_breaks_off_does_not_end_as_if_it_were_whole(error: Exception) -> None:
    stream = Streamed(b"abc", error)
    exchange = await stream.delivered()
    assert stream.body == [(b"abc", True)]
    assert (exchange.broken, exchange.gone, stream.closed) == (str(error), False, 1)


@pytest.mark.parametrize("taken", [1, 2])
async def test_a_stream_is_closed_when_its_client_leaves(taken: int) -> None:
    stream = Streamed(b"abc", b"def", taken=taken)
    exchange = await stream.delivered()
    assert (exchange.gone, stream.closed, len(stream.messages)) == (True, 1, taken)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_a_stream_is_closed_when_its_client_does_not_read(taken: int) -> None:
    stream = Streamed(b"abc", b"def", taken=taken)
    stream.left = asyncio.Event()
    stream.receive = asyncio.Event().wait  # type: ignore[assignment,method-assign]
    exchange = await stream.delivered(answer_timeout=0.02)
    assert (exchange.gone, stream.closed, len(stream.messages)) == (True, 1, taken)


async def test_a_stream_is_closed_when_the_server_stops() -> None:
    stream = Streamed(b"abc", b"def", taken=2)
    stream.receive = asyncio.Event().wait  # type: ignore[assignment,method-assign]
    task = asyncio.create_task(stream.delivered())
    await stream.left.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stream.closed == 1
