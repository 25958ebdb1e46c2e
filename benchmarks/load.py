"""Load by wrk, and what its output says. A run with an error is no figure."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.contestants.case import Job
from benchmarks.material import ORIGIN, REGISTRATION
from benchmarks.processes import HOST, FailedError, running_on

SCRIPTS: Final = Path(__file__).parent / "scripts"
_MILLISECONDS: Final = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0, "h": 3_600_000.0}
_BYTES: Final = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}

_DONE: Final = re.compile(r"^ *(\d+) requests in ([\d.]+)(\w+), ([\d.]+)(\w+) read$", re.MULTILINE)
_RATE: Final = re.compile(r"^Requests/sec: +([\d.]+)$", re.MULTILINE)
_PERCENTILE: Final = r"^ +{}% +([\d.]+)(\w+) *$"  # wrk pads units of one letter
_SOCKETS: Final = re.compile(r"^ *Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$", re.MULTILINE)
_STATUSES: Final = re.compile(r"^ *Non-2xx or 3xx responses: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Load:
    """One run of wrk.

    Attributes:
        requests: How many were answered.
        rate: Requests a second.
        p50: Median latency in milliseconds.
        p99: 99th percentile in milliseconds.
        size: Bytes read, rounded by wrk to two decimals of its unit.
        errors: What went wrong, in words; empty when nothing did.
    """

    requests: int
    rate: float
    p50: float
    p99: float
    size: float
    errors: str


def read_wrk(text: str) -> Load:
    """What wrk's output says.

    Raises:
        FailedError: It is not what wrk 4 prints.
    """
    done, rate, p50, p99 = (
        _DONE.search(text),
        _RATE.search(text),
        re.search(_PERCENTILE.format(50), text, re.MULTILINE),
        re.search(_PERCENTILE.format(99), text, re.MULTILINE),
    )
    if done is None or rate is None or p50 is None or p99 is None:
        raise FailedError(f"wrk said what cannot be read: {text}")
    errors = []
    if sockets := _SOCKETS.search(text):
        kinds = ("connect", "read", "write", "time-out")
        errors += [f"{count} {kind} errors" for kind, count in zip(kinds, sockets.groups(), strict=True) if count != "0"]
    if statuses := _STATUSES.search(text):
        errors.append(f"{statuses[1]} answers that were no success")
    if done[1] == "0":
        errors.append("no answer at all")
    return Load(
        requests=int(done[1]),
        rate=float(rate[1]),
        p50=float(p50[1]) * _MILLISECONDS[p50[2]],
        p99=float(p99[1]) * _MILLISECONDS[p99[2]],
        size=float(done[4]) * _BYTES[done[5]],
        errors=", ".join(errors),
    )


def wrk_command(job: Job, port: int, connections: int, seconds: int) -> list[str]:
    """The command line of one run: one thread, as it has one core."""
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency", "-H", f"Origin: {ORIGIN}"]
    script = ["-s", str(SCRIPTS / job.script)] if job.script else []
    return ["wrk", *options, *script, f"http://{HOST}:{port}{job.path}", "--", REGISTRATION.decode()]


def put_load(job: Job, port: int, connections: int, seconds: int, cores: frozenset[int] | None) -> Load:
    """Run wrk once.

    Args:
        job: What is asked for.
        port: Who is asked.
        connections: How many connections ask, each one request after the other.
        seconds: How long.
        cores: Where wrk runs.

    Raises:
        FailedError: wrk failed.
    """
    with running_on(cores):
        done = subprocess.run(
            wrk_command(job, port, connections, seconds), capture_output=True, text=True, timeout=seconds + 60, check=False
        )
    if done.returncode:
        raise FailedError(f"wrk failed: {done.stderr.strip()}")
    return read_wrk(done.stdout)
