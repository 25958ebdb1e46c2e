"""What a portal is made of, and how long each part lives.

A part lives as long as the portal, or longer: when settings are read anew, a part whose shape did not change is handed on to
the portal's next life as it is, with what it remembers and with what it has under way. The shape is everything that the part was
made of. A part without a shape is made anew each time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from app.background import tell_defect

T = TypeVar("T")
_NEVER_THE_SAME: Final = object()


@dataclass(slots=True, eq=False)
class _Part:
    value: Any
    shape: object
    start: Callable[[Any], Awaitable[object]] | None
    run: Callable[[Any], Coroutine[Any, Any, object]] | None
    close: Callable[[Any], Awaitable[object]] | None
    started: bool = False
    task: asyncio.Task[object] | None = None


class Life:
    """The parts of a portal, in the order in which they were made: they start in it, and are let go of in its reverse.

    Args:
        before: The portal's life up to now, whose parts are taken over where they fit.
    """

    def __init__(self, before: "Life | None" = None) -> None:
        self._before = before
        self._parts: dict[str, _Part] = {}

    def part(
        self,
        name: str,
        make: Callable[[], T],
        *,
        shape: object = _NEVER_THE_SAME,
        start: Callable[[T], Awaitable[object]] | None = None,
        run: Callable[[T], Coroutine[Any, Any, object]] | None = None,
        close: Callable[[T], Awaitable[object]] | None = None,
    ) -> T:
        """A part: the one that there was, if its shape is the same, else a new one.

        Args:
            name: What it is called; each name is given once.
            make: Makes it.
            shape: What it is made of; compared with ``==``.
            start: Called once, before the first request; what it raises stops the start.
            run: What it does beside requests, for ever; cancelled when the part is let go of.
            close: Called once, after the last request.
        """
        assert name not in self._parts, name  # noqa: S101 - a mistake of the program
        old = None if self._before is None else self._before._parts.get(name)
        if old is None or shape is _NEVER_THE_SAME or old.shape != shape:
            old = _Part(make(), shape, start, run, close)
        self._parts[name] = old
        found: T = old.value
        return found

    def is_new(self, name: str) -> bool:
        """Whether a part was made for this life."""
        return self._before is None or self._parts[name] is not self._before._parts.get(name)

    async def start(self) -> None:
        """Start the parts that are new.

        Raises:
            Exception: What the part raises; whoever called lets go of the life then.
        """
        for part in self._parts.values():
            if not part.started:
                part.started = True
                if part.start is not None:
                    await part.start(part.value)

    def works(self) -> list[Coroutine[Any, Any, object]]:
        """What the parts do beside requests, as far as it is not under way."""
        return [part.run(part.value) for part in self._parts.values() if part.run is not None and part.task is None]

    def run(self) -> None:
        """Have the parts do what they do beside requests, and forget where they came from."""
        for part in self._parts.values():
            if part.run is not None and part.task is None:
                part.task = asyncio.create_task(part.run(part.value))
                part.task.add_done_callback(tell_defect)
        self._before = None

    async def rest(self, heir: "Life | None" = None) -> None:
        """End what the parts do beside requests; what ``heir`` has taken over goes on."""
        tasks = [part.task for part in self._left(heir) if part.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self, heir: "Life | None" = None) -> None:
        """Let go of the parts, the last first; what ``heir`` has taken over stays. Each is let go of, whatever others do.

        Raises:
            Exception: What the first of them raised that could not be let go of.
        """
        await self.rest(heir)
        failed: Exception | None = None
        for part in reversed(self._left(heir)):
            if part.close is not None:
                try:
                    await part.close(part.value)
                except Exception as failure:
                    failed = failed or failure
        if failed is not None:
            raise failed

    def _left(self, heir: "Life | None") -> list[_Part]:
        taken = set() if heir is None else {id(part) for part in heir._parts.values()}
        return [part for part in self._parts.values() if id(part) not in taken]
