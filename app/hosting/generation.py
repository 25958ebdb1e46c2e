"""All portals as one set of settings made them: built whole, started whole, and let go of when the next one serves."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.bodies import Receive, Scope
from app.delivery import Send
from app.gateway import Gateway
from app.hosting.installation import Installation
from app.hosting.portal import Portal
from app.hosting.selecting import Selection
from app.hosting.switchboard import Switchboard
from app.logs import portal_name
from app.settings import Limits


class Generation:
    """The portals of one installation.

    Args:
        installation: What they were made of.
        portals: The portals, by name.
        front: Answers what is for none of a table; None without a table.
        before: The generation that serves up to now.
    """

    def __init__(
        self,
        installation: Installation,
        portals: Mapping[str, Portal],
        front: Gateway | None = None,
        before: "Generation | None" = None,
    ) -> None:
        self.installation = installation
        self.portals = portals
        self._before = before
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._retired = False
        board = portals[""].gateway if front is None else Switchboard(portals, Selection(installation.selectors), front)
        self.answer: Callable[[Scope, Receive, Send], Awaitable[None]] = board
        self.kept_answer: Callable[[Scope], tuple[int, bytes, bytes] | None] = board.kept_answer
        self.not_taken: Callable[[Scope], None] = board.not_taken
        self.limits: Limits = installation.process.limits
        first = front or portals[""].gateway
        self.unparsed: bytes = first.unparsed
        self.crowded: bytes = first.crowded
        self.too_many: Callable[[], None] = first.too_many

    @property
    def longest_call(self) -> float:
        """Seconds that a call to an organisation may take at most."""
        return max(portal.settings.upstream.total_timeout for portal in self.portals.values())

    def begin(self) -> None:
        """A request came in."""
        self._in_flight += 1

    def end(self) -> None:
        """A request was answered."""
        self._in_flight -= 1
        if self._retired and not self._in_flight:
            self._idle.set()

    async def idle(self) -> None:
        """Return when no request is under way any more; none may come in from now on."""
        self._retired = True
        if self._in_flight:
            await self._idle.wait()

    async def start(self) -> None:
        """Start what is new of all portals. When one cannot be started, all that is new is let go of.

        Raises:
            Exception: What the portal raises.
        """
        try:
            for name, portal in self.portals.items():
                await _named(name, portal.life.start())
        except BaseException:
            await (self.close_all() if self._before is None else self.close(self._before))
            raise

    def run(self) -> None:
        """Have all portals do what they do beside requests."""
        self._before = None
        for name, portal in self.portals.items():
            context = contextvars.copy_context()
            context.run(portal_name.set, name or None)
            context.run(portal.life.run)

    async def rest(self, heir: "Generation") -> None:
        """End what portals do beside requests; what the heir has taken over goes on."""
        await asyncio.gather(*(portal.life.rest(heir._life(name)) for name, portal in self.portals.items()))

    async def close(self, heir: "Generation") -> None:
        """Let go of all that the heir has not taken over."""
        await _all(portal.life.close(heir._life(name)) for name, portal in self.portals.items())

    async def close_all(self) -> None:
        """Let go of everything."""
        await _all(portal.life.close() for portal in self.portals.values())

    def _life(self, name: str) -> Any:
        portal = self.portals.get(name)
        return None if portal is None else portal.life


async def _named(name: str, work: Awaitable[None]) -> None:
    token = portal_name.set(name or None)
    try:
        await work
    finally:
        portal_name.reset(token)


async def _all(works: Any) -> None:
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
