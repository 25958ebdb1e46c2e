"""``python -m benchmarks.shadow``: what a visitor notices of the shadow, as a ratio of latencies in one run.

Two proxies stand before the sandbox's organisations: one in the stage ``outbound``, one in the stage ``shadow`` that sends every
read to real-time as well. The same reads go to both in turn, and to the first once more, so that the noise of the machine is seen
beside the ratio. Nothing is kept, so that each read is a call. Bounded: about a minute.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.contestants.product import CACHE, UNDISTURBED, serving
from benchmarks.material import OLD_BASE, ORIGIN, SERVER_TOKEN
from benchmarks.processes import HOST, Cores, FailedError, Fleet, Launch, choose_cores, free_ports
from benchmarks.visitors import percentile

EVENT: Final = "Contoso_Ltd_Conference"
PATHS: Final = ("events/published", f"events/{EVENT}", f"events/{EVENT}/sessions", f"events/{EVENT}/speakers")
PACE: Final = 0.01
"""Seconds between two reads: a shadow works while nobody asks."""
ALL: Final = {"EVTMGMT_SHADOW__SAMPLE": "100", "EVTMGMT_SHADOW__NOISE": "0"}
SITUATIONS: Final[dict[str, dict[str, Any] | None]] = {
    "real-time hangs": {"kind": "hang", "backend": "realtime", "times": None},
    "real-time resets": {"kind": "reset", "backend": "realtime", "times": None},
    "all is compared": None,
}
WITHOUT, BESIDE, AGAIN = "without a shadow", "beside a shadow", "without one, again"


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of one proxy in one situation, in milliseconds: the median of rounds' medians, and what one read in a hundred exceeds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, rounds: list[list[float]]) -> "Latencies":
        """Those of rounds, each of which is a list of seconds."""
        every = sorted(seconds for one in rounds for seconds in one)
        return cls(median(median(one) for one in rounds) * 1_000, percentile(every, 99) * 1_000)


def main() -> int:
    """Run with the words of the command line.

    Returns:
        The exit status: 2 when nothing can be measured.
    """
    parser = argparse.ArgumentParser(prog="benchmarks.shadow", description="What a visitor notices of the shadow.")
    parser.add_argument(
        "--rounds", type=int, default=10, choices=range(1, 101), metavar="1-100", help="all proxies in turn in each"
    )
    parser.add_argument("--reads", type=int, default=60, choices=range(10, 501), metavar="10-500", help="of one proxy in a round")
    words = parser.parse_args()
    console = Console(highlight=False)
    try:
        with tempfile.TemporaryDirectory(prefix="evtmgmt-shadow-") as folder, Fleet(Path(folder)) as fleet:
            for situation, found in measure(fleet, choose_cores(), words.rounds, words.reads):
                show(console, situation, found)
    except FailedError as failure:
        console.print(str(failure), markup=False)
        return 2
    return 0


def measure(fleet: Fleet, cores: Cores, rounds: int, reads: int) -> Iterator[tuple[str, dict[str, Latencies]]]:
    """Each situation and the latencies in it, by proxy.

    Raises:
        FailedError: Something does not work.
    """
    upstream, without, beside = free_ports(3)
    words = ("--port", str(upstream), "--origin", ORIGIN, "--realtime-token", SERVER_TOKEN, "--outbound-token", SERVER_TOKEN)
    sandbox = fleet.start("the sandbox", Launch((sys.executable, "-m", "sandbox", *words)), cores.rest)
    sandbox.wait_for_port(upstream)
    about = _ask(upstream, "GET", "/_sandbox/")
    for port, stage in ((without, "outbound"), (beside, "shadow")):
        settings = {
            "EVTMGMT_OUTBOUND__ENDPOINT": about["outbound"]["endpoint"],
            "EVTMGMT_OUTBOUND__TOKEN": SERVER_TOKEN,
            "EVTMGMT_OUTBOUND__ORIGIN": ORIGIN,
            "EVTMGMT_CUTOVER__STAGE": stage,
            CACHE: "false",
            **UNDISTURBED,
            **ALL,
        }
        launch = serving(port, about["realtime"]["endpoint"], SERVER_TOKEN, ORIGIN, settings)
        fleet.start(f"evtmgmt-proxy, {stage}", launch, cores.contestant).wait_for_port(port)
    for situation, fault in SITUATIONS.items():
        _ask(upstream, "POST", "/_sandbox/behaviour/outbound", {"quota_limit": 10**9})
        _ask(upstream, "POST", "/_sandbox/behaviour/realtime", {"quota_limit": 10**9})
        _ask(upstream, "DELETE", "/_sandbox/faults")
        if fault is not None:
            _ask(upstream, "POST", "/_sandbox/faults", fault)
        found: dict[str, list[list[float]]] = {WITHOUT: [], BESIDE: [], AGAIN: []}
        _read(beside, reads)  # fills the shadow's queue where nothing leaves it
        for number in range(rounds):
            turns = [(WITHOUT, without), (BESIDE, beside), (AGAIN, without)]
            for name, port in turns if number % 2 else reversed(turns):
                found[name].append(_read(port, reads))
        yield situation, {name: Latencies.of(measured) for name, measured in found.items()}


def show(console: Console, situation: str, found: dict[str, Latencies]) -> None:
    """Print one situation; the ratio is that to the proxy without a shadow."""
    table = Table(title=situation, title_justify="left")
    for heading in ("", "p50 ms", "ratio", "p99 ms", "ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    base = found[WITHOUT]
    for name, one in found.items():
        table.add_row(name, f"{one.p50:.2f}", f"{one.p50 / base.p50:.2f}", f"{one.p99:.2f}", f"{one.p99 / base.p99:.2f}")
    console.print(table)


def _read(port: int, reads: int) -> list[float]:
    """Seconds of so many reads, one after the other over one connection."""
    seconds = []
    with closing(HTTPConnection(HOST, port, timeout=30)) as connection:
        for number in range(reads):
            sleep(PACE)
            started = perf_counter()
            connection.request("GET", OLD_BASE + PATHS[number % len(PATHS)])
            answer = connection.getresponse()
            answer.read()
            seconds.append(perf_counter() - started)
            if answer.status != 200:
                raise FailedError(f"a visitor was answered {answer.status}")
    return seconds


def _ask(port: int, method: str, path: str, body: Any = None) -> Any:
    with closing(HTTPConnection(HOST, port, timeout=30)) as connection:
        connection.request(method, path, None if body is None else orjson.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise FailedError(f"the sandbox does not obey: {text!r}")
        return orjson.loads(text)


if __name__ == "__main__":
    sys.exit(main())
