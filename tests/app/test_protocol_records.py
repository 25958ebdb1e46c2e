"""The server's short ways: what is told and counted of an answer is the same by all of them, and once."""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import orjson
import pytest

from app.answering import Answering
from app.logs import RedactedStream, access_log
from app.redaction import Redactor
from tests.app.line import CLOSE, EVENT, FRESH, GZIP, LARGE, OTHER, Line, ask, masked, never_asked, numbers
from tests.app.pair import AT_ONCE, KEPT, Pair, pairing
from tests.clock import until
from tests.service import BASE


@contextmanager
def told() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines on requests from now on."""
    stream = io.StringIO()
    access_log.open(RedactedStream(stream, Redactor()), "info")

    def lines() -> list[dict[str, Any]]:
        access_log.flush()
        return [orjson.loads(line) for line in stream.getvalue().splitlines()]

    try:
        yield lines
    finally:
        access_log.open(RedactedStream(None, Redactor()), "error")


def counts(pair: Pair) -> Counter[tuple[str, tuple[tuple[str, str], ...]]]:
    """What is counted of requests, by name and labels."""
    metrics = pair.gateway._recorder._metrics
    return Counter(
        {
            (sample.name, tuple(sample.labels.items())): sample.value
            for family in (metrics.requests, metrics.seconds, metrics.cache, metrics.dropped_parameters, metrics.disconnects)
            for found in family.collect()
            for sample in found.samples
            if not sample.name.endswith(("_created", "_bucket", "_sum"))
        }
    )


TOLD = {
    "hit": (ask(), "get_event", 200),
    "hit with an id": (ask(EVENT, "X-Request-ID: my-id"), "get_event", 200),
    "packed": (ask(EVENT, GZIP), "get_event", 200),
    "not modified": (ask(EVENT, "If-None-Match: *"), "get_event", 304),
    "large, packed": (ask(LARGE, GZIP), "list_tracks", 200),
    "large": (ask(LARGE), "list_tracks", 200),
    "two in one segment": (ask() + ask(), "get_event", 200),
    "a hit and one with a body": (ask() + ask(EVENT, "Content-Length: 5", body=b"GET /"), "get_event", 200),
    "head": (ask(method="HEAD"), "get_event", 200),
    "the last one": (ask(EVENT, CLOSE), "get_event", 200),
    "one that waits for 1.0": (ask(version="1.0"), "get_event", 200),
}


@pytest.mark.parametrize(("sent", "operation", "status"), TOLD.values(), ids=list(TOLD))
def test_an_answer_is_told_of_once(pair: Pair, sent: bytes, operation: str, status: int) -> None:
    number = len(re.findall(rb"HTTP/1", sent))
    lines: list[dict[str, Any]] = []
    method = sent.split(b" ")[0].decode()
    found = []
    for port in (pair.guarded, pair.plain):
        before = counts(pair)
        with told() as heard_of, Line(port) as line:
            line.send(sent)
            said = [line.answer(method) for _ in range(number)]
            until(lambda: pair.metric("evtmgmt_in_flight") == 0)
            lines = heard_of()
        found.append(counts(pair) - before)
        assert len(lines) == number
        for entry, answer in zip(lines, said, strict=True):
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b"\r\nx-request-id: %s\r\n" % entry["request_id"].encode() in head
            assert entry.pop("time")
            assert 0 <= entry.pop("ms") < 60_000
            assert entry == {
                "request_id": "my-id" if b"my-id" in sent else entry["request_id"],
                "method": method,
                "path": LARGE if operation == "list_tracks" else EVENT,
                "operation": operation,
                "backend": "realtime",
                "status": status,
                "bytes": len(body),
                "cache": "hit",
                "event": "request",
                "level": "info",
            }
    answered = {"operation": operation, "backend": "realtime", "status": str(status)}
    assert found[0] == found[1] == {
        ("evtmgmt_requests_total", tuple(answered.items())): number,
        ("evtmgmt_request_seconds_count", (("operation", operation),)): number,
        ("evtmgmt_cache_total", (("operation", operation), ("outcome", "hit"))): number,
    }  # fmt: skip
    assert pair.metric("evtmgmt_in_flight") == 0


def test_parameters_that_are_dropped_are_counted_for_kept_answers_too(pair: Pair, ways: list[str]) -> None:
    path = f"{FRESH}?utm_source=evil&ts=1&utm_medium=1&api-version={next(numbers)}"
    Line(pair.guarded).asks(ask(path))
    found = []
    for port in (pair.guarded, pair.plain):
        before = pair.metric("evtmgmt_dropped_query_parameters_total")
        assert b"\r\nx-evtmgmt-cache: hit\r\n" in Line(port).asks(ask(path))
        until(lambda: pair.metric("evtmgmt_in_flight") == 0)
        found.append(pair.metric("evtmgmt_dropped_query_parameters_total") - before)
    assert found == [2, 2]
    assert ways == [AT_ONCE, KEPT]


def test_lines_tell_the_time_that_a_kept_answer_took(pair: Pair) -> None:
    before = pair.metric("evtmgmt_request_seconds_sum", operation="get_event")
    Line(pair.guarded).asks(ask())
    assert pair.metric("evtmgmt_request_seconds_sum", operation="get_event") > before


def test_a_service_that_is_told_to_end_after_so_many_requests_counts_kept_answers(pair: Pair) -> None:
    before = pair.server.server_state.total_requests
    with Line(pair.guarded) as line:
        for request in (ask(), ask(EVENT, "If-None-Match: *"), ask(BASE + "nothing")):
            line.send(request)
            line.answer()
    assert pair.server.server_state.total_requests == before + 3


@pytest.mark.parametrize("concurrency", [1, 2])
def test_the_limit_of_requests_at_once_is_the_same_by_all_ways(concurrency: int) -> None:
    with pairing(limits={"concurrency": concurrency}) as running, ExitStack() as waiting:
        running.sandbox.recorder.clear()
        for under_way in range(1, concurrency + 1):
            said = {port: Line(port).asks(ask()).split(b" ")[1] for port in (running.guarded, running.plain)}
            assert set(said.values()) == {b"200"}
            running.sandbox.faults.add("hang", operation="get_event")
            waiting.enter_context(Line(running.guarded)).send(ask(never_asked()))
            running.sandbox.recorder.wait(operation="get_event", count=under_way)
        for path, status in ((EVENT, b"200"), (never_asked(OTHER), b"503")):  # what is kept is given all the same
            guarded, plain = (masked(Line(port).asks(ask(path))) for port in (running.guarded, running.plain))
            assert plain.startswith(b"HTTP/1.1 " + status)
            assert guarded == plain


def test_a_defect_on_the_short_way_is_told_and_the_whole_way_answers(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Line(pair.guarded).asks(ask())
    kept, calls = Answering.kept, []

    def broken_once(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError("a mistake of the program")
        return kept(*arguments)

    monkeypatch.setattr(Answering, "kept", broken_once)
    assert Line(pair.guarded).asks(ask()).startswith(b"HTTP/1.1 200 ")
    assert len(calls) == 2
    assert "a mistake of the program" in capsys.readouterr().out
