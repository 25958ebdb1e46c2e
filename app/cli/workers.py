"""The parent of several worker processes. It starts them, starts anew what ended, and ends them; it answers nothing itself.

It never waits for a worker that says nothing: the others, and whoever wants to stop it, would wait as well.
"""

import os
import signal
import socket
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import wait
from threading import Thread
from time import monotonic
from typing import Final

import structlog
import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess, multiprocess

from app.server import Server

log = structlog.get_logger("evtmgmt.workers")

SETTINGS_REFUSED: Final = 2
"""The exit status of a worker that cannot use the settings, as that of the command."""
LONG_LIFE: Final = 60.0
"""Seconds after which the end of a worker has nothing to do with how it began."""
LONGEST_REST: Final = 30.0
"""Most seconds before a worker is started again."""


class Worker(multiprocess.Process):
    """A worker process with our server in it.

    Args:
        config: The server's.
        sockets: Where it listens.
        deaths: How many ended shortly after their start in its place, one after another.

    Attributes:
        deaths: The same, with its own.
        serves: Whether it has said that it does.
        owes_reload: Whether it is to read the settings anew as soon as it serves: before, the signal would end it.
        due: When another is to be started in its place; None while it runs.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], deaths: int = 0) -> None:
        super().__init__(config, sockets)
        self.serves = False
        self.owes_reload = False
        self.due: float | None = None
        self.deaths = deaths
        self._began = monotonic()
        self._asked: float | None = None

    @property
    def server(self) -> Server:
        """The server, made where it runs."""
        if self._server is None:
            self._server = Server(self.config)
        assert isinstance(self._server, Server)  # noqa: S101 - made here
        return self._server

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """What the process does."""
        Thread(target=_end_with_the_parent, name="parent", daemon=True).start()
        super().target(sockets)

    def silence(self) -> float:
        """Seconds for which it owes the answer whether it lives. It is asked here, and not waited for."""
        with suppress(OSError, EOFError):  # it ended
            while self.parent_conn.poll():
                self.serves = self.parent_conn.recv() is True or self.serves
                self._asked = None
            if self._asked is None:
                self.parent_conn.send(b"ping")
                self._asked = monotonic()
        return 0.0 if self._asked is None else monotonic() - self._asked

    def terminate(self) -> None:
        """Tell it to stop. It can be asked on."""
        if self.pid is not None and self.exitcode is None:
            os.kill(self.pid, signal.SIGTERM)
            log.info(f"Terminated child process [{self.pid}]")

    def reload(self) -> None:
        """Have it read its settings anew."""
        self.owes_reload = False
        if self.pid is not None:
            with suppress(ProcessLookupError):  # it ended a moment ago, and the next one reads them when it starts
                os.kill(self.pid, signal.SIGHUP)

    def bury(self) -> float:
        """See to it that it has ended, and when another may begin: at once, or later and later if each ends soon.

        Returns:
            Seconds until then.
        """
        self.kill()
        self.process.join()
        if self.pid is not None:
            mark_process_dead(self.pid)  # type: ignore[no-untyped-call] # its requests are not in flight for ever
        now = monotonic()
        self.deaths = 1 if now - self._began >= LONG_LIFE else self.deaths + 1
        rest = 0.0 if self.deaths == 1 else min(LONGEST_REST, 2.0 ** min(self.deaths - 2, 10))
        self.due = now + rest
        return rest


class Workers(Multiprocess):
    """All of them.

    Args:
        config: The server's.
        sockets: Where they listen.

    Attributes:
        status: The exit status of this process.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self.status = 0
        self._workers: list[Worker] = []
        self._served = False

    def init_processes(self) -> None:
        """Start all."""
        self._workers = [self._start() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """Start anew what ended; called twice a second."""
        for place, worker in enumerate(self._workers):
            if worker.due is None and not self._lives(worker):
                rest = worker.bury()
                if worker.exitcode in (SETTINGS_REFUSED, STARTUP_FAILURE) and not self._served:
                    # Nobody has served yet: it would go on like this. Later it may be mended, while others serve.
                    self.status = worker.exitcode
                    self.should_exit.set()
                    return
                log.error("a worker ended", process=worker.pid, status=worker.exitcode, again_in=rest)
            if worker.due is not None and monotonic() >= worker.due:
                self._workers[place] = self._start(worker.deaths)

    def terminate_all(self) -> None:
        """Have all workers stop. This process lets go of their port: what none of them takes is refused, and does not wait."""
        for worker in self._workers:
            worker.terminate()
        for listener in self.sockets:
            listener.close()

    def join_all(self) -> None:
        """Wait until all have ended. Each has its bounds; one that says nothing any more is killed."""
        while running := [worker for worker in self._workers if worker.process.is_alive()]:
            wait([worker.process.sentinel for worker in running], 0.5)
            for worker in running:
                if not self._lives(worker):
                    worker.process.kill()

    def handle_hup(self) -> None:
        """Have all workers read their settings anew; none is restarted for it."""
        for worker in self._workers:
            worker.owes_reload = True
            self._lives(worker)

    def handle_ttin(self) -> None:
        """Nothing: what they share is divided by how many there are."""

    def handle_ttou(self) -> None:
        """Nothing, as above. A terminal sends it to who writes in the background."""

    def _start(self, deaths: int = 0) -> Worker:
        worker = Worker(self.config, self.sockets, deaths)
        worker.start()
        return worker

    def _lives(self, worker: Worker) -> bool:
        """Whether a worker runs, and has not been silent for too long."""
        if not worker.process.is_alive():
            return False
        silence = worker.silence()
        self._served = self._served or worker.serves
        if worker.serves and worker.owes_reload:
            worker.reload()
        if silence < self.config.timeout_worker_healthcheck:
            return True
        log.error("a worker says nothing: it is killed", process=worker.pid, seconds=round(silence))
        return False


def _end_with_the_parent() -> None:
    """Stop as at SIGTERM when the parent is gone: nobody else would, and the port would stay taken."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        log.error("the parent of this worker is gone: it ends")
        os.kill(os.getpid(), signal.SIGTERM)
