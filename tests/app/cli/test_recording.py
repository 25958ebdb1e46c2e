"""Recording as a person and a script see it: exit statuses, killed runs that go on, files whole or not there, nothing secret."""

import os
import pty
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from app.archive.archive import Archive
from app.cli.commands import cli
from sandbox.server import Sandbox
from tests.app.archive.files import FAIR, archive_at
from tests.app.archive.test_importing import tree_at
from tests.app.archive.test_recorder import LEGACY, MUNICH, parts_of
from tests.app.cli.program import PATIENCE, PROGRAM, environment_for, run, whole_environment
from tests.clock import until

FAST = ("record", "a.sqlite3", "--rate", "1000")
SMALL = (*FAST, "--event", LEGACY)


@pytest.fixture
def environment(sandbox: Sandbox) -> dict[str, str]:
    return {
        **environment_for(sandbox),
        "EVTMGMT_OUTBOUND__ENDPOINT": sandbox.outbound_endpoint,
        "EVTMGMT_OUTBOUND__TOKEN": sandbox.outbound_token,
        "EVTMGMT_OUTBOUND__ORIGIN": sandbox.outbound_origin,
    }


class Here:
    """The command in this process: to start another one costs more than most runs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch
        monkeypatch.chdir(folder)
        for name, value in whole_environment(folder, {}).items():
            monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str, **environment: str) -> Result:
        with self._monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            return CliRunner().invoke(cli, arguments)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(tmp_path, monkeypatch)


def told_by(done: Result) -> str:
    """What was said on the error output, unfolded."""
    return " ".join(done.stderr.replace("│", " ").split())


def events_in(path: Path) -> set[str]:
    archive = Archive(path)
    archive.close()
    return set(archive.events.values())


def test_it_records_and_tells_what(environment: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(*SMALL, "--without", "speakers.email", folder=tmp_path, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    reads = 1 + parts_of(sandbox.outbound.events[LEGACY])
    assert f"{reads} reads in" in done.stdout
    assert "a.sqlite3: 1 event, " in done.stdout
    assert done.stdout.endswith("MB. Left out: speakers.email.\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite3", "secrets"]
    for secret in (sandbox.realtime_token, sandbox.outbound_token):
        assert secret[:12] not in done.stdout + done.stderr
        assert secret[:12].encode() not in (tmp_path / "a.sqlite3").read_bytes()


def test_the_settings_name_the_file(here: Here, environment: dict[str, str], tmp_path: Path) -> None:
    environment["EVTMGMT_ARCHIVE__PATH"] = str(tmp_path / "new" / "a.sqlite3")
    done = here("record", "--rate", "1000", "--event", LEGACY, **environment)
    assert done.exit_code == 0
    assert events_in(tmp_path / "new" / "a.sqlite3") == {LEGACY}
    del environment["EVTMGMT_ARCHIVE__PATH"]
    done = here("record", "--event", LEGACY, **environment)
    assert done.exit_code == 2
    assert "set EVTMGMT_ARCHIVE__PATH" in done.stderr


def test_a_killed_run_goes_on(environment: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    archive_at(path)
    held = sandbox.faults.add("hang", operation="get_sponsor_logo", backend="outbound", times=None)
    with subprocess.Popen(
        [PROGRAM, *SMALL], cwd=tmp_path, env=whole_environment(tmp_path, environment), stderr=subprocess.PIPE
    ) as process:
        # All but what hangs was answered, so that it is on the disk, or on its way there.
        reads = 1 + parts_of(sandbox.outbound.events[LEGACY]) - 1
        sandbox.recorder.wait(count=reads, timeout=PATIENCE, backend="outbound", outcome="answered")
        working = tmp_path / "a.sqlite3.recording"
        until(lambda: working.exists() and b"get_speaker_image" in (tmp_path / "a.sqlite3.recording-wal").read_bytes())
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(PATIENCE) == -signal.SIGKILL
    assert events_in(path) == {FAIR}  # what is served did not change
    sandbox.faults.clear(held.number)
    sandbox.recorder.clear()
    done = run(*SMALL, folder=tmp_path, **environment)
    assert (done.returncode, done.stderr) == (0, "Goes on with a run that was cut off.\n")
    again = [record.operation for record in sandbox.recorder.find(backend="outbound")]
    assert {"list_events", "get_sponsor_logo"} <= set(again)
    assert len(again) <= 4  # what was answered at the very moment may be asked for once more
    assert events_in(path) == {FAIR, LEGACY}
    assert not working.exists()


def test_an_organisation_that_goes_away_and_never_comes_back(
    here: Here, environment: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add("status", backend="outbound", status=401, skip=20, times=None)
    done = here(*FAST, "--event", MUNICH, "--event", "Family_Day", "--event", LEGACY, **environment)
    assert done.exit_code == 3
    assert "--finish makes the archive of it" in done.stderr
    assert not (tmp_path / "a.sqlite3").exists()
    done = here("record", "a.sqlite3", "--finish", **environment)
    assert (done.exit_code, done.stderr) == (0, "Goes on with a run that was cut off.\n")
    assert MUNICH in events_in(tmp_path / "a.sqlite3")
    done = here("record", "a.sqlite3", "--finish", **environment)
    assert (done.exit_code, done.stderr) == (2, "There is nothing to finish: no run was cut off.\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite3", "secrets"]


def test_what_could_not_be_read_is_told(here: Here, environment: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add("status", operation="list_passes", status=404)
    done = here(*SMALL, **environment)
    assert done.exit_code == 1
    assert f"Not read: list_passes {LEGACY}: NotFound, status 404" in done.stdout
    assert events_in(tmp_path / "a.sqlite3") == {LEGACY}


def test_nothing_is_left_of_a_run_that_never_began(here: Here, environment: dict[str, str], tmp_path: Path) -> None:
    environment["EVTMGMT_OUTBOUND__TOKEN"] = "another-token-than-registered"
    done = here(*SMALL, **environment)
    assert done.exit_code == 3
    assert "Stopped: the outbound organisation could not be read" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["secrets"]


def test_without_an_outbound_organisation(here: Here, environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("ENDPOINT", "TOKEN", "ORIGIN"):
        del environment[f"EVTMGMT_OUTBOUND__{name}"]
    done = here(*SMALL, **environment)
    assert done.exit_code == 2
    assert "There is no outbound organisation to record" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["secrets"]


def test_saved_copies_need_no_settings(here: Here, tmp_path: Path) -> None:
    tree_at(tmp_path / "copy")
    done = here("record", "a.sqlite3", "--from", "copy")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "get_speaker_image                    1\n" in done.stdout
    assert events_in(tmp_path / "a.sqlite3") == {FAIR}
    done = here("record", "b.sqlite3", "--from", "secrets")
    assert done.exit_code == 2
    assert "No answers of the old API were found." in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite3", "copy", "secrets"]
    done = here("record", "a.sqlite3", "--forget", "OLD_fair", "--forget", "Other")
    assert done.exit_code == 1
    assert "Not in the archive: Other" in done.stdout
    assert events_in(tmp_path / "a.sqlite3") == set()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--from", "nothing.har"), "there is nothing at nothing.har"),
        (("--from", "."), "speakers.email"),
        (("--forget", "A", "--finish"), "only one of"),
        (("--from", ".", "--event", "A"), "only one of"),
        (("--event", "a/b"), "is no readable event id"),
    ],
)
def test_options_that_cannot_be(
    here: Here, environment: dict[str, str], tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    wrong = ("--without", "email") if options == ("--from", ".") else ()
    done = here("record", "a.sqlite3", *options, *wrong, **environment)
    assert done.exit_code == 2
    assert told in told_by(done)
    assert [path.name for path in tmp_path.iterdir()] == ["secrets"]


def test_files_that_are_no_archive_are_left_alone(here: Here, tmp_path: Path) -> None:
    tree_at(tmp_path / "copy")
    (tmp_path / "a.sqlite3").write_text("a letter")
    done = here("record", "a.sqlite3", "--from", "copy")
    assert done.exit_code == 2
    assert done.stderr == "a.sqlite3 is damaged or no archive: put a whole one in its place.\n"
    assert (tmp_path / "a.sqlite3").read_text() == "a letter"
    done = here("record", "b.sqlite3", "--forget", "A")
    assert (done.exit_code, done.stderr) == (2, "There is no archive at b.sqlite3.\n")


def test_a_bar_on_a_terminal_and_ctrl_c(environment: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add("hang", operation="get_sponsor_logo", times=None)
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, *SMALL],
        cwd=tmp_path,
        env={**whole_environment(tmp_path, environment), "TERM": "xterm", "COLUMNS": "120"},
        stderr=terminal,
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # tests in the background have it ignored
    ) as process:
        os.close(terminal)
        sandbox.recorder.wait(operation="get_sponsor_logo", timeout=PATIENCE)
        seen = b""
        while b"0/1" not in seen:
            seen += os.read(controller, 65_536)
        process.send_signal(signal.SIGINT)
        told = b""
        while b"the same command goes on" not in told:
            told += os.read(controller, 65_536)
        assert process.wait(PATIENCE) == 130
    os.close(controller)
    assert b"Events" in seen
    assert (tmp_path / "a.sqlite3.recording").exists()
