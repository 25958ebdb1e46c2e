"""app/caching/finishing.py: what is made of a reply that is to be kept, and how its body is collected."""

import asyncio
import gzip
import random
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.caching import finishing
from app.caching.cache import Cache, Entry, key_of
from app.caching.finishing import INLINE_BYTES, LEAST_COMPRESSED, Finisher, pack
from app.calls import JSON, Call, Header, Reply, header_lines
from app.metrics import Metrics
from tests.examples import assert_error, example, named, received
from tests.service import Service, running_service
from translation.errors import UPSTREAM_ANSWER_TOO_LARGE, UPSTREAM_TIMEOUT, ProxyError
from translation.freshness import Lifetime
from translation.operations import BY_NAME, OPERATIONS, Operation

pytestmark = pytest.mark.anyio

LIFETIME = Lifetime(30, 600, 86_400)
GUID = "0b8d1f5e-2f0a-4a55-8c0c-5d1a5d1c000a"
KEPT = [operation for operation in OPERATIONS if operation.freshness is not None]
TEXT = b'{"name": "Contoso Open Day", "city": "M\xc3\xbcnchen"}, ' * 200
NOISE = random.Random(7).randbytes(200_000)
PNG = b"image/png"


def call(name: str = "get_event") -> Call:
    operation = BY_NAME[name]
    parameters = dict.fromkeys(operation.parameters, GUID)
    return Call(operation, parameters, parameters)


class Desk:
    """A finisher and the cache it tells."""

    def __init__(self, max_bytes: int = 2**20, timeout: float = 30, browsers: bool = True, shared: bool = True) -> None:
        self.cache = Cache(10 * 2**20, 100, Metrics())
        self.finisher = Finisher(self.cache, max_bytes, timeout, browsers, shared)

    async def finish(self, reply: Reply, name: str = "get_event", lifetime: Lifetime = LIFETIME) -> Entry | None:
        asked = call(name)
        return await self.finisher.finish(key_of(asked), asked, reply, lifetime)

    async def made(
        self, body: bytes, content_type: bytes = JSON, headers: list[Header] | None = None, name: str = "get_event",
        lifetime: Lifetime = LIFETIME,
    ) -> Entry:  # fmt: skip
        found = await self.finish(Reply(200, content_type, body, headers or []), name, lifetime)
        assert found is not None
        return found


class Stream:
    """A body that comes in parts, and whether it was read and closed."""

    def __init__(self, *parts: bytes | Exception, length: int | None = None, hangs: bool = False) -> None:
        self.parts = parts
        self.hangs = hangs
        self.read = 0
        self.waits = asyncio.Event()
        self.closed = 0
        self.resources = AsyncExitStack()
        self.resources.callback(self.close)
        self.reply = Reply(200, PNG, headers=[], chunks=self.chunks(), length=length, resources=self.resources)

    def close(self) -> None:
        self.closed += 1

    async def chunks(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            self.read += 1
            if isinstance(part, Exception):
                raise part
            yield part
        if self.hangs:
            self.waits.set()
            await asyncio.Event().wait()


# Validators and header lines


async def test_a_validator_is_weak_and_of_the_body_alone() -> None:
    desk = Desk()
    first = await desk.made(b"[1]")
    assert first.etag.startswith(b'W/"')
    assert first.etag.endswith(b'"')
    assert b"," not in first.etag
    again = await Desk(browsers=False).made(b"[1]", PNG, [(b"x-more", b"1")], "list_events", Lifetime(1, 1, 1))
    assert again.etag == first.etag
    assert (await desk.made(b"[2]")).etag != first.etag


@given(st.binary(max_size=50), st.binary(max_size=50))
async def test_other_bodies_have_other_validators(one: bytes, other: bytes) -> None:
    desk = Desk()
    assert ((await desk.made(one)).etag == (await desk.made(other)).etag) == (one == other)


async def test_head_lines() -> None:
    made = await Desk().made(TEXT)
    assert made.head == [
        (b"x-content-type-options", b"nosniff"),
        (b"x-evtmgmt-backend", b"realtime"),
        (b"etag", made.etag),
        (b"cache-control", b"public, max-age=30"),
        (b"vary", b"Accept-Encoding"),
    ]
    assert (made.body, made.content_type, made.packed, made.key) == (TEXT, JSON, None, key_of(call()))
    assert made.unchanged.lines == (
        b"x-content-type-options: nosniff\r\nx-evtmgmt-backend: realtime\r\netag: %b\r\n"
        b"cache-control: public, max-age=30\r\nvary: Accept-Encoding\r\n" % made.etag
    )


async def test_forms_of_an_answer() -> None:
    desk = Desk()
    made = await desk.made(TEXT)
    own = b"content-type: %b\r\ncontent-length: %d\r\n"
    assert (made.whole.body, made.unchanged.body, made.gzip) == (TEXT, b"", None)
    assert made.whole.lines == own % (JSON, len(TEXT)) + made.unchanged.lines
    packed = await desk.finisher.packed(made)
    assert made.gzip is not None
    assert made.gzip.body == packed
    assert made.gzip.lines == b"content-encoding: gzip\r\n" + own % (JSON, len(packed)) + made.unchanged.lines
    for form in (made.whole, made.gzip, made.unchanged):
        assert form.lines == header_lines(form.headers)


async def test_a_small_answer_has_no_form_in_gzip() -> None:
    assert (await Desk().made(b"[]")).gzip is None


async def test_headers_of_the_reply_are_kept_but_for_its_cache_control() -> None:
    headers = [(b"content-security-policy", b"sandbox"), (b"cache-control", b"public, max-age=3600"), (b"x-last", b"1")]
    made = await Desk().made(b"\x89PNG", PNG, headers)
    assert made.head == [
        (b"x-content-type-options", b"nosniff"),
        (b"x-evtmgmt-backend", b"realtime"),
        (b"etag", made.etag),
        (b"cache-control", b"public, max-age=30"),
        (b"content-security-policy", b"sandbox"),
        (b"x-last", b"1"),
    ]
    assert len(headers) == 3  # the reply is as it was


@pytest.mark.parametrize(("fresh", "said"), [(30, 30), (3_600.0, 3_600), (0.9, 0), (0, 0), (2_592_000, 2_592_000)])
async def test_browsers_keep_an_answer_for_whole_seconds_that_it_is_fresh(fresh: float, said: int) -> None:
    made = await Desk().made(b"[]", lifetime=Lifetime(fresh, 600, 600))
    assert dict(made.head)[b"cache-control"] == b"public, max-age=%d" % said


@pytest.mark.parametrize("operation", KEPT, ids=named)
@pytest.mark.parametrize("browsers", [True, False])
async def test_what_a_registration_changes_has_to_be_asked_for(operation: Operation, browsers: bool) -> None:
    made = await Desk(browsers=browsers).made(b"[]", name=operation.name)
    lasting = browsers and not operation.follows_registrations
    assert dict(made.head)[b"cache-control"] == (b"public, max-age=30" if lasting else b"no-cache")


@pytest.mark.parametrize("browsers", [True, False])
async def test_where_two_may_answer_the_same_address_caches_in_front_keep_nothing(browsers: bool) -> None:
    made = await Desk(browsers=browsers, shared=False).made(TEXT)
    assert dict(made.head)[b"cache-control"] == (b"private, max-age=30" if browsers else b"no-cache")


# Compression


@pytest.mark.parametrize("body", [TEXT, b"0" * 100_000, NOISE.hex().encode()])
async def test_gzip_is_the_same_each_time_and_smaller(body: bytes) -> None:
    desk = Desk()
    first, second = await desk.made(body), await desk.made(body)
    packed = await desk.finisher.packed(first)
    assert 0 < len(packed) < len(body)
    assert gzip.decompress(packed) == body
    assert packed[4:8] == bytes(4)  # no time of day (RFC 1952 2.3)
    assert packed == await desk.finisher.packed(second) == pack(body)
    assert await desk.finisher.packed(first) is packed


@given(st.binary(max_size=3_000) | st.text(max_size=50).map(lambda text: text.encode() * 40))
def test_what_is_packed_is_smaller_and_unpacks_to_the_same(body: bytes) -> None:
    packed = pack(body)
    if packed:
        assert len(packed) < len(body)
        assert zlib.decompress(packed, 31) == body


async def test_what_does_not_become_smaller_is_never_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    made = await desk.made(NOISE[:2_000])
    assert await desk.finisher.packed(made) == b""
    assert made.packed == b""
    monkeypatch.setattr(finishing, "pack", None)
    assert await desk.finisher.packed(made) == b""


@pytest.mark.parametrize(
    ("content_type", "worth"),
    [
        (JSON, True),
        (b"application/json", True),
        (b"image/svg+xml", True),
        (b"text/calendar", True),
        (PNG, False),
        (b"image/jpeg", False),
        (b"image/webp", False),
    ],
)
async def test_only_text_is_compressed(content_type: bytes, worth: bool) -> None:
    made = await Desk().made(TEXT, content_type)
    assert made.packed == (None if worth else b"")
    assert ((b"vary", b"Accept-Encoding") in made.head) is worth


@pytest.mark.parametrize(("size", "worth"), [(0, False), (LEAST_COMPRESSED - 1, False), (LEAST_COMPRESSED, True)])
async def test_small_bodies_are_not_compressed(size: int, worth: bool) -> None:
    made = await Desk().made(b"0" * size)
    assert made.packed == (None if worth else b"")
    assert ((b"vary", b"Accept-Encoding") in made.head) is worth


@pytest.fixture
def packings(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads in which bodies are compressed from now on, one for each time."""
    found = []

    def noted(body: bytes) -> bytes:
        found.append(threading.current_thread())
        return pack(body)

    monkeypatch.setattr(finishing, "pack", noted)
    return found


async def test_bodies_of_usual_size_are_compressed_at_once(packings: list[threading.Thread]) -> None:
    desk = Desk()
    made = await desk.made(b"0" * INLINE_BYTES)
    desk.cache.put(made)
    before = desk.cache.used_bytes
    for _ in range(3):
        packed = await desk.finisher.packed(made)
    assert packings == [threading.current_thread()]
    assert desk.cache.used_bytes == before + len(packed)


async def test_a_large_body_is_compressed_once_in_a_thread_for_all_who_ask(packings: list[threading.Thread]) -> None:
    desk = Desk()
    made = await desk.made(b"0" * (INLINE_BYTES + 1))
    desk.cache.put(made)
    before = desk.cache.used_bytes
    found = await asyncio.gather(*(desk.finisher.packed(made) for _ in range(100)))
    assert len(packings) == 1
    assert packings[0] is not threading.current_thread()
    assert all(one is made.packed for one in found)
    assert desk.cache.used_bytes == before + len(found[0])
    assert await desk.finisher.packed(made) is found[0]
    assert len(packings) == 1


async def test_other_requests_do_not_wait_while_a_large_body_is_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(body: bytes) -> bytes:
        loop.call_soon_threadsafe(begun.set)
        assert goes_on.wait(60)
        return pack(body)

    monkeypatch.setattr(finishing, "pack", slow)
    desk = Desk()
    made = await desk.made(b"0" * (INLINE_BYTES + 1))
    first, second = (asyncio.create_task(desk.finisher.packed(made)) for _ in range(2))
    await begun.wait()  # the loop goes on
    first.cancel()  # who leaves takes nobody's answer
    await asyncio.gather(first, return_exceptions=True)
    goes_on.set()
    assert await second == made.packed != b""


async def test_two_large_bodies_do_not_mix(packings: list[threading.Thread]) -> None:
    desk = Desk()
    bodies = [bytes([number]) * (INLINE_BYTES + 1) for number in range(4)]
    made = [await desk.made(body) for body in bodies]
    packed = await asyncio.gather(*(desk.finisher.packed(one) for one in made * 3))
    assert [gzip.decompress(one) for one in packed] == bodies * 3
    assert len(packings) == 4


# Streamed bodies


async def test_a_streamed_body_is_collected_and_closed() -> None:
    stream = Stream(b"\x89PN", b"", b"G", b"x" * 100, length=104)
    made = await Desk(max_bytes=104).finish(stream.reply, "get_speaker_image")
    assert made is not None
    assert (made.body, made.content_type, stream.closed) == (b"\x89PNG" + b"x" * 100, PNG, 1)
    assert made.etag == (await Desk().made(made.body)).etag


async def test_what_says_that_it_is_too_large_is_not_read() -> None:
    stream = Stream(b"x", length=105)
    assert await Desk(max_bytes=104).finish(stream.reply, "get_speaker_image") is None
    assert (stream.read, stream.closed) == (0, 1)


async def test_what_becomes_too_large_is_read_no_further() -> None:
    stream = Stream(b"x" * 60, b"x" * 45, b"x", hangs=True)
    assert await Desk(max_bytes=104).finish(stream.reply, "get_speaker_image") is None
    assert (stream.read, stream.closed) == (2, 1)


async def test_a_whole_body_is_there_already_however_large() -> None:
    """Whether it is kept is for the cache to say."""
    made = await Desk(max_bytes=1_000).made(b"0" * 1_001)
    assert len(made.body) == 1_001


async def test_a_body_that_does_not_come_in_time_is_a_time_out() -> None:
    stream = Stream(b"x", hangs=True)
    with pytest.raises(ProxyError) as refused:
        await Desk(timeout=0.02).finish(stream.reply, "get_speaker_image")
    assert refused.value.kind is UPSTREAM_TIMEOUT
    assert stream.closed == 1
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("error", [ProxyError(UPSTREAM_ANSWER_TOO_LARGE), LookupError()])
async def test_a_failure_of_the_body_is_the_callers(error: Exception) -> None:
    stream = Stream(b"x", error)
    with pytest.raises(type(error)) as refused:
        await Desk().finish(stream.reply, "get_speaker_image")
    assert refused.value is error
    assert stream.closed == 1


async def test_a_body_is_closed_when_nobody_waits_for_it() -> None:
    stream = Stream(b"x", hangs=True)
    task = asyncio.create_task(Desk().finish(stream.reply, "get_speaker_image"))
    await stream.waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stream.closed == 1


# Beside a Dynamics whose images break off


@pytest.fixture(scope="module")
def keeping() -> Iterator[Service]:
    with running_service(
        cache={"warm": False, "max_entry_bytes": 100_000}, upstream={"connections": 1}, log_level="error"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def hurried() -> Iterator[Service]:
    """One that gives up soon."""
    with running_service(cache={"warm": False}, upstream={"connections": 1, "total_timeout": 2}, log_level="error") as running:
        yield running


def image(service: Service) -> str:
    return example("get_speaker_image", service).path


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (lambda faults: faults.add("truncate"), "UpstreamFailed", 502),
        (lambda faults: faults.add("truncate_chunked"), "UpstreamFailed", 502),
        (lambda faults: faults.add("slow_drip", seconds=0.3, size=10), "UpstreamTimeout", 504),
    ],
)
def test_half_an_image_is_an_error_and_not_kept(
    keeping: Service, hurried: Service, fault: Callable[..., None], code: str, status: int
) -> None:
    keeping = hurried if status == 504 else keeping
    keeping.sandbox.control.reset()
    fault(keeping.sandbox.faults)
    keeping.realtime.reading._cache.remove(key_of(asked_for(keeping)))
    assert_error(keeping.get(image(keeping)), code, status)
    # The one connection that there may be is free again.
    answer = keeping.get(image(keeping))
    assert (answer.status_code, answer.headers["x-evtmgmt-cache"]) == (200, "miss")
    assert keeping.get(image(keeping)).headers["x-evtmgmt-cache"] == "hit"
    assert len(received(keeping)) == 2


def asked_for(service: Service) -> Call:
    parameters = example("get_speaker_image", service).parameters
    return Call(BY_NAME["get_speaker_image"], parameters, parameters)


def test_an_image_that_is_too_large_to_be_kept_is_streamed(keeping: Service) -> None:
    keeping.sandbox.control.reset()
    keeping.realtime.reading._cache.remove(key_of(asked_for(keeping)))
    body = b"\x89PNG\r\n\x1a\n" + bytes(100_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    keeping.sandbox.faults.add("raw", body=head + body.decode("latin-1"), times=None)
    for _ in range(2):
        answer = keeping.get(image(keeping))
        assert (answer.status_code, answer.content) == (200, body)
        assert "etag" not in answer.headers
        assert "age" not in answer.headers
