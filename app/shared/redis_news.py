"""Messages of Redis that something changed. They only save time: who waits for them looks by itself every so often."""

import asyncio
from contextlib import suppress
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from app.shared.redis_connection import asking
from app.sqlite_files import StoreAwayError

LOOK_SECONDS: Final = 1.0
"""Longest wait for a message: one may have been lost."""


class RedisNews:
    """A channel, for one task that waits.

    Args:
        redis: The connections.
        channel: Its name.
    """

    def __init__(self, redis: Redis, channel: str) -> None:
        self._redis = redis
        self._channel = channel
        self._messages: PubSub | None = None

    async def listen(self) -> None:
        """Hear what is told from now on; again, where the connection was lost."""
        if self._messages is None:
            self._messages = self._redis.pubsub(ignore_subscribe_messages=True)
            try:
                async with asking():
                    await self._messages.subscribe(self._channel)
            except StoreAwayError:
                await self.close()  # the rest of Redis may be there all the same

    async def wait(self) -> None:
        """Until there is a message, or it is time to look."""
        if self._messages is not None:
            try:
                await self._messages.get_message(timeout=LOOK_SECONDS)
                return
            except (RedisError, OSError):
                await self.close()
        await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        """Hear no more."""
        messages, self._messages = self._messages, None
        if messages is not None:
            with suppress(RedisError, OSError):
                await messages.aclose()  # type: ignore[no-untyped-call]
