"""The demo as a person starts it: one command, three addresses that answer, and a clean end."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT

import httpx
import pytest

PROGRAM = Path(sys.executable).with_name("evtmgmt-proxy")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    with subprocess.Popen(
        [PROGRAM, "demo", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "EVTMGMT_REALTIME__TOKEN": "of-somebody-else"},
    ) as process:
        assert process.stdout is not None
        addresses: dict[str, str] = {}
        for line in process.stdout:
            if found := re.match(r"\s+(Portal|Proxy|Organisation)\s+(http://127\.0\.0\.1:\d+)/", line):
                addresses[found[1]] = found[2]
            if "evtmgmt_requests_total" in line:  # the last line of the tour
                break
        try:
            yield process, addresses
        finally:
            process.kill()


def test_demo_runs_and_ends(demo: tuple[subprocess.Popen[str], dict[str, str]]) -> None:
    process, addresses = demo
    assert sorted(addresses) == ["Organisation", "Portal", "Proxy"]
    with httpx.Client(trust_env=False, transport=httpx.HTTPTransport(retries=5)) as client:
        config = client.get(f"{addresses['Portal']}/config.json").json()
        assert config["apiEndpoint"] == f"{addresses['Proxy']}/EvtMgmt/api/v2.0/"
        listed = client.get(f"{config['apiEndpoint']}events/published", headers={"origin": addresses["Portal"]})
        assert listed.headers["access-control-allow-origin"] == addresses["Portal"]
        assert len(listed.json()) >= 12
        old = client.get(f"{config['apiEndpoint']}events/Legacy_Roadshow")
        assert old.headers["x-evtmgmt-backend"] == "archive"
        assert "Legacy_Roadshow" in {event["readableEventId"] for event in listed.json()}
        assert client.get(f"{addresses['Proxy']}/readyz").json() == {"status": "ready"}
    process.send_signal(SIGINT)
    assert process.wait(60) == 0
