"""What the admin API and the console read, and nothing else of the service. The assembly gives it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.admin.gauges import Gauges
from app.cutover.archived import Held
from app.cutover.decision import Route
from app.cutover.live import Live
from app.cutover.places import Places
from app.cutover.reports import Reports
from app.cutover.standing import Obstacle
from app.cutover.store import Snapshot, StoreAwayError
from app.outbox.outbox import Outbox


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
        archive: What the archive holds; None when there is none.
        outbox: Registrations that wait; None when it is off.
    """

    live: Live
    places: Places
    reports: Reports
    standing: Callable[[], Awaitable[Sequence[Obstacle]]]
    explain: Callable[[str, str, str], tuple[str, Route]]
    gauges: Callable[[], Gauges]
    both: bool
    archive: Held | None = None
    outbox: Outbox | None = None

    async def snapshot(self) -> Snapshot:
        """The state as it is kept, or what serves here while the store is away.

        Each worker adopts a change a moment after it was made: whoever made it may ask another one next.
        """
        try:
            return await self.live.store.current() or self.live.snapshot
        except StoreAwayError:
            return self.live.snapshot
