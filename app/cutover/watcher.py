"""The watcher: moves what fails in real-time back to outbound, and nothing else.

It never moves forward, never undoes what it did, and never acts on missing data. What it moved stays until a person clears it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import time
from typing import Final

import structlog

from app.cutover.decision import Source
from app.cutover.live import Live
from app.cutover.settings import Rollback
from app.cutover.state import STAGE_LATCH, CutoverState, Latch, Stage
from app.cutover.store import ConflictError, Snapshot, StoreAwayError
from app.cutover.traffic import Name, Tally, Traffic
from app.metrics import Metrics
from translation.errors import ProxyError
from translation.operations import BY_NAME

log = structlog.get_logger("evtmgmt.watcher")
LOOK_SECONDS: Final = 5.0
"""Time between two looks: what is seen in two of them in a row counts."""
PROBE_SECONDS: Final = 15.0
"""Time after which it is tried again, when outbound is dead or the state cannot be changed."""
WHO: Final = "watcher"
OUTBOUND_MINIMUM: Final = 10
"""Calls of outbound in the window from which it is compared with; with fewer, what is said of real-time alone holds."""
STAGE_OPERATIONS: Final = 3
"""Operations at once that are taken for the whole stage."""
_JUDGED: Final = frozenset({Stage.SPLIT, Stage.REALTIME})
_NOTHING: Final = Tally()


def breach(new: Tally, old: Tally, settings: Rollback) -> str | None:
    """What is wrong with an operation in real-time, in words with the numbers; None when nothing is.

    Args:
        new: What real-time did in the window.
        old: What outbound did in it.
        settings: The bounds.
    """
    if new.calls < settings.minimum:
        return None
    compared = old.calls >= OUTBOUND_MINIMUM
    beside = f"outbound {old.failures} of {old.calls}" if old.calls else "no sample of outbound"
    share, usual = _percent(new), _percent(old) if compared else 0.0
    # Shares in binary are a little off the bound that an operator wrote.
    if share - usual >= settings.error_percent - 1e-9:
        return f"{new.failures} of {new.calls} calls failed ({share:.0f} %), {beside}"
    slow, usually = new.p95 or 0.0, old.p95 if compared else None
    bound = settings.latency_factor * (settings.latency_floor if usually is None else usually)
    if slow > max(bound, settings.latency_floor):
        beside = "no sample of outbound" if usually is None else f"outbound {usually:.2f} s"
        return f"95 % of {new.calls} calls took up to {slow:.2f} s, {beside}"
    return None


def breaches(window: Mapping[Name, Tally], state: CutoverState, settings: Rollback) -> dict[str, str]:
    """The operations that should go back to outbound, and why.

    Args:
        window: What was answered, by operation and organisation.
        state: The cutover's state.
        settings: The bounds.
    """
    if state.stage not in _JUDGED or STAGE_LATCH in state.latches:
        return {}
    found = {}
    for (name, backend), new in window.items():
        operation = BY_NAME.get(name)
        # What is new in real-time has nowhere to go back to.
        if backend != Source.REALTIME or operation is None or operation.row is None or name in state.latches:
            continue
        reason = breach(new, window.get((name, Source.OUTBOUND), _NOTHING), settings)
        if reason is not None:
            found[name] = reason
    return found


class Watcher:
    """Looks every few seconds at what was answered, and moves operations back.

    Args:
        settings: The bounds.
        live: The cutover's state.
        view: Gives what was answered, of all processes together.
        probe: Makes a call to outbound; raises ``ProxyError`` when it does not answer.
        metrics: Counts what is moved back, and what is not.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        settings: Rollback,
        live: Live,
        view: Callable[[], Awaitable[Traffic]],
        probe: Callable[[], Awaitable[object]],
        metrics: Metrics,
        clock: Callable[[], float] = time,
    ) -> None:
        self._settings = settings
        self._live = live
        self._view = view
        self._probe = probe
        self._metrics = metrics
        self._clock = clock
        self._state = CutoverState()
        self._since: dict[str, float] = {}
        self._suspects: dict[str, str] = {}
        self._again_at = 0.0
        self._told: str | None = None
        self._stop_listening = live.on_change(self._changed)

    async def close(self) -> None:
        """Hear of the state no more."""
        self._stop_listening()

    async def run(self) -> None:
        """Look for ever."""
        self.begin()
        while self._settings.enabled:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception as defect:  # else nobody would watch any more, and nobody would see it
                log.error("defect", exc_info=defect)

    def begin(self) -> None:
        """Start with the state that serves now: what was counted before it came to be says nothing of it."""
        snapshot = self._live.snapshot
        self._since = dict.fromkeys(BY_NAME, min(snapshot.at, self._clock()))
        self._adopt(snapshot.state)

    async def look(self) -> None:
        """Look once, and move back what was too bad at the last look as well."""
        snapshot = self._live.snapshot
        self._after_a_clock_set_back()
        found: dict[str, str] = {}
        if snapshot.state.stage in _JUDGED:
            window = (await self._view()).window(self._settings.window, self._since)
            found = breaches(window, snapshot.state, self._settings)
        again = {name: reason for name, reason in found.items() if name in self._suspects}
        self._suspects = found
        if not again:
            self._told = None
        elif self._clock() >= self._again_at:
            await self._move_back(again, snapshot)

    def _after_a_clock_set_back(self) -> None:
        """What lies ahead was noted before the clock was set back, and would be waited for as long as it was set."""
        now = self._clock()
        self._again_at = min(self._again_at, now + PROBE_SECONDS)
        for name, since in self._since.items():
            if since > now:
                self._since[name] = now

    async def _move_back(self, found: Mapping[str, str], snapshot: Snapshot) -> None:
        try:
            await self._probe()
        except ProxyError as error:
            self._refuse("outbound", f"outbound does not answer either: {error.kind.code}", found)
            return
        if self._settings.scope == "stage" or len(found) >= STAGE_OPERATIONS:
            found = {STAGE_LATCH: _together(found)}
            why = found[STAGE_LATCH]
        else:
            why = _together(found)
        now = self._clock()
        latches = {name: Latch(at=now, reason=reason) for name, reason in found.items()}

        def edit(state: CutoverState) -> CutoverState:
            return state.model_copy(update={"latches": {**state.latches, **latches}})

        try:
            # Only of the state that was looked at: somebody may have cleared a latch, or moved back the whole stage, since.
            await self._live.change(edit, WHO, why, expected=snapshot.version)
        except ConflictError:
            return
        except StoreAwayError as away:
            self._refuse("store", str(away), found)
            return
        self._told = None
        for name, reason in found.items():
            self._metrics.rollbacks.labels(name).inc()
            log.error("moved back to outbound until somebody clears it", operation=name, reason=reason)

    def _refuse(self, reason: str, cause: str, found: Mapping[str, str]) -> None:
        self._again_at = self._clock() + PROBE_SECONDS
        self._metrics.rollbacks_refused.labels(reason).inc()
        if self._told != reason:
            self._told = reason
            log.error("real-time fails, and nothing is moved back", cause=cause, operations=dict(found))

    def _changed(self, snapshot: Snapshot) -> None:
        """What was cleared is judged by what comes after, and so is a stage."""
        cleared = self._state.latches.keys() - snapshot.state.latches.keys()
        if STAGE_LATCH in cleared or snapshot.state.stage is not self._state.stage:
            cleared = set(BY_NAME)
        for name in cleared:
            self._since[name] = self._clock()
            self._suspects.pop(name, None)
        self._adopt(snapshot.state)

    def _adopt(self, state: CutoverState) -> None:
        self._state = state
        self._metrics.latched.set(len(state.latches))


def _percent(tally: Tally) -> float:
    """The share of failed calls. A failure may be told in the slot after its call."""
    return 100 * min(tally.failures, tally.calls) / tally.calls


def _together(found: Mapping[str, str]) -> str:
    """Reasons in one line; the store cuts it when it is too long."""
    return "; ".join(f"{name}: {reason}" for name, reason in found.items())
