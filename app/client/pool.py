"""The connections that are open, and those of them that wait for a request."""

import asyncio
from functools import partial
from typing import Final

import httpx

from app.client.connection import Connection
from app.client.opening import Opener
from app.client.target import Origin

_BEFORE_THE_SERVER: Final = 1
"""Seconds by which an idle connection is dropped before the server says that it does."""


class Pool:
    """The connections of one client.

    Args:
        opener: Opens them.
        places: How many requests at once.
        wait: Longest wait for a place in seconds.
        keep_alive: How long an idle connection is kept, in seconds.
        read_timeout: Longest silence in seconds while an answer is waited for.
    """

    def __init__(self, opener: Opener, *, places: int, wait: float, keep_alive: float, read_timeout: float) -> None:
        self._opener = opener
        # A semaphore is fair: who waited longest is next.
        self._places = asyncio.Semaphore(places)
        self._most = places
        self._wait = wait
        self._keep_alive = keep_alive
        self._read_timeout = read_timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: dict[Connection, Origin] = {}
        self._idle: dict[Connection, Origin] = {}  # the last that was used is the last
        self._sweeper: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[Connection]] = set()
        self._empty: asyncio.Future[None] | None = None
        self._closed = False

    async def lend(self, origin: Origin, until: float | None = None) -> Connection:
        """A connection to a server, with a place for it; both are given back when its answer is closed.

        Args:
            origin: The server.
            until: How long there is for it, on the loop's clock; None for no such time.

        Raises:
            httpx.TransportError: ``PoolTimeout``, ``ConnectTimeout`` or ``ConnectError``.
            TimeoutError: It is ``until``.
        """
        if self._places.locked():
            async with asyncio.timeout_at(until):
                await self._take_place()
        else:
            await self._places.acquire()
        connection = self.kept(origin)
        if connection is None:
            async with asyncio.timeout_at(until):
                connection = await self.fresh(origin)
        return connection

    async def _take_place(self) -> None:
        """Wait for a place.

        Raises:
            httpx.PoolTimeout: There was none in time.
        """
        try:
            async with asyncio.timeout(self._wait):
                await self._places.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("") from None

    def kept(self, origin: Origin) -> Connection | None:
        """A connection to a server that was used before and can be used again, or None."""
        idle = self._idle
        while (connection := next((known for known in reversed(idle) if idle[known] == origin), None)) is not None:
            del idle[connection]
            if connection.usable and connection.idle_until > self._now() and connection.silent:
                return connection
            connection.close()
        return None

    def distrust(self, origin: Origin) -> None:
        """A connection to a server ended without an answer: after a restart of the server all idle ones are dead as well."""
        for connection in [known for known, its in self._idle.items() if its == origin]:
            del self._idle[connection]
            connection.close()

    async def fresh(self, origin: Origin) -> Connection:
        """A new connection to a server. The place is given back where there is none.

        When the caller is cancelled it is opened all the same, for the next one: otherwise visitors who leave one after the other
        would keep a server that is slow to connect to from ever being reached.

        Raises:
            httpx.TransportError: ``ConnectTimeout`` or ``ConnectError``.
        """
        loop = asyncio.get_running_loop()
        self._loop = loop
        if self._closed:
            self._places.release()
            raise httpx.ConnectError("the client is closed")
        if len(self._open) >= self._most and self._idle:
            next(iter(self._idle)).close()  # it leads to another server: the bound holds for all together

        def make() -> Connection:
            return Connection(loop, self._read_timeout, self._released, self._lost)

        opening = loop.create_task(self._opener.open(origin, make))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        try:
            connection = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(partial(self._opened_for_nobody, origin))
            raise
        except BaseException:
            self._places.release()
            raise
        if not connection.usable:  # it ended before anybody knew of it
            self._places.release()
            raise httpx.ConnectError("")
        self._open[connection] = origin
        return connection

    async def close(self) -> None:
        """Close all connections, and wait until they are."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._closed = True
        for opening in self._opening:
            opening.cancel()
        if self._opening:
            await asyncio.wait(self._opening)
        self._idle.clear()
        if self._open:
            self._empty = asyncio.get_running_loop().create_future()
            for connection in list(self._open):
                connection.close()
            await self._empty

    def _released(self, connection: Connection) -> None:
        self._places.release()
        origin = self._open.get(connection)
        if origin is None or not connection.usable:
            return
        if self._closed:
            connection.close()
            return
        seconds = self._keep_alive
        if connection.keep_alive is not None:
            seconds = min(seconds, connection.keep_alive - _BEFORE_THE_SERVER)
        connection.idle_until = self._now() + seconds
        self._idle[connection] = origin
        if self._sweeper is None and self._loop is not None:
            self._sweeper = self._loop.call_later(self._keep_alive, self._sweep)

    def _opened_for_nobody(self, origin: Origin, opening: "asyncio.Task[Connection]") -> None:
        if opening.cancelled() or opening.exception() is not None:
            self._places.release()
            return
        connection = opening.result()
        if connection.usable:
            self._open[connection] = origin
        self._released(connection)

    def _lost(self, connection: Connection) -> None:
        self._open.pop(connection, None)
        self._idle.pop(connection, None)
        if not self._open and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def _sweep(self) -> None:
        """Close what was idle for too long."""
        self._sweeper = None
        now = self._now()
        for connection in [known for known in self._idle if known.idle_until <= now]:
            del self._idle[connection]
            connection.close()
        if self._idle and self._loop is not None:
            first = min(known.idle_until for known in self._idle)
            self._sweeper = self._loop.call_later(max(first - now, 0.1), self._sweep)

    def _now(self) -> float:
        assert self._loop is not None  # noqa: S101 - nothing is kept before something was opened
        return self._loop.time()
