"""docs/commands.md and the manual page say what the commands are."""

import shutil
import subprocess
from pathlib import Path

import pytest

from app.cli.reference import commands, commands_page, manual_page

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_as_the_commands_are() -> None:
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == commands_page(), "make reference"


def test_the_manual_page_is_as_the_commands_are() -> None:
    assert (DOCS / "man" / "evtmgmt-proxy.1").read_text(encoding="utf-8") == manual_page(), "make reference"


def test_every_parameter_is_explained() -> None:
    for command in commands():
        assert command.text, command.name
        for parameter in command.parameters:
            assert parameter.text, (command.name, parameter.usage)


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_the_manual_page_is_taken_by_groff() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z"], input=manual_page(), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
