"""Clients that leave: what is read for them ends with them."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any

from app.bodies import ClientGoneError, Receive, Scope
from app.extensions import TELL_WHEN_GONE, TellWhenGone, extension


class UnlessGone:
    """A context that cancels what is done in it when the client leaves; no task is made for the work itself.

    Args:
        scope: Of the request; the server's way to tell of it is in it, if it has one.
        receive: The ASGI callable, listened to in a task where it has none.
        may_end: Asked when the client left: whether its task may be cancelled. If not, others have use for what it does.

    Raises:
        ClientGoneError: At its end, in the place of the cancellation.
    """

    def __init__(self, scope: Scope, receive: Receive, may_end: "Callable[[asyncio.Task[Any]], bool]" = lambda _: True) -> None:
        self._may_end = may_end
        self._tell: TellWhenGone | None = extension(scope, TELL_WHEN_GONE)
        self._receive = receive
        self._gone = False
        self._held = False
        self._over = False
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        """Start to watch."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._task = task
        if self._tell is not None:
            self._tell(self._left)
        else:
            self._watch = asyncio.ensure_future(_gone(self._receive))
            self._watch.add_done_callback(self._heard)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop to watch."""
        self._over = True
        if self._tell is not None:
            self._tell(None)
        elif self._watch is not None:
            self._watch.cancel()
        if self._gone and ((self._held and kind is None) or (self._task.uncancel() <= 0 and kind is asyncio.CancelledError)):
            raise ClientGoneError from None

    def _heard(self, watch: "asyncio.Task[None]") -> None:
        if not (self._over or watch.cancelled()):  # it may have ended just before the work did
            self._left()

    def _left(self) -> None:
        self._gone = True
        self._held = not self._may_end(self._task)
        if not self._held:
            self._task.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
