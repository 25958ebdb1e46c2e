"""The installed program as a process of its own, with an environment of its own."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from threading import Condition, Thread
from typing import Any

from sandbox.server import Sandbox
from tests.app.cli.forked import Forked

PROGRAM = Path(sys.executable).with_name("evtmgmt-proxy")
PATIENCE = 60
"""Seconds after which a process that says nothing has failed."""


def environment_for(sandbox: Sandbox) -> dict[str, str]:
    """What the program needs to know of a sandbox."""
    return {
        "EVTMGMT_REALTIME__ENDPOINT": sandbox.realtime_endpoint,
        "EVTMGMT_REALTIME__TOKEN": sandbox.realtime_token,
        "EVTMGMT_REALTIME__ORIGIN": sandbox.realtime_origin,
        "EVTMGMT_CACHE__WARM": "false",
    }


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run to the end, in ``folder``, with nothing in the environment but what is named and an empty folder of secrets."""
    words, whole = [str(PROGRAM), *arguments], whole_environment(folder, environment)
    with TemporaryFile() as out, TemporaryFile() as error:
        streams = out.fileno(), error.fileno()
        with _started(words, folder, whole, *streams) if _is_own(whole) else Forked(words, folder, whole, *streams) as process:
            try:
                status = process.wait(PATIENCE)
            finally:
                process.kill()
        out.seek(0)
        error.seek(0)
        return subprocess.CompletedProcess(words, status, out.read().decode(), error.read().decode())


class Serving:
    """A running ``serve``; its log is read as it comes."""

    def __init__(self, process: "subprocess.Popen[str] | Forked") -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self._news = Condition()
        self._reader = Thread(target=self._read, name="log", daemon=True)
        self._reader.start()

    def wait_for(self, event: Callable[[str], object], times: int = 1) -> list[dict[str, Any]]:
        """Wait until lines have been logged whose event satisfies ``event``, and give them."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.log if event(line["event"])]

        with self._news:
            assert self._news.wait_for(lambda: len(found()) >= times, PATIENCE), self.log
            return found()

    @property
    def url(self) -> str:
        """Where it listens, as its log tells."""
        (line, *_) = self.wait_for(re.compile("Uvicorn running on ").match)
        return str(line["event"]).split()[3]

    def ready(self, workers: int) -> str:
        """Wait until all workers serve, and give the address."""
        self.wait_for("Application startup complete.".__eq__, workers)
        return self.url

    def stop(self, signal: int) -> int:
        """Send a signal and give the exit status, with the whole log read."""
        self.process.send_signal(signal)
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            with self._news:
                self.log.append(json.loads(text))
                self._news.notify_all()


@contextmanager
def serving(*arguments: str, folder: Path, fresh: bool = False, **environment: str) -> Iterator[Serving]:
    """``serve`` on a free port.

    Args:
        *arguments: Options beside the port.
        folder: Where it runs.
        fresh: Whether it is started from nothing; also where variables of Python are set. Else it is forked (``zygote.py``).
        **environment: Variables.
    """
    words = [str(PROGRAM), "serve", "--port", "0", *arguments]
    whole = whole_environment(folder, environment)
    with _started(words, folder, whole) if fresh or _is_own(whole) else Forked(words, folder, whole) as process:
        try:
            yield Serving(process)
        finally:
            if process.poll() is None:
                process.terminate()  # not killed at once: a parent has to end its workers
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _started(
    words: list[str], folder: Path, environment: dict[str, str], out: int = subprocess.PIPE, error: int | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(words, cwd=folder, env=environment, stdout=out, stderr=error, text=True, encoding="utf-8")


def _is_own(environment: dict[str, str]) -> bool:
    """Whether Python itself is told something, which it reads at its start."""
    return any(name.startswith("PYTHON") for name in environment)


def whole_environment(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """All that a program finds: what is named, and an empty folder of secrets."""
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "EVTMGMT_SECRETS_DIR": str(secrets),
        **environment,
    }
