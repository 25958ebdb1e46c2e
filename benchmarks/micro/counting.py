"""How much work an operation is: executed bytecode instructions, calls, and memory at its peak. No clock is involved."""

import gc
import sys
import tracemalloc
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from threading import get_ident
from types import CodeType, FrameType
from typing import Any, Final

Operation = Callable[[], object]

TOLERANCE: Final = 1.25
"""CPython's minor versions differ by up to a tenth for the same source; work that is added on purpose is more."""
_ROUNDS_BEFORE: Final = 2
_TOOL: Final = 4
"""An id of ``sys.monitoring`` that neither debuggers, coverage nor profilers take."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one run of an operation takes.

    Attributes:
        instructions: Bytecode instructions executed.
        calls: Calls of Python functions and of C functions.
        peak: Bytes allocated at the same time, at most, beside what was there before.
    """

    instructions: int
    calls: int
    peak: int


def count(operation: Operation) -> Work:
    """Count one operation, in this thread, after it ran twice to fill what it remembers."""
    for _ in range(_ROUNDS_BEFORE):
        operation()
    gc.collect()
    gc.disable()
    try:
        return Work(_instructions(operation), _calls(operation), _peak(operation))
    finally:
        gc.enable()


def compare(now: Work, recorded: Work) -> list[str]:
    """What differs by more than the tolerance, in words; less work is told as well, or the guard would grow loose."""
    found = []
    for name in ("instructions", "calls", "peak"):
        new, old = getattr(now, name), getattr(recorded, name)
        if not old / TOLERANCE <= new <= old * TOLERANCE:
            found.append(f"{name}: {new:,} instead of {old:,} ({new / max(1, old):.2f} times)")
    return found


def at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing, so that no event loop is counted.

    Raises:
        RuntimeError: It waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("the coroutine waits for something")


def _instructions(operation: Operation) -> int:
    if sys.version_info >= (3, 12):
        return _monitored(operation)
    return _traced(operation)


def _traced(operation: Operation) -> int:
    """CPython 3.11: a trace function that is called for each instruction."""
    executed = 0

    def of_frame(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal executed
        if event == "opcode":
            executed += 1
        return of_frame

    def entered(frame: FrameType, event: str, argument: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return of_frame

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        operation()
    finally:
        sys.settrace(before)
    return executed


def _monitored(operation: Operation) -> int:
    """CPython 3.12 and later, where trace functions miss instructions: PEP 669."""
    executed = 0
    mine = get_ident()
    monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - the type checker looks at 3.11, which has none
    instruction = monitoring.events.INSTRUCTION

    def executes(code: CodeType, offset: int) -> None:
        nonlocal executed
        executed += get_ident() == mine

    monitoring.use_tool_id(_TOOL, "evtmgmt-proxy work")
    monitoring.register_callback(_TOOL, instruction, executes)
    monitoring.set_events(_TOOL, instruction)
    try:
        operation()
    finally:
        monitoring.set_events(_TOOL, 0)
        monitoring.register_callback(_TOOL, instruction, None)
        monitoring.free_tool_id(_TOOL)
    return executed


def _calls(operation: Operation) -> int:
    called = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal called
        called += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        operation()
    finally:
        sys.setprofile(before)
    return called


def _peak(operation: Operation) -> int:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        operation()
        _, peak = tracemalloc.get_traced_memory()
        return peak - before
    finally:
        tracemalloc.stop()
