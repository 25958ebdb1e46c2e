"""What the ``outbox`` commands do: on the file itself, so that they need no running proxy."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson
import typer

from app.cli.changing import current_user, time_of
from app.logs import configure_logs
from app.outbox.deciding import decisions, drop, looked, retry
from app.outbox.entries import CODES, Entry, State
from app.outbox.file import FILE
from app.outbox.sealing import SealError, Sealing
from app.outbox.store import Store
from app.redaction import Redactor
from app.settings import Settings
from app.sqlite_files import StoreAwayError

DONE: Final = 0
NOTHING_DONE: Final = 1
_WARNING: Final = "This is personal data: names, e-mail addresses and answers of visitors. That it was read is recorded."
_DECISIONS: Final = {"retry": (retry, "will be sent again"), "drop": (drop, "deleted")}


def run_list(settings: Settings, state: State | None, *, as_json: bool) -> int:
    """Print the entries without contents; gives the exit status."""

    def work(store: Store) -> int:
        entries, summary = store.entries(state), store.summary()
        if as_json:
            document = {
                "states": summary.states,
                "oldest_waiting": summary.oldest,
                "totals": summary.totals,
                "entries": [entry.document() for entry in entries],
            }
            typer.echo(json.dumps(document, indent=2))
            return DONE
        for entry in entries:
            typer.echo(_line(entry))
        typer.echo(", ".join(f"{number} {name}" for name, number in summary.states.items()))
        typer.echo("Since the file was made: " + ", ".join(f"{number} {name}" for name, number in summary.totals.items()))
        return DONE

    return _with_store(settings, work)


def run_show(settings: Settings, number: int, who: str | None, why: str) -> int:
    """Print one entry with its contents; gives the exit status."""

    def work(store: Store) -> int:
        found = store.sealed(number)
        if found is None:
            return _refused(f"There is no entry {number}.")
        try:
            opened = _opened(_sealing(settings), *found)
        except SealError as closed:
            return _refused(f"Entry {number} cannot be opened: {closed}.")
        looked(store, "show", number, found[0].event, _who(who), why)
        typer.echo(_WARNING, err=True)
        typer.echo(json.dumps(opened, indent=2, ensure_ascii=False))
        return DONE

    return _with_store(settings, work)


def run_decision(settings: Settings, what: str, chosen: list[int] | State, who: str | None, why: str) -> int:
    """Retry or drop entries; gives the exit status."""
    decide, words = _DECISIONS[what]

    def work(store: Store) -> int:
        numbers = [entry.id for entry in store.entries(chosen)] if isinstance(chosen, State) else sorted(set(chosen))
        done = decide(store, numbers, _who(who), why)
        for number in numbers:
            typer.echo(f"{number}: {words if number in done else 'left as it is (it is not there, or stands otherwise)'}")
        if not done:
            typer.echo("Nothing was changed.", err=True)
        return DONE if done else NOTHING_DONE

    return _with_store(settings, work)


def run_export(settings: Settings, file: Path, state: State | None, who: str | None, why: str) -> int:
    """Write entries with their contents into a new file; gives the exit status."""

    def work(store: Store) -> int:
        sealing = _sealing(settings)
        documents, closed = [], []
        for entry in store.entries(state):
            found = store.sealed(entry.id)
            if found is None:  # delivered meanwhile
                continue
            try:
                documents.append(_opened(sealing, *found))
            except SealError:
                closed.append(entry.id)
        looked(store, "export", None, None, _who(who), why)
        try:
            opened = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as out:
                json.dump(documents, out, indent=2, ensure_ascii=False)
        except OSError as refused:
            return _refused(f"{file} cannot be written: {refused.strerror}.")
        typer.echo(_WARNING, err=True)
        typer.echo(f"{len(documents)} written to {file}. Delete it when it is not needed any more.")
        if closed:
            return _refused(f"Not opened by any key: {', '.join(map(str, closed))}.")
        return DONE

    return _with_store(settings, work)


def run_history(settings: Settings, limit: int, *, as_json: bool) -> int:
    """Print what people decided and looked at; gives the exit status."""

    def work(store: Store) -> int:
        lines = decisions(store, limit)
        if as_json:
            typer.echo(orjson.dumps(lines, option=orjson.OPT_INDENT_2).decode())
            return DONE
        for line in lines:
            about = "all" if line.entry is None else f"{line.entry} ({line.event})"
            typer.echo(f"{time_of(line.at)}, {line.who}: {line.what} {about}: {line.why}")
        if not lines:
            typer.echo("Nothing was decided yet.")
        return DONE

    return _with_store(settings, work)


def _with_store(settings: Settings, use: Callable[[Store], int]) -> int:
    configure_logs("error", Redactor(settings.secrets), sys.stderr)
    if settings.state.path is None:
        return _refused("There is no outbox: EVTMGMT_STATE__PATH is not set. Set it as the proxy has it.")
    if not (settings.state.path / FILE).exists():
        return _refused(
            f"There is no outbox in {settings.state.path}: a proxy with EVTMGMT_OUTBOX__ENABLED makes it at its start. "
            "Compare EVTMGMT_STATE__PATH with the proxy's."
        )
    store = Store(settings.state.path)
    try:
        return use(store)
    except (StoreAwayError, ValueError) as refused:
        return _refused(str(refused))
    finally:
        store.close()


def _sealing(settings: Settings) -> Sealing:
    if not settings.outbox.keys:
        raise ValueError("contents cannot be opened: EVTMGMT_OUTBOX__KEY is not set")
    return Sealing(settings.outbox.keys)


def _opened(sealing: Sealing, entry: Entry, sealed: bytes) -> dict[str, Any]:
    letter = sealing.open(sealed, entry.event)
    meaning = None if entry.code is None else CODES.get(entry.code)
    return {**entry.document(), "meaning": meaning, "request_id": letter.request_id, "registration": orjson.loads(letter.body)}


def _line(entry: Entry) -> str:
    age = time.time() - entry.at
    why = "" if entry.code is None else f"  {entry.code}"
    return f"{entry.id:>6}  {entry.state:<8} {time_of(entry.at)}  {age:>8.0f} s  {entry.attempts} tries  {entry.event}{why}"


def _who(who: str | None) -> str:
    return current_user() if who is None else who


def _refused(sentence: str) -> int:
    typer.echo(f"{sentence[:1].upper()}{sentence[1:]}", err=True)
    return NOTHING_DONE
