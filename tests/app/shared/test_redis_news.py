"""Messages of Redis: they wake who waits; without them it looks by itself."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from app.cutover.redis_store import RedisStore
from app.cutover.state import CutoverState
from app.shared import redis_news
from app.shared.redis_connection import open_redis
from app.shared.redis_news import RedisNews
from tests.app.cutover.stores import SEEN_WITHIN
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


async def test_a_message_wakes(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_news, "LOOK_SECONDS", 60)
    redis = open_redis(server.url)
    news = RedisNews(redis, uuid.uuid4().hex)
    await news.listen()
    await news.wait()  # that it listens now
    waiting = asyncio.create_task(news.wait())
    await redis.publish(news._channel, "2")
    await asyncio.wait_for(waiting, 30)
    await news.close()
    await redis.aclose()


async def test_a_change_is_told_to_all(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_news, "LOOK_SECONDS", 60)
    organisation = uuid.uuid4().hex
    store, other = (RedisStore(server.url, organisation, None) for _ in range(2))
    first = await store.open(CutoverState())
    await store._news.listen()
    await store._news.wait()  # that it listens now
    waiting = asyncio.create_task(store.wait_for_change(first))
    changed = await other.change(CutoverState(percent=5), 1, "a", "b")
    assert await asyncio.wait_for(waiting, 30) == changed
    for closing in (store, other):
        await closing.close()


async def test_where_messages_are_forbidden_changes_are_seen_all_the_same(server: RedisServer) -> None:
    admin = open_redis(server.url)
    await admin.acl_setuser("silent", enabled=True, nopass=True, categories=["+@all"], keys=["*"], reset_channels=True)
    organisation = uuid.uuid4().hex
    store = RedisStore(server.url.replace("unix://", "unix://silent:x@"), organisation, None)
    other = RedisStore(server.url, organisation, None)
    first = await other.open(CutoverState())
    waiting = asyncio.create_task(store.wait_for_change(first))
    changed = await other.change(CutoverState(percent=5), 1, "a", "b")
    assert await asyncio.wait_for(waiting, SEEN_WITHIN) == changed
    for closing in (store, other):
        await closing.close()
    await admin.aclose()


async def test_a_lost_connection_is_made_anew(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    redis = open_redis(server.url)
    news = RedisNews(redis, uuid.uuid4().hex)
    await news.listen()
    await news.wait()
    monkeypatch.setattr(redis_news, "LOOK_SECONDS", 0.01)
    await redis.client_kill_filter(_type="pubsub")
    await news.wait()
    await news.listen()
    await news.wait()
    monkeypatch.setattr(redis_news, "LOOK_SECONDS", 60)
    waiting = asyncio.create_task(news.wait())
    await redis.publish(news._channel, "2")
    await asyncio.wait_for(waiting, 30)
    await news.close()
    await redis.aclose()
