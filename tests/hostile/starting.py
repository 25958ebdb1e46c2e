"""The program as a process of its own that is there at once: forked from a process that has imported all of it already."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import SIGKILL, SIGUSR1, signal
from socket import AF_INET, SOCK_STREAM, socket

import orjson

from tests.app.cli.program import PATIENCE, whole_environment
from tests.clock import until
from tests.forking import CONTEXT
from tests.ports import free_port

JUMPS = "JUMPS"
"""A variable of the environment: the wall clock jumps."""


def serve(port: int, log: str, folder: str, environment: Mapping[str, str]) -> None:
    """What ``evtmgmt-proxy serve`` does, in a process of its own."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - uvicorn hands it to its workers
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as the interpreter opens it
    if JUMPS in environment:
        let_the_clock_jump()
    sys.argv = ["evtmgmt-proxy", "serve", "--port", str(port)]
    from app.cli import main

    main()


def let_the_clock_jump() -> None:
    """At each SIGUSR1 the wall clock jumps: a day ahead, back again, a year ahead."""
    true = time.time
    shifts = iter((86_400.0, 0.0, 31_536_000.0))
    shift = 0.0

    def jump(*_: object) -> None:
        nonlocal shift
        shift = next(shifts)

    def told() -> float:
        return true() + shift

    signal(SIGUSR1, jump)
    time.time = told
    for name, module in list(sys.modules.items()):
        if name.startswith("app.") and getattr(module, "time", None) is true:
            vars(module)["time"] = told


@dataclass
class Process:
    """A running proxy."""

    child: BaseProcess
    port: int
    log: Path

    @property
    def pid(self) -> int:
        assert self.child.pid is not None
        return self.child.pid

    def ended(self) -> int | None:
        """The exit status, once it has ended by itself or by a signal."""
        self.child.join(PATIENCE)
        return self.child.exitcode

    def lines(self) -> list[dict[str, object]]:
        return [orjson.loads(line) for line in self.log.read_bytes().splitlines()] if self.log.is_file() else []


def listens(port: int) -> bool:
    with socket(AF_INET, SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def started(folder: Path, environment: Mapping[str, str], log: Path) -> Iterator[Process]:
    """The program, listening."""
    port = free_port()
    words = (port, str(log), str(folder), whole_environment(folder, dict(environment)))
    child = CONTEXT.Process(target=serve, args=words)
    child.start()
    try:
        until(lambda: listens(port) or not child.is_alive(), seconds=PATIENCE)
        yield Process(child, port, log)
    finally:
        if child.is_alive():
            os.kill(child.pid or 0, SIGKILL)
        child.join(PATIENCE)
        child.close()
