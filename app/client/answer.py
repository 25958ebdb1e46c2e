"""An answer that comes as it is read."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from app.client.connection import Connection

_MOST_HELD: Final = 2**18
"""Bytes of a body that wait to be read; then the connection is not read either, so that Dynamics slows down."""


class Answer:
    """An answer whose body comes as it is asked for, and the connection that it comes from.

    It has its own parts, so that who reads on after ``close`` never sees another's answer.

    Attributes:
        status: The HTTP status.
        headers: Names in lower case; of doubles the first counts.
        raw_headers: The headers as they came.
        begun: Whether status and headers are here.
        complete: Whether the whole body came; it may not be read yet.
        until: When all of it has to be here, on the loop's clock; None for no such time.
    """

    __slots__ = (
        "_connection",
        "_error",
        "_held",
        "_parts",
        "_waiter",
        "begun",
        "complete",
        "headers",
        "paused",
        "raw_headers",
        "status",
        "until",
        "without_body",
    )

    def __init__(self, connection: "Connection", without_body: bool, until: float | None = None) -> None:
        self.until = until
        self.status = 0
        self.headers: dict[str, str] = {}
        self.raw_headers: list[tuple[bytes, bytes]] = []
        self.begun = False
        self.complete = False
        self.without_body = without_body
        self.paused = False
        self._connection: Connection | None = connection
        self._parts: deque[bytes] = deque()
        self._held = 0
        self._error: httpx.TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def part(self) -> bytes:
        """The next part of the body, as it came; empty at its end.

        Raises:
            httpx.TransportError: ``ReadTimeout`` or ``ReadError``.
        """
        while not self._parts:
            if self.complete:
                return b""
            await self.wait()
        part = self._parts.popleft()
        self._held -= len(part)
        if self.paused and not self._parts and self._connection is not None:
            self.paused = False
            self._connection.read_on()
        return part

    @property
    def ended(self) -> bool:
        """Whether the body was read to its end."""
        return self.complete and not self._parts

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for more."""
        return self._waiter is not None

    def close(self) -> None:
        """Give the connection back; one whose body did not come to its end is closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release(self)

    async def wait(self) -> None:
        """Wait until more came.

        Raises:
            httpx.TransportError: Nothing more comes.
        """
        self._raise_once_read()
        if self._connection is None:
            raise httpx.ReadError("the answer is closed")
        self._waiter = self._connection.listen()
        try:
            await self._waiter
        finally:
            self._waiter = None
        self._raise_once_read()

    def read_headers(self) -> dict[str, str]:
        """Make ``headers`` of those that came.

        Raises:
            ValueError: They cannot be read.
        """
        if self.raw_headers:
            # All at once: one by one it is the dearest thing that the client does. No line break is left in any of them.
            names, values = zip(*reversed(self.raw_headers), strict=True)
            told = b"\n".join(values).decode("utf-8", "surrogateescape").split("\n")
            self.headers = dict(zip(b"\n".join(names).lower().decode("ascii").split("\n"), told, strict=True))
        return self.headers

    def begin(self, status: int) -> None:
        """Status and headers are here."""
        self.status = status
        self.begun = True

    def take(self, part: bytes) -> bool:
        """A part of the body is here. Returns whether no more shall be read for now."""
        self._parts.append(part)
        self._held += len(part)
        if self._held < _MOST_HELD or self.paused:
            return False
        self.paused = True
        return True

    def fail(self, error: httpx.TransportError) -> None:
        """Nothing more comes."""
        if not self.complete and self._error is None:
            self._error = error
            self.wake()

    def wake(self) -> None:
        """Tell who waits."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _raise_once_read(self) -> None:
        """What came before a failure is read first."""
        if self._error is not None and not self._parts:
            raise self._error
