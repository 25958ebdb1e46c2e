"""The ``compare`` command: a table for people, files for the archive, and an exit status for scripts."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.progress import progress_bar
from app.comparing import walk
from app.comparing.page import page
from app.comparing.reader import UnreadableError
from app.comparing.report import counted, percent
from app.logs import configure_logs
from app.redaction import Redactor
from app.settings import Settings
from app.whole_files import replace_file
from translation.comparison_rules import read_rules
from translation.grammar import is_event_id

HOLDS, BROKEN, UNUSABLE, UNREADABLE, STOPPED = 0, 1, 2, 3, 130
"""Exit statuses."""
_MOST_ROWS: Final = 20


def run_compare(
    settings: Settings,
    *,
    rate: float,
    threshold: float,
    event: str | None,
    ignore: Sequence[str],
    json_file: Path | None,
    html_file: Path | None,
) -> int:
    """Compare both organisations, print what was found, and write the files. Files are written whole or not at all.

    Args:
        settings: What the proxy would run with.
        rate: Calls per second to each organisation.
        threshold: The percentage that every operation has to reach.
        event: Readable id of the one event to look at, or None for all.
        ignore: Ignore rules beside those of the settings.
        json_file: Where the JSON document goes, or None.
        html_file: Where the page goes, or None.

    Returns:
        The exit status: 0 the threshold holds, 1 it does not, 2 the settings cannot be used, 3 an organisation could not be
        read, 130 stopped by Ctrl+C.

    Raises:
        typer.BadParameter: ``event`` is no readable event id, a rule cannot be used, or a file cannot be written.
    """
    if event is not None and not is_event_id(event):
        raise typer.BadParameter("this is no readable event id", param_hint="--event")
    try:
        read_rules(ignore)
    except ValueError as mistake:
        raise typer.BadParameter(str(mistake), param_hint="--ignore") from None
    for path, option in ((json_file, "--json"), (html_file, "--html")):
        if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
            raise typer.BadParameter(f"{path} cannot be written", param_hint=option)
    redactor = Redactor(settings.secrets)
    configure_logs(settings.log_level, redactor, sys.stderr)
    errors = Console(stderr=True, width=None if sys.stderr.isatty() else 1_000)
    try:
        with progress_bar(errors, "Events") as progress:
            report = asyncio.run(
                walk.rehearse(settings, rate=rate, threshold=threshold, event=event, ignore=ignore, progress=progress)
            )
    except walk.NotConfiguredError:
        words = "There is no outbound organisation to compare with: set EVTMGMT_OUTBOUND__ENDPOINT, __TOKEN and __ORIGIN."
        return _told(errors, words, UNUSABLE)
    except walk.NotListedError:
        return _told(errors, f"Neither organisation lists {event}.", UNUSABLE)
    except UnreadableError as error:
        return _told(errors, redactor.text(f"Stopped: {error}. {error.error.kind.operator}"), UNREADABLE)
    except KeyboardInterrupt:
        return _told(errors, "Stopped. Nothing was written.", STOPPED)
    document = report.document(redactor)
    try:
        if json_file is not None:
            text = json.dumps(document, indent=2) + "\n"  # plain ASCII, whatever reads it
            replace_file(json_file, lambda file: file.write(text.encode("ascii")))
        if html_file is not None:
            whole = page(document)
            replace_file(html_file, lambda file: file.write(whole.encode("utf-8")))
    except OSError as refused:
        return _told(errors, f"A file could not be written: {refused.strerror}", UNUSABLE)
    # Into a pipe or file nothing is folded, so that it can be searched.
    show(document, Console(width=None if sys.stdout.isatty() else 1_000))
    return HOLDS if report.holds else BROKEN


def show(document: Mapping[str, Any], console: Console) -> None:
    """Print a report for people.

    Args:
        document: What ``Report.document`` gives.
        console: Where it is printed; as wide as it is.
    """
    for side in ("outbound", "realtime"):
        found = document[side]
        console.print(Text(f"Asked {found['endpoint']}: {counted(found['total'], 'read')}, {found['failed']} failed."))
    console.print(_operations(document))
    if document["differences"]:
        console.print(_differences(document["differences"]))
    for side, words in (("only_outbound", "only in outbound"), ("only_realtime", "only in real-time")):
        for event in document[side]:
            hint = f" (an alias to {event['namesake']}?)" if event["namesake"] else ""
            console.print(Text(f"Listed {words}: {event['event']}, {event['name']}, {event['start'] or 'without a date'}{hint}"))
    for failure in document["failures"][:_MOST_ROWS]:
        words = f"{failure['side']}: {failure['operation']} {failure['event']}: {failure['code']}, {failure['cause']}"
        console.print(Text(f"Failed {words}", style="yellow"))
    console.print(Text(document["summary"], style="green" if document["holds"] else "bold red"))


def _operations(document: Mapping[str, Any]) -> Table:
    table = Table(title="Operations")
    for name in ("Operation", "Equal", "Fields compared"):
        table.add_column(name, overflow="fold", justify="left" if name == "Operation" else "right")
    for name, found in document["operations"].items():
        share = found["percent"]
        total = sum(sum(field["seen"].values()) for field in found["fields"].values())
        holds = share is not None and share >= document["threshold"]
        words = "-" if share is None else percent(share)
        table.add_row(Text(name), Text(words, style="green" if holds else "red"), Text(str(total)))
    return table


def _differences(differences: Sequence[Mapping[str, Any]]) -> Table:
    more = f", {len(differences) - _MOST_ROWS} more in the files" if len(differences) > _MOST_ROWS else ""
    table = Table(title=f"What differs{more}")
    names = ("operation", "path", "differs", "missing_left", "missing_right", "equal", "noise")
    for title in ("Operation", "Field", "Differs", "Only in real-time", "Only in outbound", "Equal", "Noise %"):
        table.add_column(title, overflow="fold", justify="left" if title in ("Operation", "Field") else "right")
    for row in differences[:_MOST_ROWS]:
        table.add_row(*(Text(str(row[name])) for name in names))
    return table


def _told(console: Console, words: str, status: int) -> int:
    console.print(Text(words, style="bold red"), soft_wrap=True)
    return status
