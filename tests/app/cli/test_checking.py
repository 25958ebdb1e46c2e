"""The check as a person and a script see it: tables, JSON, exit statuses, nothing secret."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from rich.console import Console

from app.checkup.problems import PROBLEMS
from app.checkup.report import Line, Reading, Report, Smell, Verdict
from app.cli.checking import run_check, show
from app.logs import configure_logs
from app.redaction import Redactor
from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import environment_for, run
from tests.examples import FORUM, OPEN_DAY
from tests.service import settings_for

REPORT = Report(
    endpoint="https://public-xyz.mkt.invalid/api/v1.0/orgs/1/eventmanagement/",
    event="[bold]Open_Day",
    settings=(Smell("token_quoted", "Look at [red]the token."),),
    operations=(
        Line(operation="list_events", row=1, status=200, ms=12.6, found="events: [red]3", verdict=Verdict.OK),
        Line(
            operation="list_tracks",
            row=5,
            status=500,
            ms=3,
            found="the server failed",
            verdict=Verdict.BREAKS,
            problem="server_failed",
            advice=PROBLEMS["server_failed"].advice,
        ),
        Line(operation="register", row=11, found="not asked: this command registers nothing", verdict=Verdict.SKIPPED),
    ),
    readings=(Reading("counts", False, "bare numbers", "A bare number."),),
)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def logs_outlive_the_capture() -> Iterator[None]:
    yield
    configure_logs("info", Redactor(), sys.__stderr__)


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.control.reset()
    return running


def shown(width: int) -> str:
    out = io.StringIO()
    show(REPORT, Console(file=out, width=width))
    return out.getvalue()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│┃").split("│")]


def test_a_line_per_operation() -> None:
    rows = [cells(line) for line in shown(160).splitlines() if line.startswith("│")]
    assert rows == [
        ["list_events", "200", "13", "events: [red]3", "ok"],
        ["list_tracks", "500", "3", "the server failed", "breaks"],
        ["register", "-", "-", "not asked: this command registers nothing", "skipped"],
        ["counts", "bare numbers", "A bare number."],
    ]


def test_the_end_says_what_to_do() -> None:
    text = shown(1_000)
    assert "Looked at one event: [bold]Open_Day. Nothing was registered." in text
    assert text.splitlines()[-3:] == [
        "note Look at [red]the token.",
        "A portal would break.",
        f"1. {PROBLEMS['server_failed'].advice} [list_tracks]",
    ]


@pytest.mark.parametrize("width", [50, 80, 200])
def test_narrow_terminals_fold_and_cut_nothing(width: int) -> None:
    text = shown(width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "not asked" in text


def test_json_is_the_only_thing_on_the_standard_output(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_check(settings_for(sandbox, log_level="debug"), as_json=True, event=FORUM) == 0
    logging.getLogger("a.library").warning("noise")
    out, err = capfd.readouterr()
    assert json.loads(out)["event"] == FORUM
    assert out.isascii()
    assert json.loads(err)["event"] == "noise"


def test_a_breaking_finding_is_exit_status_1(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    sandbox.faults.add("status", operation="list_passes", status=500)
    assert run_check(settings_for(sandbox), as_json=False, event=None) == 1
    assert "A portal would break." in capfd.readouterr().out


@pytest.mark.parametrize("event", ["a/b", "..", "", "x" * 201])
def test_an_event_that_cannot_be_one_is_a_mistake_of_the_caller(sandbox: Sandbox, event: str) -> None:
    with pytest.raises(typer.BadParameter):
        run_check(settings_for(sandbox), as_json=True, event=event)
    assert sandbox.recorder.find() == []


def test_the_program_when_all_is_fine(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run("check", folder=tmp_path, **environment_for(sandbox), EVTMGMT_PORTAL__ORIGINS=sandbox.realtime_origin)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Looked at one event: {OPEN_DAY}." in done.stdout
    assert "A portal would work. One event was looked at" in done.stdout
    assert sandbox.realtime_token not in done.stdout


def test_the_program_with_notes_is_fine_too(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run("check", "--json", "--event", "Loose_Tracks_Day", folder=tmp_path, **environment_for(sandbox))
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert (document["verdict"], document["event"]) == ("note", "Loose_Tracks_Day")


def test_the_program_when_a_portal_would_break(sandbox: Sandbox, tmp_path: Path) -> None:
    environment = environment_for(sandbox) | {"EVTMGMT_REALTIME__TOKEN": "of-another-web-application"}
    done = run("check", "--json", folder=tmp_path, **environment)
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert [item["problem"] for item in document["todo"]] == ["token_refused"]
    assert "of-another" not in done.stdout


def test_the_program_when_the_settings_cannot_be_used(tmp_path: Path) -> None:
    done = run("check", "--json", folder=tmp_path, EVTMGMT_REALTIME__TOKEN="opaque")
    assert (done.returncode, done.stdout) == (2, "")
    assert "EVTMGMT_REALTIME" in done.stderr


def test_the_program_with_an_event_that_cannot_be_one(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run("check", "--event", "a/b", folder=tmp_path, **environment_for(sandbox))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--event" in done.stderr
