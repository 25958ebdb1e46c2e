"""The server's short ways (app/server.py, app/delivery.py): the same answers as uvicorn's own, in the same order, told of once.

One gateway is served twice: by ``server_config``, and by uvicorn's protocol as it is, which knows none of the short ways.
"""

import asyncio
import gc
import io
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import count, pairwise, product
from logging import ERROR
from socket import AF_INET, IPPROTO_TCP, SO_LINGER, SO_RCVBUF, SOCK_STREAM, SOL_SOCKET, TCP_NODELAY, socket
from threading import Thread
from typing import Any, cast
from unittest.mock import patch
from weakref import WeakSet

import orjson
import pytest
import uvicorn
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.caching.reading import Reading
from app.delivery import TAKEN_AT_ONCE
from app.gateway import Gateway
from app.logs import RedactedStream, access_log
from app.main import create_app
from app.redaction import Redactor
from app.server import HARD_HEADER_BYTES, GuardedProtocol, server_config
from sandbox.recorder import CANCELLED
from sandbox.server import Sandbox, SandboxThread
from tests.clock import Clock, until
from tests.examples import CONFERENCE, MUNICH, OPEN_DAY, QUESTIONS, TOKYO, registration
from tests.hostile.case import LIST, LISTED, Case, get
from tests.hostile.test_hostile import NAMED, answers, arrived, outcome, read_all
from tests.service import BASE, Service, _Server, event_path, settings_for

ORIGIN, FOREIGN = "https://portal.invalid", "https://elsewhere.invalid"
MADE_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
DATE = re.compile(rb"\r\ndate: [^\r\n]+(?=\r\n)")


def target(event: str, rest: str = "") -> str:
    return BASE + event_path(event, rest)


EVENT, OTHER, COUNTED = target(OPEN_DAY), target(CONFERENCE), target(OPEN_DAY, "/registrations/count")
LARGE, MIDDLE = target(MUNICH, "/tracks"), target(TOKYO, "/tracks")
FRESH = target(QUESTIONS)
NOWHERE = BASE + "events/Nowhere"
REGISTRATIONS = target(OPEN_DAY, "/registrations")
PERSON = orjson.dumps(registration())
numbers = count(1)


def never_asked(path: str = FRESH) -> str:
    """A request target that nobody asked for before."""
    return f"{path}?api-version={next(numbers)}"


def ask(path: str = EVENT, *lines: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    """A request; each line is a header, and Host is there unless the version is 1.0."""
    host = ("Host: x",) if version == "1.1" else ()
    return "".join(f"{line}\r\n" for line in (f"{method} {path} HTTP/{version}", *host, *lines, "")).encode() + body


def post(body: bytes = PERSON, *lines: str, path: str = REGISTRATIONS) -> bytes:
    return ask(path, "Content-Type: application/json", f"Content-Length: {len(body)}", *lines, method="POST", body=body)


CLOSE = "Connection: close"


class Pair:
    """A sandbox, one gateway before it, and two servers of that.

    Attributes:
        guarded: The port of ours.
        plain: The port of uvicorn's protocol.
        image: The target of a picture.
        loop: The loop of both servers.
    """

    loop: asyncio.AbstractEventLoop

    def __init__(self, sandbox: Sandbox, gateway: Gateway, servers: list[_Server], ports: list[int], clock: Clock) -> None:
        self.sandbox = sandbox
        self.gateway = gateway
        self.server, _ = servers
        self.guarded, self.plain = ports
        self.clock = clock
        self.image = f"{BASE}speakers/{sandbox.realtime.events[OPEN_DAY].speakers[0]['id']}/image"

    @property
    def connections(self) -> list[GuardedProtocol]:
        """Those of our server."""
        return cast("list[GuardedProtocol]", list(self.server.server_state.connections))

    def metric(self, name: str, **labels: str) -> float:
        return self.gateway._recorder._metrics.registry.get_sample_value(name, labels) or 0.0

    def warm(self) -> None:
        """Have all kinds of answers kept."""
        for path in (EVENT, OTHER, COUNTED, LARGE, MIDDLE, self.image):
            for accepted in ((), ("Accept-Encoding: gzip",)):
                answer = Line(self.plain).asks(ask(path, *accepted))
                assert answer.startswith(b"HTTP/1.1 200 ")
        assert Line(self.plain).asks(ask(NOWHERE)).startswith(b"HTTP/1.1 404 ")


@contextmanager
def pairing(**groups: Any) -> Iterator[Pair]:
    clock = Clock()
    with SandboxThread(Sandbox()) as sandbox, ExitStack() as closing:
        cache = {"warm": False, **groups.pop("cache", {})}
        settings = settings_for(sandbox, cache=cache, portal={"origins": [ORIGIN]}, **{"log_level": "error", **groups})
        with patch("app.main.Reading", partial(Reading, clock=clock)):
            gateway = create_app(settings)
        usual = uvicorn.Config(
            gateway,
            interface="asgi3",
            http=HttpToolsProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=settings.limits.keep_alive,
        )
        servers = [_Server(server_config(gateway, settings.limits)), _Server(usual)]
        listeners = [closing.enter_context(socket(AF_INET, SOCK_STREAM)) for _ in servers]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        pair = Pair(sandbox, gateway, servers, [listener.getsockname()[1] for listener in listeners], clock)

        async def serve() -> None:
            pair.loop = asyncio.get_running_loop()
            await asyncio.gather(*(server.serve(sockets=[listener]) for server, listener in zip(servers, listeners, strict=True)))

        def run() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve())

        thread = Thread(target=run, name="both servers")
        thread.start()
        try:
            assert all(server.listening.wait(20) for server in servers)
            for event, size in ((MUNICH, 200_000), (TOKYO, 40_000)):
                body = [{"id": "1", "name": "y" * size}]
                sandbox.faults.add("body", body=body, operation="list_tracks", times=1)
                assert Line(pair.plain).asks(ask(target(event, "/tracks"))).startswith(b"HTTP/1.1 200 ")
            pair.warm()
            yield pair
        finally:
            for server in servers:
                server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


class Line:
    """A client's connection."""

    def __init__(self, port: int, buffer: int | None = None) -> None:
        self.socket = socket(AF_INET, SOCK_STREAM)
        if buffer is not None:
            self.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._come = b""

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def answer(self, method: str = "GET") -> bytes:
        """One whole answer, as it came."""
        while b"\r\n\r\n" not in self._come:
            self._more()
        head, _, _ = self._come.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: ([0-9]+)(?:\r|$)", head)
        size = len(head) + 4 + (int(length[1]) if length is not None and method != "HEAD" else 0)
        while len(self._come) < size:
            self._more()
        answer, self._come = self._come[:size], self._come[size:]
        return answer

    def asks(self, request: bytes) -> bytes:
        """One request and its answer, and then the connection is closed from here."""
        with self:
            self.send(request)
            return self.answer(request.split(b" ")[0].decode())

    def rest(self) -> bytes:
        """All that comes until the other side ends the connection."""
        return self._come + read_all(self.socket)

    def reset(self) -> None:
        """Leave without a word."""
        self.socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self) -> None:
        part = self.socket.recv(2**18)
        assert part, f"the other side ended the connection after {self._come[:500]!r}"
        self._come += part


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with pairing() as running:
        yield running


KEPT, AT_ONCE, USUAL = "kept", "at once", "usual"


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ways that our server's answers go."""
    found: list[str] = []
    kept, at_once, task = GuardedProtocol._answer_kept, GuardedProtocol.send_at_once, GuardedProtocol._start_asgi_task

    def seen_kept(self: GuardedProtocol) -> bool:
        answered = kept(self)
        if answered:
            found.append(KEPT)
        return answered

    def seen_at_once(self: GuardedProtocol, *answer: Any) -> bool:
        sent = at_once(self, *answer)
        if sent:
            found[-1] = AT_ONCE
        return sent

    def seen_task(self: GuardedProtocol, *cycle: Any) -> None:
        found.append(USUAL)
        task(self, *cycle)

    monkeypatch.setattr(GuardedProtocol, "_answer_kept", seen_kept)
    monkeypatch.setattr(GuardedProtocol, "send_at_once", seen_at_once)
    monkeypatch.setattr(GuardedProtocol, "_start_asgi_task", seen_task)
    return found


def masked(raw: bytes) -> bytes:
    """Bytes without what differs in any two answers: date, and the ids that the proxy made. The order of headers stays."""
    return MADE_ID.sub(b"made", DATE.sub(b"", raw))


def heard(port: int, request: bytes) -> tuple[bytes, bool]:
    """The one answer to a request, and whether the connection goes on after it."""
    with Line(port) as line:
        line.send(request)
        answer = line.answer(request.split(b" ")[0].decode())
        assert len(DATE.findall(answer)) == 1
        if b"\r\nconnection: close\r\n" in answer:
            assert line.rest() == b""
            return masked(answer), False
        line.send(ask(BASE + "nothing", CLOSE))
        assert line.rest().startswith(b"HTTP/1.1 404 ")
        return masked(answer), True


PREFLIGHT = "Access-Control-Request-Method: GET"
GZIP = "Accept-Encoding: gzip, deflate, br"
WEIGHED = ("Accept-Encoding: gzip;q=0, br", 'If-None-Match: "other"')
LONG = [f"X-Odd-{number}: 1" for number in range(101)]
BROWSER = (
    "Connection: keep-alive",
    'sec-ch-ua-platform: "Linux"',
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
    "Accept: application/json, text/plain, */*",
    "Content-Type: application/json",
    f"Origin: {ORIGIN}",
    "Sec-Fetch-Mode: cors",
    "Referer: https://portal.invalid/",
    GZIP,
    "Accept-Language: de-AT,de;q=0.9,en;q=0.8",
)
SAME: list[tuple[str, bytes, str]] = [
    ("hit", ask(), KEPT),
    ("hit of a browser", ask(EVENT, *BROWSER), KEPT),
    ("hit with an id", ask(EVENT, "X-Request-ID: abc"), KEPT),
    ("hit with an id that is none", ask(EVENT, "X-Request-ID: a b"), KEPT),
    ("hit of an allowed origin", ask(EVENT, f"Origin: {ORIGIN}"), KEPT),
    ("hit of an allowed origin in capitals", ask(EVENT, f"Origin: {ORIGIN.upper()}"), KEPT),
    ("hit of a foreign origin", ask(EVENT, f"Origin: {FOREIGN}"), KEPT),
    ("hit with an empty origin", ask(EVENT, "Origin:"), KEPT),
    ("hit, the connection ends", ask(EVENT, CLOSE), KEPT),
    ("hit, the connection ends in capitals", ask(EVENT, "CONNECTION: Close"), KEPT),
    ("hit, the connection ends in a list", ask(EVENT, "Connection: x-odd, close"), KEPT),
    ("hit, the connection stays", ask(EVENT, "Connection: keep-alive"), KEPT),
    ("hit that asks for an upgrade without naming it", ask(EVENT, "Upgrade: h2c"), KEPT),
    ("hit with nothing behind the question mark", ask(EVENT + "?"), KEPT),
    ("hit of a count", ask(COUNTED), KEPT),
    ("hit, packed", ask(EVENT, GZIP), KEPT),
    ("hit, packed, of an allowed origin", ask(EVENT, GZIP, f"Origin: {ORIGIN}"), KEPT),
    ("hit, not packed", ask(EVENT, *WEIGHED), KEPT),
    ("hit that asks for an answer that is not kept", ask(EVENT, "Cache-Control: no-cache", "Pragma: no-cache"), KEPT),
    ("hit of a part", ask(EVENT, "Range: bytes=0-1"), KEPT),
    ("image", ask("image"), KEPT),
    ("image of an allowed origin", ask("image", f"Origin: {ORIGIN}", GZIP), KEPT),
    ("not modified", ask(EVENT, "If-None-Match: *"), KEPT),
    ("not modified, of an allowed origin, packed", ask(EVENT, "If-None-Match: *", f"Origin: {ORIGIN}", GZIP), KEPT),
    ("not modified, the connection ends", ask(EVENT, "If-None-Match: *", CLOSE), KEPT),
    ("not modified image", ask("image", "If-None-Match: *"), KEPT),
    ("large, packed", ask(LARGE, GZIP), KEPT),
    ("large, not modified", ask(LARGE, "If-None-Match: *"), KEPT),
    ("large", ask(LARGE), USUAL),
    ("large, the connection ends", ask(LARGE, CLOSE), USUAL),
    ("HEAD", ask(method="HEAD"), AT_ONCE),
    ("HEAD, packed", ask(EVENT, GZIP, method="HEAD"), AT_ONCE),
    ("HEAD, large", ask(LARGE, method="HEAD"), AT_ONCE),
    ("HEAD, not modified", ask(EVENT, "If-None-Match: *", method="HEAD"), AT_ONCE),
    ("HEAD, the connection ends", ask(EVENT, CLOSE, method="HEAD"), AT_ONCE),
    ("HEAD of nothing", ask(BASE + "nothing", method="HEAD"), AT_ONCE),
    ("HTTP/1.0", ask(version="1.0"), AT_ONCE),
    ("HTTP/1.0 with a host that would stay", ask(EVENT, "Host: x", "Connection: keep-alive", version="1.0"), AT_ONCE),
    ("HTTP/1.0, not modified", ask(EVENT, "If-None-Match: *", version="1.0"), AT_ONCE),
    ("miss", ask("fresh"), AT_ONCE),
    ("miss of an allowed origin", ask("fresh", f"Origin: {ORIGIN}"), AT_ONCE),
    ("miss, packed", ask("fresh", GZIP), AT_ONCE),
    ("miss, the connection ends", ask("fresh", CLOSE), AT_ONCE),
    ("nothing of Dynamics", ask("gone"), AT_ONCE),
    ("nothing of Dynamics, again", ask(NOWHERE, f"Origin: {ORIGIN}"), AT_ONCE),
    ("no operation", ask(BASE + "nothing", "X-Request-ID: abc"), AT_ONCE),
    ("no operation, in German, of an allowed origin", ask(BASE + "nothing", *BROWSER), AT_ONCE),
    ("no operation, of a foreign origin", ask(BASE + "nothing", f"Origin: {FOREIGN}"), AT_ONCE),
    ("no operation, the connection ends", ask("/nothing", CLOSE), AT_ONCE),
    ("preflight", ask(EVENT, f"Origin: {ORIGIN}", PREFLIGHT, method="OPTIONS"), AT_ONCE),
    ("preflight of a foreign origin", ask(EVENT, f"Origin: {FOREIGN}", PREFLIGHT, method="OPTIONS"), AT_ONCE),
    ("options", ask(method="OPTIONS"), AT_ONCE),
    ("options, the connection ends", ask(EVENT, CLOSE, method="OPTIONS"), AT_ONCE),
    ("method", ask(method="TRACE"), AT_ONCE),
    ("method of a write", ask(method="DELETE"), AT_ONCE),
    ("two hosts", ask(EVENT, "Host: x"), AT_ONCE),
    ("no host", b"GET %s HTTP/1.1\r\n\r\n" % EVENT.encode(), AT_ONCE),
    ("a host that is none", b"GET %s HTTP/1.1\r\nHost: x/../y\r\n\r\n" % EVENT.encode(), AT_ONCE),
    ("two ids", ask(EVENT, "X-Request-ID: abc", "X-Request-ID: abd"), AT_ONCE),
    ("a header twice that may be", ask(EVENT, "Accept: a", "Accept: b"), KEPT),
    ("a header with an underscore", ask(EVENT, "X_Request_ID: evil", "IF_NONE_MATCH: *"), KEPT),
    ("too many headers", ask(EVENT, *LONG), AT_ONCE),
    ("too large headers", ask(EVENT, "X-Odd: " + "x" * 40_000), AT_ONCE),
    ("too long a target", ask(f"{EVENT}?{'x' * 9_000}"), AT_ONCE),
    ("the whole address as target", ask(f"http://x{EVENT}"), AT_ONCE),
    ("a fragment in the target", ask(f"{EVENT}#there"), AT_ONCE),
    ("a fragment behind the query", ask(f"{EVENT}?#there"), AT_ONCE),
    ("two slashes before the target", ask("/" + EVENT), AT_ONCE),
    ("a body of a read", ask(EVENT, "Content-Length: 5", body=b"GET /"), AT_ONCE),
    ("an empty body of a read", ask(EVENT, "Content-Length: 0"), AT_ONCE),
    ("a chunked body of a read", ask(EVENT, "Transfer-Encoding: chunked", body=b"5\r\nGET /\r\n0\r\nX-Odd: 1\r\n\r\n"), AT_ONCE),
    ("a coding of a body of a read", ask(EVENT, "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), AT_ONCE),
    ("an expectation", ask(EVENT, "Expect: 100-continue"), AT_ONCE),
    ("an expectation of another kind", ask(EVENT, "Expect: evil"), AT_ONCE),
    ("a registration that is none", post(b"{}"), AT_ONCE),
    ("liveness", ask("/livez"), USUAL),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "way"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_an_answer_is_the_same_by_all_ways(pair: Pair, ways: list[str], request_: bytes, way: str) -> None:
    said = []
    for port in (pair.guarded, pair.plain):
        places = {b"image": pair.image, b"fresh": never_asked(), b"gone": f"{NOWHERE}{next(numbers)}"}
        request = request_
        for name, path in places.items():
            request = request.replace(b" %s " % name, b" %s " % path.encode())
        said.append(heard(port, request))
    assert said[0] == said[1]
    assert ways[0] == way


def test_the_kinds_are_what_they_are_said_to_be(pair: Pair) -> None:
    sizes = {path: len(Line(pair.plain).asks(ask(path))) for path in (EVENT, MIDDLE, LARGE, pair.image)}
    assert max(sizes[EVENT], sizes[MIDDLE], sizes[pair.image]) < TAKEN_AT_ONCE < sizes[LARGE]
    assert b"\r\nx-evtmgmt-cache: hit\r\n" in Line(pair.plain).asks(ask())


def test_failures_of_dynamics_are_the_same_by_all_ways(pair: Pair, ways: list[str]) -> None:
    said = []
    for port in (pair.guarded, pair.plain):
        pair.sandbox.faults.add("status", status=500, operation="get_event", times=None)
        said.append(heard(port, ask(never_asked(), f"Origin: {ORIGIN}")))
        pair.sandbox.faults.clear()
    assert said[0] == said[1]
    assert said[0][0].startswith(b"HTTP/1.1 502 ")
    assert ways[0] == AT_ONCE


def test_the_first_who_wants_it_packed_waits_for_that(pair: Pair, ways: list[str]) -> None:
    path = target(QUESTIONS, "/sessions")
    Line(pair.guarded).asks(ask(path))
    first, second = (masked(Line(pair.guarded).asks(ask(path, GZIP))) for _ in range(2))
    assert first == second
    assert b"\r\ncontent-encoding: gzip\r\n" in first
    assert ways == [AT_ONCE, AT_ONCE, KEPT]


def test_stale_answers_are_the_same_and_are_fetched_anew_once(ways: list[str]) -> None:
    with pairing() as running:
        running.clock.go(30 + 7.9)
        running.sandbox.recorder.clear()
        with running.sandbox.realtime.lock:
            said = [heard(port, ask()) for port in (running.guarded, running.plain, running.guarded)]
            assert said[0] == said[1] == said[2]
            assert b"\r\nx-evtmgmt-cache: stale\r\nage: 37\r\n" in said[0][0]
            running.sandbox.recorder.wait(operation="get_event")
        until(lambda: b"\r\nx-evtmgmt-cache: hit\r\nage: 0\r\n" in Line(running.guarded).asks(ask()))
        assert len(running.sandbox.recorder.find(operation="get_event")) == 1
        assert set(ways) == {KEPT, AT_ONCE}  # that one is the 404 by which the connection ends


def test_whoever_may_ask_anew_is_not_given_what_is_kept(ways: list[str]) -> None:
    with pairing(cache={"obey_clients": True}) as running:
        answer = Line(running.guarded).asks(ask(EVENT, "Cache-Control: no-cache"))
        assert b"\r\nx-evtmgmt-cache: miss\r\n" in answer
        assert b"\r\nx-evtmgmt-cache: hit\r\n" in Line(running.guarded).asks(ask(EVENT, "Cache-Control: max-age=0"))
        assert ways == [AT_ONCE, KEPT]


# Several requests on a connection


def numbered(*requests: bytes) -> bytes:
    """Requests in one segment, the last of which ends the connection; each bears its place as its id."""
    marked = [request.replace(b"\r\n", b"\r\nX-Request-ID: n%d\r\n" % place, 1) for place, request in enumerate(requests)]
    marked[-1] = marked[-1].replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    return b"".join(marked)


def conversation(port: int, *pieces: bytes) -> bytes:
    """All answers to what is sent in pieces, until the connection ends."""
    with Line(port) as line:
        line.send(*pieces)
        return line.rest()


BITS = {
    "kept": ask(),
    "not modified": ask(EVENT, "If-None-Match: *", GZIP),
    "large": ask(LARGE),
    "head": ask(method="HEAD"),
    "nothing": ask(BASE + "nothing"),
    "missing": ask(NOWHERE),
    "service": ask("/livez"),
    "preflight": ask(EVENT, f"Origin: {ORIGIN}", PREFLIGHT, method="OPTIONS"),
    "kept with a body": ask(EVENT, f"Content-Length: {len(ask())}", body=ask()),
    "kept with chunks": ask(EVENT, "Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\nX-Odd: 1\r\n\r\n" % (len(ask()), ask())),
    "write": post(b"{}"),
}  # fmt: skip


@pytest.mark.parametrize("first", BITS)
def test_a_pipeline_is_answered_as_it_is_without_short_ways(pair: Pair, first: str) -> None:
    for rest in product(BITS, repeat=2):
        sent = numbered(*(BITS[name] for name in (first, *rest)))
        said = conversation(pair.guarded, sent)
        assert masked(said) == masked(conversation(pair.plain, sent)), rest
        assert re.findall(rb"\r\nx-request-id: (n[0-9])", said) == [b"n0", b"n1", b"n2"], rest


@given(st.lists(st.sampled_from(sorted(BITS)), max_size=5), st.lists(st.integers(0, 2_000), max_size=6))
def test_wherever_segments_end_the_answers_are_the_same(pair: Pair, names: list[str], cuts: list[int]) -> None:
    sent = numbered(*(BITS[name] for name in names), BITS["kept"])
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    pieces = [sent[start:end] for start, end in pairwise(places)]
    assert masked(conversation(pair.guarded, *pieces)) == masked(conversation(pair.plain, sent))


@pytest.mark.parametrize("name", BITS)
def test_a_request_that_comes_byte_by_byte_is_answered_the_same(pair: Pair, name: str) -> None:
    sent = numbered(BITS[name], BITS["kept"])
    bytewise = conversation(pair.guarded, *(sent[place : place + 1] for place in range(len(sent))))
    assert masked(bytewise) == masked(conversation(pair.plain, sent))


def test_hits_wait_behind_a_slow_miss(pair: Pair, ways: list[str]) -> None:
    pair.sandbox.recorder.clear()
    with Line(pair.guarded) as line:
        with pair.sandbox.realtime.lock:
            line.send(numbered(ask(never_asked()), *[ask()] * 5))
            pair.sandbox.recorder.wait(operation="get_event")
            assert Line(pair.guarded).asks(ask()).startswith(b"HTTP/1.1 200 ")  # the server is not busy
            line.socket.setblocking(False)
            with pytest.raises(BlockingIOError):
                line.socket.recv(1)
            line.socket.settimeout(20)
        said = line.rest()
    assert re.findall(rb"\r\nx-request-id: (n[0-9])", said) == [b"n%d" % place for place in range(6)]
    assert re.findall(rb"\r\nx-evtmgmt-cache: (\w+)", said) == [b"miss"] + [b"hit"] * 5
    assert ways.count(KEPT) == 1  # of the other connection


def test_a_hit_in_a_later_segment_waits_too(pair: Pair) -> None:
    pair.sandbox.recorder.clear()
    with Line(pair.guarded) as line:
        with pair.sandbox.realtime.lock:
            line.send(ask(never_asked(), "X-Request-ID: n0"))
            pair.sandbox.recorder.wait(operation="get_event")
            line.send(ask(EVENT, "X-Request-ID: n1", CLOSE))
            until(lambda: any(connection.pipeline for connection in pair.connections))
        said = line.rest()
    assert re.findall(rb"\r\nx-request-id: (n[0-9])", said) == [b"n0", b"n1"]


def test_a_registration_and_a_kept_read(pair: Pair) -> None:
    said = conversation(pair.guarded, numbered(post(), ask(), post(), ask()))
    assert re.findall(rb"HTTP/1.1 ([0-9]+) ", said) == [b"200"] * 4
    assert re.findall(rb"\r\nx-request-id: (n[0-9])", said) == [b"n0", b"n1", b"n2", b"n3"]


def test_hits_and_misses_alternate_on_a_connection(pair: Pair, ways: list[str]) -> None:
    with Line(pair.guarded) as line:
        for _ in range(3):
            line.send(ask())
            assert b"\r\nx-evtmgmt-cache: hit\r\n" in line.answer()
            line.send(ask(never_asked()))
            assert b"\r\nx-evtmgmt-cache: miss\r\n" in line.answer()
    assert ways == [KEPT, AT_ONCE] * 3


# What comes beside good requests


def statuses(said: bytes) -> list[int]:
    return [status for status, _, _ in answers(said)]


def test_a_kept_answer_is_given_before_garbage_is_refused(pair: Pair) -> None:
    garbage = b"\0evil\r\n\r\n"
    first, refused = answers(conversation(pair.guarded, ask() + garbage))
    assert (first[0], outcome(*refused)) == (200, (400, "BadHeaders"))
    assert statuses(conversation(pair.guarded, ask(EVENT, CLOSE) + garbage)) == [200]
    assert statuses(conversation(pair.guarded, ask(never_asked()) + ask() + garbage)) == [200, 200]


@pytest.mark.parametrize("piece", [b"", b"\r\n", b"G", b"GET /", ask()[:-2], ask(EVENT, "X-Odd: 1")[:-9]])
def test_half_a_request_behind_kept_answers_is_too_slow(piece: bytes) -> None:
    with pairing(limits={"header_timeout": 0.3, "keep_alive": 600 if piece.strip() else 1}) as running:
        for kept in (ask(), ask() * 3):
            said = conversation(running.guarded, kept + piece)
            assert statuses(said) == [200] * kept.count(b"GET")
            said = conversation(running.guarded, kept, *(piece[place : place + 1] for place in range(len(piece))))
            assert statuses(said) == [200] * kept.count(b"GET")


def test_half_a_request_behind_a_slow_miss_is_too_slow_as_well() -> None:
    with pairing(limits={"header_timeout": 0.3, "keep_alive": 600}) as running:
        running.sandbox.recorder.clear()
        running.sandbox.faults.add("hang", operation="get_event")
        assert conversation(running.guarded, ask() + ask(never_asked()) + ask()[:-2]).count(b"HTTP/1.1 ") == 1
        running.sandbox.recorder.wait(operation="get_event", outcome=CANCELLED)


def test_headers_without_end_behind_a_kept_answer_are_refused(pair: Pair) -> None:
    endless = ask()[:-2] + b"X-Odd: " + b"x" * (2 * HARD_HEADER_BYTES)
    with Line(pair.guarded) as line:
        line.send(ask())
        line.answer()
        with suppress(ConnectionError):  # refused in the middle
            line.send(endless)
        assert b"BadHeaders" in line.rest()


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
@pytest.mark.parametrize("behind", [b"", b"\x81\x85evil!evil!", ask()])
def test_an_upgrade_is_answered_and_ends_the_connection(pair: Pair, upgrade: str, behind: bytes, ways: list[str]) -> None:
    said = conversation(pair.guarded, ask(EVENT, "Connection: Upgrade", f"Upgrade: {upgrade}") + behind)
    assert statuses(said) == [200]
    assert b"\r\nconnection: close\r\n" in said
    assert ways == [AT_ONCE]


LAST = [ask(EVENT, CLOSE), ask(EVENT, CLOSE, "If-None-Match: *"), ask("fresh", CLOSE), ask(BASE + "nothing", CLOSE)]


@pytest.mark.parametrize("last", LAST, ids=["kept", "not modified", "miss", "error"])
@pytest.mark.parametrize("behind", [post(), ask(OTHER + "?api-version=7"), ask(OTHER)], ids=["write", "miss", "kept"])
def test_what_comes_after_the_last_request_is_not_done(pair: Pair, last: bytes, behind: bytes) -> None:
    answered = requests(pair)
    pair.sandbox.recorder.clear()
    sent = last.replace(b" fresh ", b" %s " % never_asked().encode()) + behind
    assert len(re.findall(rb"HTTP/1.1 [0-9]+ ", conversation(pair.guarded, sent))) == 1
    Line(pair.guarded).asks(ask(never_asked(MIDDLE)))  # who does it does it before that one
    done = [record.operation for record in pair.sandbox.recorder.find()]
    assert done == [*(["get_event"] if b" fresh " in last else []), "list_tracks"]
    assert requests(pair) == answered + 2


def requests(pair: Pair) -> float:
    """How many requests were counted."""
    return sum(
        sample.value
        for metric in pair.gateway._recorder._metrics.requests.collect()
        for sample in metric.samples
        if sample.name == "evtmgmt_requests_total"
    )


ANSWERED_OTHERWISE = {"header: conditions and ranges"}
"""With 304 when it is kept."""
HOSTILE = {
    name: case
    for name, case in NAMED.items()
    if any(LIST in piece for piece in case.sent) and name not in ANSWERED_OTHERWISE and not name.startswith("query: ")
}  # fmt: skip
REFUSED_BESIDES = {"connection: a good one and garbage": 1, "connection: two good ones and garbage": 2}
"""Where the good ones are answered before the garbage is looked at, which is then refused as it would be alone."""


@pytest.fixture(scope="module")
def watchful() -> Iterator[Pair]:
    with pairing(limits={"header_timeout": 1, "request_timeout": 1, "keep_alive": 2}) as running:
        for accepted in ((), ("Accept-Encoding: gzip",)):
            Line(running.plain).asks(ask(LIST.decode(), *accepted))
        yield running


@pytest.mark.parametrize("case", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_bytes_around_what_is_kept(watchful: Pair, case: Case, caplog: pytest.LogCaptureFixture) -> None:
    watchful.sandbox.recorder.clear()
    with Line(watchful.guarded) as line:
        with suppress(ConnectionError):  # refused in the middle
            line.send(*case.sent)
        said = tuple(outcome(*answer) for answer in answers(line.rest()))
    name = next(name for name, found in HOSTILE.items() if found is case)
    expected = case.answers
    if name in REFUSED_BESIDES:
        expected = (*expected, (400, "BadHeaders"))
    assert said == expected
    [(status, _, _)] = answers(conversation(watchful.guarded, get()))
    assert status == 200
    asked = [arrived(cast("Service", watchful), record) for record in watchful.sandbox.recorder.find()]
    assert [found for found in asked if found != LISTED] == [found for found in case.upstream if found != LISTED], case.why
    assert [line.getMessage() for line in caplog.records if line.levelno >= ERROR] == []


# The life of a connection


def test_an_idle_connection_is_closed_after_kept_answers() -> None:
    with pairing(limits={"keep_alive": 1, "header_timeout": 600}) as running:
        for sent in ([ask()], [ask()] * 3, [ask() * 3], [ask(never_asked()), ask()], [ask() + ask(never_asked())]):
            with Line(running.guarded) as line:
                for piece in sent:
                    line.send(piece)
                    for _ in range(piece.count(b"GET")):
                        assert line.answer().startswith(b"HTTP/1.1 200 ")
                assert line.rest() == b""


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
        asking.join(20)
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
            line.socket.shutdown(2)
            asking.join(20)


def fill(line: Line, data: bytes) -> None:
    with suppress(OSError):  # cut off
        line.send(data)


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


# What is told of them


@contextmanager
def told() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines on requests from now on."""
    stream = io.StringIO()
    access_log.open(RedactedStream(stream, Redactor()), "info")

    def lines() -> list[dict[str, Any]]:
        access_log.flush()
        return [orjson.loads(line) for line in stream.getvalue().splitlines()]

    try:
        yield lines
    finally:
        access_log.open(RedactedStream(None, Redactor()), "error")


def counts(pair: Pair) -> Counter[tuple[str, tuple[tuple[str, str], ...]]]:
    """What is counted of requests, by name and labels."""
    metrics = pair.gateway._recorder._metrics
    return Counter(
        {
            (sample.name, tuple(sample.labels.items())): sample.value
            for family in (metrics.requests, metrics.seconds, metrics.cache, metrics.dropped_parameters, metrics.disconnects)
            for found in family.collect()
            for sample in found.samples
            if not sample.name.endswith(("_created", "_bucket", "_sum"))
        }
    )  # type: ignore[arg-type]


TOLD = {
    "hit": (ask(), "get_event", 200),
    "hit with an id": (ask(EVENT, "X-Request-ID: my-id"), "get_event", 200),
    "packed": (ask(EVENT, GZIP), "get_event", 200),
    "not modified": (ask(EVENT, "If-None-Match: *"), "get_event", 304),
    "large, packed": (ask(LARGE, GZIP), "list_tracks", 200),
    "large": (ask(LARGE), "list_tracks", 200),
    "two in one segment": (ask() + ask(), "get_event", 200),
    "a hit and one with a body": (ask() + ask(EVENT, "Content-Length: 5", body=b"GET /"), "get_event", 200),
    "head": (ask(method="HEAD"), "get_event", 200),
    "the last one": (ask(EVENT, CLOSE), "get_event", 200),
    "one that waits for 1.0": (ask(version="1.0"), "get_event", 200),
}


@pytest.mark.parametrize(("sent", "operation", "status"), TOLD.values(), ids=list(TOLD))
def test_an_answer_is_told_of_once(pair: Pair, sent: bytes, operation: str, status: int) -> None:
    number = len(re.findall(rb"HTTP/1", sent))
    lines: list[dict[str, Any]] = []
    method = sent.split(b" ")[0].decode()
    found = []
    for port in (pair.guarded, pair.plain):
        before = counts(pair)
        with told() as heard_of, Line(port) as line:
            line.send(sent)
            said = [line.answer(method) for _ in range(number)]
            until(lambda: pair.metric("evtmgmt_in_flight") == 0)
            lines = heard_of()
        found.append(counts(pair) - before)
        assert len(lines) == number
        for entry, answer in zip(lines, said, strict=True):
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b"\r\nx-request-id: %s\r\n" % entry["request_id"].encode() in head
            assert entry.pop("time")
            assert 0 <= entry.pop("ms") < 60_000
            assert entry == {
                "request_id": "my-id" if b"my-id" in sent else entry["request_id"],
                "method": method,
                "path": LARGE if operation == "list_tracks" else EVENT,
                "operation": operation,
                "backend": "realtime",
                "status": status,
                "bytes": len(body),
                "cache": "hit",
                "event": "request",
                "level": "info",
            }
    answered = {"operation": operation, "backend": "realtime", "status": str(status)}
    assert found[0] == found[1] == {
        ("evtmgmt_requests_total", tuple(answered.items())): number,
        ("evtmgmt_request_seconds_count", (("operation", operation),)): number,
        ("evtmgmt_cache_total", (("operation", operation), ("outcome", "hit"))): number,
    }  # fmt: skip
    assert pair.metric("evtmgmt_in_flight") == 0


def test_parameters_that_are_dropped_are_counted_for_kept_answers_too(pair: Pair, ways: list[str]) -> None:
    path = f"{FRESH}?utm_source=evil&ts=1&utm_medium=1&api-version={next(numbers)}"
    Line(pair.guarded).asks(ask(path))
    found = []
    for port in (pair.guarded, pair.plain):
        before = pair.metric("evtmgmt_dropped_query_parameters_total")
        assert b"\r\nx-evtmgmt-cache: hit\r\n" in Line(port).asks(ask(path))
        until(lambda: pair.metric("evtmgmt_in_flight") == 0)
        found.append(pair.metric("evtmgmt_dropped_query_parameters_total") - before)
    assert found == [2, 2]
    assert ways == [AT_ONCE, KEPT]


def test_lines_tell_the_time_that_a_kept_answer_took(pair: Pair) -> None:
    before = pair.metric("evtmgmt_request_seconds_sum", **LEFT)
    Line(pair.guarded).asks(ask())
    assert pair.metric("evtmgmt_request_seconds_sum", **LEFT) > before


def test_a_service_that_is_told_to_end_after_so_many_requests_counts_kept_answers(pair: Pair) -> None:
    before = pair.server.server_state.total_requests
    with Line(pair.guarded) as line:
        for request in (ask(), ask(EVENT, "If-None-Match: *"), ask(BASE + "nothing")):
            line.send(request)
            line.answer()
    assert pair.server.server_state.total_requests == before + 3


@pytest.mark.parametrize("concurrency", [1, 2])
def test_the_limit_of_requests_at_once_is_the_same_by_all_ways(concurrency: int) -> None:
    with pairing(limits={"concurrency": concurrency}) as running, ExitStack() as waiting:
        running.sandbox.recorder.clear()
        for under_way in range(1, concurrency + 1):
            said = {port: Line(port).asks(ask()).split(b" ")[1] for port in (running.guarded, running.plain)}
            assert set(said.values()) == {b"200"}
            running.sandbox.faults.add("hang", operation="get_event")
            waiting.enter_context(Line(running.guarded)).send(ask(never_asked()))
            running.sandbox.recorder.wait(operation="get_event", count=under_way)
        for path, status in ((EVENT, b"200"), (never_asked(OTHER), b"503")):  # what is kept is given all the same
            guarded, plain = (masked(Line(port).asks(ask(path))) for port in (running.guarded, running.plain))
            assert plain.startswith(b"HTTP/1.1 " + status)
            assert guarded == plain


def test_a_defect_on_the_short_way_is_told_and_the_whole_way_answers(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Line(pair.guarded).asks(ask())
    kept, calls = Gateway._kept, []

    def broken_once(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError("a mistake of the program")
        return kept(*arguments)

    monkeypatch.setattr(Gateway, "_kept", broken_once)
    assert Line(pair.guarded).asks(ask()).startswith(b"HTTP/1.1 200 ")
    assert len(calls) == 2
    assert "a mistake of the program" in capsys.readouterr().out


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
