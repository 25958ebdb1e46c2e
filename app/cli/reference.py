"""docs/commands.md and the manual page, made from the commands themselves: ``make reference`` writes both, a test compares."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

import typer

from app.cli.commands import cli
from app.cli.examples import EXAMPLES, PROGRAM
from app.version import VERSION

_INTRODUCTION: Final = f"""\
# Commands

Made from the commands themselves by `make reference`; `{PROGRAM} <command> --help` says the same. There is a
[manual page](man/evtmgmt-proxy.1) too: `man -l docs/man/evtmgmt-proxy.1`.

## Completion

The shell completes commands and options with the Tab key, once this was run in it (bash, zsh, fish, PowerShell):

```console
{PROGRAM} --install-completion     # writes it into the shell's own settings; open a new shell then
{PROGRAM} --show-completion        # prints it, to look at or to put elsewhere
```

## Exit status

0: done, or nothing to do. 1: the answer is no (a portal would break, a threshold does not hold, something is left to do).
2: the settings or options cannot be used; nothing was done. Where a command has more, it says so.
"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument or option.

    Attributes:
        usage: How it is written.
        text: What it is, with default and environment variable.
        required: Whether it has to be given.
        positional: Whether it is an argument.
    """

    usage: str
    text: str
    required: bool
    positional: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        name: With the names of the groups before it.
        text: What it does, in paragraphs.
        parameters: Its arguments and options.
    """

    name: str
    text: str
    parameters: tuple[Parameter, ...]


def commands() -> Iterator[Command]:
    """All commands, in the order of the help."""
    yield from _below(typer.main.get_command(cli), "")


def commands_page() -> str:
    """docs/commands.md."""
    return "\n".join((_INTRODUCTION, *(_section(command) for command in commands())))


def manual_page() -> str:
    """The manual page, in the macros of man(7)."""
    lines = [
        f'.TH EVTMGMT\\-PROXY 1 "" "{PROGRAM} {VERSION}" "User Commands"',
        ".SH NAME",
        f"{_roff(PROGRAM)} \\- {_roff('the old Dynamics 365 Events API, served from a real-time journeys organisation')}",
        ".SH SYNOPSIS",
        f".B {_roff(PROGRAM)}",
        ".I command",
        "[options]",
        ".SH COMMANDS",
    ]
    for command in commands():
        lines += [f".SS {_roff(_usage(command))}"]
        for paragraph in command.text.split("\n\n"):
            lines += [_roff(paragraph), ".PP"]
        for parameter in command.parameters:
            lines += [".TP", f".B {_roff(parameter.usage)}", _roff(parameter.text)]
        lines += [".PP", "Examples:"]
        for what, words in EXAMPLES[command.name]:
            lines += [".PP", _roff(f"{what}:"), ".PP", ".nf", f"    {_roff(f'{PROGRAM} {words}')}", ".fi"]
    lines += [
        ".SH EXIT STATUS",
        "0: done, or nothing to do. 1: the answer is no. 2: the settings or options cannot be used; nothing was done.",
        ".SH ENVIRONMENT",
        _roff("Settings begin with EVTMGMT_; docs/settings.md has all of them, and evtmgmt-proxy config those in force."),
        ".SH FILES",
        _roff(
            ".env in the working directory; the settings file that EVTMGMT_CONFIG_FILE names; secret files in /run/secrets or in"
        ),
        _roff("the folder that EVTMGMT_SECRETS_DIR names."),
    ]
    return "\n".join(lines) + "\n"


def _below(group: Any, prefix: str) -> Iterator[Command]:
    for name, command in group.commands.items():
        whole = f"{prefix}{name}"
        if hasattr(command, "commands"):
            yield from _below(command, f"{whole} ")
        else:
            parameters = tuple(_parameter(found) for found in command.params if found.name != "help")
            yield Command(whole, inspect.cleandoc(command.help or ""), parameters)


def _parameter(found: Any) -> Parameter:
    positional = found.param_type_name == "argument"
    value = "" if getattr(found, "is_flag", False) else found.metavar or found.name.upper()
    usage = str(found.metavar or found.name.upper()) if positional else " ".join(filter(None, (", ".join(found.opts), value)))
    text = str(found.help or "")
    kind = found.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        text += f" One of {', '.join(str(choice.value) for choice in kind)}."
    default = found.default
    if default is not None and default is not False and default != "" and found.show_default and not found.required:
        text += f" Default: {default:g}." if isinstance(default, float) else f" Default: {default}."
    if found.envvar:
        text += f" Or {found.envvar}."
    return Parameter(usage, text, bool(found.required), positional)


def _usage(command: Command) -> str:
    words = [f"{PROGRAM} {command.name}"]
    arguments = [parameter for parameter in command.parameters if parameter.positional]
    words += [argument.usage if argument.required else f"[{argument.usage}]" for argument in arguments]
    if any(not parameter.positional for parameter in command.parameters):
        words.append("[options]")
    return " ".join(words)


def _section(command: Command) -> str:
    lines = [f"## {command.name}", "", "```console", _usage(command), "```", "", command.text, ""]
    if command.parameters:
        lines += ["| | |", "|---|---|"]
        for parameter in command.parameters:
            required = " Required." if parameter.required else ""
            lines.append(f"| `{parameter.usage}` | {_cell(parameter.text)}{required} |")
        lines.append("")
    lines += ["```console"]
    for what, words in EXAMPLES[command.name]:
        lines += [f"# {what}", f"{PROGRAM} {words}"]
    lines += ["```"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _roff(text: str) -> str:
    """Text as roff takes it: no macros, no escapes, hyphens that can be copied."""
    joined = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", joined)


def main() -> None:
    """Write both files into the folder docs of the working directory."""
    manual = Path("docs/man/evtmgmt-proxy.1")
    manual.parent.mkdir(exist_ok=True)
    Path("docs/commands.md").write_text(commands_page(), encoding="utf-8")
    manual.write_text(manual_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
