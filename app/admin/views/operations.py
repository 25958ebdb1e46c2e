"""The operations: where each is served, how it fares there, and how alike both sides answer."""

from pydantic import BaseModel

from app.cutover.decision import BUCKETS, Facts, Source, decide
from app.cutover.state import STAGE_LATCH, CutoverState, Latch, Stage, Switch
from app.cutover.traffic import Traffic
from translation.operations import OPERATIONS, Operation, Serving
from translation.parity import Parity

WINDOW_SECONDS = 3_600.0
BACKENDS = (Source.REALTIME, Source.OUTBOUND)
_BOTH = frozenset(BACKENDS)


class BackendFigures(BaseModel):
    """Calls of the last hour to one backend.

    Attributes:
        calls: All.
        failures: Those that failed.
        error_percent: The same in percent; null without calls.
        p95: Seconds that 95 of 100 were faster than; null where too few calls were made to tell.
    """

    calls: int = 0
    failures: int = 0
    error_percent: float | None = None
    p95: float | None = None


class OperationRow(BaseModel):
    """One operation.

    Attributes:
        row: Its number in the old API; null for those that only the new one has.
        name: Its name.
        summary: What it does.
        method: The HTTP method.
        path: The path under the old base.
        serving: ``served``, ``emulated`` or ``refused``: what real-time makes of it.
        switch: Its switch, if any.
        latch: That it was moved back, if so.
        served: Who serves it now, in words: one side, both by visitor or event, or nobody.
        realtime: Its calls there.
        outbound: Its calls there.
        parity_percent: Compared fields that do not really differ, in percent; null when nothing was compared.
    """

    row: int | None
    name: str
    summary: str
    method: str
    path: str
    serving: Serving
    switch: Switch | None
    latch: Latch | None
    served: str
    realtime: BackendFigures
    outbound: BackendFigures
    parity_percent: float | None


class Operations(BaseModel):
    """All operations. ``seconds`` is how far back calls are counted."""

    seconds: float
    operations: list[OperationRow]


def show_operations(state: CutoverState, traffic: Traffic, parity: Parity) -> Operations:
    """All operations as they are shown.

    Args:
        state: The cutover's state.
        traffic: What was called of late.
        parity: How alike the organisations are.
    """
    window = traffic.window(WINDOW_SECONDS)

    def figures(operation: str, backend: Source) -> BackendFigures:
        found = window.get((operation, backend.value))
        return BackendFigures() if found is None else figures_of(found.calls, found.failures, found.p95)

    rows = [
        OperationRow(
            row=operation.row,
            name=operation.name,
            summary=operation.summary,
            method=operation.method,
            path=operation.path,
            serving=operation.serving,
            switch=state.operations.get(operation.name),
            latch=state.latches.get(operation.name) or (state.latches.get(STAGE_LATCH) if operation.row is not None else None),
            served=served(state, operation),
            realtime=figures(operation.name, Source.REALTIME),
            outbound=figures(operation.name, Source.OUTBOUND),
            parity_percent=parity.percent(operation.name),
        )
        for operation in OPERATIONS
    ]
    return Operations(seconds=WINDOW_SECONDS, operations=rows)


def figures_of(calls: int, failures: int, p95: float | None = None) -> BackendFigures:
    """Calls with their share of failures."""
    percent = 100 * failures / calls if calls else None
    return BackendFigures(calls=calls, failures=failures, error_percent=percent, p95=p95)


def served(state: CutoverState, operation: Operation) -> str:
    """Who serves an operation now, for an event that both sides publish, in words."""
    event = "an event" if operation.parameters or operation.name == "get_personal_calendar" else None
    plain = state.model_copy(update={"events": {}})  # switches of events are told with the events
    ends = [decide(plain, Facts(operation, event, _BOTH, bucket=bucket)) for bucket in (0, BUCKETS - 1)]
    if ends[0].source is None:
        return "nobody: switched off"
    if ends[0].source != ends[1].source:
        return f"real-time for {state.percent:g} %"
    if ends[0].source in (Source.REALTIME_FIRST, Source.OUTBOUND_FIRST):
        return "both, one list" if state.stage is Stage.SPLIT else f"both, {ends[0].source.value.partition('+')[0]} first"
    return ends[0].source.value
