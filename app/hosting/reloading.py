"""Settings read anew while the proxy runs: when a file has changed, or at SIGHUP. Those that cannot be used change nothing."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

import structlog

from app.configuration_error import ConfigurationError
from app.hosting.generation import Generation
from app.hosting.host import Host
from app.hosting.installation import Installation
from app.hosting.standing import Standing, fingerprint
from app.hosting.vault import VAULT_URL, vault_hash
from app.metrics import Metrics

log = structlog.get_logger("evtmgmt.reload")
_AT_THE_START = ("keep_alive", "backlog")
"""Limits that the server takes when it starts."""


class Reloader:
    """Follows the settings of a process.

    Args:
        load: Reads them; called in a thread.
        look: The hash of what they are read from; called in a thread.
        make: Makes the portals of an installation, beside those that serve.
        standing: Is told what became of it.
        metrics: Counts.
        seen: The hash from before the settings that serve were read: no change is missed.
    """

    def __init__(
        self,
        load: Callable[[], Installation],
        look: Callable[[], bytes],
        make: Callable[[Installation, Generation], Generation],
        standing: Standing,
        metrics: Metrics,
        seen: bytes,
    ) -> None:
        self._load = load
        self._look = look
        self._make = make
        self._standing = standing
        self._metrics = metrics
        self._seen = seen
        self._vault_seen: bytes | None = None
        self._vault_due = 0.0
        self._asked = asyncio.Event()

    async def start(self, host: Host) -> None:
        """Tell what serves."""
        self._standing.loaded(await asyncio.to_thread(fingerprint, host.generation.installation))

    async def run(self, host: Host) -> None:
        """Watch for ever."""
        seen = self._seen
        loop = asyncio.get_running_loop()
        with suppress(ValueError, RuntimeError, NotImplementedError):  # in a thread of tests nobody gets signals
            loop.add_signal_handler(signal.SIGHUP, self._asked.set)
        try:
            while True:
                reload = host.generation.installation.process.reload
                asked = await self._wait(reload.interval if reload.enabled else None)
                try:
                    now = await asyncio.to_thread(self._look)
                    if asked or now != seen or await self._vault_changed(reload.vault_interval):
                        seen = now if asked else await self._settled(now, reload.interval)
                        await self._reload(host)
                except Exception as defect:  # else changes would be taken up no more, and nobody would see it
                    self._refused("a defect")
                    log.error("defect", exc_info=defect)
        finally:
            with suppress(ValueError, RuntimeError, NotImplementedError):
                loop.remove_signal_handler(signal.SIGHUP)

    async def _wait(self, seconds: float | None) -> bool:
        """Whether a reload was asked for; else the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def _vault_changed(self, interval: float) -> bool:
        """Whether the key vault holds something else; looked at less often, as each look is a call for each secret."""
        if not os.environ.get(VAULT_URL) or monotonic() < self._vault_due:
            return False
        self._vault_due = monotonic() + interval
        seen, self._vault_seen = self._vault_seen, await asyncio.to_thread(vault_hash)
        return seen is not None and seen != self._vault_seen

    async def _settled(self, now: bytes, interval: float) -> bytes:
        """The hash once it has stayed the same for a moment: files may be half written, or written one after the other."""
        while True:
            await asyncio.sleep(min(interval, 1.0))
            last, now = now, await asyncio.to_thread(self._look)
            if last == now:
                return now

    async def _reload(self, host: Host) -> None:
        old = host.generation
        try:
            installation = await asyncio.to_thread(self._load)
        except ConfigurationError as mistakes:
            self._refused("the settings cannot be used", mistakes.problems)
            return
        if installation.has_table != old.installation.has_table:
            self._refused("a table of portals can be begun or ended by a restart only")
            return
        digest = await asyncio.to_thread(fingerprint, installation)
        later = [
            f"EVTMGMT_LIMITS__{name.upper()}"
            for name in _AT_THE_START
            if getattr(installation.process.limits, name) != getattr(old.installation.process.limits, name)
        ]
        if later:
            log.warning("these settings are taken at the next start", settings=later)
        try:
            await host.replace(self._make(installation, old))
        except ConfigurationError as mistakes:
            self._refused("the settings cannot be used", mistakes.problems)
            return
        except Exception as failure:
            self._refused("the start failed", exc_info=failure)
            return
        self._standing.readiness = {name: portal.readiness for name, portal in host.generation.portals.items()}
        self._standing.loaded(digest)
        self._metrics.config_reloads.labels("taken").inc()
        log.warning("settings were read anew and serve", hash=digest, portals=[name for name in installation.portals if name])

    def _refused(self, why: str, problems: list[str] | None = None, **more: object) -> None:
        self._standing.refused()
        self._metrics.config_reloads.labels("refused").inc()
        log.error("settings were not taken: those of before serve on", cause=why, problems=problems or [], **more)
