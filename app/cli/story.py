"""``evtmgmt-proxy demo --story``: a whole migration, told while it happens.

A simulated organisation with both APIs, the proxy as a process of its own, and visitors who use it all the while. What is told is
read from what happened; the story fails when a page failed or a registration was lost.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console

from app.abuse.settings import Rates
from app.cli.health import is_alive
from app.comparing.walk import rehearse
from app.cutover.live import Live, open_store
from app.cutover.state import CutoverState, Stage, Switch
from app.cutover.store import Snapshot, Store
from app.logs import configure_logs
from app.redaction import Redactor
from app.settings import GivenSettings
from app.settings_sources import PREFIX
from sandbox.server import Sandbox, SandboxThread
from sandbox.visitors import Visitors, event_path
from translation.operations import OLD_BASES

VISITORS: Final = 6
PAGES: Final = 60
"""Pages that visitors look at in each act."""
_LATE: Final = "Legacy_Roadshow"
"""The event that is created anew last."""
_READY_SECONDS: Final = 30
_WATCH_SECONDS: Final = 60


class StoryError(Exception):
    """The story did not go as it should."""


def run_story(console: Console) -> None:
    """Tell the whole story, then end.

    Args:
        console: Where it is told.

    Raises:
        StoryError: A page failed, a registration was lost or doubled, or something did not happen in time.
    """
    with ExitStack() as running:
        sandbox = running.enter_context(SandboxThread(Sandbox()))
        sandbox.realtime.behaviour.processing_delay = 0.0
        _tidy(sandbox)
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="evtmgmt-story-")))
        groups = _groups(sandbox, folder)
        url = running.enter_context(_proxy(groups))
        settings = GivenSettings.model_validate({**groups, "log_level": "error"})
        configure_logs(settings.log_level, Redactor(settings.secrets), sys.stderr)
        visitors = running.enter_context(Visitors(f"{url}/{OLD_BASES[0]}/", VISITORS))
        Story(console, sandbox, settings, url, visitors).tell()


class Story:
    """The acts.

    Args:
        console: Where they are told.
        sandbox: Both organisations.
        settings: What the proxy runs with.
        url: The proxy.
        visitors: People who use it.
    """

    def __init__(self, console: Console, sandbox: Sandbox, settings: GivenSettings, url: str, visitors: Visitors) -> None:
        self._console = console
        self._sandbox = sandbox
        self._settings = settings
        self._url = url
        self._visitors = visitors
        self._acts = iter(range(1, 100))

    def tell(self) -> None:
        """Play all acts in order."""
        self._say("evtmgmt-proxy demo --story", "bold")
        self._say(f"Proxy {self._url}, {VISITORS} visitors who look at events all the while. Nothing leaves this machine.")
        self._outbound()
        self._rehearsal()
        self._shadow()
        self._split()
        self._failure()
        self._realtime()
        self._way_back()
        self._account()

    def _outbound(self) -> None:
        self._act("The old API answers everything", "stage outbound")
        self._look()
        with httpx.Client(trust_env=False) as client:
            user = client.get(f"{self._url}/{OLD_BASES[0]}/users/authenticated", headers={"authorization": "Bearer ann"})
        self._say(f"A visitor signs in, as ever: status {user.status_code}, answered by {user.headers['x-evtmgmt-backend']}.")

    def _rehearsal(self) -> None:
        self._act("The rehearsal", "evtmgmt-proxy compare")
        event = self._sandbox.realtime.events["Family_Day"].fields
        name, event["eventName"] = event["eventName"], "Familiy Day"
        self._compare()
        event["eventName"] = name
        self._say("The name is mended in Dynamics. Once more:")
        self._compare()

    def _shadow(self) -> None:
        self._act("Visitors' own reads are compared", "evtmgmt-proxy cutover set --stage shadow")
        self._change(lambda state: {"stage": Stage.SHADOW}, "to see what visitors would get")
        self._look()
        self._eventually(lambda: self._compared() > 50, "the comparison")
        self._say(f"{self._compared():.0f} answers were compared in the background.")

    def _split(self) -> None:
        self._act("A few visitors first, then all", "evtmgmt-proxy cutover set --stage split --percent 30")
        self._change(lambda state: {"stage": Stage.SPLIT, "percent": 30}, "a few visitors first")
        self._look()
        self._say(f"{_LATE} was not created anew yet. Outbound goes on serving it, and it stays in the list.")
        self._change(lambda state: {"percent": 100}, "nothing was heard of the first ones")
        self._look()
        self._eventually(self._all_seen, "a visitor of each event")  # what was seen can be given while real-time fails

    def _failure(self) -> None:
        self._act("Real-time fails, and the watcher moves back", "nobody does anything")
        before = self._version()
        self._sandbox.faults.add("status", status=500, operation="list_sessions", backend="realtime", times=None)
        self._eventually(lambda: self._version() > before, "the watcher", self._look_on)
        state = self._snapshot().state
        for latched, latch in state.latches.items():
            self._say(f"Moved back by itself: {latched}, as {latch.reason}.")
        if not state.latches:
            raise StoryError("the watcher latched nothing")
        self._sandbox.faults.clear()
        self._say("Real-time works again. The latch stays until a person clears it:")
        self._change(lambda state: {"latches": {}}, "mended by Microsoft, said the ticket")
        self._look()

    def _realtime(self) -> None:
        self._act("All of it", "evtmgmt-proxy cutover set --stage realtime")
        self._sandbox.realtime.recreate(_LATE)
        self._say(f"{_LATE} was created anew in real-time journeys.")
        self._look()
        time.sleep(2)
        self._change(lambda state: {"stage": Stage.REALTIME}, "all events are there")
        self._look()

    def _way_back(self) -> None:
        self._act("A way back, for one event", "evtmgmt-proxy cutover set --event Family_Day=outbound")
        self._change(lambda state: {"events": {"family_day": Switch.OUTBOUND}}, "the organiser wants to look at it once more")
        self._look()
        self._change(lambda state: {"events": {}}, "looked at")

    def _account(self) -> None:
        self._act("The account", "what both organisations hold")
        visitors = self._visitors
        held = Counter(str(entry["attendee"]["email"]) for entry in self._sandbox.control.registrations())
        lost = [email for email in visitors.registered if not held[email]]
        doubled = [email for email in held if held[email] > 1]
        sides = Counter(visitors.registered.values())
        self._say(f"{visitors.pages} pages, {len(visitors.mishaps)} calls failed.")
        for mishap in visitors.mishaps[:5]:
            self._say(f"  {mishap.status} {mishap.path} {mishap.message}")
        told = ", ".join(f"{number} by {side}" for side, number in sorted(sides.items()))
        self._say(f"{len(visitors.registered)} registrations confirmed ({told}): {len(lost)} lost, {len(doubled)} doubled.")
        self._say("The audit log:")
        for change in reversed(asyncio.run(self._with_store(lambda store: store.audit(50)))):
            changed = "" if change.version == 1 else f"{_words(change.before)} -> {_words(change.after)}: "
            self._say(f"  {change.version}. {change.who}: {changed}{change.why}")
        if visitors.mishaps or lost or doubled:
            raise StoryError("something was lost")
        self._say("Nothing was lost, and no page failed.", "bold green")

    def _compare(self) -> None:
        report = asyncio.run(rehearse(self._settings, rate=200))
        share = report.parity.percent()
        self._say(f"{len(report.events)} events compared: {share:.2f} % of the fields are equal.")
        for operation, path, found in report.parity.different()[:5]:
            sample = found.samples[-1].difference
            shown = "(not shown)" if sample.personal else f"{_short(sample.left)} | {_short(sample.right)}"
            self._say(f"  {operation} {path} {sample.verdict} in {sample.item}: {shown}")
        for lonely in report.only_outbound:
            self._say(f"  {lonely.event} is listed only in outbound")

    def _compared(self) -> float:
        return self._metric("evtmgmt_shadow_total", outcome="compared")

    def _all_seen(self) -> bool:
        """Whether real-time answered for each event that it has what is going to fail."""
        wanted = {event_path(event) for event in self._visitors.listed if event != _LATE}
        return {(f"{path}/sessions", "realtime") for path in wanted} <= self._visitors.answered

    def _look(self) -> None:
        found = self._visitors.look(PAGES)
        total = sum(found.values()) or 1
        shares = ", ".join(f"{number / total:.0%} by {backend or 'nobody'}" for backend, number in found.most_common())
        self._say(f"{PAGES} more pages: {shares}. Calls that failed until now: {len(self._visitors.mishaps)}.")

    def _look_on(self) -> None:
        self._visitors.look(10)

    def _act(self, title: str, command: str) -> None:
        self._console.print()
        self._say(f"{next(self._acts)}. {title}", "bold")
        self._say(f"   {command}", "dim")

    def _say(self, words: str, style: str = "") -> None:
        self._console.print(words, style=style or None, markup=False, highlight=False, soft_wrap=True)

    def _change(self, parts: Callable[[CutoverState], dict[str, Any]], why: str) -> None:
        async def change(store: Store) -> Snapshot:
            live = Live(store)
            await live.start(self._settings.cutover.state())
            return await live.change(lambda state: state.model_copy(update=parts(state)), "the story", why)

        version = asyncio.run(self._with_store(change)).version
        self._eventually(lambda: self._metric("evtmgmt_cutover_version") >= version, "the change")

    def _version(self) -> int:
        return self._snapshot().version

    def _snapshot(self) -> Snapshot:
        async def current(store: Store) -> Snapshot:
            found = await store.current()
            assert found is not None  # noqa: S101 - the proxy wrote one when it started
            return found

        snapshot: Snapshot = asyncio.run(self._with_store(current))
        return snapshot

    async def _with_store(self, work: Callable[[Store], Any]) -> Any:
        store = open_store(self._settings.state, self._settings.realtime.endpoint)
        try:
            return await work(store)
        finally:
            await store.close()

    def _metric(self, name: str, **labels: str) -> float:
        lines = httpx.get(f"{self._url}/metrics", trust_env=False).text.splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        found = [line for line in lines if line.split("{")[0].split(" ")[0] == name and all(part in line for part in wanted)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    def _eventually(self, holds: Callable[[], bool], what: str, meanwhile: Callable[[], None] = lambda: None) -> bool:
        """Wait until something holds; visitors go on."""
        until = time.monotonic() + _WATCH_SECONDS
        while not holds():
            if time.monotonic() > until:
                raise StoryError(f"{what} did not come")
            meanwhile()
            time.sleep(0.1)
        return True


def _tidy(sandbox: Sandbox) -> None:
    """Take away what would need a word of its own: an event of another web application, a picture that is drawn from an id."""
    del sandbox.outbound.events["Partner_Briefing"]
    sandbox.outbound.events["Annual_Forum"].fields["image"] = sandbox.realtime.events["Annual_Forum_2031"].fields["image"]


def _groups(sandbox: Sandbox, folder: Path) -> dict[str, dict[str, Any]]:
    """What the proxy runs with: short times, so that the story is not longer than a reader's patience."""
    aliases = sandbox.control.aliases()
    return {
        "realtime": {
            "endpoint": sandbox.realtime_endpoint,
            "token": sandbox.realtime_token,
            "origin": sandbox.realtime_origin,
        },
        "outbound": {
            "endpoint": sandbox.outbound_endpoint,
            "token": sandbox.outbound_token,
            "origin": sandbox.outbound_origin,
        },
        "cutover": {"stage": Stage.OUTBOUND.value, "sticky_header": "X-Visitor"},
        "shadow": {"sample": 100},
        "rollback": {"minimum": 10},
        "aliases": {kind: aliases[kind] for kind in ("events", "sessions", "passes", "fields")},
        "cache": {"details": {"fresh": 1, "stale_while_revalidate": 1}, "counts": {"fresh": 1}, "warm": False},
        "upstream": {"budget": "off"},
        # All visitors of the story have one address.
        "rates": dict.fromkeys(Rates.model_fields, "off"),
        "state": {"path": str(folder)},
    }


@contextmanager
def _proxy(groups: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The proxy as a process of its own, told by its environment as an operator would."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment[f"{PREFIX}LOG_LEVEL"] = "error"
    for group, values in groups.items():
        for name, value in values.items():
            text = value if isinstance(value, str) else json.dumps(value)
            environment[f"{PREFIX}{group.upper()}__{name.upper()}"] = text
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as finder:
        finder.bind(("127.0.0.1", 0))
        port = finder.getsockname()[1]
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + _READY_SECONDS
        while not is_alive(f"{url}/livez"):
            if process.poll() is not None or time.monotonic() > until:
                raise StoryError("the proxy did not start")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(_READY_SECONDS)


def _words(part: Mapping[str, Any]) -> str:
    """Parts of a state, short: of latches only what is latched."""
    return ", ".join(f"{name} {', '.join(value) or 'none' if isinstance(value, dict) else value}" for name, value in part.items())


def _short(text: str | None) -> str:
    return "nothing" if text is None else text if len(text) < 60 else f"{text[:57]}..."
