"""The state that serves in this process: read as an attribute by each request, and kept up with the store beside."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from app.configuration_error import ConfigurationError
from app.cutover.settings import StateSettings
from app.cutover.sqlite import SqliteStore
from app.cutover.state import CutoverState, Stage, Switch
from app.cutover.store import ConflictError, Snapshot, Store, StoreAwayError, difference
from app.shared.names import organisation_of

log = structlog.get_logger("evtmgmt.cutover")
SHARED_STATE: Final = "WORKERS_STATE_DIR"
"""The environment variable in which ``serve`` names a directory to several workers that have no other place for the state."""
TRY_AGAIN_SECONDS: Final = 0.5
"""Time between two looks at a store that is away."""
LOGGED_LINES: Final = 50
"""Changes that are logged one by one, when several were made between two looks."""
TRIES: Final = 20
"""How often a change is made anew, when others were faster each time."""


def open_store(settings: StateSettings, endpoint: str, portal: str = "") -> Store:
    """The store that the settings name.

    Args:
        settings: Where the state is kept.
        endpoint: The real-time endpoint: organisations may share a Redis, and their ids tell them apart.
        portal: The portal's name, where there are several: each has a state of its own.

    Raises:
        ConfigurationError: The directory or the address cannot be used.
    """
    shared = os.environ.get(SHARED_STATE)
    # A portal's path is its own already.
    directory = settings.path or (Path(shared, "portals", portal) if shared and portal else Path(shared) if shared else None)
    local = SqliteStore(directory, durable=settings.path is not None)
    try:
        local.check()
    except StoreAwayError as away:
        raise ConfigurationError([f"EVTMGMT_STATE__PATH: {away}"]) from None
    if settings.redis_url is None:
        return local
    # Costs a tenth of a second, and most do without.
    from app.cutover.redis_store import RedisStore

    organisation = organisation_of(endpoint)
    try:
        return RedisStore(
            settings.redis_url.get_secret_value(),
            f"{organisation}/{portal}" if portal else organisation,
            local if directory is not None else None,
        )
    except ValueError as unusable:
        raise ConfigurationError([f"EVTMGMT_STATE__REDIS_URL: {unusable}"]) from None


def needs_outbound(state: CutoverState) -> frozenset[tuple[str, str]]:
    """The parts of a state for which outbound must be there: stage, switches and latches, by name."""
    found = {("operations", name) for name, switch in state.operations.items() if switch is Switch.OUTBOUND}
    found |= {("events", pattern) for pattern, switch in state.events.items() if switch is Switch.OUTBOUND}
    found |= {("latches", name) for name in state.latches}
    return frozenset(found if state.stage is Stage.REALTIME else found | {("stage", state.stage)})


def needs_archive(state: CutoverState) -> frozenset[str]:
    """The events of a state that are switched to the archive."""
    return frozenset(pattern for pattern, switch in state.events.items() if switch is Switch.ARCHIVE)


class Live:
    """The state of this process.

    Args:
        store: Where it is kept.
        both: Whether outbound is configured as well.
        archive: Whether an archive is.

    Attributes:
        snapshot: What serves now. A request takes it once and keeps what it took. Before the start: version 0, all real-time.
        away: A sentence while the store cannot be used, else None. What was known last serves meanwhile.
    """

    def __init__(self, store: Store, *, both: bool = True, archive: bool = True) -> None:
        self.store = store
        self.snapshot = Snapshot(0, 0.0, CutoverState())
        self._both = both
        self._archive = archive
        self.away: str | None = None
        self._told: list[Callable[[Snapshot], object]] = []

    @property
    def state(self) -> CutoverState:
        """The state that serves now."""
        return self.snapshot.state

    def on_change(self, call: Callable[[Snapshot], object]) -> Callable[[], None]:
        """Have ``call`` called with each state that is adopted after the start. It must not wait.

        Returns:
            What ends it: who listens may live shorter than the state, which outlives a reload.
        """
        self._told.append(call)
        return lambda: self._told.remove(call)

    async def start(self, initial: CutoverState) -> Snapshot:
        """Take up what is kept, or what the settings say where nothing is.

        Args:
            initial: The state of the settings.

        Raises:
            StoreAwayError: A file is there and cannot be read: what should serve is not known.
        """
        self.snapshot = await self.store.open(initial)
        if not self.snapshot.version:
            log.error("the state is not kept now: that of the settings serves", place=self.store.place)
        elif self.snapshot.state != initial:
            log.warning(
                "the state that was kept serves, not that of the settings",
                version=self.snapshot.version,
                differs=sorted(difference(initial, self.snapshot.state)[1]),
            )
        if self._both and not self.store.durable:
            log.warning("changes of the cutover are forgotten when the proxy stops: set EVTMGMT_STATE__PATH")
        if not self._both and needs_outbound(self.snapshot.state):
            log.error("the state that was kept needs outbound, which the settings do not name", version=self.snapshot.version)
        if not self._archive and needs_archive(self.snapshot.state):
            log.error("the state that was kept needs an archive, which the settings do not name", version=self.snapshot.version)
        return self.snapshot

    async def run(self) -> None:
        """Follow the store for ever, whatever becomes of it."""
        while True:
            known = self.snapshot
            try:
                if self.away is not None:
                    await self.store.current()
                    self.away = None
                    log.warning("the state can be changed again", place=self.store.place)
                found = await self.store.wait_for_change(known)
            except StoreAwayError as away:
                self._gone(str(away))
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            except Exception as defect:
                # Else this process would serve an old state for ever, and nobody would see it.
                if self.away is None:
                    log.error("defect", exc_info=defect)
                self._gone("the state cannot be followed: the log tells of a defect")
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            else:
                if self.snapshot is known:  # else a change of this process was faster
                    await self._adopt(found)

    async def change(
        self, edit: Callable[[CutoverState], CutoverState], who: str, why: str, expected: int | None = None
    ) -> Snapshot:
        """Change the state, and adopt what comes of it.

        Args:
            edit: Makes the new state of the one that is kept; called again when others were faster.
            who: Who changes it.
            why: The reason.
            expected: The version that the change is meant for; None for whichever is kept.

        Raises:
            ConflictError: Another version than ``expected`` is kept.
            StoreAwayError: The store cannot be used now. The state that served goes on serving.
            ValueError: ``who`` or ``why`` is missing, ``edit`` made what is no state, or what cannot be served.
        """
        tries_left = TRIES
        while True:
            tries_left -= 1
            current = await self.store.current() or self.snapshot
            if expected is not None and current.version != expected:
                raise ConflictError(current)
            # Checked here: a copy of a model with other values is not.
            state = CutoverState.model_validate(edit(current.state).document())
            # What needed it before may stay: it is cleared in several steps.
            if not self._both and needs_outbound(state) - needs_outbound(current.state):
                raise ValueError("this needs outbound: EVTMGMT_OUTBOUND__ENDPOINT, __TOKEN and __ORIGIN are not set")
            if not self._archive and needs_archive(state) - needs_archive(current.state):
                raise ValueError("this needs an archive: EVTMGMT_ARCHIVE__PATH is not set")
            try:
                changed = await self.store.change(state, current.version, who, why)
            except ConflictError:
                if expected is not None or not tries_left:
                    raise
            else:
                if changed.version >= self.snapshot.version:  # else what others made of it is here already
                    await self._adopt(changed)
                return changed

    def _gone(self, sentence: str) -> None:
        if self.away is None:
            log.error("the state cannot be changed now: what was known last serves", place=self.store.place, cause=sentence)
        self.away = sentence

    async def _adopt(self, new: Snapshot) -> None:
        old, self.snapshot = self.snapshot, new
        if new.same(old):
            return
        for call in self._told:
            try:
                call(new)
            except Exception as defect:  # what listens must not keep the state from being followed
                log.error("defect", exc_info=defect)
        for line in await self._lines(old, new):
            log.warning("cutover changed", place=self.store.place, **line)

    async def _lines(self, old: Snapshot, new: Snapshot) -> list[dict[str, Any]]:
        """What happened between two snapshots, for the log."""
        try:
            lines = await self.store.audit(LOGGED_LINES, new.version + 1)
        except StoreAwayError:
            before, after = difference(old.state, new.state)
            return [{"version": new.version, "before": before, "after": after}]
        shown = [line for line in lines if line.version > old.version] or lines[:1]
        return [
            {"version": line.version, "who": line.who, "before": line.before, "after": line.after} for line in reversed(shown)
        ]
