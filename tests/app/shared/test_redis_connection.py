"""The connection to Redis: its address, its bounds, its troubles in words, and no password in any of it."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from socket import socket

import pytest
from redis.asyncio import Redis
from redis.exceptions import DataError, OutOfMemoryError, ReadOnlyError, ResponseError

from app.cutover.redis_store import RedisStore
from app.cutover.state import CutoverState
from app.shared.redis_connection import WHOLE_SECONDS, asking, in_words, open_redis
from app.sqlite_files import StoreAwayError
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio
PASSWORD = "geheim-3f"


@pytest.fixture(scope="module")
def guarded() -> Iterator[RedisServer]:
    with running_redis(
        "--requirepass", PASSWORD, "--maxmemory", "3mb", "--maxmemory-policy", "noeviction", hurried=True
    ) as server:
        yield server


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Redis]:
    redis = open_redis(url)
    try:
        yield redis
    finally:
        await redis.aclose()


async def trouble(redis: Redis, *command: str) -> str:
    with pytest.raises(StoreAwayError) as away:
        async with asking():
            await redis.execute_command(*command)
    shown = "".join(traceback.format_exception(away.value)) + repr(away.value) + repr(redis)
    assert PASSWORD not in shown
    return str(away.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis:///0",
        "redis://host:port/0",
        "redis://host:99999",
        "redis://host:0",
        f"redis://user:{PASSWORD}@host:{PASSWORD}",
        "redis://host/zero",
        "unix://",
        "redis://[::1",
        f"redis://user:{PASSWORD}@host/0?socket_timeout=9",
        f"redis://user:a?{PASSWORD}@host/0",
        f"redis://user:a?ssl_{PASSWORD}@host/0",
        f"redis://user:{PASSWORD}@host?db={PASSWORD}",
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"must be an address|may have no options|has an option") as refusal:
        open_redis(url)
    assert PASSWORD not in "".join(traceback.format_exception(refusal.value))


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://:p%40ss%3F@host:6380/2",
        "rediss://user:pass@[::1]:6380/0?ssl_ca_certs=/x.pem&ssl_cert_reqs=required",
        "unix:///run/redis.sock?db=2",
        "unix://user:pass@/run/redis.sock",
    ],
)
async def test_addresses_that_can_be_used(url: str) -> None:
    async with connected(url) as redis:
        assert "pass" not in repr(redis).replace("password=<REDACTED>", "")


async def test_credentials_are_told_apart_from_an_absence(guarded: RedisServer) -> None:
    refused = "Redis refuses the user or the password, or the user may not do this"
    async with connected(guarded.url) as redis:
        assert await trouble(redis, "GET", "a") == refused
    async with connected(guarded.url.replace("unix://", f"unix://:wrong{PASSWORD}@")) as redis:
        assert await trouble(redis, "GET", "a") == refused
    async with connected(guarded.url.replace("unix://", f"unix://:{PASSWORD}@")) as redis:
        async with asking():
            await redis.acl_setuser("reader", enabled=True, nopass=True, categories=["+@read"], keys=["*"])
        assert await trouble(redis, "NOSUCH", PASSWORD) == "Redis refuses: ERR"
    async with connected(guarded.url.replace("unix://", f"unix://reader:{PASSWORD}@")) as redis:
        assert await trouble(redis, "SET", "a", "b") == refused


async def test_the_password_is_in_no_error_of_the_store(guarded: RedisServer) -> None:
    store = RedisStore(guarded.url.replace("unix://", f"unix://:wrong{PASSWORD}@"), "one", None)
    assert (await store.open(CutoverState())).version == 0
    with pytest.raises(StoreAwayError) as away:
        await store.change(CutoverState(percent=4), 0, "a", "b")
    assert PASSWORD not in "".join(traceback.format_exception(away.value)) + repr(store) + str(vars(store))
    await store.close()


async def test_a_redis_that_is_full_refuses_the_change_and_the_state_stays(guarded: RedisServer) -> None:
    store = RedisStore(guarded.url.replace("unix://", f"unix://:{PASSWORD}@"), "full", None)
    first = await store.open(CutoverState())
    async with asking():
        await store._redis.config_set("maxmemory", "1")
    with pytest.raises(StoreAwayError, match="Redis has no memory left"):
        await store.change(CutoverState(percent=4), 1, "a", "b")
    with pytest.raises(StoreAwayError):
        await store.put_document("usage", "a", {"n": 1})
    assert await store.current() == first
    async with asking():
        await store._redis.config_set("maxmemory", "0")
    assert (await store.change(CutoverState(percent=4), 1, "a", "b")).version == 2
    await store.close()


async def test_nobody_there_is_told() -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused for certain
        async with connected(f"redis://u:{PASSWORD}@127.0.0.1:{taken.getsockname()[1]}/0") as redis:
            assert await trouble(redis, "GET", "a") == "Redis cannot be reached"


async def test_one_that_says_nothing_is_not_waited_for() -> None:
    """It accepts and is silent; then it speaks so slowly that each single wait is short."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"-")
                await writer.drain()
                await asyncio.sleep(0.05)
        except OSError:
            pass
        finally:
            writer.close()

    sent: list[bytes] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent.append(await reader.read())
        writer.close()

    for handle, words in ((silent, "Redis does not answer within 250 ms"), (drip, "Redis does not answer within 250 ms")):
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        async with server, connected(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}") as redis:
            assert await asyncio.wait_for(trouble(redis, "GET", "a"), WHOLE_SECONDS * 2) == words
    # Once: what became of a change is looked up, it is not made again.
    assert [part.count(b"GET") for part in sent] == [1]


def test_further_errors_in_words() -> None:
    assert in_words(ReadOnlyError("x")) == "Redis is a replica that cannot be written"
    assert in_words(ResponseError("MISCONF Redis is configured to save")) == "Redis refuses: MISCONF"
    assert in_words(ResponseError("some words with a secret")) == "Redis refuses: ResponseError"
    assert in_words(OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")) == "Redis has no memory left"
    assert in_words(DataError("a secret")) == "Redis cannot be used: DataError"


async def test_an_end_that_the_client_swallowed_is_an_end_all_the_same() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        while True:
            async with asking():
                begun.set()
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    assert await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 30)
    assert task.cancelled()
