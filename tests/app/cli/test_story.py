"""``evtmgmt-proxy demo --story`` as a person starts it: a whole migration, and an account in which nothing is missing."""

import re
import subprocess
import sys
from pathlib import Path

from app.cutover.state import Stage

PROGRAM = Path(sys.executable).with_name("evtmgmt-proxy")


def test_the_story_is_told_to_its_end(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "EVTMGMT_REALTIME__TOKEN": "of-somebody-else"}
    found = subprocess.run(
        [PROGRAM, "demo", "--story"], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=180, check=False
    )
    told = found.stdout
    assert found.returncode == 0, told + found.stderr
    assert re.findall(r"^(\d)\. ", told, re.MULTILINE) == [str(number) for number in range(1, 9)]
    assert "eventName differs in Family_Day: Family Day | Familiy Day" in told
    assert "Moved back by itself: list_sessions, as " in told
    assert re.search(r"^\d+ pages, 0 calls failed\.$", told, re.MULTILINE)
    account = r"^(\d+) registrations confirmed \((\d+) by outbound, (\d+) by realtime\): 0 lost, 0 doubled\.$"
    (confirmed,) = re.findall(account, told, re.MULTILINE)
    assert all(int(number) > 0 for number in confirmed)
    stages = re.findall(r"-> (?:percent [\d.]+, )?stage (\w+)", told)
    assert stages == [Stage.SHADOW, Stage.SPLIT, Stage.REALTIME]
    assert "  5. watcher: latches none -> latches list_sessions: " in told
    assert told.rstrip().endswith("Nothing was lost, and no page failed.")
    assert found.stderr == ""
