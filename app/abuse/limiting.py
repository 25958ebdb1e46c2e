"""How often clients may ask: registrations per client and per event, everything else per client."""

from collections.abc import Callable
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING

import structlog
from limits import RateLimitItem

from app.abuse.addresses import Client
from app.abuse.rates import read_limit
from app.abuse.settings import Rates
from app.abuse.windows import Windows
from app.metrics import Metrics
from translation.errors import RATE_LIMITED, ProxyError

if TYPE_CHECKING:
    from app.abuse.shared_windows import SharedWindows

log = structlog.get_logger("evtmgmt.rates")


class Of(StrEnum):
    """What a limit counts: the label of the metric."""

    REGISTRATIONS_PER_CLIENT = "registrations_per_client"
    REGISTRATIONS_PER_EVENT = "registrations_per_event"
    READS_PER_CLIENT = "reads_per_client"


class RateLimits:
    """Refuses what comes too often.

    Args:
        settings: The limits.
        event_name: Today's id of an event, so that its old one is counted with it.
        metrics: Counts what was refused.
        windows: Counts in this process.
        shared: Counts for all processes together, where that is configured.
    """

    def __init__(
        self,
        settings: Rates,
        event_name: Callable[[str], str],
        metrics: Metrics,
        windows: Windows,
        shared: "SharedWindows | None" = None,
    ) -> None:
        self._limits = {of: read_limit(getattr(settings, of.value)) for of in Of}
        self.counts_reads = self._limits[Of.READS_PER_CLIENT] is not None
        self._event_name = event_name
        self._metrics = metrics
        self._windows = windows
        self._shared = shared
        self._told = False

    async def registration(self, client: Client, event: str | None) -> None:
        """Count a registration, or what belongs to one.

        The client comes first: who is refused there must not use up what others may do.

        Raises:
            ProxyError: ``RateLimited``.
        """
        await self._per_client(Of.REGISTRATIONS_PER_CLIENT, client)
        if event is not None:
            await self._take(Of.REGISTRATIONS_PER_EVENT, self._event_name(event).casefold())

    async def read(self, client: Client) -> None:
        """Count anything else.

        Raises:
            ProxyError: ``RateLimited``.
        """
        await self._per_client(Of.READS_PER_CLIENT, client)

    async def _per_client(self, of: Of, client: Client) -> None:
        if client.certain:
            await self._take(of, client.key)
        elif not self._told:
            self._told = True
            log.warning("clients cannot be told apart and are not limited: set EVTMGMT_PORTAL__TRUSTED_PROXIES")

    async def _take(self, of: Of, key: str) -> None:
        limit: RateLimitItem | None = self._limits[of]
        if limit is None:
            return
        key = f"{of}/{key}"
        if self._shared is None:
            seconds = self._windows.take(key, limit)
        else:
            # What is too much for this process alone is too much for all together, so that a flood does not reach Redis.
            seconds = self._windows.wait(key, limit)
            if not seconds:
                told = await self._shared.take(key, limit)
                if told is None:
                    self._metrics.rates_alone.inc()
                    seconds = self._windows.take(key, limit)
                else:
                    seconds = told
                    if not told:
                        self._windows.count(key, limit)
        if seconds:
            self._metrics.limited.labels(of.value).inc()
            raise ProxyError(RATE_LIMITED, retry_after=max(1, ceil(seconds)), cause=of.value)
