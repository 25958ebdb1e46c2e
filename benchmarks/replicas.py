"""``python -m benchmarks.replicas``: one, two and four replicas behind nginx, with Redis between them; within two minutes.

nginx runs with ``deploy/nginx/replicas.conf``, the upstream is the sandbox with 100 ms for each answer. Three questions: how many
calls reach Dynamics while visitors open pages (as many as with one replica), how many kept answers a second come (more with each
replica, up to the cores there are), and what it costs when Redis is frozen in the middle of it (nothing but calls).
"""

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.contestants.case import same_event
from benchmarks.contestants.product import serving
from benchmarks.load import Load, put_load
from benchmarks.machine import describe
from benchmarks.material import ORIGIN, SERVER_TOKEN
from benchmarks.portal import SlowOrganisation, send_visitors
from benchmarks.processes import HOST, Cores, FailedError, Fleet, Launch, Running, free_ports
from benchmarks.why import Why, metrics_of

FILE: Final = Path(__file__).parent.parent / "deploy" / "nginx" / "replicas.conf"
COUNTS: Final = (1, 2, 4)
EVENTS: Final = 5
VISITORS: Final = 60
VISITING: Final = 4.0
"""Seconds in which visitors come."""
CONNECTIONS: Final = 64
SYSTEM_PROGRAMS: Final = "/usr/local/sbin:/usr/sbin:/sbin"
NEEDED: Final = {"wrk": "wrk", "nginx": "nginx-light", "redis-server": "redis-server"}


@dataclass(frozen=True, slots=True)
class Round:
    """What so many replicas did.

    Attributes:
        replicas: How many.
        asked: Calls that visitors made.
        why: The calls that reached Dynamics meanwhile.
        visited: Seconds that the visitors took.
        load: Kept answers through nginx.
        work: Processor time of all replicas per kept answer, in microseconds.
        busy: Cores that were busy meanwhile, by who kept them so.
        frozen: Kept answers while Redis is frozen.
        lost: The slowest of ten reads for which Dynamics was asked, Redis being frozen, in milliseconds.
    """

    replicas: int
    asked: int
    why: Why
    visited: float
    load: Load
    work: float
    busy: dict[str, float]
    frozen: Load
    lost: float


def nginx_config(ports: list[int], port: int) -> str:
    """The file as it stands, but for its addresses, and one worker, as there are few cores here."""
    text = FILE.read_text("utf-8").replace("127.0.0.1:8080", f"{HOST}:{port}")
    servers = "\n        ".join(f"server {HOST}:{one} max_fails=2 fail_timeout=5s;" for one in ports)
    text, found = re.subn(r"(?:server 127\.0\.0\.1:808[1-4] [^;]*;\s*){4}", servers + "\n        ", text)
    if found != 1:
        raise FailedError("the servers in replicas.conf are not found")
    user = "user root;\n" if os.geteuid() == 0 else ""
    return user + text.replace("worker_processes auto;", "worker_processes 1;")


def measure(fleet: Fleet, organisation: SlowOrganisation, redis: tuple[Running, str], replicas: int, seconds: int) -> Round:
    """Start replicas and nginx, ask, and end them; Redis is a process and its address.

    Raises:
        FailedError: Something does not work.
    """
    port, *ports = free_ports(1 + replicas)
    server, url = redis
    settings = {
        "EVTMGMT_STATE__REDIS_URL": url,
        "EVTMGMT_CACHE__WARM": "false",
        "EVTMGMT_PORTAL__TRUSTED_PROXIES": "1",
        "EVTMGMT_RATES__READS_PER_CLIENT": "off",
        "EVTMGMT_LOG_LEVEL": "warning",
    }
    started = [
        fleet.start(f"replica {number}", serving(one, organisation.endpoint, SERVER_TOKEN, ORIGIN, settings))
        for number, one in enumerate(ports, 1)
    ]
    command = ("nginx", "-p", ".", "-e", "stderr", "-c", "nginx.conf")
    front = fleet.start("nginx", Launch(command, {"nginx.conf": nginx_config(ports, port)}))
    try:
        for one, own in zip(started, ports, strict=True):
            one.wait_for_port(own)
        front.wait_for_port(port)
        organisation.forget()
        began = perf_counter()
        seen = send_visitors(port, Cores(), EVENTS, VISITORS, VISITING)
        visited = perf_counter() - began
        why = Why.of(organisation.records(), map(metrics_of, ports))
        job = same_event(0)
        put_load(job, port, CONNECTIONS, 1, None)
        parties = {"replicas": started, "nginx": [front]}
        before = {name: sum(one.cpu_seconds() for one in party) for name, party in parties.items()}
        load = put_load(job, port, CONNECTIONS, seconds, None)
        used = {name: sum(one.cpu_seconds() for one in party) - before[name] for name, party in parties.items()}
        os.kill(_pid(server), signal.SIGSTOP)
        try:
            frozen = put_load(job, port, CONNECTIONS, max(1, seconds // 2), None)
            lost = max(_milliseconds(port, number) for number in range(10))
        finally:
            os.kill(_pid(server), signal.SIGCONT)
        for put in (load, frozen):
            if put.errors:
                raise FailedError(f"with {replicas} replicas: {put.errors}")
        busy = {name: value / seconds for name, value in used.items()}
        work = used["replicas"] / load.requests * 1e6
        return Round(replicas, int(seen["calls"]), why, visited, load, work, busy, frozen, lost)
    finally:
        fleet.stop([front, *started])


def _pid(server: Running) -> int:
    """The server itself, not what watches over it."""
    return max(server.family())


def _milliseconds(port: int, number: int) -> float:
    """How long a read takes for which Dynamics is asked."""
    connection = HTTPConnection(HOST, port, timeout=60)
    try:
        began = perf_counter()
        connection.request("GET", f"/EvtMgmt/api/v2.0/events/Nowhere_{number}")
        if connection.getresponse().status != 404:
            raise FailedError("an event that is not there is answered")
        return (perf_counter() - began) * 1_000
    finally:
        connection.close()


def table(rounds: list[Round]) -> Table:
    """The rounds as a table."""
    heads = ("replicas", "portal calls", "calls to Dynamics", "kept/s", "p99 ms", "CPU us each", "cores busy")
    made = Table(*heads, "Redis frozen: kept/s", "slowest miss ms")
    for one in rounds:
        busy = ", ".join(f"{name} {value:.2f}" for name, value in one.busy.items())
        made.add_row(
            *(str(one.replicas), f"{one.asked:,}", f"{one.why.total:,}", f"{one.load.rate:,.0f}", f"{one.load.p99:.1f}"),
            *(f"{one.work:.0f}", busy, f"{one.frozen.rate:,.0f}", f"{one.lost:.0f}"),
        )
    return made


def reasons(rounds: list[Round]) -> Table:
    """Why the calls to Dynamics of each round were made, and what the replicas counted meanwhile."""
    heads = ("replicas", "visitors took", "calls to Dynamics", "first of an answer", "counts again", "others again")
    made = Table(*heads, "memory had not", "went on without Redis", "refreshes")
    for one in rounds:
        why = one.why
        made.add_row(
            *(str(one.replicas), f"{one.visited:.1f} s", f"{why.total:,}", f"{why.first:,}", f"{why.counts:,}", f"{why.again:,}"),
            *(why.part("second_level"), why.part("redis_alone"), why.part("refreshes")),
        )
    return made


def main() -> int:
    """Run with the words of the command line.

    Returns:
        The exit status: 2 when nothing can be measured.
    """
    parser = argparse.ArgumentParser(prog="benchmarks.replicas", description="Replicas behind nginx, with Redis between them.")
    parser.add_argument(
        "--counts", type=int, nargs="+", default=COUNTS, choices=range(1, 9), help="how many replicas, one by one"
    )
    parser.add_argument("--seconds", type=int, default=6, choices=range(2, 31), metavar="2..30", help="length of each load")
    words = parser.parse_args()
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PROGRAMS}"
    console = Console(width=None if sys.stdout.isatty() else 180, highlight=False)
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if missing:
        console.print(f"Needed: {', '.join(missing)}. On Debian, as root: apt-get install {' '.join(missing)}")
        return 2
    for name, value in describe(Cores())[:5]:
        console.print(f"{name}: {value}", markup=False)
    try:
        with tempfile.TemporaryDirectory() as folder, Fleet(Path(folder)) as fleet, console.status("measuring"):
            (port,) = free_ports(1)
            options = ("--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no")
            redis = fleet.start("Redis", Launch(("redis-server", *options)))
            redis.wait_for_port(port)
            organisation = SlowOrganisation(fleet, None)
            # Each round begins with an empty one; there are 16.
            urls = [f"redis://{HOST}:{port}/{number % 16}" for number in range(len(words.counts))]
            rounds = [
                measure(fleet, organisation, (redis, url), count, words.seconds)
                for url, count in zip(urls, words.counts, strict=True)
            ]
    except FailedError as failure:
        console.print(str(failure), markup=False)
        return 2
    console.print(table(rounds))
    console.print(reasons(rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
