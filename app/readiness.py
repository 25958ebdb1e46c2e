"""Whether the proxy is ready: it is configured, and Dynamics has not refused its token.

A sick upstream does not make it unready, and nothing is called when a probe asks (FIELD-NOTES: the orchestrator would
restart healthy proxies for hours).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from app.metrics import Metrics
from translation.errors import ProxyError

log = structlog.get_logger("evtmgmt.readiness")
PROBE_SECONDS: Final = 15.0
"""How often a refused token is tried again, so that a mended one is noticed without visitors."""


class Readiness:
    """Remembers whether the token was refused, and tries again while it is.

    Args:
        metrics: Its ``ready`` gauge is kept up to date.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._refused = asyncio.Event()
        self._gauge = metrics.ready
        self._gauge.set(1)

    @property
    def ready(self) -> bool:
        """Whether visitors should be sent here."""
        return not self._refused.is_set()

    def accepted(self) -> None:
        """Dynamics accepted the token."""
        if self._refused.is_set():
            self._refused.clear()
            self._gauge.set(1)
            log.warning("token accepted again")

    def refused(self) -> None:
        """Dynamics refused the token or the origin."""
        if not self._refused.is_set():
            self._refused.set()
            self._gauge.set(0)
            log.error("Dynamics refused the token or the origin: not ready; run `evtmgmt-proxy check`")

    async def watch(self, probe: Callable[[], Awaitable[object]], seconds: float = PROBE_SECONDS) -> None:
        """Run for ever: while the token is refused, call ``probe`` every so often; it reports through ``accepted``.

        Args:
            probe: A cheap call to Dynamics.
            seconds: Time between two calls.
        """
        while True:
            await self._refused.wait()
            await asyncio.sleep(seconds)
            try:
                await probe()
            except ProxyError as error:
                log.info("still not ready", code=error.kind.code)
