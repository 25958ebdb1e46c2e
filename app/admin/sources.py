"""What the admin API and the console read, and nothing else of the service. The assembly gives it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.admin.gauges import Gauges
from app.cutover.decision import Route
from app.cutover.live import Live
from app.cutover.places import Places
from app.cutover.store import Snapshot, StoreAwayError
from translation.parity import Parity


class Figures(Protocol):
    """Calls of one operation to one backend. ``p95`` is in seconds, None where too few calls were made to tell."""

    @property
    def calls(self) -> int: ...  # noqa: D102 - told above
    @property
    def failures(self) -> int: ...  # noqa: D102
    @property
    def p95(self) -> float | None: ...  # noqa: D102


class Slot(Protocol):
    """Calls by backend in a short time that began at ``at``, in seconds since 1970."""

    @property
    def at(self) -> float: ...  # noqa: D102 - told above
    @property
    def calls(self) -> Mapping[str, int]: ...  # noqa: D102


class Traffic(Protocol):
    """What was called of late, of all workers together."""

    def window(self, seconds: float) -> Mapping[tuple[str, str], Figures]:
        """The last so many seconds, by operation and backend."""

    def series(self, minutes: int) -> Sequence[Slot]:
        """The last so many minutes, the oldest first, times without calls included."""


class Obstacle(Protocol):
    """What still stands against the next stage: ``severity`` is ``blocker``, ``warning`` or ``note``."""

    @property
    def severity(self) -> str: ...  # noqa: D102 - told above
    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def advice(self) -> str: ...  # noqa: D102


class Reports(Protocol):
    """What all workers have counted together."""

    async def parity(self) -> Parity:
        """How alike the organisations are."""

    async def traffic(self) -> Traffic:
        """What was called of late."""

    async def usage(self) -> Any:
        """What portals use."""


class NoTraffic:
    """What is known of traffic while the store is away: nothing."""

    def window(self, seconds: float) -> Mapping[tuple[str, str], Figures]:
        """No calls."""
        return {}

    def series(self, minutes: int) -> Sequence[Slot]:
        """No times."""
        return []


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that pages are made of.

    Attributes:
        live: The cutover's state.
        places: Where events live.
        reports: What was counted.
        standing: What stands against the next stage.
        explain: The operation and its route, for a method, a path as portals send it, and what tells a visitor apart. It
            raises ``ProxyError`` where the path is no operation.
        gauges: The cache and the budget, of all workers together; it reads files, so it is called in a thread.
        both: Whether an outbound organisation is configured.
    """

    live: Live
    places: Places
    reports: Reports
    standing: Callable[[], Awaitable[Sequence[Obstacle]]]
    explain: Callable[[str, str, str], tuple[str, Route]]
    gauges: Callable[[], Gauges]
    both: bool

    async def snapshot(self) -> Snapshot:
        """The state as it is kept, or what serves here while the store is away.

        Each worker adopts a change a moment after it was made: whoever made it may ask another one next.
        """
        try:
            return await self.live.store.current() or self.live.snapshot
        except StoreAwayError:
            return self.live.snapshot

    async def traffic(self) -> Traffic:
        """What was called of late; nothing while the store is away, for the state has to be seen then most of all."""
        try:
            return await self.reports.traffic()
        except StoreAwayError:
            return NoTraffic()

    async def parity(self) -> Parity:
        """How alike the organisations are; nothing while the store is away."""
        try:
            return await self.reports.parity()
        except StoreAwayError:
            return Parity()
