"""Which connections are kept, for how long, and who gets them."""

import asyncio
from socket import SHUT_WR

import httpx
import pytest

from tests.app.client.server import OK, Visit, always, body_of, client, get, serving

pytestmark = pytest.mark.anyio
FOUR = OK + b"Content-Length: 4\r\n\r\n[10]"


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    async with serving(always(FOUR)) as server, client(keep_alive=0.2) as opened:
        await get(opened, server.url)
        await server.visits[0].left()
        await get(opened, server.url)
        assert len(server.visits) == 2


@pytest.mark.parametrize(
    ("told", "kept"), [(b"timeout=1", False), (b"max=5, TIMEOUT = 1", False), (b"timeout=60", True), (b"x", True)]
)
async def test_a_connection_that_the_server_is_about_to_close_is_not_used(told: bytes, kept: bool) -> None:
    async with serving(always(OK + b"Keep-Alive: " + told + b"\r\nContent-Length: 4\r\n\r\n[10]")) as server, client() as opened:
        await get(opened, server.url)
        await get(opened, server.url, "POST")
        assert len(server.visits) == (1 if kept else 2)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_restart_of_the_server_costs_a_read_one_attempt_and_a_write_none(method: str) -> None:
    """Ten kept connections, all of them dead, and the loop has not heard of it: the next call opens a new one."""
    together = asyncio.Barrier(10)

    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        if number <= 10:
            await together.wait()
        await visit.say(FOUR)
        await visit.until_end()

    async with serving(script) as server, client() as opened:
        await asyncio.gather(*(get(opened, server.url) for _ in range(10)))
        assert len(server.visits) == 10
        for visit in server.visits:
            with visit.own_socket() as own:
                own.shutdown(SHUT_WR)
        assert await get(opened, server.url, method) == (200, b"[10]")
        assert [len(visit.requests) for visit in server.visits] == [1] * 11


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("kept", [True, False])
async def test_nothing_is_sent_again(method: str, kept: bool) -> None:
    dying = not kept

    async def script(visit: Visit, number: int) -> None:
        while True:
            await visit.request()
            if dying:
                return
            await visit.say(FOUR)

    async with serving(script) as server, client() as opened:
        if kept:
            await get(opened, server.url)
        before = sum(len(visit.requests) for visit in server.visits)
        dying = True
        with pytest.raises(httpx.ReadError):
            await get(opened, server.url, method)
        assert sum(len(visit.requests) for visit in server.visits) - before == 1


async def test_after_a_connection_without_an_answer_the_others_to_that_server_are_not_used() -> None:
    together = asyncio.Barrier(3)

    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        if number <= 3:
            await together.wait()
        await visit.say(FOUR)
        await visit.request()  # and ends without an answer

    async with serving(script) as server, client() as opened:
        await asyncio.gather(*(get(opened, server.url) for _ in range(3)))
        with pytest.raises(httpx.ReadError):
            await get(opened, server.url)
        assert await get(opened, server.url) == (200, b"[10]")
        assert len(server.visits) == 4


async def test_connections_lead_where_they_lead() -> None:
    async with (
        serving(always(FOUR)) as one,
        serving(always(OK + b"Content-Length: 3\r\n\r\n[2]")) as other,
        client(connections=2) as opened,
    ):
        for _ in range(3):
            assert await get(opened, one.url) == (200, b"[10]")
            assert await get(opened, other.url) == (200, b"[2]")
        assert (len(one.visits), len(other.visits)) == (1, 1)


async def test_the_bound_holds_for_all_servers_together() -> None:
    async with serving(always(FOUR)) as one, serving(always(FOUR)) as other, client(connections=1) as opened:
        await get(opened, one.url)
        await get(opened, other.url)
        await one.visits[0].left()
        await get(opened, one.url)
        assert len(one.visits) == 2


async def test_answers_are_never_mixed() -> None:
    """200 callers, 10 connections, a third of the callers leave at some point: everybody else gets what it asked for."""

    async def script(visit: Visit, number: int) -> None:
        while True:
            asked = (await visit.request()).split(b" ")[1]
            await asyncio.sleep(0.001 * (len(visit.requests) % 3))
            await visit.say(OK + b"Content-Length: %d\r\n\r\n" % len(asked))
            await asyncio.sleep(0)
            await visit.say(asked)

    async def caller(number: int) -> bool:
        url = f"{server.url}/{number}"
        try:
            async with asyncio.timeout(0.001 * (number % 9) if number % 3 == 0 else 60):
                answer = await opened.send("GET", url, [])
                assert await body_of(answer) == f"/x/{number}".encode()
                return True
        except TimeoutError:
            return False

    async with serving(script) as server, client(connections=10, pool_timeout=60) as opened:
        for _ in range(3):
            served = await asyncio.gather(*(caller(number) for number in range(200)))
            assert sum(served) >= 133
        assert max(len(visit.requests) for visit in server.visits) > 5
        assert await asyncio.gather(*(get(opened, server.url) for _ in range(10))) == [(200, b"/x")] * 10


async def test_a_connection_is_opened_to_its_end_for_the_next_caller() -> None:
    async with serving(always(FOUR)) as server, client(connections=1) as opened:
        for _ in range(3):
            call = asyncio.create_task(get(opened, server.url))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert await get(opened, server.url) == (200, b"[10]")
        assert len(server.visits) == 1


async def test_all_is_closed_at_the_end() -> None:
    asked = asyncio.Event()

    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(FOUR)
        await visit.request()
        asked.set()
        await visit.until_end()

    async with serving(script) as server:
        async with client() as opened:
            await asyncio.gather(*(get(opened, server.url) for _ in range(3)))
            call = asyncio.create_task(get(opened, server.url, "POST"))
            await asked.wait()
        for visit in server.visits:
            await visit.left()
        with pytest.raises(httpx.ReadError):
            await call
        with pytest.raises(httpx.ConnectError):
            await get(opened, server.url)
