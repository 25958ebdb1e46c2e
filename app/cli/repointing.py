"""The ``repoint`` command: a list of places for people or JSON for machines, and an exit status for both."""

import json
import sys
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from app.cli.progress import progress_bar
from app.repointing.places import Place
from app.repointing.report import Report, counted
from app.repointing.run import repoint, restore
from app.repointing.target import read_target
from app.repointing.tree import RepointError

DONE, LEFT, UNUSABLE = 0, 1, 2
"""Exit statuses: nothing is left to do; something is; it cannot be worked on."""
_MOST: Final = 200
"""Places that are printed; the JSON document has all."""


def run_repoint(path: Path, to: str, *, write: bool, backup: Path | None, as_json: bool) -> int:
    """Find, and with ``write`` replace, what leads to the old organisation.

    Args:
        path: A folder, a zip or one file.
        to: The proxy's base address.
        write: Whether to write.
        backup: Where the originals go, or None.
        as_json: Print one JSON document and nothing else.

    Returns:
        The exit status: 0 nothing is left to do, 1 something would be changed or is left for a person, 2 it cannot be worked on.

    Raises:
        typer.BadParameter: ``to`` is no address of a proxy.
    """
    try:
        target = read_target(to)
    except ValueError as mistake:
        raise typer.BadParameter(str(mistake), param_hint="--to") from None
    errors = _errors()
    try:
        with progress_bar(errors, "Files") as progress:
            report = repoint(path, target, write=write, backup=backup, progress=progress)
    except (RepointError, OSError) as failed:
        return _told(errors, failed)
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))  # plain ASCII, whatever reads it
    else:
        # Into a pipe or file nothing is folded, so that it can be searched.
        show(report, Console(width=None if sys.stdout.isatty() else 100_000, highlight=False))
    return DONE if report.clean else LEFT


def run_restore(path: Path, *, backup: Path | None, force: bool) -> int:
    """Put back what was changed.

    Returns:
        The exit status: 0 all is as it was, 1 some files were changed since and left alone, 2 there is nothing to put back.
    """
    errors = _errors()
    try:
        found = restore(path, backup, force=force)
    except (RepointError, OSError) as failed:
        return _told(errors, failed)
    typer.echo(f"{counted(len(found.files), 'file')} put back.")
    for name in found.changed:
        typer.echo(f"Left alone, as somebody changed it since: {name}. --force puts the original over it.")
    return LEFT if found.changed else DONE


def show(report: Report, console: Console) -> None:
    """Print a report for people.

    Args:
        report: What was found.
        console: Where it is printed.
    """
    for place in report.places[:_MOST]:
        console.print(_place(place, written=report.written))
    if len(report.places) > _MOST:
        console.print(Text(f"... and {len(report.places) - _MOST} more; --json has all of them."))
    for notice in report.notices:
        where = f"{notice.file}:{notice.line}:{notice.column}" if notice.line is not None else notice.file
        console.print(Text.assemble(("note ", "yellow"), (where, "bold"), f" {notice.text}"))
    console.print(Text(report.summary, style="green" if report.clean else "bold"))


def _place(place: Place, *, written: bool) -> Text:
    verdict, style = ("replaced", "green") if written else ("would be replaced", "yellow")
    if not place.replaced:
        verdict, style = "by hand", "bold red"
    text = Text.assemble(
        (f"{place.file}:{place.line}:{place.column}", "bold"), f" {place.kind}, {place.form}: ", (verdict, style)
    )
    text.append(f"\n    {place.context}", "dim")
    if place.why:
        text.append(f"\n    {place.why}")
    return text


def _errors() -> Console:
    return Console(stderr=True, width=None if sys.stderr.isatty() else 1_000, highlight=False)


def _told(console: Console, failed: RepointError | OSError) -> int:
    words = str(failed) if isinstance(failed, RepointError) else f"{failed.filename or 'A file'}: {failed.strerror}"
    console.print(Text(f"{words.rstrip('.')}.", style="bold red"), soft_wrap=True)
    return UNUSABLE
