"""One call for many visitors, keys that nobody can split, and what the cache leaves alone: on sockets."""

import asyncio
import json
from collections.abc import Iterator
from socket import create_connection
from typing import Any
from urllib.parse import urlencode

import pytest

from app.cutover.decision import Source
from tests.clock import Clock, running_at, until
from tests.examples import (
    CONFERENCE,
    FORUM,
    JSON_READS,
    OPEN_DAY,
    REFUSED,
    assert_error,
    event_of,
    example,
    named,
    received,
    registration,
)
from tests.service import BASE, Service, event_path, running_service
from translation.operations import Operation

pytestmark = pytest.mark.anyio

TOKEN = "emApplicationtoken"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Clock, Service]]:
    clock = Clock()
    with running_at(clock, limits={"concurrency": 2_000}, portal={"origins": ["https://portal.invalid"]}) as service:
        yield clock, service


@pytest.fixture
def kept(running: tuple[Clock, Service]) -> Service:
    """A service that keeps answers, in a time when nothing is kept any more."""
    clock, service = running
    clock.go(10_000_000)
    service.sandbox.control.reset()
    return service


# One flight per key.


async def ask(service: Service, method: str, target: str, headers: dict[str, str]) -> tuple[bytes, bytes]:
    """One request on a connection of its own; its status line and its body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    body = b""
    if method != "HEAD":
        (length,) = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")]
        body = await reader.readexactly(int(length.removeprefix(b"content-length: ")))
    writer.transport.abort()
    return head.partition(b"\r\n")[0], body


def variants(number: int, path: str) -> tuple[str, str, dict[str, str]]:
    """The same read as different visitors send it."""
    query = [f"{TOKEN}=of-{number}", f"_={number}", f"ts={number}&utm_source=x{number}", ""][number % 4]
    target = BASE.upper() if number % 5 == 0 else BASE
    origin = ["https://portal.invalid", "https://elsewhere.invalid", "null"][number % 3]
    headers = {["Origin", "ORIGIN", "origin"][number % 3]: origin, "X-Request-ID": f"visitor-{number}"}
    if number % 7 == 0:
        headers |= {"Cache-Control": "no-cache", "Pragma": "no-cache", "Authorization": f"Bearer {number}"}
    return ("HEAD" if number % 6 == 0 else "GET"), f"{target}{path}{'?' if query else ''}{query}", headers


async def test_a_thousand_simultaneous_reads_are_one_call(kept: Service) -> None:
    shared = 'evtmgmt_shared_reads_total{operation="get_event"}'
    before = kept.metric(shared)
    with kept.sandbox.realtime.lock:  # the organisation does not answer before all have asked
        reads = [asyncio.create_task(ask(kept, *variants(number, event_path(OPEN_DAY)))) for number in range(1_000)]
        while await asyncio.to_thread(kept.metric, shared) < before + 999:
            pass
    answers = await asyncio.gather(*reads)
    assert {status for status, _ in answers} == {b"HTTP/1.1 200 OK"}
    assert len({body for _, body in answers}) == 2  # one, and none for HEAD
    assert len(received(kept, "get_event")) == 1
    (_, body), _ = await asyncio.gather(ask(kept, *variants(1, event_path(OPEN_DAY))), asyncio.sleep(0))
    assert body in {body for _, body in answers} - {b""}
    assert len(received(kept)) == 1


async def test_small_images_are_shared_and_kept(kept: Service) -> None:
    path = example("get_speaker_image", kept).path
    shared = 'evtmgmt_shared_reads_total{operation="get_speaker_image"}'
    with kept.sandbox.realtime.lock:
        reads = [asyncio.create_task(ask(kept, *variants(number, path))) for number in range(100)]
        while await asyncio.to_thread(kept.metric, shared) < 99:
            pass
    assert {status for status, _ in await asyncio.gather(*reads)} == {b"HTTP/1.1 200 OK"}
    assert len(received(kept)) == 1
    answer = await asyncio.to_thread(kept.get, path.upper().replace("SPEAKERS", "speakers").replace("IMAGE", "image"))
    assert (answer.headers["x-evtmgmt-cache"], answer.headers["content-type"]) == ("hit", "image/png")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert len(received(kept)) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)], ids=["who came first", "another first", "who came last"])
def test_who_leaves_takes_nothing_from_the_others(kept: Service, order: tuple[int, ...]) -> None:
    """The one who came first carries the call in its own task."""
    shared = 'evtmgmt_shared_reads_total{operation="get_event"}'
    before = kept.metric(shared)
    gone = kept.metric('evtmgmt_client_disconnects_total{operation="get_event"}')
    kept.sandbox.faults.add("hang", operation="get_event")
    request = f"GET {BASE}{event_path(OPEN_DAY)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    visitors = [create_connection(("127.0.0.1", kept.port)) for _ in range(3)]
    visitors[0].sendall(request)
    until(lambda: len(received(kept, "get_event")) == 1)
    for visitor in visitors[1:]:
        visitor.sendall(request)
    until(lambda: kept.metric(shared) == before + 2)
    (flight,) = kept.gateway._answering.legs[Source.REALTIME].reading.memory.flights._under_way.values()  # type: ignore[attr-defined]
    for left, number in zip((2, 1, 0), order, strict=True):
        assert [record.outcome for record in received(kept, "get_event")] == ["pending"]
        visitors[number].close()
        until(lambda left=left: flight.passengers == left)  # type: ignore[misc]
    kept.sandbox.recorder.wait(operation="get_event", outcome="cancelled")
    until(lambda: kept.metric('evtmgmt_client_disconnects_total{operation="get_event"}') == gone + 3)
    assert kept.get(event_path(OPEN_DAY)).headers["x-evtmgmt-cache"] == "miss"


async def test_an_error_is_everybodys_once(kept: Service) -> None:
    shared = 'evtmgmt_shared_reads_total{operation="get_event"}'
    before = kept.metric(shared)
    kept.sandbox.faults.add("status", status=500, effect=True, operation="get_event")
    with kept.sandbox.realtime.lock:
        reads = [asyncio.create_task(ask(kept, "GET", BASE + event_path(OPEN_DAY), {})) for _ in range(20)]
        while await asyncio.to_thread(kept.metric, shared) < before + 19:
            pass
    assert {status for status, _ in await asyncio.gather(*reads)} == {b"HTTP/1.1 502 Bad Gateway"}
    assert len(received(kept)) == 1
    assert (await asyncio.to_thread(kept.get, event_path(OPEN_DAY))).headers["x-evtmgmt-cache"] == "miss"


# What makes two reads the same.


@pytest.mark.parametrize("operation", JSON_READS, ids=named)
def test_each_read_is_answered_again_without_a_call(kept: Service, operation: Operation) -> None:
    call = example(operation.name, kept)
    first = call.send(kept)
    kept.sandbox.recorder.clear()
    for path in (call.path, f"{call.path}?{TOKEN}=x", f"{call.path}/?_=7", f"{call.path}?unknown=1&ts=2"):
        for origin in ("https://portal.invalid", "https://elsewhere.invalid"):
            again = kept.get(path, headers={"origin": origin, "cache-control": "no-cache"})
            assert (again.status_code, again.content) == (200, first.content)
            assert again.headers["x-evtmgmt-cache"] == "hit"
            assert again.headers.get("access-control-allow-origin") == (origin if "portal" in origin else None)
            assert again.headers["x-request-id"] != first.headers["x-request-id"]
    head = kept.client.head(f"{kept.url}{BASE}{call.path}", headers={"accept-encoding": "identity"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(first.content)))
    assert received(kept) == []


def test_a_client_is_obeyed_only_if_so_set() -> None:
    with running_at(Clock(), cache={"obey_clients": True}) as service:
        path = event_path(OPEN_DAY)
        for given in ({}, {}, {"cache-control": "max-age=0, No-Cache"}, {"cache-control": "no-cache"}, {}):
            assert service.get(path, headers=given).is_success
        assert len(received(service)) == 3


def test_a_target_longer_than_the_shortcut_takes_is_answered_right(kept: Service) -> None:
    kept.get(event_path(OPEN_DAY))
    filler = "&".join(f"x{number}={'y' * 90}" for number in range(10))
    for event, outcome in ((OPEN_DAY, "hit"), (CONFERENCE, "miss"), (CONFERENCE, "hit"), (OPEN_DAY, "hit")):
        answer = kept.get(f"{event_path(event)}?{filler}")
        assert (answer.json()["readableEventId"], answer.headers["x-evtmgmt-cache"]) == (event, outcome)
    assert len(received(kept)) == 2


def test_a_shortcut_is_for_reads_alone(kept: Service) -> None:
    path = f"{kept.url}{BASE}{event_path(OPEN_DAY)}"
    for _ in range(2):
        assert kept.client.get(path).is_success
    assert_error(kept.client.post(path, json={}), "MethodNotAllowed", 405)
    assert_error(kept.client.delete(path), "MethodNotAllowed", 405)
    answer = kept.client.options(path, headers={"origin": "https://portal.invalid", "access-control-request-method": "GET"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_shortcut_counts_what_the_long_way_counts(kept: Service) -> None:
    hits = 'evtmgmt_cache_total{operation="get_event",outcome="hit"}'
    answered = 'evtmgmt_requests_total{backend="realtime",operation="get_event",status="200"}'
    dropped = "evtmgmt_dropped_query_parameters_total"
    kept.get(event_path(OPEN_DAY))
    before = [kept.metric(name) for name in (hits, answered, dropped)]
    for _ in range(3):
        kept.get(f"{event_path(OPEN_DAY)}?unknown=1&other=2")
    assert [kept.metric(name) for name in (hits, answered, dropped)] == [before[0] + 3, before[1] + 3, before[2] + 6]


# Scanners.


def test_scanners_push_no_kept_answer_out() -> None:
    with running_at(Clock(), cache={"max_entries": 10}) as service:
        assert service.get(event_path(OPEN_DAY)).is_success
        for number in range(300):
            assert_error(service.get(event_path(f"Nothing_{number}")), "NotFound", 404)
        assert service.get(event_path(OPEN_DAY)).headers["x-evtmgmt-cache"] == "hit"
        assert service.metric("evtmgmt_cache_entries") == 1
        assert service.metric("evtmgmt_cache_evictions_total") == 0


def test_many_values_of_a_parameter_fill_no_cache() -> None:
    with running_at(Clock(), cache={"max_entries": 10}) as service:
        assert service.get(event_path(CONFERENCE)).is_success
        for number in range(50):
            assert service.get(f"{event_path(OPEN_DAY)}?api-version={number}").is_success
        assert service.metric("evtmgmt_cache_entries") == 9
        assert service.get(event_path(CONFERENCE)).headers["x-evtmgmt-cache"] == "hit"
        assert len(received(service)) == 51


# What is never kept.


def test_what_no_cache_may_keep_is_not_kept(kept: Service) -> None:
    entries = kept.metric("evtmgmt_cache_entries")
    for operation in REFUSED:
        for _ in range(2):
            answer = example(operation.name, kept).send(kept)
            assert operation.refusal is not None
            assert_error(answer, operation.refusal.code, operation.refusal.status)
            assert not {"age", "etag", "x-evtmgmt-cache"} & set(answer.headers)
    for number in (1, 2):
        answer = kept.post(event_path(OPEN_DAY, "/registrations"), json=registration())
        assert not {"age", "etag", "x-evtmgmt-cache"} & set(answer.headers)
        assert len(received(kept, "register")) == number
    assert kept.metric("evtmgmt_cache_entries") == entries


# Emulated operations are made of kept answers.


def calendar(service: Service, *events: str) -> str:
    items = [
        {"readableEventId": event, "sessionId": event_of(service, event).sessions[0]["id"], "data": {"firstname": "Nia"}}
        for event in events
    ]
    return "calendar/personal/ics?" + urlencode({"data": json.dumps(items)})


def test_emulated_answers_ask_no_more_than_they_need(kept: Service) -> None:
    track = event_of(kept, OPEN_DAY).tracks[0]["id"]
    for rest in ("", "/sessions", "/tracks"):
        kept.get(event_path(OPEN_DAY, rest))
    kept.sandbox.recorder.clear()
    sessions = kept.get(f"tracks/{track}/sessions")
    file = kept.get(calendar(kept, OPEN_DAY))
    assert sessions.is_success
    assert file.is_success
    assert received(kept) == []
    for answer in (sessions, file):
        assert not {"age", "etag", "x-evtmgmt-cache"} & set(answer.headers)
    assert kept.get(calendar(kept, FORUM, FORUM)).is_success
    assert sorted(record.operation for record in received(kept)) == ["get_event", "list_sessions"]
    assert kept.get(event_path(FORUM)).headers["x-evtmgmt-cache"] == "hit"  # and what they asked for is kept for all


def test_emulated_answers_work_without_the_cache() -> None:
    with running_service() as service:
        track = event_of(service, OPEN_DAY).tracks[0]["id"]
        for _ in range(2):
            assert service.get(f"tracks/{track}/sessions").is_success
            assert service.get(calendar(service, OPEN_DAY)).is_success
        assert len(received(service, "get_event")) == 2


# Images.


@pytest.fixture(scope="module")
def small() -> Iterator[tuple[Clock, Service]]:
    clock = Clock()
    with running_at(clock, cache={"max_entry_bytes": 1_024}, upstream={"max_image_bytes": 2**20}) as service:
        yield clock, service


def picture(service: Service, size: int, length: bool, times: int | None = None) -> bytes:
    """Have a picture of that size answered, with its length or without."""
    body = b"\x89PNG\r\n\x1a\n" + b"x" * (size - 8)
    if length:
        head = f"Content-Type: image/png\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
        text = body.decode("latin-1")
    else:
        head = "Content-Type: image/png\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        text = f"{size:x}\r\n{body.decode('latin-1')}\r\n0\r\n\r\n"
    service.sandbox.faults.add("raw", body="HTTP/1.1 200 OK\r\n" + head + text, times=times)
    return body


@pytest.mark.parametrize("length", [True, False])
def test_a_large_image_is_streamed_to_each_and_not_held(small: tuple[Clock, Service], length: bool) -> None:
    clock, service = small
    clock.go(10_000_000)
    service.sandbox.control.reset()
    entries = service.metric("evtmgmt_cache_entries")
    body = picture(service, 1_025, length)
    path = example("get_sponsor_logo", service).path
    calls = []
    for _ in range(3):
        answer = service.get(path)
        assert (answer.status_code, answer.content, answer.headers["x-evtmgmt-cache"]) == (200, body, "miss")
        assert answer.headers.get("content-length") == ("1025" if length else None)
        assert not {"age", "etag"} & set(answer.headers)
        calls.append(len(received(service, "get_sponsor_logo")))
    assert calls == [2, 3, 4]  # looked at once, then remembered
    assert service.metric("evtmgmt_cache_entries") == entries
    service.sandbox.faults.clear()
    body = picture(service, 1_024, length)
    clock.go(3_600)
    for outcome in ("miss", "hit"):
        answer = service.get(path)
        assert (answer.content, answer.headers["x-evtmgmt-cache"]) == (body, outcome)
        assert answer.headers["content-length"] == "1024"


def test_an_image_that_breaks_off_is_not_kept(kept: Service) -> None:
    path = example("get_speaker_image", kept).path
    kept.sandbox.faults.add("truncate")
    assert_error(kept.get(path), "UpstreamFailed", 502)
    assert [kept.get(path).headers["x-evtmgmt-cache"] for _ in range(2)] == ["miss", "hit"]


# Without the cache.


def test_without_the_cache_answers_are_as_they_were(service: Service) -> None:
    for operation in JSON_READS:
        call = example(operation.name, service)
        service.sandbox.recorder.clear()
        for number in (1, 2):
            answer = call.send(service)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
            assert not {"age", "etag", "x-evtmgmt-cache"} & set(answer.headers)
            assert len(received(service, operation.name)) == number


def test_without_the_cache_images_are_streamed(service: Service) -> None:
    path = example("get_speaker_image", service).path
    for number in (1, 2):
        answer = service.get(path)
        assert answer.is_success
        assert not {"age", "etag", "x-evtmgmt-cache"} & set(answer.headers)
        assert len(received(service)) == number


def test_a_404_is_not_kept_without_the_cache(service: Service) -> None:
    for number in (1, 2):
        answer: Any = service.get("events/Nowhere")
        assert_error(answer, "NotFound", 404)
        assert "x-evtmgmt-cache" not in answer.headers
        assert len(received(service)) == number
