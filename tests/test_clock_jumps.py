"""The wall clock of a real process is set forward and back while it serves: nothing that waits or lasts depends on it."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import environment_for, serving
from tests.clock import until
from tests.examples import OPEN_DAY
from tests.service import BASE, event_path

SITE = """
import time
real = time.time
def jumping():
    try:
        with open({file!r}) as offset:
            return real() + float(offset.read() or 0)
    except FileNotFoundError:
        return real()
time.time = jumping
"""
"""Read by Python before anything else: whoever takes ``time.time`` later takes this one."""
DAY = 86_400
READ = f"{BASE}{event_path(OPEN_DAY)}"
SPEAKERS = f"{BASE}{event_path(OPEN_DAY, '/speakers')}"
WALL = re.compile(r"\btime\.time\b|from time import .*\btime\b|datetime\.now|utcnow|date\.today")
MAY_LOOK_AT_IT = {
    "app/admin/credentials.py": "sessions of the console are known to all workers, and after a restart: at worst, sign in again",
    "app/admin/parts.py": "a time that is shown",
    "app/cli/posting.py": "an age that is shown",
    "app/archive/draft.py": "when a thing was read, which is shown; a second run reads anew what an earlier one did not bring",
    "app/checkup/emulated.py": "the stamp of a calendar file",
    "app/comparing/walk.py": "a time that is shown",
    "app/cutover/redis_store.py": "a time that is shown; it never goes back",
    "app/cutover/reports.py": "what lies ahead is written anew",
    "app/cutover/shadow.py": "a time that is shown",
    "app/cutover/sqlite.py": "a time that is shown; it never goes back",
    "app/cutover/sqlite_documents.py": "the age of a worker that is gone: at worst it is taken for gone, and counts anew",
    "app/cutover/traffic.py": "slots that all processes have to mean alike; those ahead are left out",
    "app/cutover/usage.py": "days",
    "app/cutover/watcher.py": "the same slots; what lies ahead is taken for now",
    "app/hosting/standing.py": "an age that is shown",
    "app/logs.py": "the time of a line",
    "app/outbox/store.py": "ages that outlive the process; a hold is bounded (app/outbox/courier.py)",
    "routes/calendar.py": "the stamp of a calendar file",
    "routes/outbox.py": "an age that is shown",
    "routes/published.py": "days: which events are past",
}
"""Who looks at the wall clock, and why a jump does no harm. Everybody else has a monotonic one."""
ROOT = Path(__file__).parent.parent


def test_nobody_else_looks_at_the_wall_clock() -> None:
    found = {
        str(path.relative_to(ROOT))
        for room in ("app", "routes", "translation")
        for path in (ROOT / room).rglob("*.py")
        if WALL.search(path.read_text("utf-8"))
    }
    assert found == set(MAY_LOOK_AT_IT)


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
def test_a_jump_harms_nobody(jump: int, tmp_path: Path) -> None:
    site, offset = tmp_path / "site", tmp_path / "offset"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE.format(file=str(offset)))
    faults = {
        "EVTMGMT_FAULTS__BREAKER_MINIMUM": "3",
        "EVTMGMT_FAULTS__BREAKER_OPEN": "8",
        "EVTMGMT_FAULTS__BREAKER_PROBES": "1",
        "EVTMGMT_FAULTS__RETRY_PERCENT": "0",
    }
    with SandboxThread(Sandbox()) as upstream:
        environment = {**environment_for(upstream), **faults, "PYTHONPATH": str(site)}
        with serving(folder=tmp_path, **environment) as program, httpx.Client(timeout=30, trust_env=False) as client:
            url = program.ready(1)
            assert urlsplit(url).port
            assert client.get(url + READ).headers["x-evtmgmt-cache"] == "miss"
            upstream.faults.add("status", status=500, operation="list_speakers", times=None)
            until(lambda: client.get(url + SPEAKERS).json()["errorCode"] == "BreakerOpen")
            before = client.get(f"{url}/livez").headers["date"][:16]
            offset.write_text(str(jump))
            until(lambda: client.get(f"{url}/livez").headers["date"][:16] != before)  # the process has seen it
            # What is kept is as fresh, and what is shut as shut, as before.
            assert client.get(url + READ).headers["x-evtmgmt-cache"] == "hit"
            assert client.get(url + SPEAKERS).json()["errorCode"] == "BreakerOpen"
            upstream.faults.clear()
            until(lambda: client.get(url + SPEAKERS).status_code == 200)
            assert upstream.recorder.find(operation="list_speakers")[-1].status == 200
