"""The outermost application: it starts and ends with the server, and swaps all portals at once when settings are read anew."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

from app.bodies import Receive, Scope
from app.delivery import Send
from app.faults.draining import Draining
from app.hosting.forgetting import forget_the_gone
from app.hosting.generation import Generation
from app.logs import access_log
from app.settings import Limits
from app.telemetry.tracing import Tracing

log = structlog.get_logger("evtmgmt.hosting")
LAST_SECONDS = 60.0
"""How long the connections of a generation are kept after its last request, for what it reads in the background."""


class Face(Protocol):
    """What ``app/protocol.py`` and ``app/server.py`` ask beside ASGI."""

    limits: Limits
    """The bounds on time that hold for connections."""
    unparsed: bytes
    """The whole HTTP answer to bytes that are no HTTP."""
    crowded: bytes
    """The one to a connection too many."""
    draining: Draining
    """Whether the process is about to stop; the server tells of it."""
    too_many: Callable[[], None]
    """A connection was refused, as there are too many."""
    kept_answer: Callable[[Scope], tuple[int, bytes, bytes] | None]
    """The answer to a read that is kept: status, header lines, body; None when the request has to go the whole way."""
    not_taken: Callable[[Scope], None]
    """A client did not read the kept answer that was given for this scope, and was cut off."""
    __call__: Callable[[Scope, Receive, Send], Awaitable[None]]


class Follower(Protocol):
    """What follows the settings: ``app/hosting/reloading.py``."""

    async def start(self, host: "Host") -> None:
        """Called once, before the first request."""

    async def run(self, host: "Host") -> None:
        """Runs as long as the server does."""


class Host:
    """The application that the server runs.

    Args:
        generation: Answers, until another one is put in its place.
        draining: Whether the process is about to stop.
        follower: Follows the settings; None where they are given for good.
        tracing: The traces of the process, let go of last; None where none are made.
    """

    limits: Limits
    unparsed: bytes
    crowded: bytes
    too_many: Callable[[], None]
    kept_answer: Callable[[Scope], tuple[int, bytes, bytes] | None]
    not_taken: Callable[[Scope], None]

    def __init__(
        self,
        generation: Generation,
        draining: Draining,
        follower: Follower | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.draining = draining
        self._tracing = tracing
        self._follower = follower
        self._ending: dict[asyncio.Task[None], tuple[Generation, Generation]] = {}
        self._adopt(generation)

    @property
    def generation(self) -> Generation:
        """The portals that answer now."""
        return self._generation

    def _adopt(self, generation: Generation) -> None:
        self._generation = generation
        self.limits = generation.limits
        self.unparsed = generation.unparsed
        self.crowded = generation.crowded
        self.too_many = generation.too_many
        # Bound here, so that who asks for what is kept pays no more than one call.
        self.kept_answer = generation.kept_answer
        self.not_taken = generation.not_taken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        generation = self._generation
        generation.begin()
        try:
            await generation.answer(scope, receive, send)
        finally:
            generation.end()

    async def replace(self, generation: Generation) -> None:
        """Have another generation answer, once it has started. Requests under way are finished by the one they began with.

        Raises:
            Exception: It cannot be started; what answered before goes on.
        """
        await generation.start()
        old = self._generation
        self._adopt(generation)
        await old.rest(generation)
        generation.run()
        task = asyncio.create_task(self._let_go(old))
        self._ending[task] = old, generation

    async def _let_go(self, old: Generation) -> None:
        await old.idle()
        # What it reads for pages that are kept may be under way, and others may wait for it.
        await asyncio.sleep(min(LAST_SECONDS, old.longest_call))
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it runs
        heir = self._ending.pop(task)[1]
        await self._close_old(old, heir)
        del old, heir  # else they would be in use
        forget_the_gone()

    async def _close_old(self, old: Generation, heir: Generation) -> None:
        try:
            await old.close(heir)
        except Exception as failure:
            log.error("what served before could not be let go of", exc_info=failure)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start before the first request, and let go of everything after the last."""
        await receive()
        try:
            await self._generation.start()
            if self._follower is not None:
                await self._follower.start(self)
        except Exception as failure:
            log.error("the start failed", exc_info=failure)
            await send({"type": "lifespan.startup.failed", "message": ""})
            return
        self._generation.run()
        work: asyncio.Task[None] | None = None
        if self._follower is not None:
            work = asyncio.create_task(self._follower.run(self))
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        except asyncio.CancelledError:
            return  # the server was told to wait for nothing more, and the loop ends now
        end: dict[str, Any] = {"type": "lifespan.shutdown.complete"}
        try:
            await self._close(work)
        except Exception as failure:
            log.error("the end failed", exc_info=failure)
            end = {"type": "lifespan.shutdown.failed", "message": ""}
        access_log.flush()
        await send(end)

    async def _close(self, work: "asyncio.Task[None] | None") -> None:
        ending, self._ending = self._ending, {}
        tasks = [*ending, *(() if work is None else (work,))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for old, heir in ending.values():
            await self._close_old(old, heir)
        try:
            await self._generation.close_all()
        finally:
            if self._tracing is not None:
                await self._tracing.close()
