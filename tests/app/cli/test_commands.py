"""Tests of the command line as a person meets it: names, help, exit status and words."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.app.cli.program import run
from translation.operations import OPERATIONS

COMMANDS = (
    "serve",
    "demo",
    "init",
    "check",
    "compare",
    "record",
    "repoint",
    "explain",
    "cutover",
    "outbox",
    "operations",
    "config",
    "version",
    "health",
)
GOOD = {
    "EVTMGMT_REALTIME__ENDPOINT": "http://127.0.0.1:9/api/v1.0/orgs/x/eventmanagement/",
    "EVTMGMT_REALTIME__TOKEN": "s3cr3t",
    "EVTMGMT_REALTIME__ORIGIN": "https://portal.example.com",
}


@pytest.mark.parametrize("asked", ["version", "--version"])
def test_version_is_the_installed_one(asked: str, tmp_path: Path) -> None:
    done = run(asked, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{version('evtmgmt-proxy')}\n", "")


def test_help_lists_all_commands_and_no_other(tmp_path: Path) -> None:
    done = run("--help", folder=tmp_path, COLUMNS="120", NO_COLOR="1")
    assert done.returncode == 0
    assert set(re.findall(r"^│ ([a-z]+) {2,}\S", done.stdout, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_and_needs_no_settings_for_it(command: str, tmp_path: Path) -> None:
    done = run(command, "--help", folder=tmp_path, COLUMNS="120", NO_COLOR="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: evtmgmt-proxy {command}" in done.stdout


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    done = run(folder=tmp_path)
    assert "Usage: evtmgmt-proxy" in done.stdout + done.stderr


def test_operations_are_all_in_the_table_one_line_each(tmp_path: Path) -> None:
    done = run("operations", folder=tmp_path)
    assert done.returncode == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if line.startswith("│")]
    assert len(rows) == len(OPERATIONS) == 25
    for row, operation in zip(rows, OPERATIONS, strict=True):
        assert row[:4] == [str(operation.row or "new"), operation.name, operation.method, operation.path]
        assert row[4].startswith(operation.serving.value)
        assert operation.refusal is None or f"({operation.refusal.status} {operation.refusal.code})" in row[4]


@pytest.mark.parametrize("command", ["serve", "check", "config"])
def test_settings_that_cannot_be_used_give_status_2_and_all_mistakes(command: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EVTMGMT_LOG_LEVEL=s3cr3t\n")
    (tmp_path / "settings.toml").write_text("[limits]\nheader_cout = 's3cr3t'\n")
    done = run(
        command,
        folder=tmp_path,
        EVTMGMT_CONFIG_FILE=str(tmp_path / "settings.toml"),
        EVTMGMT_REALTIME__TOKEN="s3cr3t",
        EVTMGMT_REALTIME__TOKN="s3cr3t",
        EVTMGMT_UPSTREAM__READ_TIMEOUT="s3cr3t",
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "The settings cannot be used:",
        "  - EVTMGMT_REALTIME__TOKN: there is no such setting; is EVTMGMT_REALTIME__TOKEN meant?",
        "  - EVTMGMT_REALTIME__ENDPOINT: is missing",
        "  - EVTMGMT_REALTIME__ORIGIN: is missing",
        "  - EVTMGMT_UPSTREAM__READ_TIMEOUT: must be a number such as 2.5, without a unit",
        "  - EVTMGMT_LIMITS__HEADER_COUT: there is no such setting; is EVTMGMT_LIMITS__HEADER_COUNT meant?",
        "  - EVTMGMT_LOG_LEVEL: must be 'debug', 'info', 'warning' or 'error'",
        "Dynamics shows endpoint, token and origin under Settings > Event management > Web applications. "
        "evtmgmt-proxy init asks for them and writes them down.",
        "Names and examples: docs/settings.md",
    ]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("serve", "--port", "65536"), {}),
        (("serve", "--workers", "0"), {}),
        (("serve",), {"EVTMGMT_SERVE_PORT": "http"}),
        (("nonsense",), {}),
        (("operations", "--nonsense"), {}),
    ],
)
def test_options_that_are_none_give_status_2(arguments: tuple[str, ...], environment: dict[str, str], tmp_path: Path) -> None:
    done = run(*arguments, folder=tmp_path, **GOOD, **environment)
    assert done.returncode == 2
    assert "Usage: evtmgmt-proxy" in done.stderr
    assert "s3cr3t" not in done.stderr


def test_the_shell_completes_commands_and_options(tmp_path: Path) -> None:
    def completed(words: str, number: int) -> list[str]:
        environment = {"_EVTMGMT_PROXY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        return run(folder=tmp_path, **environment).stdout.split()

    assert completed("evtmgmt-proxy re", 1) == ["record", "repoint"]
    assert completed("evtmgmt-proxy repoint --wr", 2) == ["--write"]
