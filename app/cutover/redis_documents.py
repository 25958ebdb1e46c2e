"""The documents of workers in Redis: a hash per kind, a field per worker.

A value is the time of the last put by the clock of Redis, in seconds, a line end, and the document as JSON. Nothing after the
line end: the document was folded.
"""

from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis

from app.cutover.store import FOLDED, FORGET_OWNERS_AFTER, FoldedError, Merge, packed
from app.shared.redis_connection import asking

_PUT: Final = r"""
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept and string.sub(kept, -1) == '\n' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1] .. '\n' .. ARGV[2])
return 1
"""
_FOLD: Final = r"""
-- name and new value of what is folded, a count, so many names and values as they were read, names to forget
local count = tonumber(ARGV[3])
for i = 4, 3 + 2 * count, 2 do
  if (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
end
local now = redis.call('TIME')[1]
for i = 4, 3 + 2 * count, 2 do redis.call('HSET', KEYS[1], ARGV[i], now .. '\n') end
redis.call('HSET', KEYS[1], ARGV[1], now .. '\n' .. ARGV[2])
for i = 4 + 2 * count, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
return 1
"""


class RedisDocuments:
    """The documents.

    Args:
        redis: The connections.
        prefix: What their keys begin with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def put(self, kind: str, owner: str, document: dict[str, Any]) -> None:
        """Keep a worker's document; see ``Store``."""
        async with asking():
            kept = await self._redis.eval(_PUT, 1, self._key(kind), owner, packed(document))
        if not kept:
            raise FoldedError(owner)

    async def read(self, kind: str) -> dict[str, dict[str, Any]]:
        """All documents of a kind by owner."""
        async with asking():
            values = await self._values(kind)
        return {owner: orjson.loads(text) for owner, value in values.items() if (text := value.partition("\n")[2])}

    async def fold(self, kind: str, merge: Merge, older_than_seconds: float) -> None:
        """Make one document of those of owners that are gone; see ``Store``.

        The script does nothing when one of the documents was put, or folded by another process, since it was read.
        """
        async with asking():
            values = await self._values(kind)
            now, _ = await self._redis.time()
        gone, forgotten = [], []
        for owner, value in values.items():
            at, _, text = value.partition("\n")
            if not text:
                forgotten += [owner] if int(at) < now - FORGET_OWNERS_AFTER else []
            elif owner != FOLDED and int(at) < now - older_than_seconds:
                gone.append(owner)
        if not gone:
            return
        before = values.get(FOLDED, "")
        texts = [values[owner].partition("\n")[2] for owner in gone] + ([before.partition("\n")[2]] if before else [])
        folded = packed(merge([orjson.loads(text) for text in texts]))
        read = [FOLDED, before, *(part for owner in gone for part in (owner, values[owner]))]
        async with asking():
            await self._redis.eval(_FOLD, 1, self._key(kind), FOLDED, folded, len(gone) + 1, *read, *forgotten)

    async def _values(self, kind: str) -> dict[str, str]:
        return cast("dict[str, str]", await self._redis.hgetall(self._key(kind)))

    def _key(self, kind: str) -> str:
        return f"{self._prefix}documents:{kind}"
