"""The ``check`` command: a table for people or JSON for machines, and an exit status for both."""

import asyncio
import json
import sys
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.checkup.report import Report, Verdict
from app.checkup.run import check_up
from app.logs import configure_logs
from app.redaction import Redactor
from app.settings import Settings
from translation.grammar import is_event_id

_STYLES = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.BREAKS: "bold red", Verdict.SKIPPED: "dim"}


def run_check(settings: Settings, *, as_json: bool, event: str | None) -> int:
    """Call the organisation and print what was found; logs go to the standard error.

    Args:
        settings: What the proxy would run with.
        as_json: Print one JSON document and nothing else.
        event: Readable id of the event to look at, or None for the first that is listed.

    Returns:
        The exit status: 0 when a portal would work, 1 when it would break.

    Raises:
        typer.BadParameter: ``event`` is no readable event id.
    """
    if event is not None and not is_event_id(event):
        raise typer.BadParameter("this is no readable event id", param_hint="--event")
    configure_logs(settings.log_level, Redactor(settings.secrets), sys.stderr)
    with Console(stderr=True).status(f"Asking {urlsplit(settings.realtime.endpoint).hostname}"):
        report = asyncio.run(check_up(settings, event))
    if as_json:
        # Plain ASCII, whatever the encoding of the terminal or pipe is.
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        # Into a pipe or file nothing is folded, so that it can be searched.
        show(report, Console(width=None if sys.stdout.isatty() else 1_000))
    return 1 if report.verdict is Verdict.BREAKS else 0


def show(report: Report, console: Console) -> None:
    """Print a report for people.

    Args:
        report: What was found.
        console: Where it is printed; as wide as it is.
    """
    looked_at = f"one event: {report.event}" if report.event is not None else "no event"
    console.print(Text(f"Asked {report.endpoint}"), Text(f"Looked at {looked_at}. Nothing was registered."), sep="\n")
    console.print(_operations(report))
    console.print(_readings(report))
    for smell in report.settings:
        console.print(Text.assemble(("note ", _STYLES[Verdict.NOTE]), smell.text))
    console.print(Text(report.summary, style=_STYLES[report.verdict]))
    for number, (_, operations, advice) in enumerate(report.todo, 1):
        console.print(Text(f"{number}. {advice}" + (f" [{', '.join(operations)}]" if operations else "")))


def _operations(report: Report) -> Table:
    table = Table(title="Operations")
    table.add_column("Operation", overflow="fold")
    table.add_column("Status", justify="right", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("Found", overflow="fold", ratio=1)
    table.add_column("Verdict", no_wrap=True)
    for line in report.operations:
        table.add_row(
            Text(line.operation),
            Text("-" if line.status is None else str(line.status)),
            Text("-" if line.ms is None else f"{line.ms:.0f}"),
            Text(line.found),
            Text(line.verdict, style=_STYLES[line.verdict]),
        )
    return table


def _readings(report: Report) -> Table:
    table = Table(title="What was a guess")
    table.add_column("Reading", overflow="fold")
    table.add_column("Found in the answers", overflow="fold", ratio=1)
    table.add_column("What the proxy makes of it", overflow="fold", ratio=1)
    for reading in report.readings:
        table.add_row(Text(reading.name, style=_STYLES[reading.verdict]), Text(reading.found), Text(reading.handling))
    return table
