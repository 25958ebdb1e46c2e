"""Running the server."""

import gc
import os
import resource
import signal
import sys
import tempfile
from contextlib import suppress
from multiprocessing.connection import wait

from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors import Multiprocess, multiprocess

from app.cutover.live import SHARED_STATE, open_store
from app.hosting.host import Host
from app.hosting.installation import Installation
from app.logs import configure_logs
from app.main import create_app
from app.parts import WORKERS
from app.portal_files.telling import tell_of_the_portal
from app.redaction import Redactor
from app.rooms import rooms_of
from app.server import Server, server_config


class Worker(multiprocess.Process):
    """A worker process with our server in it."""

    @property
    def server(self) -> Server:
        """The server, made where it runs."""
        if self._server is None:
            self._server = Server(self.config)
        assert isinstance(self._server, Server)  # noqa: S101 - made here
        return self._server

    def ping(self, timeout: float = 5) -> bool:
        """Whether the worker answers in time. One that dies while it is asked is not waited for: uvicorn would, for all of it."""
        try:
            self.parent_conn.send(b"ping")
            wait((self.parent_conn, self.process.sentinel), timeout)
            if self.parent_conn.poll():
                self.parent_conn.recv()
                return True
        except (OSError, EOFError):
            pass
        return False


class Workers(Multiprocess):
    """Worker processes. The gauges of one that died are forgotten: its requests are not in flight for ever."""

    _known: frozenset[int] = frozenset()

    def run(self) -> None:
        """Start the workers and look after them until the end."""
        # uvicorn has no other way to say which server they run.
        multiprocess.Process = Worker  # type: ignore[misc]
        super().run()

    def keep_subprocess_alive(self) -> None:
        """Start anew what died; called twice a second."""
        known = self._known | self._running()
        super().keep_subprocess_alive()
        self._known = self._running()
        for gone in known - self._known:
            mark_process_dead(gone)  # type: ignore[no-untyped-call]

    def terminate_all(self) -> None:
        """Have all workers stop. This process lets go of their port: what none of them takes is refused, and does not wait."""
        super().terminate_all()
        for listener in self.sockets:
            listener.close()

    def handle_hup(self) -> None:
        """Have all workers read their settings anew; none is restarted for it."""
        for pid in self._running():
            with suppress(ProcessLookupError):  # it died a moment ago, and reads them when it starts
                os.kill(pid, signal.SIGHUP)

    def _running(self) -> frozenset[int]:
        return frozenset(process.pid for process in self.processes if process.pid is not None)


def worker_app() -> Host:
    """The application of a worker process, as uvicorn makes it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the settings are followed
    settle_memory()
    return create_app()


def settle_memory() -> None:
    """Have the collector of reference cycles leave alone what lives as long as the process, and run less often.

    Called before the application is made: what serves first is let go of at a reload like any other.
    Measured: it took an eighth of the time of a miss at 32 connections, a quarter at 256. Requests make few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def leave_no_core() -> None:
    """Have a crash of this process, or of its workers, write no picture of its memory: tokens and visitors' data are in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_server(installation: Installation, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished within ``limits.shutdown_timeout``.

    Args:
        installation: What is found in environment and files; it is followed from then on.
        host: Address to listen on.
        port: Port, 0 for a free one.
        workers: Processes. With several, their metrics are added up through files in a directory of their own, and they
            share the state of the cutover in another where the settings name none.

    Raises:
        ConfigurationError: The place of the state cannot be used.
    """
    leave_no_core()
    os.environ[WORKERS] = str(workers)  # whatever a platform says: what is shared is divided by it
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the settings are followed
    limits = installation.process.limits
    if workers == 1:
        settle_memory()
        application = create_app()
        tell_of_portals(installation)
        Server(server_config(application, limits, host=host, port=port)).run()
        return
    configure_logs(installation.process.log_level, Redactor(installation.secrets))
    tell_of_portals(installation)
    for settings in installation.portals.values():  # told once, and not by each worker again and again
        open_store(settings.state, settings.realtime.endpoint, settings.portal_name)
    with (
        tempfile.TemporaryDirectory(prefix="evtmgmt-metrics-") as directory,
        tempfile.TemporaryDirectory(prefix="evtmgmt-state-") as state,
    ):
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", directory)
        os.environ[SHARED_STATE] = state
        config = server_config("app.cli.serving:worker_app", limits, host=host, port=port, workers=workers)
        _forget_the_program()
        Workers(config, sockets=[config.bind_socket()]).run()


def _forget_the_program() -> None:
    """Have workers import what they need and no command line: where its file is known, each would run it again to its end."""
    program = sys.modules["__main__"]
    program.__spec__ = None
    vars(program).pop("__file__", None)


def tell_of_portals(installation: Installation) -> None:
    """Log what is likely to be a mistake in the folders of portals that are served."""
    for settings in installation.portals.values():
        tell_of_the_portal(settings, rooms_of(settings))
