"""app/delivery.py: kept answers on the wire, clients that read slowly, clients that leave."""

import asyncio
import gzip
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import AsyncExitStack, closing
from http.client import HTTPConnection
from socket import SO_RCVBUF, SOL_SOCKET, create_connection, socket
from time import monotonic
from typing import Any

import pytest

from app.bodies import ClientGoneError
from app.caching.cache import Cache
from app.caching.finishing import LEAST_COMPRESSED, Finisher
from app.calls import Reply
from app.cors import Cors
from app.delivery import TAKEN_AT_ONCE, TELL_WHEN_GONE, Delivery, UnlessGone
from app.guard import Headers
from app.metrics import Metrics
from app.record import Exchange
from app.upstream import Trouble, UpstreamError
from sandbox.recorder import CANCELLED
from tests.clock import Clock, running_at
from tests.examples import CONFERENCE, FAMILY, MUNICH, OPEN_DAY, QUESTIONS, TOKYO, example, received
from tests.service import BASE, Service, running_service
from translation.errors import UPSTREAM_TIMEOUT, ProxyError

pytestmark = pytest.mark.anyio

ORIGIN = "https://portal.invalid"
KEPT_BYTES = 9 * 2**20
DISCONNECTS = 'evtmgmt_client_disconnects_total{operation="%s"}'
NOISE = random.Random(7).randbytes(100_000).hex()


class Heard:
    """An answer as it came: nothing is unpacked."""

    def __init__(self, status: int, lines: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.lines = [(name.lower(), value) for name, value in lines]
        self.body = body

    def __getitem__(self, name: str) -> str | None:
        """The value of a header that stands at most once."""
        found = [value for heard, value in self.lines if heard == name]
        assert len(found) <= 1
        return found[0] if found else None

    @property
    def vary(self) -> set[str]:
        return {part.strip() for name, value in self.lines if name == "vary" for part in value.split(",")}


def ask(service: Service, path: str, method: str = "GET", **headers: str) -> Heard:
    """A request with no other headers than these and Host. Underscores of their names stand for hyphens."""
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=20)) as connection:
        connection.putrequest(method, f"{BASE}{path}", skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return Heard(answer.status, answer.getheaders(), answer.read())


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def keeping(clock: Clock) -> Iterator[Service]:
    with running_at(clock, portal={"origins": [ORIGIN]}, log_level="error") as running:
        for event, body in ((MUNICH, [{"id": "1", "name": "y" * 200_000}]), (TOKYO, [{"id": "1", "name": NOISE}])):
            running.sandbox.faults.add("body", body=body, path=f"{example('list_tracks', running, event).path}")
            assert running.get(example("list_tracks", running, event).path).status_code == 200
        yield running


TINY, SMALL, LARGE, NOISY, IMAGE, COUNTED = "tiny", "small", "large", "noisy", "image", "counted"


def path_of(service: Service, kind: str) -> str:
    """Answers of each kind: not worth compressing; small; large, small and large when compressed; an image; never in browsers."""
    name, event = {
        TINY: ("list_custom_registration_fields", FAMILY),
        SMALL: ("get_event", OPEN_DAY),
        LARGE: ("list_tracks", MUNICH),
        NOISY: ("list_tracks", TOKYO),
        IMAGE: ("get_speaker_image", OPEN_DAY),
        COUNTED: ("count_event_registrations", OPEN_DAY),
    }[kind]
    return example(name, service, event).path


ALL = (TINY, SMALL, LARGE, NOISY, IMAGE, COUNTED)
PACKED = (SMALL, LARGE, NOISY)


def test_the_kinds_are_what_they_are_said_to_be(keeping: Service) -> None:
    sizes = {kind: len(ask(keeping, path_of(keeping, kind)).body) for kind in ALL}
    packed = {kind: len(ask(keeping, path_of(keeping, kind), Accept_Encoding="gzip").body) for kind in ALL}
    assert max(sizes[TINY], sizes[COUNTED]) < LEAST_COMPRESSED <= sizes[SMALL] < TAKEN_AT_ONCE
    assert sizes[LARGE] > TAKEN_AT_ONCE > packed[LARGE]
    assert sizes[NOISY] > packed[NOISY] > TAKEN_AT_ONCE


@pytest.mark.parametrize("kind", ALL)
def test_a_kept_answer_has_its_headers(keeping: Service, kind: str) -> None:
    answer = ask(keeping, path_of(keeping, kind))
    answer = ask(keeping, path_of(keeping, kind), X_Request_ID="abc", Origin=ORIGIN)
    assert answer.status == 200
    assert answer["content-length"] == str(len(answer.body))
    assert answer["content-type"] == ("image/png" if kind == IMAGE else "application/json; charset=utf-8")
    etag = answer["etag"]
    assert etag is not None
    assert etag.startswith('W/"')
    assert (answer["age"], answer["x-evtmgmt-cache"], answer["x-request-id"]) == ("0", "hit", "abc")
    assert answer["x-content-type-options"] == "nosniff"
    fresh = {IMAGE: "public, max-age=3600", COUNTED: "no-cache"}.get(kind, "public, max-age=30")
    assert answer["cache-control"] == fresh
    assert answer.vary == ({"Origin", "Accept-Encoding"} if kind in PACKED else {"Origin"})
    assert answer["access-control-allow-origin"] == ORIGIN
    exposed = {name.strip() for name in (answer["access-control-expose-headers"] or "").split(",")}
    assert {"ETag", "Age", "X-EvtMgmt-Cache"} <= exposed
    assert answer["transfer-encoding"] is None
    assert answer["warning"] is None


@pytest.mark.parametrize("kind", [SMALL, LARGE])
def test_another_origin_may_not_read_it(keeping: Service, kind: str) -> None:
    answer = ask(keeping, path_of(keeping, kind), Origin="https://elsewhere.invalid")
    assert (answer.status, answer["access-control-allow-origin"]) == (200, None)
    assert answer.vary >= {"Origin"}


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("form", ["{}", "{strong}", '"other", {}', '{strong},W/"other"', "*", " * ", "rubbish,{}"])
def test_a_client_that_has_it_is_not_sent_it_again(keeping: Service, kind: str, form: str) -> None:
    whole = ask(keeping, path_of(keeping, kind))
    etag = whole["etag"]
    assert etag is not None
    condition = form.format(etag, strong=etag.removeprefix("W/"))
    for method in ("GET", "HEAD"):
        answer = ask(keeping, path_of(keeping, kind), method, If_None_Match=condition, Origin=ORIGIN, Accept_Encoding="gzip")
        assert (answer.status, answer.body) == (304, b"")
        for absent in ("content-type", "content-length", "content-encoding", "transfer-encoding"):
            assert answer[absent] is None
        # RFC 9110 15.4.5: what the answer would have had
        for name in ("etag", "cache-control", "x-evtmgmt-cache", "age"):
            assert answer[name] == (whole[name] if name != "x-evtmgmt-cache" else "hit")
        assert answer.vary == whole.vary
        assert answer["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("kind", [TINY, SMALL, LARGE])
@pytest.mark.parametrize("condition", ["", " ", ",", '"other"', 'W/"other"', "rubbish", '"', "W/", "\xff"])
def test_a_client_that_has_another_is_sent_it(keeping: Service, kind: str, condition: str) -> None:
    answer = ask(keeping, path_of(keeping, kind), If_None_Match=condition)
    assert answer.status == 200
    assert answer["content-length"] == str(len(answer.body)) != "0"


def test_the_connection_goes_on_after_304_and_head(keeping: Service) -> None:
    with closing(HTTPConnection("127.0.0.1", keeping.port, timeout=20)) as connection:
        used = None
        for kind in (SMALL, LARGE):
            path = f"{BASE}{path_of(keeping, kind)}"
            for method, headers, status in (("GET", {"If-None-Match": "*"}, 304), ("HEAD", {}, 200), ("GET", {}, 200)):
                connection.request(method, path, headers=headers)
                used = used or connection.sock
                answer = connection.getresponse()
                body = answer.read()
                assert (answer.status, bool(body)) == (status, status == 200 and method == "GET")
                assert connection.sock is used


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("accepted", ["gzip", "identity", ""])
def test_head_has_the_headers_of_get(keeping: Service, kind: str, accepted: str) -> None:
    got, head = (ask(keeping, path_of(keeping, kind), method, Accept_Encoding=accepted) for method in ("GET", "HEAD"))
    assert head.body == b""
    target = f"{BASE}{path_of(keeping, kind)}"
    raw = keeping.raw(f"HEAD {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: {accepted}\r\n\r\n".encode())
    assert raw.endswith(b"\r\n\r\n")
    assert raw.count(b"\r\n\r\n") == 1
    own = {"date", "x-request-id"}
    assert {line for line in head.lines if line[0] not in own} == {line for line in got.lines if line[0] not in own}
    assert head["content-length"] == str(len(got.body))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br;q=1, GZIP;q=0.1", True),
        ("*", True),
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("br", False),
        (None, False),
    ],
)
def test_gzip_for_those_who_accept_it(keeping: Service, kind: str, accepted: str | None, packed: bool) -> None:
    plain = ask(keeping, path_of(keeping, kind))
    headers = {} if accepted is None else {"Accept_Encoding": accepted}
    answer = ask(keeping, path_of(keeping, kind), **headers)
    assert answer["content-length"] == str(len(answer.body))
    if packed and kind in PACKED:
        assert answer["content-encoding"] == "gzip"
        assert len(answer.body) < len(plain.body)
        assert gzip.decompress(answer.body) == plain.body
    else:
        assert answer["content-encoding"] is None
        assert answer.body == plain.body
    assert (answer["etag"], answer["content-type"], answer.vary) == (plain["etag"], plain["content-type"], plain.vary)


@pytest.mark.parametrize("kind", [SMALL, LARGE])
def test_age_is_whole_seconds_since_dynamics_answered(keeping: Service, clock: Clock, kind: str) -> None:
    before = clock.now
    path = path_of(keeping, kind)
    entry = kept_under(keeping, path)
    lifetime = keeping.settings.cache.lifetimes()[entry.key.operation]
    entry.begin(before, lifetime, 1, 0)
    try:
        clock.go(7.9)
        assert ask(keeping, path)["age"] == "7"
        assert ask(keeping, path, If_None_Match="*")["age"] == "7"
        clock.go(30)
        keeping.sandbox.faults.add("hang", times=None)
        answer = ask(keeping, path)
        assert (answer.status, answer["age"], answer["x-evtmgmt-cache"], answer["warning"]) == (200, "37", "stale", None)
    finally:
        clock.now = before
        entry.begin(before, lifetime, 1, 0)
        keeping.sandbox.control.reset()


def kept_under(service: Service, path: str) -> Any:
    """The entry that answers a path."""
    assert ask(service, path).status == 200
    reading = service.gateway._reading
    shortcut = reading.shortcut(f"{BASE}{path}".encode(), b"")
    assert shortcut is not None
    served = reading.kept(shortcut.key)
    assert served is not None
    return served.entry


def test_a_miss_says_so(keeping: Service) -> None:
    path = example("get_event", keeping, QUESTIONS).path
    first, second = ask(keeping, path), ask(keeping, path)
    assert (first["x-evtmgmt-cache"], first["age"]) == ("miss", "0")
    assert second["x-evtmgmt-cache"] == "hit"
    assert (first.body, first["etag"]) == (second.body, second["etag"])


def test_pipelined_requests_are_answered_alike(keeping: Service) -> None:
    """Only the last one of a pipeline goes the server's shorter way."""
    path = f"{BASE}{path_of(keeping, SMALL)}"
    one = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Request-ID: a\r\nAccept-Encoding: gzip\r\nOrigin: {ORIGIN}\r\n"
    ask(keeping, path_of(keeping, SMALL), Accept_Encoding="gzip")
    answer = keeping.raw(f"{one}\r\n{one}\r\n{one}Connection: close\r\n\r\n".encode())
    first, second, third = answer.split(b"HTTP/1.1 200 OK\r\n")[1:]

    def parts(raw: bytes) -> tuple[set[bytes], bytes]:
        head, _, body = raw.partition(b"\r\n\r\n")
        return {line for line in head.split(b"\r\n") if not line.startswith((b"date:", b"connection:"))}, body

    assert parts(first) == parts(second) == parts(third)
    assert b"content-encoding: gzip" in parts(first)[0]


def test_a_kept_answer_is_recorded(keeping: Service) -> None:
    path = path_of(keeping, SMALL)
    hits = 'evtmgmt_cache_total{operation="get_event",outcome="hit"}'
    answered = 'evtmgmt_requests_total{backend="realtime",operation="get_event",status="%d"}'
    ask(keeping, path)
    lines = (answered % 200, answered % 304, hits)
    before = [keeping.metric(line) for line in lines]
    ask(keeping, path)
    ask(keeping, path, If_None_Match="*")
    assert [keeping.metric(line) - count for line, count in zip(lines, before, strict=True)] == [1, 1, 2]


def test_browsers_can_be_told_to_ask_each_time() -> None:
    with running_service(cache={"warm": False, "browsers": False}, log_level="error") as running:
        for kind in (SMALL, IMAGE, COUNTED):
            answer = ask(running, path_of(running, kind))
            assert answer["cache-control"] == "no-cache"
            etag = answer["etag"]
            assert etag is not None
            assert ask(running, path_of(running, kind), If_None_Match=etag).status == 304


# Answers that are not kept


def test_an_answer_that_is_not_kept_has_no_validators(service: Service) -> None:
    answer = ask(service, example("get_event", service).path, Accept_Encoding="gzip", If_None_Match="*", Origin=ORIGIN)
    assert (answer.status, answer["content-length"]) == (200, str(len(answer.body)))
    assert answer["access-control-allow-origin"] == ORIGIN
    for absent in ("etag", "age", "x-evtmgmt-cache", "content-encoding"):
        assert answer[absent] is None
    assert answer["cache-control"] == "no-cache"
    assert answer.vary == {"Origin"}


def test_errors_are_never_kept_by_browsers(keeping: Service) -> None:
    answer = ask(keeping, "events/Nowhere", If_None_Match="*", Accept_Encoding="gzip")
    assert (answer.status, answer["cache-control"], answer["etag"], answer["content-encoding"]) == (404, "no-store", None, None)
    assert answer["content-length"] == str(len(answer.body))


# Clients that do not read


@pytest.fixture(scope="module")
def hasty() -> Iterator[Service]:
    """Little time to take an answer."""
    with running_service(
        cache={"warm": False, "max_entry_bytes": KEPT_BYTES},
        limits={"answer_timeout": 0.5},
        upstream={"max_image_bytes": 2 * KEPT_BYTES},
        log_level="error",
    ) as running:
        yield running


def silent(service: Service, path: str) -> socket:
    """A client that asks, and reads nothing."""
    connection = socket()
    connection.setsockopt(SOL_SOCKET, SO_RCVBUF, 4_096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", service.port))
    connection.sendall(f"GET {BASE}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return connection


def rest(connection: socket) -> int:
    """Bytes until the other side ends the connection."""
    size = 0
    try:
        while part := connection.recv(2**20):
            size += len(part)
    except ConnectionError:
        pass
    return size


def within(seconds: float, fits: Callable[[], bool]) -> bool:
    """Ask again and again, so long."""
    end = monotonic() + seconds
    while not (found := fits()) and monotonic() < end:
        pass
    return found


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
    with closing(silent(hasty, path)) as connection:
        gone = within(5, lambda: hasty.metric(DISCONNECTS % operation) == before + 1)
        assert (gone, rest(connection) < size) == (True, True)


@pytest.mark.parametrize("size", [1_000, TAKEN_AT_ONCE + 1, 2_000_000])
def test_a_client_that_reads_gets_all(hasty: Service, size: int) -> None:
    hasty.sandbox.control.reset()
    path = example("list_tracks", hasty).path
    hasty.sandbox.faults.add("body", body=[{"id": "1", "name": "y" * size}])
    before = hasty.metric(DISCONNECTS % "list_tracks")
    answer = ask(hasty, f"{path}?api-version={size}")
    assert (answer.status, answer["content-length"]) == (200, str(len(answer.body)))
    assert len(answer.body) > size
    assert hasty.metric(DISCONNECTS % "list_tracks") == before


# Clients that leave


def reader(service: Service, path: str) -> socket:
    connection = create_connection(("127.0.0.1", service.port), timeout=20)
    connection.sendall(f"GET {BASE}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return connection


@pytest.mark.parametrize("kept", [True, False])
def test_a_client_that_leaves_ends_its_call(keeping: Service, service: Service, kept: bool) -> None:
    running = keeping if kept else service
    running.sandbox.control.reset()
    running.sandbox.faults.add("hang", operation="get_session")
    path = example("get_session", running).path
    left = 'evtmgmt_requests_total{backend="realtime",operation="get_session",status="499"}'
    before = running.metric(DISCONNECTS % "get_session"), running.metric(left)
    with closing(reader(running, path)):
        running.sandbox.recorder.wait(operation="get_session")
    running.sandbox.recorder.wait(operation="get_session", outcome=CANCELLED)
    assert within(10, lambda: running.metric(DISCONNECTS % "get_session") == before[0] + 1)
    assert running.metric(left) == before[1] + 1
    answer = ask(running, path)  # the next one starts anew
    assert (answer.status, len(received(running, "get_session"))) == (200, 2)


def test_a_client_that_leaves_does_not_end_the_call_of_another(keeping: Service) -> None:
    keeping.sandbox.control.reset()
    path = example("list_speakers", keeping).path
    shared = 'evtmgmt_shared_reads_total{operation="list_speakers"}'
    before = keeping.metric(DISCONNECTS % "list_speakers")
    with keeping.sandbox.realtime.lock:
        first = reader(keeping, path)
        keeping.sandbox.recorder.wait(operation="list_speakers")
        second = reader(keeping, path)
        assert within(10, lambda: keeping.metric(shared) == 1)
        first.close()
        assert within(10, lambda: keeping.metric(DISCONNECTS % "list_speakers") == before + 1)
    with closing(second):
        assert second.recv(15) == b"HTTP/1.1 200 OK"
    assert len(received(keeping, "list_speakers")) == 1


def test_a_client_that_leaves_an_image_ends_its_stream(service: Service) -> None:
    service.sandbox.faults.add("slow_drip", seconds=0.05, size=1)
    before = service.metric(DISCONNECTS % "get_speaker_image")
    with closing(reader(service, example("get_speaker_image", service).path)) as connection:
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
    service.sandbox.recorder.wait(operation="get_speaker_image", outcome=CANCELLED)
    assert within(10, lambda: service.metric(DISCONNECTS % "get_speaker_image") == before + 1)


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
        exchange = Exchange(method, b"/", 0.0, "abc")
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


class Line:
    """What a server tells of its client: when it is asked for messages, or by itself."""

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
def line(request: pytest.FixtureRequest) -> Line:
    return Line(request.param)


async def outcome_of(work: Callable[[], Awaitable[Any]], line: Line) -> Any:
    """What becomes of work for a client: its value or its exception. Whatever it is, nothing stays cancelled."""
    task = asyncio.current_task()
    assert task is not None
    found: Any
    try:
        async with UnlessGone(line.scope, line.receive):
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


async def test_work_for_a_client_that_stays_is_done(line: Line) -> None:

    async def work() -> int:
        await settled()
        return 7

    assert await outcome_of(work, line) == 7
    assert line.silent
    assert line.asked == (0 if line.tells else 3)  # messages of a body are passed over


async def test_work_that_never_waits_is_done(line: Line) -> None:
    line.leave()

    async def work() -> int:
        return 7

    assert await outcome_of(work, line) == 7


async def test_work_for_a_client_that_leaves_is_cancelled(line: Line) -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = asyncio.create_task(outcome_of(work, line))
    await settled()
    line.leave()
    assert isinstance(await task, ClientGoneError)
    assert cancelled.is_set()


@pytest.mark.parametrize("answer_first", [True, False])
@pytest.mark.parametrize("ticks", range(6))
async def test_a_client_that_leaves_at_the_moment_of_the_answer(line: Line, answer_first: bool, ticks: int) -> None:
    answer = asyncio.get_running_loop().create_future()

    async def work() -> Any:
        return await answer

    task = asyncio.create_task(outcome_of(work, line))
    await settled()
    steps = [lambda: answer.set_result(7), line.leave]
    first, second = steps if answer_first else reversed(steps)
    first()
    for _ in range(ticks):
        await asyncio.sleep(0)
    if not answer.cancelled():
        second()
    found = await task
    assert found == 7 or isinstance(found, ClientGoneError)


@pytest.mark.parametrize("answer_first", [True, False])
@pytest.mark.parametrize("ticks", range(4))
async def test_a_client_that_leaves_at_the_moment_of_a_failure(line: Line, answer_first: bool, ticks: int) -> None:
    answer = asyncio.get_running_loop().create_future()

    async def work() -> Any:
        return await answer

    task = asyncio.create_task(outcome_of(work, line))
    await settled()
    steps = [lambda: answer.set_exception(ProxyError(UPSTREAM_TIMEOUT)), line.leave]
    first, second = steps if answer_first else reversed(steps)
    first()
    for _ in range(ticks):
        await asyncio.sleep(0)
    if not answer.cancelled():
        second()
    assert isinstance(await task, (ProxyError, ClientGoneError))


@pytest.mark.parametrize("clean_up", ["value", "error"])
async def test_work_that_answers_its_cancellation_leaves_nothing_cancelled(line: Line, clean_up: str) -> None:

    async def work() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if clean_up == "error":
                raise ProxyError(UPSTREAM_TIMEOUT) from None
        return 7

    task = asyncio.create_task(outcome_of(work, line))
    await settled()
    line.leave()
    found = await task
    assert found == 7 if clean_up == "value" else isinstance(found, ProxyError)


async def test_a_cancellation_from_outside_is_not_taken_for_a_client_that_left(line: Line) -> None:
    task = asyncio.create_task(outcome_of(asyncio.Event().wait, line))
    await settled()
    task.cancel()
    assert isinstance(await task, asyncio.CancelledError)
    assert task.cancelling() == 1
    await settled()
    assert line.silent


@pytest.mark.parametrize("outside_first", [True, False])
async def test_a_cancellation_from_outside_counts_more_than_a_client_that_left(line: Line, outside_first: bool) -> None:

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await settled()  # long enough for both

    task = asyncio.create_task(outcome_of(work, line))
    await settled()
    for step in (task.cancel, line.leave) if outside_first else (line.leave, task.cancel):
        step()
    found = await task
    assert isinstance(found, asyncio.CancelledError)
    assert task.cancelling() == 1


async def test_a_time_out_inside_at_the_moment_the_client_leaves(line: Line) -> None:

    async def work() -> None:
        async with asyncio.timeout(None) as bound:
            asyncio.get_running_loop().call_soon(line.leave)
            bound.reschedule(0)  # long ago
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.shield(asyncio.ensure_future(settled()))

    found = await outcome_of(work, line)
    assert isinstance(found, (TimeoutError, ClientGoneError))


async def test_a_time_out_outside_is_a_time_out(line: Line) -> None:

    async def bounded() -> None:
        async with asyncio.timeout(0.01), UnlessGone(line.scope, line.receive):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await bounded()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
