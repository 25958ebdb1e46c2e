"""Calling Dynamics: bounded bodies, every failure named, nothing told of addresses."""

import gzip
import zlib
from collections.abc import AsyncIterator
from traceback import walk_tb
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app import settings
from app.transport import build_transport
from app.upstream import NOT_SENT, Trouble, Upstream, UpstreamError
from sandbox.server import Sandbox

pytestmark = pytest.mark.anyio
LIMIT = 4_096


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    opened = Upstream(build_transport(settings.Upstream(read_timeout=60), "tests/1"), total_timeout=60, max_answer_bytes=LIMIT)
    yield opened
    await opened.close()


@pytest.fixture
async def hurried() -> AsyncIterator[Upstream]:
    """Bears little silence: for what waits for a time-out."""
    opened = Upstream(build_transport(settings.Upstream(read_timeout=0.3), "tests/1"), total_timeout=60, max_answer_bytes=LIMIT)
    yield opened
    await opened.close()


def url(sandbox: Sandbox, path: str = "events/Family_Day") -> str:
    return f"{sandbox.realtime_endpoint}{path}?emApplicationtoken={quote(sandbox.realtime_token, safe='')}"


def origin(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [("origin", sandbox.realtime_origin)]


def raw(sandbox: Sandbox, body: bytes, *headers: str) -> None:
    """Answer the next request with these bytes."""
    head = "\r\n".join(["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "", ""])
    sandbox.faults.add("raw", body=head + body.decode("latin-1"))


async def test_an_answer_is_read_whole(sandbox: Sandbox, upstream: Upstream) -> None:
    answer = await upstream.call("GET", url(sandbox), origin(sandbox))
    assert answer.status == 200
    assert b'"Family_Day"' in answer.body
    assert answer.headers["content-type"].startswith("application/json")


async def test_of_doubled_headers_the_first_counts(sandbox: Sandbox, upstream: Upstream) -> None:
    raw(sandbox, b"[]", "X-Part: 1", "x-part: 2")
    assert (await upstream.call("GET", url(sandbox), [])).headers["x-part"] == "1"


def deflated(body: bytes) -> bytes:
    return zlib.compress(body)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("X-GZIP", gzip.compress), ("deflate", deflated), ("identity", bytes), (" ", bytes)],
)
async def test_encodings_are_unpacked(sandbox: Sandbox, upstream: Upstream, encoding: str, pack: Any) -> None:
    raw(sandbox, pack(b"[1]"), f"Content-Encoding: {encoding}")
    assert (await upstream.call("GET", url(sandbox), [])).body == b"[1]"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"x"),
        ("gzip, gzip", b"x"),
        ("gzip", b"[1]"),
        ("gzip", gzip.compress(b"[1]" * 50, mtime=0)[:-9]),
        ("gzip", gzip.compress(b"[1]", mtime=0)[:10]),
        ("deflate", b"\x78\x9c"),
        ("deflate", b"[1]"),
    ],
)
async def test_an_encoding_that_cannot_be_read(sandbox: Sandbox, upstream: Upstream, encoding: str, body: bytes) -> None:
    raw(sandbox, body, f"Content-Encoding: {encoding}")
    with pytest.raises(UpstreamError) as failed:
        await upstream.call("GET", url(sandbox), [])
    assert failed.value.trouble is Trouble.UNREADABLE


@pytest.mark.parametrize(("size", "fits"), [(LIMIT, True), (LIMIT + 1, False)])
@pytest.mark.parametrize("packed", [False, True])
async def test_the_limit_is_exact(sandbox: Sandbox, upstream: Upstream, size: int, fits: bool, packed: bool) -> None:
    body = b" " * size
    if packed:
        raw(sandbox, gzip.compress(body), "Content-Encoding: gzip")
    else:
        raw(sandbox, body)
    if fits:
        assert len((await upstream.call("GET", url(sandbox), [])).body) == size
        return
    with pytest.raises(UpstreamError) as failed:
        await upstream.call("GET", url(sandbox), [])
    assert failed.value.trouble is Trouble.TOO_LARGE


@pytest.mark.parametrize(
    ("kind", "values", "trouble"),
    [
        ("hang", {}, Trouble.TIMEOUT),
        ("slow_drip", {"seconds": 30.0}, Trouble.TIMEOUT),
        ("reset", {}, Trouble.BROKEN),
        ("close", {}, Trouble.BROKEN),
        ("close_mid_headers", {}, Trouble.BROKEN),
        ("truncate", {}, Trouble.BROKEN),
        ("truncate_chunked", {}, Trouble.BROKEN),
        ("raw", {"body": "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"}, Trouble.BROKEN),
        ("endless", {}, Trouble.TOO_LARGE),
    ],
)
async def test_troubles_are_named_and_hold_no_address(
    sandbox: Sandbox, upstream: Upstream, hurried: Upstream, kind: str, values: dict[str, Any], trouble: Trouble
) -> None:
    sandbox.faults.add(kind, **values)
    with pytest.raises(UpstreamError) as failed:
        await (hurried if trouble is Trouble.TIMEOUT else upstream).call("POST", url(sandbox), origin(sandbox), b"{}")
    assert failed.value.trouble is trouble
    # The request had arrived, so nobody may say that it was not sent.
    assert trouble not in NOT_SENT
    await sandbox.recorder.wait_async(count=1)
    assert len(sandbox.recorder.find()) == 1
    told = f"{failed.value} {failed.value!r} {failed.value.__cause__!r}"
    assert "http" not in told.lower().replace("httpx", "")
    assert sandbox.realtime_token[:20] not in told


def held_by(error: BaseException | None) -> int:
    """Bytes of bodies in the frames that an error keeps alive, and in those of what led to it."""
    found = 0
    while error is not None:
        for frame, _ in walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                parts = value if isinstance(value, list) else [value]
                found += sum(len(part) for part in parts if isinstance(part, bytes))
        error = error.__context__
    return found


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("endless", {}),
        ("gzip_bomb", {"size": 4 << 20}),
        ("raw", {"body": "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + "x" * 3_000}),
        ("raw", {"body": "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + "x" * 3_000, "ending": "hang"}),
        ("raw", {"body": "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + "x" * 3_000}),
    ],
)
async def test_a_failed_answer_is_not_kept_alive_by_its_error(
    sandbox: Sandbox, upstream: Upstream, hurried: Upstream, kind: str, values: dict[str, Any]
) -> None:
    """Errors lie in reference cycles, and the collector comes round rarely: 132 endless answers once held 2 GB."""
    sandbox.faults.add(kind, times=None, **values)
    with pytest.raises(UpstreamError) as caught:
        await (hurried if values.get("ending") == "hang" else upstream).call("GET", url(sandbox), origin(sandbox))
    assert held_by(caught.value) < 1_000


async def test_an_encoding_of_nothing_is_nothing(sandbox: Sandbox, upstream: Upstream) -> None:
    raw(sandbox, b"", "Content-Encoding: gzip")
    assert (await upstream.call("GET", url(sandbox), [])).body == b""


async def test_the_whole_call_is_bounded_however_busy_it_is(sandbox: Sandbox) -> None:
    transport = build_transport(settings.Upstream(read_timeout=30), "tests/1")
    upstream = Upstream(transport, total_timeout=0.3, max_answer_bytes=LIMIT)
    sandbox.faults.add("slow_drip", seconds=0.02)
    with pytest.raises(UpstreamError, match="the total time is over"):
        await upstream.call("GET", url(sandbox), origin(sandbox))
    sandbox.faults.add("hang")
    with pytest.raises(UpstreamError, match="the total time is over"):
        async with upstream.stream(url(sandbox), origin(sandbox)):
            pass
    await upstream.close()


async def test_a_stream_may_take_longer_than_a_call_once_it_has_begun(sandbox: Sandbox, upstream: Upstream) -> None:
    body = (await upstream.call("GET", url(sandbox), origin(sandbox))).body
    hurried = Upstream(build_transport(settings.Upstream(), "tests/1"), total_timeout=2, max_answer_bytes=LIMIT)
    sandbox.faults.add("slow_drip", seconds=0.16, size=len(body) // 15)
    async with hurried.stream(url(sandbox), origin(sandbox)) as stream:
        assert b"".join([chunk async for chunk in stream.chunks]) == body
    await hurried.close()


async def test_a_stream_is_handed_on_as_it_comes(sandbox: Sandbox, upstream: Upstream) -> None:
    raw(sandbox, gzip.compress(b"x" * 100_000), "Content-Encoding: gzip")
    async with upstream.stream(url(sandbox), []) as stream:
        assert gzip.decompress(b"".join([chunk async for chunk in stream.chunks])) == b"x" * 100_000


async def test_a_stream_that_is_left_ends_upstream(sandbox: Sandbox, upstream: Upstream) -> None:
    sandbox.faults.add("endless")
    async with upstream.stream(url(sandbox), origin(sandbox)) as stream:
        assert await anext(stream.chunks)
    await sandbox.recorder.wait_async(outcome="cancelled")


async def test_a_stream_that_breaks_off_says_so(sandbox: Sandbox, upstream: Upstream) -> None:
    body = "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + "x" * 500_000
    sandbox.faults.add("raw", body=body)
    size = 0
    with pytest.raises(UpstreamError) as failed:  # noqa: PT012 - what came before counts
        async with upstream.stream(url(sandbox), origin(sandbox)) as stream:
            async for chunk in stream.chunks:
                size += len(chunk)
    assert failed.value.trouble is Trouble.BROKEN
    assert 0 < size <= 500_000


async def test_why_nothing_can_be_reached_is_told(upstream: Upstream) -> None:
    for address, reason in (("http://127.0.0.1:1/", "the connection was refused"), ("http://dns.invalid/", "does not resolve")):
        with pytest.raises(UpstreamError, match=reason) as failed:
            await upstream.call("POST", address, [], b"{}")
        assert failed.value.trouble is Trouble.UNREACHABLE
        assert httpx.URL(address).host not in str(failed.value)
