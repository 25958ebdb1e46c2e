"""Which bytes are an answer, whose, and whether its connection carries another request: over real sockets."""

import asyncio
from collections.abc import Awaitable, Callable
from socket import SHUT_WR

import httpx
import pytest

from app.client.connection import MOST_HEADER_BYTES, OverTimeError
from tests.app.client.server import OK, Visit, always, body_of, client, get, serving

pytestmark = pytest.mark.anyio

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FOUR = OK + b"Content-Length: 4\r\n\r\n[10]"


def answering(*answers: bytes) -> Callable[[Visit, int], Awaitable[None]]:
    """The first connection gives these answers to its requests; the others give ``[2]``."""

    async def script(visit: Visit, number: int) -> None:
        for answer in answers if number == 1 else [OK + b"Content-Length: 3\r\n\r\n[2]"] * 9:
            await visit.request()
            await visit.say(answer)
        await visit.until_end()

    return script


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        pytest.param(FOUR, 200, b"[10]", id="a length"),
        pytest.param(OK + b"Content-Length: 0\r\n\r\n", 200, b"", id="a length of nothing"),
        pytest.param(OK + b"X-Empty:\r\nContent-Length: 4\r\n\r\n[10]", 200, b"[10]", id="an empty header"),
        pytest.param(CHUNKED + b"2\r\n[1\r\n2;a=b\r\n0]\r\n0\r\n\r\n", 200, b"[10]", id="chunks"),
        pytest.param(CHUNKED + b"4  \r\n[10]\r\n0\r\n\r\n", 200, b"[10]", id="a chunk size filled up with spaces"),
        pytest.param(CHUNKED + b"4\r\n[10]\r\n0\r\nSet-Cookie: a\r\nX: y\r\n\r\n", 200, b"[10]", id="trailers"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", id="204"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, b"", id="304"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b"", id="304 with the length of another"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + FOUR, 200, b"[10]", id="100"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + FOUR, 200, b"[10]", id="103"),
        pytest.param(b"HTTP/1.1 102 Processing\r\nContent-Length: 9\r\n\r\n" + FOUR, 200, b"[10]", id="1xx with a length"),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
async def test_an_answer_ends_where_it_says_and_the_connection_is_used_again(
    answer: bytes, status: int, body: bytes, apart: bool
) -> None:
    async def script(visit: Visit, number: int) -> None:
        while True:
            await visit.request()
            for piece in [answer[place : place + 1] for place in range(len(answer))] if apart else [answer]:
                await visit.say(piece)
                if apart:
                    await asyncio.sleep(0)

    async with serving(script) as server, client() as opened:
        for _ in range(3):
            assert await get(opened, server.url) == (status, body)
        assert [len(visit.requests) for visit in server.visits] == [3]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(OK + b"Connection: close\r\nContent-Length: 4\r\n\r\n[10]", b"[10]", id="connection: close"),
        pytest.param(OK + b"connection: Keep-Alive, Close\r\nContent-Length: 4\r\n\r\n[10]", b"[10]", id="close in a list"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n[10]", b"[10]", id="HTTP/1.0"),
        pytest.param(FOUR + b"garbage", b"[10]", id="bytes after the answer"),
        pytest.param(FOUR + OK, b"[10]", id="the beginning of an answer that nobody asked for"),
        pytest.param(FOUR + OK + b"Content-Length: 5\r\n\r\n[666]", b"[10]", id="an answer that nobody asked for"),
        pytest.param(CHUNKED + b"0\r\n\r\n" + FOUR, b"", id="an answer after chunks"),
        pytest.param(b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n[10]", b"", id="204 with a body"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n[10]", b"", id="304 with a body"),
    ],
)
async def test_a_connection_in_doubt_is_closed_and_its_answer_is_good(answer: bytes, body: bytes) -> None:
    async with serving(answering(answer)) as server, client() as opened:
        assert (await get(opened, server.url))[1] == body
        await server.visits[0].left()
        assert await get(opened, server.url) == (200, b"[2]")
        assert [len(visit.requests) for visit in server.visits] == [1, 1]


async def test_bytes_that_come_while_nobody_asks_are_nobodys_answer() -> None:
    late = asyncio.Event()

    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(FOUR)
        if number == 1:
            await late.wait()
            await visit.say(OK + b"Content-Length: 5\r\n\r\n[666]")
        await visit.until_end()

    async with serving(script) as server, client() as opened:
        assert await get(opened, server.url) == (200, b"[10]")
        late.set()
        await server.visits[0].left()
        assert await get(opened, server.url, "POST") == (200, b"[10]")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("left", [b"", OK + b"Content-Length: 5\r\n\r\n[666]"], ids=["an end", "an answer"])
async def test_what_the_loop_has_not_read_yet_is_seen_before_a_request(method: str, left: bytes) -> None:
    """The server's end, or its bytes, are in the system's buffer, and no turn of the loop has looked."""

    async def script(visit: Visit, number: int) -> None:
        while True:
            await visit.request()
            await visit.say(FOUR)

    async with serving(script) as server, client() as opened:
        assert await get(opened, server.url) == (200, b"[10]")
        # Past the loop, so that it has no turn between this and the next request.
        with server.visits[0].own_socket() as own:
            own.send(left) if left else own.shutdown(SHUT_WR)
        assert await get(opened, server.url, method) == (200, b"[10]")
        assert [len(visit.requests) for visit in server.visits] == [1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\n[10]", id="two lengths"),
        pytest.param(OK + b"Content-Length: 4\r\nContent-Length: 2\r\n\r\n[10]", id="two different lengths"),
        pytest.param(OK + b"Content-Length: 4, 4\r\n\r\n[10]", id="a list of lengths"),
        pytest.param(OK + b"Content-Length: +4\r\n\r\n[10]", id="a length with a sign"),
        pytest.param(OK + b"Content-Length:\r\n\r\n[10]", id="an empty length"),
        pytest.param(OK + b"Content-Length: 99999999999999999999999\r\n\r\n[10]", id="a length without measure"),
        pytest.param(OK + b"Content-Length : 4\r\n\r\n[10]", id="a space before the colon"),
        pytest.param(OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="length and chunks"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", id="chunks and length"),
        pytest.param(OK + b"Transfer-Encoding: gzip\r\n\r\n[10]", id="a coding that nobody offered"),
        pytest.param(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", id="two codings"),
        pytest.param(OK + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", id="chunks and another coding"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="chunked twice"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", id="chunked, then another"),
        pytest.param(OK + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", id="a folded coding"),
        pytest.param(OK + b"A: b\r\n c\r\nContent-Length: 4\r\n\r\n[10]", id="a folded header"),
        pytest.param(OK + b"A: b\nContent-Length: 4\r\n\r\n[10]", id="a line without CR"),
        pytest.param(OK + b"A\0B: c\r\nContent-Length: 4\r\n\r\n[10]", id="a NUL in a name"),
        pytest.param(OK + b"A: b\0c\r\nContent-Length: 4\r\n\r\n[10]", id="a NUL in a value"),
        pytest.param(CHUNKED + b"fffffffffffffffff\r\n", id="a chunk without measure"),
        pytest.param(CHUNKED + b"-4\r\n[10]\r\n0\r\n\r\n", id="a negative chunk"),
        pytest.param(CHUNKED + b"4\r\n[10]00\r\n\r\n", id="a chunk without its end"),
        pytest.param(CHUNKED + b"4\n[10]\n0\n\n", id="chunks without CR"),
        pytest.param(CHUNKED + b"4\r\n[10]\r\n0\r\nContent-Length: 9\r\n\r\n", id="a length among the trailers"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", id="an upgrade"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + FOUR, id="an upgrade to nothing"),
        pytest.param(b"HTTP/1.1 099 No\r\nContent-Length: 4\r\n\r\n[10]", id="a status that is none"),
        pytest.param(b"HTTP/1.1 20 OK\r\nContent-Length: 4\r\n\r\n[10]", id="a short status"),
        pytest.param(b"HTTP/1.1 -20 OK\r\nContent-Length: 4\r\n\r\n[10]", id="a negative status"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"[10]", id="a body alone"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="a request"),
    ],
)
async def test_what_is_no_answer_is_refused_and_never_asked_for_again(answer: bytes) -> None:
    async with serving(answering(answer)) as server, client(read_timeout=30) as opened:
        with pytest.raises(httpx.ReadError):
            await get(opened, server.url)
        await server.visits[0].left()
        assert [len(visit.requests) for visit in server.visits] == [1]
        assert await get(opened, server.url) == (200, b"[2]")


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param((OK, b"X-More: " + b"x" * 1_000 + b"\r\n"), id="headers"),
        pytest.param((OK + b"X-Long: ", b"x" * 1_000), id="a header"),
        pytest.param((b"HTTP/1.1 200 ", b"x" * 1_000), id="a reason"),
        pytest.param((b"", b"\r\n" * 500), id="empty lines"),
        pytest.param((b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 20), id="interim answers"),
        pytest.param((CHUNKED + b"4;", b"x" * 1_000), id="a chunk extension"),
        pytest.param((CHUNKED + b"4\r\n[10]\r\n0\r\n", b"X-More: " + b"x" * 1_000 + b"\r\n"), id="trailers"),
    ],
)
async def test_what_is_no_body_is_bounded(endless: tuple[bytes, bytes]) -> None:
    sent = 0

    async def script(visit: Visit, number: int) -> None:
        nonlocal sent
        first, more = endless
        await visit.request()
        await visit.say(first)
        while sent < 100 * MOST_HEADER_BYTES:
            await visit.say(more)
            sent += len(more)

    async with serving(script) as server, client(read_timeout=30) as opened:
        with pytest.raises(httpx.ReadError):
            await get(opened, server.url, "POST")
        await server.visits[0].left()
        assert sent < 100 * MOST_HEADER_BYTES


async def test_many_headers_within_the_bound_are_taken() -> None:
    headers = b"".join(b"X-%d: %s\r\n" % (number, b"v" * 50) for number in range(900))
    async with serving(always(OK + headers + b"Content-Length: 4\r\n\r\n[10]")) as server, client() as opened:
        answer = await opened.send("GET", server.url, [])
        assert (answer.headers["x-0"], answer.headers["x-899"]) == ("v" * 50, "v" * 50)
        assert await body_of(answer) == b"[10]"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_body_without_a_length_ends_with_the_connection(version: bytes) -> None:
    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(b"HTTP/" + version + b" 200 OK\r\n\r\n[1")
        await visit.say(b"0]")

    async with serving(script) as server, client() as opened:
        for number in (1, 2):
            assert await get(opened, server.url) == (200, b"[10]")
            assert len(server.visits) == number


@pytest.mark.parametrize("begun", [OK + b"Content-Length: 9\r\n\r\n[10]", CHUNKED + b"4\r\n[10]\r\n", CHUNKED + b"9\r\n[10]"])
async def test_a_body_that_breaks_off_is_no_body(begun: bytes) -> None:
    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(begun)

    async with serving(script) as server, client() as opened:
        answer = await opened.send("GET", server.url, [])
        assert await answer.part() == b"[10]"
        with pytest.raises(httpx.ReadError):
            await answer.part()
        assert not answer.ended
        answer.close()
        assert len(server.visits) == 1


async def test_a_reset_is_no_end_of_a_body_without_a_length() -> None:
    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(OK + b"\r\n[10]")
        await reset.wait()
        visit.reset()

    reset = asyncio.Event()
    async with serving(script) as server, client() as opened:
        answer = await opened.send("GET", server.url, [])
        assert await answer.part() == b"[10]"
        reset.set()
        with pytest.raises(httpx.ReadError):
            await answer.part()
        answer.close()


@pytest.mark.parametrize("headers", [b"Content-Length: 4\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"])
async def test_an_answer_to_head_has_no_body_whatever_it_says(headers: bytes) -> None:
    async with serving(answering(OK + headers)) as server, client() as opened:
        assert await get(opened, server.url, "HEAD") == (200, b"")
        assert await get(opened, server.url) == (200, b"[2]")


async def test_an_answer_to_head_with_a_body_is_no_answer_to_the_next() -> None:
    async with serving(answering(FOUR)) as server, client() as opened:
        assert await get(opened, server.url, "HEAD") == (200, b"")
        assert await get(opened, server.url) == (200, b"[2]")
        assert len(server.visits) == 2


async def test_a_server_that_answers_before_it_read_the_request_is_not_asked_again_there() -> None:
    size = 2**23  # more than both systems' buffers hold

    async def script(visit: Visit, number: int) -> None:
        await visit.head()
        await visit.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\n[10]")
        await release.wait()

    release = asyncio.Event()
    async with serving(script) as server, client() as opened:
        answer = await opened.send("POST", server.url, [], b"x" * size)
        assert (answer.status, await body_of(answer)) == (413, b"[10]")
        release.set()
        await server.visits[0].left()
        answer = await opened.send("POST", server.url, [], b"{}")
        await body_of(answer)
        assert len(server.visits) == 2


async def test_an_end_that_is_announced_in_the_middle_of_an_answer_ends_no_answer_that_is_whole() -> None:
    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(FOUR)
        visit.finish()
        await visit.until_end()

    async with serving(script) as server, client() as opened:
        for number in (1, 2, 3):
            assert await get(opened, server.url, "POST") == (200, b"[10]")
            await server.visits[-1].left()
            assert len(server.visits) == number


async def test_silence_is_bounded_from_the_last_byte_on() -> None:
    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(OK + b"Content-Length: 9\r\n\r\n")
        for _ in range(5):
            await asyncio.sleep(0.5)
            await visit.say(b"x")
        await visit.until_end()

    async with serving(script) as server, client(read_timeout=2) as opened:
        answer = await opened.send("GET", server.url, [])
        read = b""
        with pytest.raises(httpx.ReadTimeout):  # noqa: PT012 - what came before counts
            while part := await answer.part():
                read += part
        answer.close()
        assert read == b"xxxxx"
        await server.visits[0].left()


async def test_each_answer_has_its_own_time_on_a_connection() -> None:
    """The clock of a connection is that of the answer it carries: neither the last one's nor the silence's, if that is longer."""

    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(OK + b"Content-Length: 1\r\n\r\nx")
        await visit.request()
        await visit.say(OK + b"Content-Length: 9\r\n\r\nx")
        await visit.until_end()

    async with serving(script) as server, client(read_timeout=60) as opened:
        first = await opened.send("GET", server.url, [], seconds=50)
        assert await body_of(first) == b"x"
        second = await opened.send("GET", server.url, [], seconds=1.5)
        assert await second.part() == b"x"
        with pytest.raises(OverTimeError):
            await second.part()
        second.close()
        await server.visits[0].left()


async def test_a_time_that_is_over_before_there_is_a_connection_sends_nothing() -> None:
    async with serving(always(OK + b"Content-Length: 0\r\n\r\n")) as server, client(connections=1) as opened:
        held = await opened.send("GET", server.url, [])
        with pytest.raises(TimeoutError):
            await opened.send("GET", server.url, [], seconds=0.1)
        held.close()
        assert len(server.visits) == 1
        assert (await get(opened, server.url))[0] == 200


async def test_a_reader_who_takes_its_time_is_no_silence_of_the_server() -> None:
    async with (
        serving(always(OK + b"Content-Length: 600000\r\n\r\n" + b"x" * 600_000)) as server,
        client(read_timeout=1) as opened,
    ):
        answer = await opened.send("GET", server.url, [])
        await asyncio.sleep(1.3)
        assert len(await body_of(answer)) == 600_000
        assert (await get(opened, server.url))[1] == b"x" * 600_000
        assert len(server.visits) == 1
