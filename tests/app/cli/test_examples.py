"""Every command has examples, and the real parser takes each of them."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app.cli.commands import cli
from app.cli.examples import EXAMPLES, PROGRAM, examples
from app.cli.reference import commands
from app.initialising.answers import read_answer
from app.repointing.target import read_target
from translation.comparison_rules import read_rules

ALL = [words for found in EXAMPLES.values() for _, words in found]


def parsed(words: str) -> tuple[str, dict[str, Any]]:
    """The whole name of the command and what its parameters got; nothing runs."""
    command: Any = typer.main.get_command(cli)
    rest, names = shlex.split(words), []
    while hasattr(command, "commands"):
        names.append(rest.pop(0))
        command = command.commands[names[-1]]
    return " ".join(names), command.make_context(names[-1], rest).params


def test_every_command_has_its_examples_and_no_other() -> None:
    assert list(EXAMPLES) == sorted(EXAMPLES, key=[command.name for command in commands()].index)
    assert set(EXAMPLES) == {command.name for command in commands()}


@pytest.mark.parametrize("words", ALL)
def test_an_example_is_taken_by_the_parser(words: str) -> None:
    name, given = parsed(words)
    assert words in dict.fromkeys(example for _, example in EXAMPLES[name])
    if given.get("to"):
        assert read_target(given["to"]).url
    for answer in ("endpoint", "origin"):
        if name == "init" and given[answer]:
            assert read_answer(answer, given[answer])
    if name == "compare":
        read_rules(given["ignore"] or ())


def test_what_the_parser_does_not_take_is_found() -> None:
    with pytest.raises(Exception, match="No such option"):
        parsed("serve --prot 8080")


@pytest.mark.parametrize("name", EXAMPLES)
def test_help_ends_with_the_examples(name: str) -> None:
    done = CliRunner().invoke(cli, [*name.split(), "--help"], env={"COLUMNS": "300", "TERM": "dumb", "NO_COLOR": "1"})
    assert done.exit_code == 0
    shown = " ".join(done.output.split())
    assert shown.endswith(" ".join(examples(name).split()))
    assert not re.search(r"^\s*Example:", done.output, re.MULTILINE)


def test_examples_begin_with_the_program() -> None:
    assert all(line.startswith(("#", f"{PROGRAM} ", "Examples:")) for line in examples("serve").split("\n\n"))
    assert Path(PROGRAM).name == PROGRAM
