"""The ``outbox`` commands of the installed program, beside a proxy that runs."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path

import httpx

from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import environment_for, run, serving
from tests.examples import OPEN_DAY, registration
from tests.service import BASE


def test_the_whole_way_of_one_that_is_dead(tmp_path: Path) -> None:
    key = run("outbox", "key", folder=tmp_path).stdout.strip()
    assert len(urlsafe_b64decode(key)) == 32
    with SandboxThread(Sandbox()) as sandbox:
        environment = environment_for(sandbox) | {
            "EVTMGMT_OUTBOX__ENABLED": "true",
            "EVTMGMT_OUTBOX__KEY": key,
            "EVTMGMT_STATE__PATH": str(tmp_path / "state"),
            "EVTMGMT_CACHE__ENABLED": "false",
        }
        with serving(folder=tmp_path, **environment) as proxy:
            url = proxy.ready(1) + BASE
            with httpx.Client(trust_env=False, timeout=60) as client:
                assert client.get(f"{url}events/{OPEN_DAY}/passes").status_code == 200
                sandbox.faults.add("status", operation="register", status=503, times=None)
                answer = client.post(f"{url}events/{OPEN_DAY}/registrations", json=registration())
            assert answer.headers["x-evtmgmt-outbox"] == "stored"
            proxy.wait_for("not delivered yet".__eq__)
            sandbox.faults.clear()  # the next attempt is two seconds away
            sandbox.faults.add("status", operation="register", status=400)
            proxy.wait_for("not delivered: somebody must look".__eq__)
            listed = json.loads(run("outbox", "list", "--json", folder=tmp_path, **environment).stdout)
            assert [(entry["state"], entry["code"]) for entry in listed["entries"]] == [("dead", "UpstreamRejected")]
            sandbox.faults.clear()
            retried = run("outbox", "retry", "--all", "dead", "--why", "mended", folder=tmp_path, **environment)
            assert (retried.returncode, retried.stdout) == (0, "1: will be sent again\n")
            proxy.wait_for("registration delivered".__eq__)
            assert not [line for line in proxy.log if "nia@example.com" in json.dumps(line) or key in json.dumps(line)]
        assert [item["attendee"]["email"] for item in sandbox.control.registrations()] == ["nia@example.com"]
        history = run("outbox", "history", folder=tmp_path, **environment)
        assert "retry 1 (Contoso_Open_Day): mended" in history.stdout


def test_a_command_line_that_names_nothing_or_both_is_refused(tmp_path: Path) -> None:
    for arguments in (["retry"], ["drop", "1", "--all", "dead"]):
        refused = run("outbox", *arguments, "--why", "x", folder=tmp_path)
        assert refused.returncode == 2, refused
