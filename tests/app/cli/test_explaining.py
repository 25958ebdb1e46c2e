"""The ``explain`` command: its words and its exit status."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.commands import cli
from sandbox.server import Sandbox, SandboxThread
from tests.app.archive.files import archive_at
from tests.service import both_sides

pytestmark = pytest.mark.usefixtures("settings_of_both")


@pytest.fixture
def settings_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox()
    monkeypatch.setenv("EVTMGMT_REALTIME__ENDPOINT", "http://127.0.0.1:9/api/v1.0/orgs/o/eventmanagement/")
    monkeypatch.setenv("EVTMGMT_REALTIME__TOKEN", sandbox.realtime_token)
    monkeypatch.setenv("EVTMGMT_REALTIME__ORIGIN", sandbox.realtime_origin)
    with SandboxThread(sandbox):
        outbound = both_sides(sandbox)["outbound"]
    for name, value in outbound.items():
        monkeypatch.setenv(f"EVTMGMT_OUTBOUND__{name.upper()}", value)
    monkeypatch.setenv("EVTMGMT_CUTOVER__STAGE", "outbound")


def test_the_answer_says_who_by_which_rule_and_why() -> None:
    result = CliRunner().invoke(cli, ["explain", "GET", "events/Contoso_Open_Day"])
    assert result.exit_code == 0
    words = dict(line.split(None, 1) for line in result.stdout.replace("Answered by", "Answered-by").splitlines() if line.strip())
    assert words == {
        "Operation": "get_event",
        "Answered-by": "outbound",
        "Rule": "stage",
        "Because": "the stage is outbound",
        "State": "stage outbound, of the settings",
    }


def test_what_is_off_has_another_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVTMGMT_CUTOVER__OPERATIONS", '{"register": "off"}')
    result = CliRunner().invoke(cli, ["explain", "POST", "events/Contoso_Open_Day/registrations"])
    assert result.exit_code == 1
    assert "nobody" in result.stdout
    assert "the switch of register says off" in result.stdout


def test_lists_that_decide_and_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVTMGMT_CUTOVER__STAGE", "split")
    result = CliRunner().invoke(cli, ["explain", "GET", "events/Contoso_Open_Day"])
    assert result.exit_code == 0
    assert "realtime, when outbound does not know it" in result.stdout
    assert "the list of realtime: what is said would hold without it" in result.stdout
    assert "the list of outbound" in result.stdout


def test_what_the_archive_holds_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVTMGMT_ARCHIVE__PATH", str(archive_at(tmp_path / "a.sqlite3")))
    result = CliRunner().invoke(cli, ["explain", "GET", "events/Old_Fair"])
    assert "Or by       archive, when outbound does not know it" in result.stdout
    monkeypatch.setenv("EVTMGMT_CUTOVER__EVENTS", '{"Old_*": "archive"}')
    result = CliRunner().invoke(cli, ["explain", "POST", "events/Old_Fair/registrations"])
    assert "Answered by archive" in result.stdout
    assert "the event switch old_* says archive" in result.stdout
    monkeypatch.setenv("EVTMGMT_ARCHIVE__PATH", str(tmp_path / "b.sqlite3"))
    result = CliRunner().invoke(cli, ["explain", "GET", "events/Old_Fair"])
    assert result.exit_code == 2
    assert "there is no archive at" in result.output


def test_what_is_no_operation_is_a_mistake_of_the_command() -> None:
    result = CliRunner().invoke(cli, ["explain", "GET", "nonsense"])
    assert result.exit_code == 2
    assert "No such operation" in result.output
