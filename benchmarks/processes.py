"""Starting, watching, measuring and ending processes; nothing outlives the program, whatever ends it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

HOST: Final = "127.0.0.1"
HOME: Final = "{home}"
PATIENCE: Final = 60.0
"""Seconds after which a process that does not answer has failed."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_WATCHED: Final = ("setpriv", "--pdeathsig", "TERM")
"""Ends a child when this program is killed without a chance to clean up."""


class FailedError(Exception):
    """Something that has to work did not; the text is for the person who runs the benchmark."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where: the contestant on one core, load and upstream on the rest; None where nothing is pinned."""

    contestant: frozenset[int] | None = None
    rest: frozenset[int] | None = None

    @property
    def sentence(self) -> str:
        """What was done, for the report."""
        if self.contestant is None or self.rest is None:
            return "not pinned: the machine has one core, or does not let processes be pinned"
        return f"the contestant on one core, wrk and the upstream on {len(self.rest)} other"


def choose_cores() -> Cores:
    """Pin when there are two cores or more and the system allows it."""
    try:
        mine = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, mine)
    except (AttributeError, OSError):
        return Cores()
    return Cores(frozenset(mine[:1]), frozenset(mine[1:])) if len(mine) > 1 else Cores()


@contextmanager
def running_on(cores: frozenset[int] | None) -> Iterator[None]:
    """Children that are started in here inherit these cores."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on; all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@dataclass(frozen=True, slots=True)
class Launch:
    """How a process is started.

    Attributes:
        command: The program and its arguments; it runs in a folder of its own, which ``HOME`` stands for.
        files: What lies in that folder: its configuration, by file name.
        environment: What it finds beside PATH, HOME and TMPDIR.
    """

    command: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Running:
    """A process in a session of its own, with all that it started."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def family(self) -> list[int]:
        """The ids of its processes."""
        return [pid for pid, fields in _all_processes() if int(fields[3]) == self.process.pid]

    def cpu_seconds(self) -> float:
        """Processor time used so far by all its processes."""
        return sum(int(f[11]) + int(f[12]) for _, f in _all_processes() if int(f[3]) == self.process.pid) / _TICKS

    def memory(self, line: str = "VmRSS") -> int:
        """Bytes of its largest process, so of one worker: ``VmRSS``, or ``VmHWM`` for the most it ever was."""
        return max((_status(pid, line) for pid in self.family()), default=0)

    def wait_for_port(self, port: int) -> None:
        """Wait until it listens.

        Raises:
            FailedError: It ended, or did not listen in time.
        """
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise FailedError(f"{self.name} ended with status {self.process.returncode}: {self.last_words()}")
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    return
            time.sleep(0.02)
        raise FailedError(f"{self.name} does not listen: {self.last_words()}")

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-1_500:]

    def forget_log(self) -> None:
        """Empty the log, so that long runs do not fill the disk; it is opened for appending."""
        os.truncate(self.log, 0)


@dataclass
class Fleet:
    """All processes of a run; leaving the context ends them."""

    folder: Path
    running: list[Running] = field(default_factory=list)
    started: int = 0

    def start(self, name: str, launch: Launch, cores: frozenset[int] | None = None) -> Running:
        """Start a process in a folder of its own, with nothing of this program's environment but PATH.

        Args:
            name: How it is called in messages.
            launch: What is started.
            cores: Where it may run; None for anywhere.
        """
        self.started += 1
        home = self.folder / f"process-{self.started}"
        home.mkdir()
        for file, text in launch.files.items():
            (home / file).write_text(text, "utf-8")
        log = home / "log"
        prefix = _WATCHED if shutil.which(_WATCHED[0]) else ()
        with log.open("ab") as out, running_on(cores):
            process = subprocess.Popen(
                [*prefix, *(part.replace(HOME, str(home)) for part in launch.command)],
                cwd=home,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "TMPDIR": str(home), **launch.environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(Running(name, process, log))
        return self.running[-1]

    def stop(self, chosen: Iterable[Running] | None = None) -> None:
        """End processes, politely first; all of them when none is named. They are forgotten: their ids may be used again."""
        ending = [(one, one.family()) for one in (self.running if chosen is None else chosen) if one.process.poll() is None]
        gone = list(self.running if chosen is None else chosen)
        self.running = [one for one in self.running if one not in gone]
        for one, _ in ending:
            one.process.terminate()
        until = time.monotonic() + 10
        for one, family in ending:
            try:
                one.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()
            for left in set(family) & set(one.family()):  # workers of a server that did not end in order
                with suppress(ProcessLookupError):
                    os.kill(left, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _all_processes() -> Iterator[tuple[int, list[str]]]:
    """Each process and the fields of proc(5) ``stat`` from the third on; the second holds the name and may hold blanks."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text("utf-8", "replace")
            except OSError:  # it ended meanwhile
                continue
            yield int(folder.name), text.rpartition(")")[2].split()


def _status(pid: int, line: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return 0
    return next((int(part.split()[1]) * 1024 for part in text.splitlines() if part.startswith(f"{line}:")), 0)
