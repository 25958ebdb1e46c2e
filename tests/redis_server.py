"""A Redis or Valkey of a test's own: a real process on a unix socket, which can be killed, frozen and started again."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from threading import Event, Thread
from unittest.mock import patch

from app.cutover import redis_store
from app.shared import line, redis_connection

PATIENCE = 30
PROGRAM = "EVTMGMT_TESTS_REDIS_SERVER"
"""Names another server to test with, such as Valkey where Redis is installed as well."""
BOUNDS = (
    (redis_connection, "ANSWER_SECONDS"),
    (redis_connection, "WHOLE_SECONDS"),
    (line, "WHOLE_SECONDS"),
    (redis_store, "DEADLINE_SECONDS"),
)
"""What bounds the wait of whoever asks it from this process, and the time between a look and what is written after it."""
USUAL = [getattr(module, name) for module, name in BOUNDS]
"""So long the product waits."""


class RedisServer:
    """The server. Whatever is missing to run it fails the test: `make redis` installs it."""

    def __init__(self, directory: Path, *options: str) -> None:
        # A path of a socket has at most 107 bytes: the directory must be near the root.
        self.socket = directory / "redis.sock"
        self._directory = directory
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        program = os.environ.get(PROGRAM) or shutil.which("redis-server") or shutil.which("valkey-server")
        assert program is not None, "neither redis-server nor valkey-server is installed: run `make redis`"
        # It must not outlive the tests, however they end.
        leash = [setpriv, "--pdeathsig", "KILL"] if (setpriv := shutil.which("setpriv")) else []
        self._process = subprocess.Popen(
            [*leash, program, "--port", "0", "--unixsocket", self.socket, "--dir", self._directory, "--save", "", *self._options],
            stdout=subprocess.PIPE,
            text=True,
        )
        ready = Event()
        Thread(target=self._read, args=(self._process, ready), daemon=True).start()
        assert ready.wait(PATIENCE)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(SIGCONT)
        self._process.send_signal(SIGKILL)
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process = None

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self.kill()

    def _read(self, process: subprocess.Popen[str], ready: Event) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if "Ready to accept connections" in line or "ready to accept connections" in line:
                    ready.set()


@contextmanager
def running_redis(*options: str, hurried: bool = False) -> Iterator[RedisServer]:
    """A server. Who asks it from this process waits longer than a portal could, unless ``hurried``: the machine may be slow."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="redis-", dir="/tmp"))
        for (module, name), seconds in zip(BOUNDS, USUAL, strict=True):
            stack.enter_context(patch.object(module, name, seconds if hurried else PATIENCE))
        server = RedisServer(Path(directory), *options)
        server.start()
        try:
            yield server
        finally:
            server.stop()
