"""Running the server, and asking a running one for its health."""

import gc
import os
import resource
import tempfile
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors import Multiprocess, multiprocess

from app.cutover.live import SHARED_STATE, open_store
from app.hosting.host import Host
from app.logs import configure_logs
from app.main import create_app
from app.parts import WORKERS
from app.portal_files.telling import tell_of_the_portal
from app.redaction import Redactor
from app.rooms import rooms_of
from app.server import Server, server_config
from app.settings import Settings


class Worker(multiprocess.Process):
    """A worker process with our server in it."""

    @property
    def server(self) -> Server:
        """The server, made where it runs."""
        if self._server is None:
            self._server = Server(self.config)
        assert isinstance(self._server, Server)  # noqa: S101 - made here
        return self._server


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

    def _running(self) -> frozenset[int]:
        return frozenset(process.pid for process in self.processes if process.pid is not None)


def worker_app() -> Host:
    """The application of a worker process, as uvicorn makes it."""
    host = create_app()
    settle_memory()
    return host


def settle_memory() -> None:
    """Have the collector of reference cycles leave alone what lives as long as the process, and run less often.

    Measured: it took an eighth of the time of a miss at 32 connections, a quarter at 256. Requests make few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def leave_no_core() -> None:
    """Have a crash of this process, or of its workers, write no picture of its memory: tokens and visitors' data are in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_server(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished within ``limits.shutdown_timeout``.

    Args:
        settings: What to run with.
        host: Address to listen on.
        port: Port, 0 for a free one.
        workers: Processes. With several, their metrics are added up through files in a directory of their own, and they
            share the state of the cutover in another where the settings name none.

    Raises:
        ConfigurationError: The place of the state cannot be used.
    """
    leave_no_core()
    os.environ[WORKERS] = str(workers)  # whatever a platform says: what is shared is divided by it
    if workers == 1:
        application = create_app(settings)
        tell_of_the_portal(settings, rooms_of(settings))
        settle_memory()
        Server(server_config(application, settings.limits, host=host, port=port)).run()
        return
    configure_logs(settings.log_level, Redactor(settings.secrets))
    tell_of_the_portal(settings, rooms_of(settings))
    open_store(settings.state, settings.realtime.endpoint)  # told once, and not by each worker again and again
    with (
        tempfile.TemporaryDirectory(prefix="evtmgmt-metrics-") as directory,
        tempfile.TemporaryDirectory(prefix="evtmgmt-state-") as state,
    ):
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", directory)
        os.environ[SHARED_STATE] = state
        config = server_config("app.cli.serving:worker_app", settings.limits, host=host, port=port, workers=workers)
        Workers(config, sockets=[config.bind_socket()]).run()


def is_alive(url: str) -> bool:
    """Whether a running proxy answers 200 within three seconds.

    Args:
        url: An http address.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            return False
        connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=3)
    except (ValueError, HTTPException):
        return False
    try:
        connection.request("GET", parts.path or "/livez")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
