"""The rehearsal as a person and a script see it: exit statuses, tables, files whole or not there, nothing secret."""

import io
import json
import os
import pty
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from app.cli.comparing import show
from sandbox.server import Sandbox
from tests.app.cli.program import PATIENCE, PROGRAM, environment_for, run
from tests.app.comparing.test_report import CLEAN, REPORT
from tests.examples import CONFERENCE, OPEN_DAY

FAST = ("compare", "--rate", "1000")
IGNORED = ("--ignore", "list_events:[]", "--ignore", "*.image")


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """Both organisations and all aliases; the outbound one and the aliases in a settings file."""
    outbound = {"endpoint": sandbox.outbound_endpoint, "token": sandbox.outbound_token, "origin": sandbox.outbound_origin}
    aliases = sandbox.control.aliases()
    tables = {"outbound": outbound} | {f"aliases.{kind}": aliases[kind] for kind in ("events", "sessions", "passes", "fields")}
    lines = [
        line for name, rows in tables.items() for line in (f"[{name}]", *(f'"{key}" = "{row}"' for key, row in rows.items()))
    ]
    (tmp_path / "settings.toml").write_text("\n".join(lines))
    return {**environment_for(sandbox), "EVTMGMT_CONFIG_FILE": "settings.toml"}


def shown(width: int) -> str:
    out = io.StringIO()
    show(REPORT.document(CLEAN), Console(file=out, width=width))
    return out.getvalue()


def test_it_holds_and_writes_both_files(environment: dict[str, str], tmp_path: Path) -> None:
    done = run(*FAST, *IGNORED, "--json", "out.json", "--html", "out.html", folder=tmp_path, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads((tmp_path / "out.json").read_text("ascii"))
    assert (document["holds"], document["percent"], len(document["events"])) == (True, 100, 18)
    assert document["ignored"] == ["list_events:[]", "*.image"]
    page = (tmp_path / "out.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")
    assert document["summary"] in done.stdout
    assert document["summary"] in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "out.json", "secrets", "settings.toml"]


def test_it_does_not_hold(environment: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(*FAST, "--html", "out.html", folder=tmp_path, **environment)
    assert done.returncode == 1
    assert "list_events │ []" in done.stdout.replace("  ", " ").replace("  ", " ")
    assert "Listed only in outbound: Legacy_Roadshow, Legacy Roadshow, 2031-03-27T09:00:00" in done.stdout
    assert "Listed only in real-time: Journey_Launch" in done.stdout
    assert "The threshold of 100 % does not hold" in done.stdout
    for secret in (sandbox.realtime_token, sandbox.outbound_token):
        assert secret[:12] not in done.stdout + done.stderr + (tmp_path / "out.html").read_text("utf-8")
    assert run(*FAST, "--threshold", "50", folder=tmp_path, **environment).returncode == 0


def test_one_event(environment: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(*FAST, "--event", OPEN_DAY, folder=tmp_path, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "in 1 event." in done.stdout
    assert not any(CONFERENCE.encode() in record.request.target for record in sandbox.recorder.find())
    done = run(*FAST, "--event", "Nobody_Knows", folder=tmp_path, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Neither organisation lists Nobody_Knows.\n"


def test_without_outbound(environment: dict[str, str], tmp_path: Path) -> None:
    del environment["EVTMGMT_CONFIG_FILE"]
    done = run(*FAST, folder=tmp_path, **environment)
    assert done.returncode == 2
    assert "EVTMGMT_OUTBOUND__ENDPOINT" in done.stderr


def test_settings_that_cannot_be_used(environment: dict[str, str], tmp_path: Path) -> None:
    done = run(*FAST, folder=tmp_path, **environment | {"EVTMGMT_SHADOW__IGNORE": "list_event:[].x"})
    assert done.returncode == 2
    assert "'list_event' is no operation that reads" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--event", "a/b"), "this is no readable event id"),
        (("--ignore", "a..b"), "is no field path such as"),
        (("--json", "no/such/folder.json"), "cannot be written"),
        (("--html", "."), "cannot be written"),
        (("--rate", "0"), "than or equal to 0.1"),
        (("--threshold", "101"), "than or equal to 100"),
    ],
)
def test_options_that_cannot_be_used(
    options: tuple[str, ...], words: str, environment: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    done = run("compare", *options, folder=tmp_path, COLUMNS="200", **environment)
    assert done.returncode == 2
    assert words in done.stderr
    assert sandbox.recorder.find() == []


@pytest.mark.parametrize("backend", ["outbound", "realtime"])
def test_an_organisation_that_cannot_be_read(backend: str, environment: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add("status", status=401, backend=backend, times=None)
    done = run(*FAST, "--json", "out.json", folder=tmp_path, **environment)
    assert (done.returncode, done.stdout) == (3, "")
    assert f"the {backend} organisation could not be read: UpstreamRefusedProxy" in done.stderr
    assert not (tmp_path / "out.json").exists()


def test_a_file_that_was_there_stays_when_it_fails(environment: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("of last week")
    sandbox.faults.add("close", backend="realtime", operation="get_event", times=None)
    sandbox.faults.add("close", backend="realtime", operation="list_sessions", times=None)
    sandbox.faults.add("close", backend="realtime", skip=1, times=None)
    assert run(*FAST, "--json", "out.json", folder=tmp_path, **environment).returncode == 3
    assert (tmp_path / "out.json").read_text() == "of last week"


def test_ctrl_c_writes_nothing_and_a_bar_is_shown_on_a_terminal(
    environment: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    (tmp_path / "secrets").mkdir()
    process = subprocess.Popen(
        [PROGRAM, "compare", "--rate", "5", "--json", "out.json"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "TERM": "xterm", "EVTMGMT_SECRETS_DIR": str(tmp_path / "secrets"), **environment},
        stdout=subprocess.PIPE,
        stderr=theirs,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # tests in the background have it ignored
    )
    os.close(theirs)
    seen = b""
    with process:
        try:
            while b"Events" not in seen or b"/18" not in seen:
                seen += os.read(ours, 4_096)
            process.send_signal(signal.SIGINT)
            while True:  # a terminal that nobody reads holds up who writes to it
                try:
                    part = os.read(ours, 4_096)
                except OSError:  # its other end is closed
                    break
                seen += part
                if not part:
                    break
            out, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            os.close(ours)
    assert (process.returncode, out) == (130, b"")
    assert b"Nothing was written" in seen
    assert b"Traceback" not in seen
    assert not any("out.json" in path.name for path in tmp_path.iterdir())


def test_a_table_for_people() -> None:
    text = shown(160)
    rows = [[cell.strip() for cell in line.strip("│┃").split("│")] for line in text.splitlines() if line.startswith("│")]
    assert rows == [
        ["get_event", "100 %", "9000"],
        ["list_sessions", "99.9 %", "1000"],
        ["list_sessions", "[].name", "1", "0", "0", "999", "0.0"],
    ]
    assert "Listed only in outbound: Gone, Gone by, 2031-03-04T09:00:00 (an alias to New?)" in text
    assert "Failed outbound: list_passes E: UpstreamTimeout, timeout: no answer" in text
    assert text.rstrip().endswith(REPORT.summary)


def test_a_narrow_terminal() -> None:
    assert all(len(line) <= 60 for line in shown(60).splitlines())
