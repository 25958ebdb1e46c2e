"""What the ``cutover`` commands do: on the store itself, so that they need no running proxy."""

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import typer
from pydantic import ValidationError

from app.cutover.live import Live, open_store
from app.cutover.state import CutoverState, Stage, Switch
from app.cutover.store import Change, ConflictError, Snapshot, Store, StoreAwayError, difference
from app.logs import configure_logs
from app.redaction import Redactor
from app.settings import Settings

_Result = TypeVar("_Result")
DONE: Final = 0
UNCHANGED: Final = 1
_FORGETFUL: Final = (
    "There is nothing to change here: without EVTMGMT_STATE__PATH or EVTMGMT_STATE__REDIS_URL the state is in the memory of the"
    " proxy alone. Set one of them; until then the settings decide at each start."
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What ``cutover set`` changes; None and empty: stays."""

    stage: Stage | None
    percent: float | None
    operations: dict[str, Switch]
    events: dict[str, Switch]

    def __call__(self, state: CutoverState) -> CutoverState:
        """The changed state.

        Raises:
            ValidationError: A name or a pattern is none.
        """
        return CutoverState(
            stage=self.stage or state.stage,
            percent=state.percent if self.percent is None else self.percent,
            operations=state.operations | self.operations,
            events=state.events | {pattern.casefold(): switch for pattern, switch in self.events.items()},
            latches=state.latches,
        )


@dataclass(frozen=True, slots=True)
class Clearing:
    """What ``cutover clear`` takes away."""

    latches: list[str]
    all_latches: bool
    operations: list[str]
    events: list[str]

    def __call__(self, state: CutoverState) -> CutoverState:
        """The changed state.

        Raises:
            ValueError: Something is not there.
        """
        latches = {} if self.all_latches else _without(state.latches, self.latches, "latch")
        operations = _without(state.operations, self.operations, "switch of an operation")
        events = _without(state.events, [pattern.casefold() for pattern in self.events], "switch of an event")
        return state.model_copy(update={"latches": latches, "operations": operations, "events": events})


def switches(given: list[str], option: str) -> dict[str, Switch]:
    """Switches as they are written on the command line, ``NAME=WHERE``.

    Raises:
        typer.BadParameter: One of them is written otherwise.
    """
    found = {}
    for text in given:
        name, _, where = text.rpartition("=")
        try:
            found[name.strip()] = Switch(where.strip().lower())
        except ValueError:
            hint = "write NAME=WHERE, where WHERE is outbound, realtime, off, or for an event archive"
            raise typer.BadParameter(f"{text!r}: {hint}", param_hint=option) from None
    return found


def run_show(settings: Settings, *, as_json: bool) -> int:
    """Print the state that is kept; gives the exit status."""
    initial = settings.cutover.state()

    async def look(store: Store) -> Snapshot | None:
        return await store.current()

    try:
        snapshot = _with_store(settings, look) if _keeps(settings) else None
    except StoreAwayError as away:
        return _refused(str(away))
    state = initial if snapshot is None else snapshot.state
    differs, _ = difference(initial, state)
    if as_json:
        kept = {"version": snapshot.version, "at": snapshot.at} if snapshot is not None else {"version": 0, "at": None}
        typer.echo(json.dumps({**kept, "state": state.document(), "settings_differ": sorted(differs)}, indent=2))
        return DONE
    if snapshot is None:
        typer.echo("Nothing is kept yet: the settings decide." if _keeps(settings) else _FORGETFUL)
    else:
        typer.echo(f"Version {snapshot.version}, since {time_of(snapshot.at)}")
    for name, value in _parts(state.document()).items():
        typer.echo(f"  {name}: {value}")
    if differs:
        typer.echo(f"The settings say otherwise about: {', '.join(sorted(differs))}. What is kept wins.")
    return DONE


def run_change(settings: Settings, edit: Setting | Clearing, who: str | None, why: str, expected: int | None) -> int:
    """Change the state, and say in words what became of what; gives the exit status.

    Raises:
        typer.BadParameter: What should be set is no state, or who or why is missing.
    """
    if not _keeps(settings):
        return _refused(_FORGETFUL)

    async def change(store: Store) -> tuple[Snapshot, Snapshot]:
        live = Live(store, both=settings.outbound is not None, archive=settings.archive.path is not None)
        await live.start(settings.cutover.state())
        return live.snapshot, await live.change(edit, current_user() if who is None else who, why, expected)

    try:
        before, after = _with_store(settings, change)
    except ValidationError as invalid:
        sentences = (str(error["msg"]).removeprefix("Value error, ") for error in invalid.errors(include_url=False))
        raise typer.BadParameter("; ".join(sentences)) from None
    except (ConflictError, StoreAwayError, ValueError) as refused:
        return _refused(str(refused))
    if after.same(before):
        typer.echo(f"Nothing to change: version {after.version} says so already.")
        return DONE
    typer.echo(f"Version {before.version} -> {after.version}")
    for line in _words(*difference(before.state, after.state)):
        typer.echo(f"  {line}")
    return DONE


def run_audit(settings: Settings, limit: int, before: int | None, *, as_json: bool) -> int:
    """Print the newest audit lines; gives the exit status."""
    if not _keeps(settings):
        return _refused(_FORGETFUL)

    async def look(store: Store) -> list[Change]:
        return await store.audit(limit, before)

    try:
        changes = _with_store(settings, look)
    except StoreAwayError as away:
        return _refused(str(away))
    if as_json:
        typer.echo(json.dumps([change.document() for change in changes], indent=2))
        return DONE
    for change in changes:
        typer.echo(f"Version {change.version}, {time_of(change.at)}, {change.who}: {change.why}")
        for line in _words(change.before, change.after):
            typer.echo(f"  {line}")
    if not changes:
        typer.echo("Nothing was changed yet.")
    return DONE


def _keeps(settings: Settings) -> bool:
    return settings.state.path is not None or settings.state.redis_url is not None


def _with_store(settings: Settings, use: Callable[[Store], Awaitable[_Result]]) -> _Result:
    configure_logs("error", Redactor(settings.secrets), sys.stderr)

    async def run() -> _Result:
        store = open_store(settings.state, settings.realtime.endpoint, settings.portal_name)
        try:
            return await use(store)
        finally:
            await store.close()

    return asyncio.run(run())


def _refused(sentence: str) -> int:
    typer.echo(f"{sentence[:1].upper()}{sentence[1:]}", err=True)
    return UNCHANGED


def _without(there: dict[str, Any], names: list[str], noun: str) -> dict[str, Any]:
    if missing := [name for name in names if name not in there]:
        raise ValueError(f"there is no {noun} {', '.join(missing)}")
    return {name: value for name, value in there.items() if name not in names}


def current_user() -> str:
    """The user of the system, as far as it has a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def time_of(at: float) -> str:
    """A time in seconds since 1970, for people."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _parts(document: dict[str, Any]) -> dict[str, str]:
    """A state, or parts of it, as flat names and words."""
    flat = {}
    for name, value in document.items():
        if isinstance(value, dict):
            for key, inner in value.items():
                flat[f"{name}.{key}"] = str(inner["reason"] if isinstance(inner, dict) else inner)
        else:
            flat[name] = f"{value:g}" if isinstance(value, float) else str(value)
    return flat


def _words(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """What became of what, a line for each."""
    old, new = _parts(before), _parts(after)
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) != new.get(name):
            yield f"{name}: {old.get(name, '-')} -> {new.get(name, '-')}"
