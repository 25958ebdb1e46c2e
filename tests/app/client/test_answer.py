"""Bodies that come as they are read: back-pressure, what is left of a closed answer, callers who leave."""

import asyncio

import httpx
import pytest

from tests.app.client.server import OK, Visit, always, body_of, client, get, serving

pytestmark = pytest.mark.anyio


async def test_a_server_is_held_up_by_a_reader_who_takes_its_time() -> None:
    size, sent = 2**26, 0

    async def script(visit: Visit, number: int) -> None:
        nonlocal sent
        await visit.request()
        await visit.say(OK + b"Content-Length: %d\r\n\r\n" % size)
        while sent < size:
            await visit.say(b"x" * 2**16)
            sent += 2**16
        await visit.until_end()

    async with serving(script) as server, client() as opened:
        answer = await opened.send("GET", server.url, [])
        before = -1
        while before != sent:  # until nothing moves any more
            before = sent
            await asyncio.sleep(0.2)
        assert sent < size // 4
        read = 0
        while part := await answer.part():
            read += len(part)
        assert read == size
        assert answer.ended
        answer.close()


async def test_a_closed_answer_never_gives_anothers_body() -> None:
    async def script(visit: Visit, number: int) -> None:
        while True:
            await visit.request()
            await visit.say(OK + b"Content-Length: 3\r\n\r\n[%d]" % len(visit.requests))

    async with serving(script) as server, client() as opened:
        first = await opened.send("GET", server.url, [])
        assert await first.part() == b"[1]"
        first.close()
        second = await opened.send("GET", server.url, [])
        assert len(server.visits) == 1
        assert await first.part() == b""
        first.close()  # gives nothing back that is another's by now
        assert await body_of(second) == b"[2]"


async def test_an_answer_that_is_whole_and_not_read_keeps_its_connection_and_its_body() -> None:
    async with serving(always(OK + b"Content-Length: 4\r\n\r\n[10]")) as server, client() as opened:
        first = await opened.send("GET", server.url, [])
        assert first.complete  # it came in one piece
        first.close()
        assert await get(opened, server.url) == (200, b"[10]")
        assert len(server.visits) == 1


async def test_an_answer_that_is_closed_in_its_middle_ends_its_connection() -> None:
    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(OK + b"Content-Length: 9\r\n\r\n[10]")
        await visit.until_end()

    async with serving(script) as server, client(connections=1) as opened:
        answer = await opened.send("GET", server.url, [])
        assert await answer.part() == b"[10]"
        answer.close()
        await server.visits[0].left()
        with pytest.raises(httpx.ReadError):
            await answer.part()
        answer = await opened.send("GET", server.url, [])
        assert len(server.visits) == 2
        answer.close()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", OK, OK + b"Content-Length: 9\r\n\r\n[10]"])
async def test_a_caller_who_leaves_ends_the_connection_and_nobody_gets_the_rest(said: bytes) -> None:
    heard = asyncio.Event()

    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        if number == 1:
            await visit.say(said)
            heard.set()
            await visit.until_end()
        else:
            await visit.say(OK + b"Content-Length: 3\r\n\r\n[2]")

    async with serving(script) as server, client(connections=1) as opened:
        call = asyncio.create_task(get(opened, server.url))
        await heard.wait()
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.visits[0].left()
        assert await get(opened, server.url) == (200, b"[2]")
