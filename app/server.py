"""The server: uvicorn with uvloop, our protocol, and a bounded stop; by default it waits for ever on SIGTERM (FIELD-NOTES)."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import ceil
from time import monotonic
from types import FrameType
from typing import Any, Final

import uvicorn

from app.hosting.host import Host
from app.protocol import GuardedProtocol
from app.settings import Limits

ARRIVAL_SECONDS: Final = 0.05
"""Who connected just before nobody listened any more has so long to ask: whoever has not asked by then is closed as idle."""
WORKER_SECONDS: Final = 60
"""How long a worker may be silent before it is taken for hung: a busy machine takes more than uvicorn's 5 s to start one."""


class Server(uvicorn.Server):
    """uvicorn's server, which says that it goes before it goes, lets registrations end, and ends with status 0."""

    _closes_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: on SIGTERM after ``limits.drain_delay``, in which only readiness says so; on SIGINT at once."""
        face = self._face
        if face is None or sig != signal.SIGTERM or not face.limits.drain_delay or self.should_exit:
            super().handle_exit(sig, frame)
        elif self._closes_at is None:  # orchestrators may say it twice, to the parent and to its workers
            self._captured_signals.append(sig)
            self._closes_at = monotonic() + face.limits.drain_delay
            face.draining.leave()

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn does, and end when the delay is over."""
        return await super().on_tick(counter) or (self._closes_at is not None and monotonic() >= self._closes_at)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, and finish what is in flight.

        uvicorn cuts everything off after one bound. Registrations have none but their own: each ends with its answer, or with
        its time-out.
        """
        face = self._face
        if face is not None:
            started = monotonic()
            face.draining.close()
            await self._let_in_the_last()
            for server in self.servers:
                server.close()
            for listener in sockets or []:
                listener.close()
            await asyncio.sleep(ARRIVAL_SECONDS)
            for connection in list(self.server_state.connections):
                connection.shutdown()
            while face.draining.writes and not self.force_exit:  # noqa: ASYNC110 - a signal changes it, not the loop
                await asyncio.sleep(0.05)
            bound = face.limits.shutdown_timeout - (monotonic() - started)
            self.config.timeout_graceful_shutdown = max(1, ceil(bound))
        await super().shutdown(sockets)

    async def _let_in_the_last(self) -> None:
        """Accept whoever has connected already: with the listener the kernel would reset them, and what they sent is unknown."""
        loop = asyncio.get_running_loop()
        for listening in [listener for server in self.servers for listener in server.sockets]:
            with suppress(OSError), socket.socket(fileno=os.dup(listening.fileno())) as listener:
                listener.setblocking(False)
                for _ in range(self.config.backlog):  # more are not waiting; it ends before, with an error, when there is nobody
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> GuardedProtocol:
        return GuardedProtocol(self.config, self.server_state, self.lifespan.state)

    @property
    def _face(self) -> Host | None:
        """What is served; None before it was loaded."""
        app = getattr(self.config, "loaded_app", None)
        return app if isinstance(app, Host) else None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but a signal that was obeyed is not raised again: orchestrators would read a failure."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def server_config(app: Host | Callable[[], Host] | str, limits: Limits, **options: Any) -> uvicorn.Config:
    """The configuration that ``serve``, ``demo`` and the tests run.

    Args:
        app: The application, or the name of its factory when there are several workers.
        limits: ``keep_alive``, ``backlog`` and ``shutdown_timeout``.
        **options: Host, port, workers and the like.
    """
    return uvicorn.Config(
        app,
        interface="asgi3",
        factory=not isinstance(app, Host),
        http=GuardedProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=limits.backlog,
        timeout_keep_alive=limits.keep_alive,
        timeout_graceful_shutdown=limits.shutdown_timeout,
        timeout_worker_healthcheck=WORKER_SECONDS,
        **options,
    )
