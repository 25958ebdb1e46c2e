"""Whether the proxy is ready: it is configured, and Dynamics has not refused its token.

A sick upstream does not make it unready, and nothing is called when a probe asks (FIELD-NOTES: the orchestrator would
restart healthy proxies for hours).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

import structlog

from app.metrics import Metrics
from translation.errors import ProxyError

log = structlog.get_logger("evtmgmt.readiness")
PROBE_SECONDS: Final = 15.0
"""How often a refused token is tried again, so that a mended one is noticed without visitors."""


class Readiness:
    """Remembers which tokens were refused, and tries again while one is.

    Args:
        metrics: Its ``ready`` gauge is kept up to date.
        needed: The names of the organisations that serve visitors now: the others' tokens do not matter.
    """

    def __init__(self, metrics: Metrics, needed: Callable[[], Collection[str]] = lambda: ("realtime",)) -> None:
        self._refused: set[str] = set()
        self._degraded: dict[str, tuple[str, bool]] = {}
        self._wake = asyncio.Event()
        self._needed = needed
        self._gauge = metrics.ready
        self._gauge.set(1)

    @property
    def ready(self) -> bool:
        """Whether visitors should be sent here."""
        ready = self.tokens_accepted and not any(fails for _, fails in self._degraded.values())
        self._gauge.set(ready)
        return ready

    def accepted(self, organisation: str) -> None:
        """An organisation accepted the token."""
        if organisation in self._refused:
            self._refused.discard(organisation)
            log.warning("token accepted again", organisation=organisation)
            _ = self.ready

    def refused(self, organisation: str) -> None:
        """An organisation refused the token or the origin."""
        if organisation not in self._refused:
            self._refused.add(organisation)
            self._wake.set()
            log.error("Dynamics refused the token or the origin", organisation=organisation, ready=self.ready)

    def degraded(self, part: str, reason: str | None, *, fails: bool) -> None:
        """A part does less than it should.

        Args:
            part: Its name.
            reason: Why, in words; None when it is well again.
            fails: Whether visitors should be sent elsewhere for it.
        """
        was = part in self._degraded
        if reason is None:
            self._degraded.pop(part, None)
        else:
            self._degraded[part] = reason, fails
        if was is (reason is None):
            log.warning("well again" if reason is None else "degraded", part=part, reason=reason, ready=self.ready)

    @property
    def reasons(self) -> list[str]:
        """What is degraded, in words."""
        return [reason for reason, _ in self._degraded.values()]

    @property
    def tokens_accepted(self) -> bool:
        """Whether no token that is needed was refused."""
        return self._refused.isdisjoint(self._needed())

    async def watch(self, probes: Mapping[Any, Callable[[], Awaitable[object]]], seconds: float = PROBE_SECONDS) -> None:
        """Run for ever: while a token is refused, make a call every so often; it reports through ``accepted``.

        Args:
            probes: A cheap call to each organisation.
            seconds: Time between two calls.
        """
        while True:
            await self._wake.wait()
            await asyncio.sleep(seconds)
            for organisation, probe in probes.items():
                if organisation not in self._refused:
                    continue
                try:
                    await probe()
                except ProxyError as error:
                    log.info("still not ready", organisation=organisation, code=error.kind.code)
            if not self._refused:
                self._wake.clear()
