"""``python -m benchmarks.soak``: run the soak, print the slopes, end with status 1 when something grows or is lost.

The real command line with default settings and shorter time-outs, the sandbox, and for the given minutes: visitors who look
(``benchmarks/visitors.py``), people who register, callers that leave, reset and scan, a random fault every few seconds, and a
SIGHUP with other settings every ten. The first half of the time fills caches and pools and does not count.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from benchmarks.contestants.product import serving
from benchmarks.material import OLD_BASE, ORIGIN, SERVER_TOKEN
from benchmarks.portal import EVENTS
from benchmarks.processes import HOST, Fleet, Launch, Running, free_ports
from benchmarks.soak.callers import Callers, Tally
from benchmarks.soak.proxy import TASKS_PORT
from benchmarks.soak.report import record, told
from benchmarks.soak.samples import Sample, judge, look
from benchmarks.soak.trouble import Organisation
from benchmarks.visitors import Seen, find_event, run

ROOT: Final = Path(__file__).parents[2]
SETTINGS: Final = {
    "EVTMGMT_UPSTREAM__READ_TIMEOUT": "2",
    "EVTMGMT_UPSTREAM__TOTAL_TIMEOUT": "4",
    "EVTMGMT_LIMITS__HEADER_TIMEOUT": "3",
    "EVTMGMT_LIMITS__REQUEST_TIMEOUT": "3",
    "EVTMGMT_UPSTREAM__BUDGET_BURST": "2000",
    "EVTMGMT_CACHE__MAX_BYTES": "4000000",
    "EVTMGMT_UPSTREAM__MAX_ANSWER_BYTES": "1000000",
    **{f"EVTMGMT_RATES__{name}": "off" for name in ("REGISTRATIONS_PER_CLIENT", "REGISTRATIONS_PER_EVENT", "READS_PER_CLIENT")},
}
"""Time-outs that a fault of some seconds meets; a cache that is full, and so does not grow, within the first half;
answers that are bounded below what the process has; and no limits per client, as all callers have the same address."""
CHANGING: Final = "evtmgmt_upstream__connections"
"""The setting that is another one at each reload, so that the connections to Dynamics are made anew as well."""
SHARE: Final = 0.5
"""The part of the time in which everything is met for the first time: caches, pools, the most that is ever held at once."""
CALM: Final = 12.0
"""Seconds after the load until all time-outs are over and idle connections are as they stay."""


@dataclass(slots=True)
class Soak:
    """One run against running processes."""

    proxy: Running
    organisation: Organisation
    port: int
    tasks_port: int
    minutes: float
    reloads: bool
    samples: list[Sample] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    seen: list[Seen] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The proxy's own process."""
        return max(self.proxy.family(), key=lambda pid: len(list(Path(f"/proc/{pid}/fd").iterdir())))

    def sample(self, began: float) -> Sample:
        """Look at the proxy now."""
        return look(self.proxy, self.pid, self.port, self.tasks_port, monotonic() - began)

    async def run(self) -> tuple[Sample, Sample, Tally]:
        """All of it; gives the idle moments before and after, and what the callers saw."""
        base = f"http://{HOST}:{self.port}{OLD_BASE}"
        events = [await find_event(base, ORIGIN, name) for name in EVENTS]
        began = monotonic()
        before = await asyncio.to_thread(self.sample, began)
        until = began + self.minutes * 60
        callers = Callers(HOST, self.port, base, ORIGIN, events, until)
        await asyncio.gather(callers.run(), self._visitors(base, until), self._trouble(until), self._watch(began, until))
        await asyncio.to_thread(self.organisation.calm)
        await asyncio.sleep(CALM)
        return before, await asyncio.to_thread(self.sample, began), callers.tally

    async def _visitors(self, base: str, until: float) -> None:
        while (left := until - monotonic()) > 1:
            self.seen.append(await run(base, ORIGIN, list(EVENTS), 25, min(20.0, left)))

    async def _trouble(self, until: float) -> None:
        beat = 0
        while monotonic() < until:
            beat += 1
            if beat % 2:
                self.faults[await asyncio.to_thread(self.organisation.trouble)] += 1
            else:
                await asyncio.to_thread(self.organisation.calm)
            if self.reloads and beat % 4 == 0:
                place = self.proxy.log.parent / CHANGING
                half = place.with_suffix(".half")
                half.write_text(str(40 + beat % 8), "utf-8")
                half.rename(place)  # never seen half written
                os.kill(self.pid, signal.SIGHUP)
                self.faults["reload"] += 1
            await asyncio.sleep(2.5)

    async def _watch(self, began: float, until: float) -> None:
        while monotonic() < until:
            await asyncio.sleep(min(5.0, max(1.0, self.minutes * 60 / 60)))
            self.samples.append(await asyncio.to_thread(self.sample, began))


def main() -> int:
    """Run with the words of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--no-reloads", action="store_true", help="send no SIGHUP every ten seconds")
    parser.add_argument("--write", action="store_true", help="write the result into docs/reliability.md")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evtmgmt-soak-") as folder, Fleet(Path(folder)) as fleet:
        upstream_port, port, tasks_port = free_ports(3)
        sandbox = ("-m", "sandbox", "--port", str(upstream_port), "--origin", ORIGIN, "--realtime-token", SERVER_TOKEN)
        environment = {"PYTHONPATH": str(ROOT)}
        fleet.start("the sandbox", Launch((sys.executable, *sandbox), environment=environment)).wait_for_port(upstream_port)
        organisation = Organisation(upstream_port)
        endpoint = organisation.control("GET", "")["realtime"]["endpoint"]
        launch = serving(port, endpoint, SERVER_TOKEN, ORIGIN, {**SETTINGS, **environment, TASKS_PORT: str(tasks_port)})
        command = (sys.executable, "-m", "benchmarks.soak.proxy", *launch.command[1:])
        proxy = fleet.start("the proxy", Launch(command, environment=launch.environment))
        proxy.wait_for_port(port)
        soak = Soak(proxy, organisation, port, tasks_port, words.minutes, not words.no_reloads)
        before, after, tally = asyncio.run(soak.run())
        arrived = Counter(
            item["attendee"]["email"] for item in organisation.control("GET", "registrations") if item["backend"] == "realtime"
        )
        log = proxy.log.read_text("utf-8", "replace")
    counted = [sample for sample in soak.samples if sample.seconds > words.minutes * 60 * SHARE]
    verdicts = judge(before, counted, after)
    defects = {
        "acknowledged and lost": len(tally.acknowledged - set(arrived)),
        "arrived twice": sum(1 for times in arrived.values() if times > 1),
        "never sent by anybody": len(set(arrived) - tally.sent),
        "answers that nobody may see": tally.wrong.total() + sum(seen.statuses["500"] for seen in soak.seen),
        "defects in the log": log.count('"event":"defect"'),
        "tokens in the log": log.count(SERVER_TOKEN),
        "reloads that were refused": log.count('"settings were not taken'),
    }
    lines = told(words.minutes, soak.samples, verdicts, tally, soak.seen, soak.faults, defects)
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stderr.writelines(line + "\n" for line in log.splitlines() if '"event":"defect"' in line)
    if words.write:
        record(ROOT / "docs" / "reliability.md", lines)
    return 0 if all(verdict.flat for verdict in verdicts) and not any(defects.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
