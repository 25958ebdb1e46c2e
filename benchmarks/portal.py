"""Portal pages per upstream call: visitors of a whole portal beside an organisation that takes 100 ms for each answer.

The upstream is the project's sandbox: it has every operation of the pages, refuses wrong tokens, keeps Dataverse's limit of 6,000
requests in five minutes, and records what it receives. It is slow, but with a cache before it, it is hardly asked.
The proxy runs with its default settings, budget included; only its warm start is off, because the first visitor warms the cache
of just the events that are visited.
"""

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final

import orjson

from benchmarks.contestants.product import serving
from benchmarks.material import OLD_BASE, ORIGIN, SERVER_TOKEN
from benchmarks.processes import HOST, Cores, FailedError, Fleet, Launch, free_ports, running_on

EVENTS: Final = ("Contoso_Open_Day", "Contoso_Ltd_Conference", "Annual_Forum_2031", "Agenda_Summit", "Münchner Herbstgespräche")
LATENCY: Final = 0.1
"""Seconds that the upstream takes for each answer."""


@dataclass(frozen=True, slots=True)
class PortalRun:
    """What came of it.

    Attributes:
        events: How many different events were visited.
        visitors: How many visitors opened five pages each.
        seconds: In how long.
        seen: What they saw (``benchmarks.visitors.Seen.summary``).
        upstream: Calls that arrived upstream meanwhile, by operation.
    """

    events: int
    visitors: int
    seconds: float
    seen: dict[str, Any]
    upstream: Counter[str]

    @property
    def ratio(self) -> float:
        """Portal calls per upstream call; preflights do not count."""
        return float(self.seen["calls"]) / max(1, self.upstream.total())


class SlowOrganisation:
    """A running sandbox that takes its time."""

    def __init__(self, fleet: Fleet, cores: frozenset[int] | None) -> None:
        """Start it."""
        (self._port,) = free_ports(1)
        words = ("--port", str(self._port), "--origin", ORIGIN, "--realtime-token", SERVER_TOKEN)
        self.running = fleet.start("the sandbox", Launch((sys.executable, "-m", "sandbox", *words)), cores)
        self.running.wait_for_port(self._port)
        self.endpoint: str = self._control("GET", "")["realtime"]["endpoint"]
        self._control("POST", "faults", {"kind": "latency", "seconds": LATENCY, "times": None})

    def forget(self) -> None:
        """Count from now on."""
        self._control("DELETE", "requests")

    def calls(self) -> Counter[str]:
        """What arrived, by operation; of very many the last 10,000."""
        return Counter(record["operation"] for record in self.records())

    def records(self) -> list[dict[str, Any]]:
        """The same, one by one."""
        received: list[dict[str, Any]] = self._control("GET", "requests")
        return received

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection(HOST, self._port, timeout=60)
        try:
            connection.request(method, f"/_sandbox/{path}", None if body is None else orjson.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise FailedError(f"the sandbox does not obey: {text!r}")
        return orjson.loads(text)


def visit_portal(fleet: Fleet, cores: Cores, events: int, visitors: int, seconds: float) -> PortalRun:
    """Warm the cache with one visitor per event, then let all visitors come.

    Args:
        fleet: Starts the processes.
        cores: The proxy has a core of its own; visitors and upstream have the rest.
        events: How many different events are visited.
        visitors: How many visitors.
        seconds: In how long.

    Raises:
        FailedError: Something does not work, or visitors saw what none should see.
    """
    organisation = SlowOrganisation(fleet, cores.rest)
    (port,) = free_ports(1)
    launch = serving(port, organisation.endpoint, SERVER_TOKEN, ORIGIN, {"EVTMGMT_CACHE__WARM": "false"})
    proxy = fleet.start("evtmgmt-proxy before the portal", launch, cores.contestant)
    try:
        proxy.wait_for_port(port)
        send_visitors(port, cores, events, 0, 0)
        organisation.forget()
        seen = send_visitors(port, cores, events, visitors, seconds)
        return PortalRun(events, visitors, seconds, seen, organisation.calls())
    finally:
        fleet.stop([proxy, organisation.running])


def send_visitors(port: int, cores: Cores, events: int, visitors: int, seconds: float) -> dict[str, Any]:
    """Let visitors open five pages each, and say what they saw.

    Raises:
        FailedError: They failed, or saw what none should see.
    """
    words = [
        "--base",
        f"http://{HOST}:{port}{OLD_BASE}",
        "--origin",
        ORIGIN,
        "--visitors",
        str(visitors),
        "--seconds",
        str(seconds),
    ]
    names = [word for name in EVENTS[:events] for word in ("--event", name)]
    with running_on(cores.rest):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.visitors", *words, *names], capture_output=True, timeout=seconds + 120, check=False
        )
    if done.returncode:
        raise FailedError(f"the visitors failed: {done.stderr.decode('utf-8', 'replace')[-1_500:]}")
    seen: dict[str, Any] = orjson.loads(done.stdout)
    if seen["wrong"]:
        raise FailedError(f"visitors saw what none should see: {seen['wrong']}")
    return seen
