"""The ``record`` command: an archive of past events, from the outbound organisation or from saved copies."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from app.archive.draft import WORKING, Draft
from app.archive.file import ArchiveError
from app.archive.importing import Imported, Source, open_saved, take_in
from app.archive.recorder import Recording, record
from app.cli.progress import progress_bar
from app.comparing.reader import UnreadableError
from app.comparing.report import counted
from app.logs import configure_logs
from app.redaction import Redactor
from app.settings import Settings
from translation.grammar import is_event_id
from translation.leaving_out import LeftOut

DONE, INCOMPLETE, UNUSABLE, UNREADABLE, STOPPED = 0, 1, 2, 3, 130
"""Exit statuses."""
_MOST_ROWS: Final = 20
_NO_OUTBOUND: Final = (
    "There is no outbound organisation to record: set EVTMGMT_OUTBOUND__ENDPOINT, __TOKEN and __ORIGIN, "
    "or name a saved copy with --from."
)


def run_record(
    settings: Settings,
    file: Path,
    *,
    rate: float,
    events: Sequence[str],
    without: Sequence[str],
    pictures: bool,
    finish: bool,
) -> int:
    """Record the outbound organisation.

    Args:
        settings: What the proxy would run with.
        file: Where the archive goes.
        rate: Calls per second.
        events: Readable ids of the only events to read; all that are listed when empty.
        without: Fields that are not kept.
        pictures: Whether pictures and logos are read.
        finish: Ask for nothing, and make the archive of what a run before has read.

    Returns:
        The exit status: 0 everything was read, 1 some reads failed, 2 it cannot be done, 3 the organisation could not be read,
        130 stopped by Ctrl+C.

    Raises:
        typer.BadParameter: An event or a field is none.
    """
    if bad := [name for name in events if not is_event_id(name)]:
        raise typer.BadParameter(f"{bad[0]!r} is no readable event id", param_hint="--event")
    redactor = Redactor(settings.secrets)
    configure_logs(settings.log_level, redactor, sys.stderr)
    outbound = settings.outbound
    if outbound is None and not finish:
        return _told(_NO_OUTBOUND, UNUSABLE)

    def fill(draft: Draft) -> int:
        if outbound is None or finish:
            if not draft.resumed:
                return _told("There is nothing to finish: no run was cut off.", UNUSABLE)
            return DONE
        with progress_bar(_errors(), "Events") as progress:
            done = asyncio.run(record(settings, outbound, draft, rate=rate, events=events, pictures=pictures, progress=progress))
        _show(done, redactor)
        return INCOMPLETE if done.failed else DONE

    try:
        return _make(file, "" if outbound is None else outbound.endpoint, without, fill)
    except UnreadableError as error:
        kept = f"What was read is in {file}{WORKING}; the same command goes on, --finish makes the archive of it."
        return _told(redactor.text(f"Stopped: {error}. {error.error.kind.operator}") + f" {kept}", UNREADABLE)


def run_import(file: Path, saved: Sequence[Path], *, without: Sequence[str]) -> int:
    """Take saved copies into the archive. Needs no settings.

    Args:
        file: Where the archive goes.
        saved: HAR files and folders.
        without: Fields that are not kept.

    Returns:
        The exit status: 0 the archive was made, 2 nothing was found, or it cannot be done, 130 stopped by Ctrl+C.

    Raises:
        typer.BadParameter: A copy cannot be used, or a field is none.
    """
    try:
        sources: list[Source] = [open_saved(path) for path in saved]
    except (ValueError, OSError) as unusable:
        raise typer.BadParameter(str(unusable), param_hint="--from") from None

    def fill(draft: Draft) -> int:
        with progress_bar(_errors(), "Answers") as progress:
            done = take_in(sources, draft, progress)
        _show_imported(done)
        return DONE if done.taken else UNUSABLE

    return _make(file, next((source.endpoint for source in sources if source.endpoint), ""), without, fill)


def run_forget(file: Path, events: Sequence[str]) -> int:
    """Take events out of the archive. Needs no settings.

    Args:
        file: The archive.
        events: Their readable ids, in any letter case.

    Returns:
        The exit status: 0 all were taken out, 1 some were not there, 2 it cannot be done.
    """
    if not file.exists():
        return _told(f"There is no archive at {file}.", UNUSABLE)

    def fill(draft: Draft) -> int:
        missing = [name for name in events if not draft.forget(name)]
        for name in missing:
            _out().print(Text(f"Not in the archive: {name}", style="yellow"))
        return INCOMPLETE if missing else DONE

    return _make(file, "", (), fill)


def _make(file: Path, endpoint: str, without: Sequence[str], fill: Callable[[Draft], int]) -> int:
    try:
        left_out = LeftOut(without)
    except ValueError as mistake:
        raise typer.BadParameter(str(mistake), param_hint="--without") from None
    try:
        draft = Draft(file, endpoint, left_out)
        try:
            if draft.resumed:
                _errors().print(Text("Goes on with a run that was cut off."))
            status = fill(draft)
            if status not in (DONE, INCOMPLETE):
                return status
            events, answers, pictures = draft.counts()
            size = draft.finish()
        finally:
            draft.close() if draft.touched or draft.resumed else draft.discard()
    except ArchiveError as failed:
        return _told(f"{failed}.", UNUSABLE)
    except OSError as refused:
        return _told(f"{refused.filename or file}: {refused.strerror}.", UNUSABLE)
    except KeyboardInterrupt:
        return _told(f"Stopped. What was read is in {file}{WORKING}: the same command goes on.", STOPPED)
    words = f"{counted(events, 'event')}, {counted(answers, 'answer')}, {counted(pictures, 'picture')}"
    left = f" Left out: {', '.join(left_out.rules)}." if left_out else ""
    _out().print(Text(f"{file}: {words}, {size / 2**20:.1f} MB.{left}", style="green" if status == DONE else "bold"))
    return status


def _show(done: Recording, redactor: Redactor) -> None:
    out = _out()
    for failure in done.failures[:_MOST_ROWS]:
        words = f"Not read: {failure.operation} {failure.event}: {failure.code}, {failure.cause}"
        out.print(Text(redactor.text(words), style="yellow"))
    if done.failed > _MOST_ROWS:
        out.print(Text(f"... and {done.failed - _MOST_ROWS} more.", style="yellow"))
    listed = counted(done.listed, "event")
    out.print(Text(f"Outbound lists {listed}. {counted(done.asked, 'read')} in {done.seconds:.0f} s, {done.failed} failed."))


def _show_imported(done: Imported) -> None:
    out = _out()
    for place, why in done.left[:_MOST_ROWS]:
        out.print(Text(f"Not taken: {place}: {why}", style="yellow"))
    if done.left_count > _MOST_ROWS:
        out.print(Text(f"... and {done.left_count - _MOST_ROWS} more.", style="yellow"))
    for operation, number in sorted(done.taken.items()):
        out.print(Text(f"{operation:<32}{number:>6}"))
    if not done.taken:
        out.print(Text("No answers of the old API were found.", style="bold red"))


def _out() -> Console:
    # Into a pipe or file nothing is folded, so that it can be searched.
    return Console(width=None if sys.stdout.isatty() else 1_000, highlight=False)


def _errors() -> Console:
    return Console(stderr=True, width=None if sys.stderr.isatty() else 1_000, highlight=False)


def _told(words: str, status: int) -> int:
    _errors().print(Text(words, style="bold red"), soft_wrap=True)
    return status
