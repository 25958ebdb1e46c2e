"""Documents in Redis beyond what test_store.py asks of every store."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from app.cutover.redis_documents import RedisDocuments
from app.cutover.store import FOLDED, FoldedError
from app.shared.redis_connection import open_redis
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    redis = open_redis(server.url)
    yield redis
    await redis.aclose()


@pytest.fixture
def documents(redis: Redis) -> RedisDocuments:
    return RedisDocuments(redis, f"{uuid.uuid4().hex}:")


def added(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {"n": sum(document["n"] for document in documents)}


async def age(redis: Redis, documents: RedisDocuments, owner: str, seconds: int) -> None:
    at, _, text = str(await redis.hget(documents._key("usage"), owner)).partition("\n")
    await redis.hset(documents._key("usage"), owner, f"{int(at) - seconds}\n{text}")


async def test_only_what_is_old_is_folded(redis: Redis, documents: RedisDocuments) -> None:
    for owner in ("old", "older", "new"):
        await documents.put("usage", owner, {"n": 1})
    await age(redis, documents, "old", 100)
    await age(redis, documents, "older", 100)
    await documents.fold("usage", added, 90)
    assert await documents.read("usage") == {FOLDED: {"n": 2}, "new": {"n": 1}}
    with pytest.raises(FoldedError):
        await documents.put("usage", "older", {"n": 5})


async def test_who_puts_while_its_document_is_folded_keeps_it(documents: RedisDocuments) -> None:
    """It was asleep and wakes between the look and the script."""
    await documents.put("usage", "a", {"n": 1})
    await documents.put("usage", "b", {"n": 10})
    loop = asyncio.get_running_loop()
    putting: list[asyncio.Task[None]] = []

    def merge(found: list[dict[str, Any]]) -> dict[str, Any]:
        putting.append(loop.create_task(documents.put("usage", "a", {"n": 2})))
        return added(found)

    real = documents._redis.eval

    async def after_the_put(*arguments: Any) -> Any:
        documents._redis.eval = real
        await asyncio.gather(*putting)
        return await real(*arguments)

    documents._redis.eval = after_the_put
    await documents.fold("usage", merge, -5)
    assert len(putting) == 1
    assert await documents.read("usage") == {"a": {"n": 2}, "b": {"n": 10}}
    await documents.fold("usage", added, -5)
    assert await documents.read("usage") == {FOLDED: {"n": 12}}


async def test_what_was_folded_long_ago_stays(redis: Redis, documents: RedisDocuments) -> None:
    await documents.put("usage", "a", {"n": 1})
    await documents.fold("usage", added, -5)
    await age(redis, documents, "a", 40 * 86_400)
    await age(redis, documents, FOLDED, 40 * 86_400)
    await documents.put("usage", "b", {"n": 2})
    await documents.fold("usage", added, -5)
    assert await documents.read("usage") == {FOLDED: {"n": 3}}
    assert set(await redis.hkeys(documents._key("usage"))) == {FOLDED, "b"}
