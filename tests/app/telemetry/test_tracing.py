"""The traces of a process: their end is bounded, whatever the collector does."""

import json
from io import StringIO
from threading import Event
from threading import enumerate as enumerate_threads

import pytest

from app.logs import configure_logs
from app.redaction import Redactor
from app.telemetry.tracing import Tracing
from tests.app.telemetry.rig import Memory

pytestmark = pytest.mark.anyio


async def test_what_waits_is_sent_before_the_end(memory: Memory) -> None:
    ended = Event()
    await Tracing(memory.provider, ended.set).close()
    assert ended.is_set()


async def test_a_collector_that_hangs_is_not_waited_for(memory: Memory) -> None:
    stream, release = StringIO(), Event()
    configure_logs("info", Redactor(), stream)
    try:
        await Tracing(memory.provider, lambda: bool(release.wait(60)) and None, flush_seconds=0.05).close()
        # The interpreter waits for all threads that are no daemons.
        assert [thread.daemon for thread in enumerate_threads() if thread.name == "end of traces"] == [True]
    finally:
        release.set()
        configure_logs("info", Redactor())
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"].startswith("the last traces are lost")


async def test_all_portals_share_the_bound_on_callers(memory: Memory) -> None:
    tracing = Tracing(memory.provider, lambda: None)
    one, two = tracing.traces("one", 0.0), tracing.traces("two", 0.0)
    assert one._choosing._followed is two._choosing._followed
