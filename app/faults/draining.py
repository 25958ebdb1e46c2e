"""The end of a process that is told to stop, in two steps.

Leaving: it serves everything and says that it goes, so that load balancers send nothing more (``/readyz`` says no, answers
end their connections). Closed: what is in flight is finished, and nothing new is taken.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Draining:
    """Where the process stands. It only goes forward.

    Attributes:
        leaving: Whether it was told to stop.
        closed: Whether it takes nothing new any more.
        writes: Registrations in flight: the process waits for them longer than for anything else.
    """

    __slots__ = ("closed", "leaving", "writes")

    def __init__(self) -> None:
        self.leaving = False
        self.closed = False
        self.writes = 0

    def leave(self) -> None:
        """The process was told to stop."""
        self.leaving = True

    def close(self) -> None:
        """Nothing new is taken from now on."""
        self.leaving = self.closed = True

    def cuts_off(self) -> bool:
        """Whether the running task was cancelled as the process waits for nothing more. It then goes on to its end."""
        task = asyncio.current_task()
        if not self.closed or task is None or not task.cancelling():
            return False
        task.uncancel()
        return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A registration is in flight, from its headers to the end of its answer."""
        self.writes += 1
        try:
            yield
        finally:
            self.writes -= 1
