"""The server's short ways: the life of a connection, of clients that do not read or leave, and its memory."""

import asyncio
import gc
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from logging import ERROR
from socket import SHUT_WR
from threading import Thread
from typing import Any, TypeVar
from weakref import WeakSet

import pytest
from uvicorn.server import ServerState

from app import protocol
from app.protocol import GuardedProtocol
from sandbox.recorder import CANCELLED
from tests.app.line import CLOSE, EVENT, FRESH, LARGE, MIDDLE, OTHER, Line, ask, masked, never_asked, post, statuses
from tests.app.pair import KEPT, USUAL, Pair, pairing, requests
from tests.clock import until
from tests.service import BASE

T = TypeVar("T")


def test_an_idle_connection_is_closed_after_kept_answers() -> None:
    with pairing(limits={"keep_alive": 1, "header_timeout": 600}) as running:
        for sent in ([ask()], [ask()] * 3, [ask() * 3], [ask(never_asked()), ask()], [ask() + ask(never_asked())]):
            with Line(running.guarded) as line:
                for piece in sent:
                    line.send(piece)
                    for _ in range(piece.count(b"GET")):
                        assert line.answer().startswith(b"HTTP/1.1 200 ")
                assert line.rest() == b""


def on_the_loop(pair: Pair, call: Callable[[], T]) -> T:
    async def called() -> T:
        return call()

    return asyncio.run_coroutine_threadsafe(called(), pair.loop).result(20)


def test_one_timer_watches_over_many_requests() -> None:
    with pairing(limits={"keep_alive": 600, "header_timeout": 600}) as running, Line(running.guarded) as line:
        line.send(ask())
        line.answer()
        [connection] = running.connections
        timer = connection._idle
        assert timer is not None
        for sent in (ask(), ask(never_asked()), ask(), post(b"{}")):
            line.send(sent)
            line.answer()
            assert connection._idle is timer
        on_the_loop(running, timer.cancel)
        on_the_loop(running, connection._look)  # as when it is due: somebody asked a moment ago
        line.send(ask())
        assert line.answer().startswith(b"HTTP/1.1 200 ")
        running.sandbox.recorder.clear()
        with running.sandbox.realtime.lock:  # while it is due, somebody waits for an answer
            line.send(ask(never_asked()))
            running.sandbox.recorder.wait(operation="get_event")
            assert connection._idle is not None
            connection._quiet_since -= 601
            on_the_loop(running, connection._idle.cancel)
            on_the_loop(running, connection._look)
            assert connection._idle is None
        assert line.answer().startswith(b"HTTP/1.1 200 ")
        line.send(ask()[:-2])  # while it is due, headers arrive
        until(lambda: connection._clock is not None)
        connection._quiet_since -= 601
        on_the_loop(running, connection._look)
        line.send(b"\r\n")
        assert line.answer().startswith(b"HTTP/1.1 200 ")
        connection._quiet_since -= 601  # and now nobody asks any more
        on_the_loop(running, connection._look)
        assert line.rest() == b""


def test_who_stops_in_the_middle_of_a_refused_body_is_not_waited_for() -> None:
    with pairing(limits={"keep_alive": 1, "header_timeout": 1, "body_bytes": 1_024}) as running, Line(running.guarded) as line:
        line.send(post(b"", "X-Odd: 1").replace(b"Content-Length: 0", b"Content-Length: 5000"))
        assert line.rest().startswith(b"HTTP/1.1 413 ")


ENDLESS = post(b"").replace(b"Content-Length: 0", b"Content-Length: 500000000")
BROKEN = ask(EVENT, "Transfer-Encoding: chunked", method="POST") + b"evil\r\n"


@pytest.mark.parametrize(("sent", "status"), [(ENDLESS, 413), (BROKEN, 400)], ids=["too large", "broken"])
def test_who_is_refused_while_it_sends_can_read_why(own: Pair, sent: bytes, status: int) -> None:
    with Line(own.guarded) as line:
        line.send(sent)
        assert line.answer().startswith(b"HTTP/1.1 %d " % status)
        line.send(*[b"x" * 100_000] * 20)  # the connection is not reset
        line.socket.shutdown(SHUT_WR)
        assert line.socket.recv(1) == b""


def test_who_is_refused_and_sends_on_and_on_is_cut_off(own: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.1)
    with Line(own.guarded) as line:
        line.send(ENDLESS)
        assert line.answer().startswith(b"HTTP/1.1 413 ")

        def cut_off() -> bool:
            try:
                line.send(b"x")
            except ConnectionError:
                return True
            return False

        until(cut_off)


def test_a_stop_does_not_wait_for_idle_connections() -> None:
    with ExitStack() as lines, pairing(limits={"shutdown_timeout": 600, "keep_alive": 600}) as running:
        idle = [lines.enter_context(Line(running.guarded)) for _ in range(20)]
        for line in idle:
            line.send(ask(), ask())
            assert masked(line.answer()) == masked(line.answer()) != b""
        running.server.should_exit = True
        for line in idle:
            assert line.rest() == b""
        until(lambda: not running.server.started or not running.connections)


def test_a_stop_finishes_a_miss_with_hits_behind_it() -> None:
    with pairing(limits={"shutdown_timeout": 600}) as running, Line(running.guarded) as line:
        running.sandbox.recorder.clear()
        with running.sandbox.realtime.lock:
            line.send(ask(never_asked(), "X-Request-ID: n0") + ask(EVENT, "X-Request-ID: n1"))
            running.sandbox.recorder.wait(operation="get_event")
            running.server.should_exit = True
            until(lambda: any(not connection.cycle.keep_alive for connection in running.connections))
        said = line.rest()
        assert re.findall(rb"\r\nx-request-id: (n[0-9])", said) == [b"n0", b"n1"]
        assert said.count(b"\r\nconnection: close\r\n") == 1


@pytest.mark.parametrize("path", [EVENT, MIDDLE])
def test_a_client_that_asks_and_does_not_read_fills_no_memory(pair: Pair, path: str, ways: list[str]) -> None:
    size = len(Line(pair.guarded).asks(ask(path)))
    number = 40_000_000 // size // 10  # far more than the buffers of two sockets
    with Line(pair.guarded, 4_096) as line:
        asking = Thread(target=lambda: line.send(b"".join(ask(path, f"X-Request-ID: n{place}") for place in range(number))))
        asking.start()
        until(lambda: any(connection.flow.write_paused for connection in pair.connections))
        [full] = [connection for connection in pair.connections if connection.flow.write_paused]
        until(lambda: full.flow.read_paused)
        assert full.transport.get_write_buffer_size() <= 2**16 + size
        assert len(full.pipeline) <= 2**18 / len(ask(path))
        assert Line(pair.guarded).asks(ask()).startswith(b"HTTP/1.1 200 ")
        places = []
        for _ in range(number):
            head, _, body = line.answer().partition(b"\r\n\r\n")
            places.append(int(head.partition(b"\r\nx-request-id: n")[2].split(b"\r\n")[0]))
            assert len(head) + len(body) + 4 > size - 40
        asking.join(60)
        assert places == list(range(number))
        line.send(ask(EVENT, CLOSE))
        assert statuses(line.rest()) == [200]
    assert KEPT in ways
    assert USUAL in ways


def test_an_answer_that_is_not_kept_waits_for_a_client_that_does_not_read(pair: Pair) -> None:
    request = ask(MIDDLE, "Content-Length: 0")
    sent = 0
    with Line(pair.guarded, 4_096) as line:
        line.send(ask())
        line.answer()
        [connection] = pair.connections
        while not connection.flow.write_paused:
            counted = requests(pair)
            line.send(request)
            sent += 1
            until(lambda counted=counted: requests(pair) == counted + 1)  # type: ignore[misc]
        line.send(request)
        until(lambda: pair.metric("evtmgmt_in_flight") == 1)
        for _ in range(sent + 1):
            assert line.answer().startswith(b"HTTP/1.1 200 ")
    until(lambda: pair.metric("evtmgmt_in_flight") == 0)


def test_a_client_that_asks_and_does_not_read_does_not_stop_the_service_for_others() -> None:
    with pairing(limits={"concurrency": 1, "answer_timeout": 0.5}) as running, Line(running.guarded, 4_096) as line:
        asking = Thread(target=partial(fill, line, ask(MIDDLE) * 1_000))
        asking.start()
        until(lambda: any(connection.flow.write_paused for connection in running.connections))
        try:
            until(lambda: Line(running.guarded).asks(ask(never_asked())).startswith(b"HTTP/1.1 200 "))
        finally:
            with suppress(OSError):  # cut off already
                line.socket.shutdown(2)
            asking.join(60)


def fill(line: Line, data: bytes) -> None:
    with suppress(OSError):  # cut off
        line.send(data)


# Clients that leave


LEFT = {"operation": "get_event"}


@pytest.fixture
def own() -> Iterator[Pair]:
    """A pair for one test, as what hangs there would disturb others."""
    with pairing(limits={"shutdown_timeout": 1}) as running:
        running.sandbox.recorder.clear()
        yield running


# While a whole request waits behind another one, uvicorn does not read, so that nobody sees the client leave: not promised.
@pytest.mark.parametrize("behind", ["alone", "half", "body"])
@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_ends_its_call(own: Pair, behind: str, leave: str, caplog: pytest.LogCaptureFixture) -> None:
    waiting = ask()[:-2] if behind == "half" else b""
    body = b"Content-Length: 5\r\n" if behind == "body" else b""
    leaves(own, ask(never_asked()).replace(b"Host", body + b"Host") + waiting, leave, 2)
    assert [line.getMessage() for line in caplog.records if line.levelno >= ERROR] == []


@pytest.mark.parametrize("behind", ["alone", "kept", "miss"])
def test_a_client_that_leaves_ends_the_call_of_a_request_that_waited(
    own: Pair, behind: str, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = {"alone": b"", "kept": ask(), "miss": ask(never_asked(OTHER))}[behind]
    leaves(own, ask(BASE + "nothing") + ask(never_asked()) + waiting, "close", 3)
    gc.collect()  # asyncio tells of exceptions that nobody asked for when their task goes
    assert [line.getMessage() for line in caplog.records if line.levelno >= ERROR] == []


def leaves(pair: Pair, sent: bytes, leave: str, counted: int) -> None:
    """A client that sends, and leaves when Dynamics was asked."""
    before = pair.metric("evtmgmt_client_disconnects_total", **LEFT), requests(pair)
    pair.sandbox.faults.add("hang", operation="get_event")
    line = Line(pair.guarded)
    line.send(sent)
    pair.sandbox.recorder.wait(operation="get_event")
    line.reset() if leave == "reset" else line.socket.close()
    pair.sandbox.recorder.wait(operation="get_event", outcome=CANCELLED)
    until(lambda: pair.metric("evtmgmt_client_disconnects_total", **LEFT) == before[0] + 1)
    until(lambda: pair.metric("evtmgmt_in_flight") == 0)
    assert Line(pair.guarded).asks(ask()).startswith(b"HTTP/1.1 200 ")
    assert [record.operation for record in pair.sandbox.recorder.find()] == ["get_event"]
    assert requests(pair) == before[1] + counted


def test_a_client_that_leaves_behind_a_registration_does_not_undo_it(own: Pair, caplog: pytest.LogCaptureFixture) -> None:
    own.sandbox.recorder.clear()
    line = Line(own.guarded)
    with own.sandbox.realtime.lock:
        line.send(post() + ask())
        own.sandbox.recorder.wait(operation="register")
        line.socket.close()
        until(lambda: not own.connections)
    own.sandbox.recorder.wait(operation="register", outcome="answered")
    until(lambda: own.metric("evtmgmt_in_flight") == 0)
    assert Line(own.guarded).asks(ask()).startswith(b"HTTP/1.1 200 ")
    gc.collect()
    assert [line.getMessage() for line in caplog.records if line.levelno >= ERROR] == []


def test_a_client_that_leaves_after_its_answer_disturbs_nobody(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    before = pair.metric("evtmgmt_client_disconnects_total", **LEFT)
    for path in (EVENT, "fresh"):
        for leave in (Line.reset, Line.__exit__):
            line = Line(pair.guarded)
            line.send(ask(never_asked() if path == "fresh" else path))
            line.answer()
            leave(line)
    until(lambda: not pair.connections)
    assert pair.metric("evtmgmt_client_disconnects_total", **LEFT) == before
    assert [line.getMessage() for line in caplog.records if line.levelno >= ERROR] == []


class Wire(asyncio.Transport):
    """A connection that ends when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@pytest.mark.parametrize("number", [1, 2], ids=["alone", "before another"])
def test_a_client_that_leaves_before_its_request_is_looked_at(own: Pair, number: int) -> None:
    wire = Wire()

    async def visit() -> None:
        state = ServerState()
        protocol = GuardedProtocol(own.server.config, state, {})
        protocol.connection_made(wire)
        protocol.data_received(ask(FRESH) * number)
        protocol.connection_lost(None)
        async with asyncio.timeout(5):
            await asyncio.gather(*state.tasks)

    own.sandbox.faults.add("hang", times=None)
    asyncio.run_coroutine_threadsafe(visit(), own.loop).result(20)
    assert own.metric("evtmgmt_in_flight") == 0
    assert own.metric("evtmgmt_client_disconnects_total", **LEFT) == 1
    assert own.sandbox.recorder.find(operation="get_event", outcome="answered") == []
    assert wire.written == []


# Memory


def test_a_connection_gives_its_memory_back(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    made: WeakSet[GuardedProtocol] = WeakSet()
    number = 0
    begin = GuardedProtocol.connection_made

    def seen(self: GuardedProtocol, transport: asyncio.Transport) -> None:
        nonlocal number
        number += 1
        made.add(self)
        begin(self, transport)

    monkeypatch.setattr(GuardedProtocol, "connection_made", seen)
    gc.collect()
    gc.disable()
    try:
        for place in range(2_000):
            line = Line(pair.guarded)
            kept = ask(EVENT, CLOSE) if place % 3 == 0 else ask() * (place % 5 + 1)
            line.send(kept)
            for _ in range(kept.count(b"GET")):
                assert line.answer().startswith(b"HTTP/1.1 200 ")
            line.socket.close()
        until(lambda: not pair.connections)
        assert number == 2_000
        Line(pair.guarded).asks(ask(BASE + "nothing", CLOSE))
        until(lambda: not pair.connections)
        assert len(made) < 1_000  # most go at once; no collector is needed
    finally:
        gc.enable()
    gc.collect()
    assert [found for found in gc.get_objects() if isinstance(found, GuardedProtocol) and found in made] == []


def test_a_connection_that_missed_gives_its_memory_back(own: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    made: WeakSet[GuardedProtocol] = WeakSet()
    begin = GuardedProtocol.connection_made

    def seen(self: GuardedProtocol, transport: asyncio.Transport) -> None:
        made.add(self)
        begin(self, transport)

    monkeypatch.setattr(GuardedProtocol, "connection_made", seen)
    for _ in range(20):
        for request in (ask(never_asked()), ask(BASE + "nothing"), ask(method="HEAD"), ask(LARGE), ask(own.image)):
            Line(own.guarded).asks(request)
    own.sandbox.faults.add("hang", operation="get_event")
    own.sandbox.recorder.clear()
    with Line(own.guarded) as line:
        line.send(ask(never_asked()))
        own.sandbox.recorder.wait(operation="get_event")
    until(lambda: not own.connections and own.metric("evtmgmt_in_flight") == 0)
    until(lambda: gc.collect() >= 0 and not made)
