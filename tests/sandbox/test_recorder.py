import asyncio
from threading import Thread

import pytest

from sandbox.recorder import ANSWERED, Recorder
from sandbox.wire import Request

REQUEST = Request("GET", b"/caf\xe9?q=%zz", [(b"X-Odd", b"1"), (b"x-odd", b"2")], b"\xff\x00")


def test_what_is_recorded_is_what_came() -> None:
    record = Recorder().arrived(REQUEST, "realtime", "event").as_dict()
    assert record["target"] == "/caf\xe9?q=%zz"
    assert record["headers"] == [["X-Odd", "1"], ["x-odd", "2"]]
    assert record["bodyBase64"] == "/wA="
    assert record["outcome"] == "pending"


def test_it_is_bounded_and_numbered() -> None:
    recorder = Recorder(limit=2)
    for _ in range(3):
        recorder.arrived(REQUEST, None, "unmatched")
    assert [item.number for item in recorder.find()] == [2, 3]
    recorder.clear()
    assert recorder.find() == []


def test_waiting_in_a_thread() -> None:
    recorder = Recorder()
    record = recorder.arrived(REQUEST, "realtime", "event")
    thread = Thread(target=lambda: recorder.ended(record, ANSWERED, 200))
    thread.start()
    assert recorder.wait(operation="event", outcome="answered")[0].status == 200
    thread.join()
    with pytest.raises(TimeoutError, match="saw 0"):
        recorder.wait(operation="other", timeout=0.01)


@pytest.mark.anyio
async def test_waiting_in_an_event_loop() -> None:
    recorder = Recorder()
    waiting = asyncio.create_task(recorder.wait_async(count=2, backend="outbound"))
    await asyncio.sleep(0)
    await asyncio.to_thread(recorder.arrived, REQUEST, "outbound", "event")
    recorder.arrived(REQUEST, "outbound", "event")
    assert len(await waiting) == 2
    with pytest.raises(TimeoutError):
        await recorder.wait_async(operation="other", timeout=0.01)
