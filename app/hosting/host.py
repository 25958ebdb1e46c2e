"""The outermost application: hands each request to the portal that it is for, and is what the server knows of the proxy."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

from app.bodies import Receive, Scope
from app.delivery import Send
from app.faults.draining import Draining
from app.hosting.portal import Portal
from app.logs import access_log
from app.settings import Limits

log = structlog.get_logger("evtmgmt.hosting")


class Face(Protocol):
    """What ``app/server.py`` asks beside ASGI."""

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
    """A client did not read a kept answer, and was cut off."""
    __call__: Callable[[Scope, Receive, Send], Awaitable[None]]


class Host:
    """The application that the server runs.

    Args:
        portal: Answers all requests.
        draining: Whether the process is about to stop.

    Attributes:
        portals: The portals, by name; a portal without a table has the empty one.
    """

    def __init__(self, portal: Portal, draining: Draining) -> None:
        self.portals = {"": portal}
        gateway = portal.gateway
        self.limits = gateway.limits
        self.unparsed = gateway.unparsed
        self.crowded = gateway.crowded
        self.draining = draining
        self.too_many = gateway.too_many
        # Bound here, so that who asks for what is kept pays no more than one call.
        self.kept_answer = gateway.kept_answer
        self.not_taken = gateway.not_taken
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._gateway(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start before the first request, and let go of everything after the last."""
        await receive()
        try:
            await self._start()
        except Exception as failure:
            log.error("the start failed", exc_info=failure)
            await send({"type": "lifespan.startup.failed", "message": ""})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        end: dict[str, Any] = {"type": "lifespan.shutdown.complete"}
        try:
            await self._close()
        except Exception as failure:
            log.error("the end failed", exc_info=failure)
            end = {"type": "lifespan.shutdown.failed", "message": ""}
        access_log.flush()
        await send(end)

    async def _start(self) -> None:
        for portal in self.portals.values():
            await portal.life.start()
        for portal in self.portals.values():
            portal.life.run()

    async def _close(self) -> None:
        for portal in self.portals.values():
            await portal.life.close()
