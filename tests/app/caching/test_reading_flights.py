"""What callers share, what goes on in the background, and what is not kept."""

import asyncio

import pytest
from structlog.testing import capture_logs

from app.caching.cache import key_of
from app.logs import configure_logs
from app.redaction import Redactor
from tests.app.desk import HIT, MISS, STALE, Desk, call, failure, version
from translation import errors
from translation.errors import ProxyError
from translation.operations import BY_NAME, OPERATIONS, Serving

pytestmark = pytest.mark.anyio
READS = [operation.name for operation in OPERATIONS if operation.serving is Serving.MAPPED and operation.method == "GET"]


# Callers together.


async def test_callers_at_once_make_one_call() -> None:
    desk = Desk()
    desk.gate.clear()
    asks = [desk.ask_soon("get_event") for _ in range(100)]
    await desk.asked(1)
    desk.gate.set()
    assert set(await asyncio.gather(*asks)) == {(MISS, b"1", 0)}
    assert len(desk.calls) == 1
    assert desk.metrics.registry.get_sample_value("evtmgmt_shared_reads_total", {"operation": "get_event"}) == 99


async def test_who_leaves_takes_nothing_from_the_others_and_the_last_ends_the_call() -> None:
    desk = Desk()
    desk.gate.clear()
    first, second = [desk.ask_soon("get_event") for _ in range(2)]
    await desk.asked(1)
    first.cancel()
    await asyncio.wait([first])
    assert desk.cancelled == 0
    second.cancel()
    await desk.settled()
    assert (desk.cancelled, desk.kept("get_event")) == (1, None)
    desk.gate.set()
    assert await desk.ask("get_event") == (MISS, b"2", 0)


async def test_who_joins_and_leaves_does_not_end_a_call_in_the_background() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(31)
    desk.gate.clear()
    await desk.ask("get_event")  # stale, and asked for
    await desk.asked(2)
    desk.cache.remove(key_of(call("get_event")))  # as if others took its place
    visitor = desk.ask_soon("get_event")
    await asyncio.sleep(0)
    visitor.cancel()
    await asyncio.wait([visitor])
    desk.gate.set()
    await desk.settled()
    assert (await desk.ask("get_event"), desk.cancelled) == ((HIT, b"2", 0), 0)


@pytest.mark.parametrize(
    "kind", [errors.UPSTREAM_FAILED, errors.UPSTREAM_TIMEOUT, errors.TOO_MANY_REQUESTS, errors.UPSTREAM_REJECTED]
)
async def test_an_error_is_everybodys_once(kind: errors.ErrorKind) -> None:
    desk = Desk()
    desk.error = failure(kind)
    desk.gate.clear()
    asks = [desk.ask_soon("get_event") for _ in range(5)]
    await desk.asked(1)
    desk.gate.set()
    found = await asyncio.gather(*asks, return_exceptions=True)
    assert [error.kind for error in found if isinstance(error, ProxyError)] == [kind] * 5
    assert len(desk.calls) == 1
    desk.error = None
    assert await desk.ask("get_event") == (MISS, b"2", 0)


async def test_background_reads_are_counted_by_outcome_and_those_of_visitors_are_not() -> None:
    desk = Desk()

    def counted(outcome: str) -> float | None:
        labels = {"operation": "get_event", "outcome": outcome}
        return desk.metrics.registry.get_sample_value("evtmgmt_refreshes_total", labels)

    await desk.ask("get_event")
    assert counted("answered") is None
    for error in (failure(errors.UPSTREAM_FAILED), None):
        desk.error = error
        desk.clock.go(31)
        await desk.ask("get_event")
        await desk.settled()
    assert (counted("UpstreamFailed"), counted("answered")) == (1, 1)


async def test_a_call_in_the_background_bears_nothing_of_the_visitor() -> None:
    desk = Desk(obey_clients=True)
    old = {"event": "Old"}, {"event": "Event"}
    await desk.ask(call("get_event", *old, query=version(3), trace=(("x-request-id", "visitor-7"),), anew=True))
    desk.clock.go(31)
    await desk.ask(call("get_event", *old, query=version(3), trace=(("x-request-id", "visitor-8"),)))
    await desk.settled()
    again = desk.calls[1]
    assert (again.asked, again.sent, again.query, again.trace, again.anew) == (*old, version(3), (), False)
    assert again.need.name == "REFRESH"


async def test_a_defect_in_the_background_is_logged() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(31)
    desk.error = RuntimeError("a mistake of the program")
    with capture_logs() as logs:
        assert (await desk.ask("get_event"))[0] == STALE
        await desk.settled()
    (line,) = logs
    assert (line["event"], line["log_level"], line["exc_info"]) == ("defect", "error", desk.error)


async def test_a_failure_in_the_background_is_no_defect() -> None:
    desk = Desk()
    await desk.ask("get_event")
    desk.clock.go(31)
    desk.error = failure(errors.UPSTREAM_FAILED)
    configure_logs("info", Redactor())  # the level of another test may be in force
    with capture_logs() as logs:
        await desk.ask("get_event")
        await desk.settled()
    assert [(line["event"], line["log_level"], line["code"]) for line in logs] == [("read failed", "warning", "UpstreamFailed")]


async def test_closing_ends_what_is_under_way() -> None:
    desk = Desk(operations={"list_tracks": "never"})
    await desk.ask("get_event")
    desk.clock.go(31)
    desk.gate.clear()
    await desk.ask("get_event")
    shared = [desk.ask_soon("list_tracks"), desk.ask_soon("list_passes")]
    await desk.asked(4)
    await desk.reading.memory.close()
    assert desk.cancelled == 3
    await asyncio.wait(shared)


async def test_closing_ends_what_was_under_way_when_somebody_registered() -> None:
    desk = Desk()
    await desk.ask("list_passes")
    desk.clock.go(6)
    desk.gate.clear()
    await desk.ask("list_passes")
    await desk.asked(2)
    desk.reading.registered("Event")
    await desk.reading.memory.close()
    assert desk.cancelled == 1


# What is not kept.


async def test_what_is_never_kept_is_shared_at_once_and_asked_each_time() -> None:
    desk = Desk(operations={"get_event": "never"})
    desk.gate.clear()
    asks = [desk.ask_soon("get_event") for _ in range(10)]
    await desk.asked(1)
    desk.gate.set()
    assert set(await asyncio.gather(*asks)) == {("", b"1", 0)}
    assert await desk.ask("get_event") == ("", b"2", 0)
    assert len(desk.cache) == 0
    assert not desk.reading.keeps(BY_NAME["get_event"])
    assert desk.reading.keeps(BY_NAME["list_tracks"])
    assert desk.metrics.registry.get_sample_value("evtmgmt_shared_reads_total", {"operation": "get_event"}) == 9


@pytest.mark.parametrize("name", READS)
async def test_without_the_cache_nothing_is_kept(name: str) -> None:
    desk = Desk(enabled=False)
    assert [await desk.ask(name) for _ in range(2)] == [("", b"1", 0), ("", b"2", 0)]
    assert (len(desk.cache), desk.reading.keeps(BY_NAME[name])) == (0, False)


async def test_an_image_too_large_to_keep_is_remembered_as_such() -> None:
    desk = Desk(max_entry_bytes=1_024)
    desk.bodies["get_speaker_image"] = b"x" * 1_025
    assert await desk.ask("get_speaker_image") == ("", b"x" * 1_025, 0)
    assert (len(desk.calls), len(desk.cache)) == (2, 0)  # once to see, once to give
    for number in (3, 4):
        assert (await desk.ask("get_speaker_image"))[0] == ""
        assert len(desk.calls) == number
    desk.clock.go(3_600)
    desk.bodies["get_speaker_image"] = b"x" * 1_024
    assert (await desk.ask("get_speaker_image"))[0] == MISS  # looked at again
    assert (await desk.ask("get_speaker_image"))[0] == HIT


async def test_an_image_that_grew_too_large_is_not_given_in_its_old_form() -> None:
    desk = Desk(max_entry_bytes=1_024)
    await desk.ask("get_speaker_image")
    desk.bodies["get_speaker_image"] = b"x" * 1_025
    desk.clock.go(90_000)
    assert await desk.ask("get_speaker_image") == ("", b"x" * 1_025, 0)
    assert desk.kept("get_speaker_image") is None


async def test_a_list_too_large_to_keep_is_finished_and_forgotten() -> None:
    desk = Desk(max_entry_bytes=1_024)
    assert await desk.ask("list_events") == (MISS, b"1", 0)
    desk.bodies["list_events"] = b"x" * 1_025
    desk.clock.go(631)
    for number in (2, 3):
        assert await desk.ask("list_events") == (MISS, b"x" * 1_025, 0)
        assert (len(desk.calls), desk.kept("list_events")) == (number, None)
    desk.bodies["list_events"] = b"x" * 1_024
    assert [(await desk.ask("list_events"))[0] for _ in range(2)] == [MISS, HIT]


async def test_too_large_a_list_is_shared_at_once_all_the_same() -> None:
    desk = Desk(max_entry_bytes=1_024)
    desk.bodies["list_events"] = b"x" * 1_025
    await desk.ask("list_events")
    calls = len(desk.calls)
    desk.gate.clear()
    asks = [desk.ask_soon("list_events") for _ in range(50)]
    await desk.asked(calls + 1)
    for _ in range(10):
        await asyncio.sleep(0)
    desk.gate.set()
    await asyncio.gather(*asks)
    assert len(desk.calls) == calls + 1


# What clients ask for, and what other answers are made of.


async def test_a_client_that_may_gets_a_new_answer_which_is_kept() -> None:
    desk = Desk(obey_clients=True)
    await desk.ask("get_event")
    assert await desk.ask(call("get_event", anew=True)) == (MISS, b"2", 0)
    assert await desk.ask("get_event") == (HIT, b"2", 0)
    desk.error = failure(errors.UPSTREAM_FAILED)
    assert await desk.ask(call("get_event", anew=True)) == (STALE, b"2", 0)


async def test_values_are_those_that_visitors_get() -> None:
    desk = Desk(operations={"list_tracks": "never"})
    assert await desk.ask("get_event") == (MISS, b"1", 0)
    assert await desk.reading.value("get_event", {"event": "Event"}) == 1
    assert [await desk.reading.value("list_tracks", {"event": "Event"}) for _ in range(2)] == [2, 3]
