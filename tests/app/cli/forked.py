"""Processes that a zygote forks, with the face of ``subprocess.Popen``."""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from socket import AF_UNIX, SOCK_SEQPACKET, send_fds, socketpair
from threading import Lock
from types import TracebackType
from typing import Any, Self, TextIO

ROOT = Path(__file__).parents[3]


class Zygote:
    """The process that forks, with all that the program loads in it already."""

    def __init__(self) -> None:
        self._line, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.app.cli.zygote", str(theirs.fileno())]
        self._process = subprocess.Popen(command, cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, pass_fds=[theirs.fileno()])
        theirs.close()
        self._lock = Lock()
        atexit.register(self.close)

    def start(self, words: Sequence[str], folder: Path, environment: Mapping[str, str], streams: Sequence[int]) -> int:
        """The id of a new process with these streams as its first three."""
        asked = {"words": list(words), "folder": str(folder), "environment": dict(environment)}
        with self._lock:
            send_fds(self._line, [json.dumps(asked).encode()], list(streams))
            return int(self._told())

    def ended(self, pid: int) -> int | None:
        """The exit status of a process; None while it runs."""
        with self._lock:
            self._line.send(json.dumps({"ended": pid}).encode())
            status = self._told()
            return None if status is None else int(status)

    def close(self) -> None:
        """End it."""
        self._line.close()
        self._process.wait()

    def _told(self) -> Any:
        told = self._line.recv(2**16)
        assert told, "the zygote is gone"
        return json.loads(told)


@cache
def zygote() -> Zygote:
    """That of this process."""
    return Zygote()


class Forked:
    """A process of the program.

    Args:
        words: The command line.
        folder: Where it runs.
        environment: All of its environment.
        out: Where its standard output goes; None for a pipe, ``stdout``.
        error: Where its standard error goes; None for that of the tests.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        out: int | None = None,
        error: int | None = None,
    ) -> None:
        self.stdout: TextIO | None = None
        self.returncode: int | None = None
        nothing = os.open(os.devnull, os.O_RDONLY)
        theirs = out
        if theirs is None:
            ours, theirs = os.pipe()
            self.stdout = open(ours, encoding="utf-8")  # noqa: SIM115 - closed with the process
        try:
            self.pid = zygote().start(words, folder, environment, (nothing, theirs, 2 if error is None else error))
        finally:
            os.close(nothing)
            if out is None:
                os.close(theirs)

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        if self.returncode is None:
            self.returncode = zygote().ended(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once there is one.

        Raises:
            TimeoutExpired: There was none in time.
        """
        if self.poll() is None:
            watch = os.pidfd_open(self.pid)  # nobody takes the id before its end was asked for
            try:
                if not select.select([watch], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired("evtmgmt-proxy", timeout or 0)
            finally:
                os.close(watch)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.stdout is not None:
            self.stdout.close()
        self.wait()
