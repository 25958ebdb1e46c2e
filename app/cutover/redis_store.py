"""The state in Redis or Valkey, for replicas on several hosts.

A change is one script: it compares the version, writes the state and the audit line, and tells the others. All keys of an
organisation are in one slot. What was known last is kept in SQLite as well, where there is a directory.
"""

import asyncio
import time
from typing import Any, Final

import orjson
import structlog
from pydantic import ValidationError

from app.cutover.redis_documents import RedisDocuments
from app.cutover.sqlite import SqliteStore
from app.cutover.state import CutoverState
from app.cutover.store import (
    AUDIT_LINES,
    SETTINGS,
    Change,
    ConflictError,
    Merge,
    Snapshot,
    StoreAwayError,
    author,
    difference,
    packed,
)
from app.shared.names import prefix_of
from app.shared.redis_connection import asking, open_redis
from app.shared.redis_news import RedisNews

log = structlog.get_logger("evtmgmt.cutover")
DEADLINE_SECONDS: Final = 0.2
"""How long Redis may carry out a change: less than is waited for its answer, so that none is made after it was given up."""
_WRITE: Final = """
local now = redis.call('TIME')
if now[1] + now[2] / 1000000 > tonumber(ARGV[1]) then return 'late' end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version < tonumber(ARGV[2]) or version > tonumber(ARGV[3]) then return 'conflict' end
redis.call('HSET', KEYS[1], 'version', ARGV[4], 'at', ARGV[5], 'document', ARGV[6])
redis.call('ZREMRANGEBYSCORE', KEYS[2], ARGV[4], '+inf')
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[7])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - tonumber(ARGV[8]))
redis.call('PUBLISH', ARGV[9], ARGV[4])
return 'done'
"""


class RedisStore:
    """The store in Redis.

    Args:
        url: Its address, which may have a password in it.
        organisation: What tells organisations apart that share a Redis. Only its hash is used.
        local: Where what was known last is kept for a start while Redis is away; None for nowhere.

    Raises:
        ValueError: The address cannot be used; in words, without it.
    """

    place = "Redis"
    durable = True

    def __init__(self, url: str, organisation: str, local: SqliteStore | None) -> None:
        self._redis = open_redis(url)
        self._prefix = prefix_of(organisation)
        self._news = RedisNews(self._redis, self._key("news"))
        self._documents = RedisDocuments(self._redis, self._prefix)
        self._local = local
        self._local_fails = False
        self._known: Snapshot | None = None

    async def open(self, initial: CutoverState) -> Snapshot:
        """What Redis holds. Where it holds nothing, or is away: what was known last on this host, else ``initial``."""
        last = await self._remembered()
        try:
            kept, _ = await self._read()
            if kept is None:
                kept = await self._restore(last or Snapshot(0, time.time(), initial))
        except StoreAwayError:
            self._known = last or Snapshot(0, time.time(), initial)
            return self._known
        await self._learn(kept)
        return kept

    async def current(self) -> Snapshot | None:
        """What Redis holds; None when it is nothing, and nothing was known before.

        What was known is put back when Redis has lost it, or the last changes: it was restarted without its data, or a
        replica that had not got them took over.
        """
        return (await self._look())[0]

    async def change(self, state: CutoverState, expected: int, who: str, why: str) -> Snapshot:
        """Keep a state; see ``Store``."""
        who, why = author(who, why)
        current, now = await self._look()
        if current is None:
            raise StoreAwayError("Redis holds no state yet")
        if current.version != expected:
            raise ConflictError(current)
        if not difference(current.state, state)[1]:
            return current
        new = Snapshot(expected + 1, max(time.time(), current.at), state)
        try:
            done = await self._write(new, current, who, why, (expected, expected), now)
        except StoreAwayError as away:
            await asyncio.sleep(DEADLINE_SECONDS)  # carried out or not, it is decided then
            if not await self._holds(new):
                raise StoreAwayError(f"{away}; look at the state before you try again") from None
            done = "done"
        if done == "conflict":
            kept, _ = await self._look()
            raise ConflictError(kept or current)
        if done == "late":
            raise StoreAwayError("Redis was too slow: nothing was changed")
        await self._learn(new)
        return new

    async def audit(self, limit: int, before_version: int | None = None) -> list[Change]:
        """Audit lines, the newest first."""
        newest = "+inf" if before_version is None else f"({before_version}"
        async with asking():
            lines = await self._redis.zrange(
                self._key("audit"), newest, "-inf", desc=True, byscore=True, offset=0, num=max(limit, 0)
            )
        return [Change(**orjson.loads(str(line))) for line in lines]

    async def wait_for_change(self, known: Snapshot) -> Snapshot:
        """The next state that is not ``known``. One task of a process may wait."""
        while True:
            await self._news.listen()
            current = await self.current()
            if current is not None and not current.same(known):
                return current
            await self._news.wait()

    async def put_document(self, kind: str, owner: str, document: dict[str, Any]) -> None:
        """Keep a worker's document; see ``Store``."""
        await self._documents.put(kind, owner, document)

    async def documents(self, kind: str) -> dict[str, dict[str, Any]]:
        """All documents of a kind by owner."""
        return await self._documents.read(kind)

    async def fold(self, kind: str, merge: Merge, older_than_seconds: float) -> None:
        """Make one document of those of owners that are gone; see ``Store``."""
        await self._documents.fold(kind, merge, older_than_seconds)

    async def close(self) -> None:
        """Close the connections and the file."""
        await self._news.close()
        await self._redis.aclose()
        if self._local is not None:
            await self._local.close()

    async def _look(self) -> tuple[Snapshot | None, float]:
        """What Redis holds, put back where it was lost, and the time there."""
        kept, now = await self._read()
        known = self._known
        if known is not None and (kept is None or kept.version < known.version):
            kept = await self._restore(known)
        if kept is not None:
            await self._learn(kept)
        return kept, now

    async def _read(self) -> tuple[Snapshot | None, float]:
        async with asking(), self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hmget(self._key("state"), ["version", "at", "document"])
            pipeline.time()
            (version, at, document), (seconds, microseconds) = await pipeline.execute()
        now = seconds + microseconds / 1e6
        if document is None:
            return None, now
        try:
            return Snapshot(int(version), float(at), CutoverState.model_validate_json(document)), now
        except ValidationError as invalid:
            reason = invalid.errors(include_url=False)[0]["msg"]
            raise StoreAwayError(f"the state in Redis cannot be read by this version of the proxy: {reason}") from None

    async def _write(self, new: Snapshot, old: Snapshot | None, who: str, why: str, versions: tuple[int, int], now: float) -> str:
        before, after = difference(old.state if old is not None else None, new.state)
        line = packed(Change(new.version, new.at, who, before, after, why).document())
        arguments = (now + DEADLINE_SECONDS, *versions, new.version, repr(new.at), new.state.model_dump_json(), line)
        async with asking():
            done = await self._redis.eval(
                _WRITE, 2, self._key("state"), self._key("audit"), *arguments, AUDIT_LINES, self._key("news")
            )
        return str(done)

    async def _restore(self, known: Snapshot) -> Snapshot:
        """Put what was known in the place of less, or of nothing; gives what Redis holds then."""
        restored = Snapshot(max(known.version, 1), known.at, known.state)
        kept, now = await self._read()
        who, why = ("proxy", "Redis had lost it: what served is kept anew") if known.version else (SETTINGS, "the first start")
        if await self._write(restored, kept, who, why, (0, restored.version - 1), now) == "done":
            return restored
        kept, _ = await self._read()
        if kept is None:
            raise StoreAwayError("Redis was too slow: the state is not kept yet")
        return kept

    async def _holds(self, new: Snapshot) -> bool:
        try:
            kept, _ = await self._read()
        except StoreAwayError:
            return False
        return kept is not None and kept.same(new)

    async def _learn(self, snapshot: Snapshot) -> None:
        if self._known is not None and self._known.same(snapshot):
            return
        self._known = snapshot
        if self._local is not None:
            try:
                await self._local.remember(snapshot)
                self._local_fails = False
            except StoreAwayError as away:
                self._tell_local(away)

    async def _remembered(self) -> Snapshot | None:
        if self._local is None:
            return None
        try:
            return await self._local.current()
        except StoreAwayError as away:
            self._tell_local(away)
            return None

    def _tell_local(self, away: StoreAwayError) -> None:
        if not self._local_fails:
            log.error("what Redis holds is not kept on this host", cause=str(away))
        self._local_fails = True

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}"
