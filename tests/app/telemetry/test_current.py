"""The span of the work at hand: who finds it, and what happens where there is none."""

import asyncio

import pytest
from opentelemetry.trace import SpanKind

from app.telemetry.current import current, inner, note, resumed, tell, within
from app.telemetry.spans import Span
from tests.app.telemetry.rig import Memory


def test_where_nobody_traces_nothing_happens() -> None:
    note("retry", lane="reads")
    tell(outcome="stored")
    with inner("outbox store") as span, within(None), resumed(None):
        assert span is None
        assert current.get() is None


def test_parts_of_the_work(memory: Memory) -> None:
    root = Span(memory.tracer, "root", SpanKind.SERVER)
    with resumed(root):
        note("shed", what="reads")
        with inner("outbox store", SpanKind.PRODUCER):
            tell(outcome="stored")
        with inner("shadow") as part:
            assert current.get() is part
        assert current.get() is root
    assert current.get() is None
    root.end()
    store, shadow, whole = memory.spans
    assert store.parent == shadow.parent == whole.context
    assert (store.kind, shadow.kind) == (SpanKind.PRODUCER, SpanKind.INTERNAL)
    assert dict(store.attributes or {}) == {"evtmgmt.outcome": "stored"}
    assert [event.name for event in whole.events] == ["shed"]


def test_a_part_ends_whatever_happens_in_it(memory: Memory) -> None:
    root = Span(memory.tracer, "root", SpanKind.SERVER)
    with pytest.raises(KeyError), resumed(root), inner("shadow"):
        raise KeyError("x")
    assert current.get() is None
    assert memory.only().name == "shadow"
    assert memory.only().events == ()


@pytest.mark.anyio
async def test_tasks_inherit_it_and_do_not_change_it(memory: Memory) -> None:
    root = Span(memory.tracer, "root", SpanKind.SERVER)

    async def work() -> Span | None:
        found = current.get()
        current.set(None)
        return found

    with resumed(root):
        assert await asyncio.create_task(work()) is root
        assert current.get() is root
