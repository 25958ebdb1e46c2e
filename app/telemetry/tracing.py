"""What a process has for traces: made at its start, let go of at its end. Settings that are read anew make no other one."""

import asyncio
from collections.abc import Callable
from threading import Thread
from typing import Final

import structlog
from opentelemetry.trace import TracerProvider

from app.telemetry.choosing import Choosing, Followed
from app.telemetry.traces import Traces
from app.version import VERSION

log = structlog.get_logger("evtmgmt.telemetry")
FLUSH_SECONDS: Final = 2.0
"""How long the end of the process waits for the last spans to be taken."""


class Tracing:
    """The traces of a process.

    Args:
        provider: OpenTelemetry's.
        shutdown: Sends what waits, and ends; called in a thread of its own.
        flush_seconds: How long it is waited for.

    Attributes:
        provider: The same.
    """

    def __init__(self, provider: TracerProvider, shutdown: Callable[[], None], flush_seconds: float = FLUSH_SECONDS) -> None:
        self.provider = provider
        self._shutdown = shutdown
        self._flush_seconds = flush_seconds
        self._followed = Followed()
        self._tracer = provider.get_tracer("evtmgmt-proxy", VERSION)

    def traces(self, portal: str | None, sample: float) -> Traces:
        """The traces of a portal as the settings of the moment say."""
        return Traces(self._tracer, Choosing(sample, self._followed), portal)

    async def close(self) -> None:
        """Send what waits, within a bound: a collector that hangs does not hold up the end of the process."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._shutdown()
            try:
                loop.call_soon_threadsafe(over.set)
            except RuntimeError:  # the loop did not wait, and is gone
                return

        # One that the interpreter does not wait for at its end either.
        Thread(target=shut_down, name="end of traces", daemon=True).start()
        try:
            async with asyncio.timeout(self._flush_seconds):
                await over.wait()
        except TimeoutError:
            log.warning("the last traces are lost: nobody took them in time", seconds=self._flush_seconds)
