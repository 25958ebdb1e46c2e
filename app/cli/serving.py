"""Running the server."""

import gc
import os
import resource
import signal
import sys
import tempfile

import structlog

from app.cli.workers import SETTINGS_REFUSED, Workers
from app.configuration_error import ConfigurationError
from app.cutover.live import SHARED_STATE, open_store
from app.hosting.host import Host
from app.hosting.installation import Installation
from app.logs import configure_logs
from app.main import create_app
from app.outbox.parts import open_outbox
from app.parts import WORKERS
from app.portal_files.telling import tell_of_the_portal
from app.redaction import Redactor
from app.rooms import rooms_of
from app.server import Server, server_config

log = structlog.get_logger("evtmgmt.workers")


def worker_app() -> Host:
    """The application of a worker process, as uvicorn makes it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the settings are followed
    settle_memory()
    try:
        return create_app()
    except ConfigurationError as refused:  # they were good when the parent started
        configure_logs("info", Redactor(()))
        log.error("the settings cannot be used: this worker ends", problems=refused.problems)
        sys.exit(SETTINGS_REFUSED)


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
        SystemExit: No worker could start.
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
        if settings.outbox.enabled:
            open_outbox(settings.state)
    with (
        tempfile.TemporaryDirectory(prefix="evtmgmt-metrics-") as directory,
        tempfile.TemporaryDirectory(prefix="evtmgmt-state-") as state,
    ):
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", directory)
        os.environ[SHARED_STATE] = state
        config = server_config("app.cli.serving:worker_app", limits, host=host, port=port, workers=workers)
        _forget_the_program()
        parent = Workers(config, sockets=[config.bind_socket()])
        parent.run()
    if parent.status:
        sys.exit(parent.status)


def _forget_the_program() -> None:
    """Have workers import what they need and no command line: where its file is known, each would run it again to its end."""
    program = sys.modules["__main__"]
    program.__spec__ = None
    vars(program).pop("__file__", None)


def tell_of_portals(installation: Installation) -> None:
    """Log what is likely to be a mistake in the folders of portals that are served."""
    for settings in installation.portals.values():
        tell_of_the_portal(settings, rooms_of(settings))
