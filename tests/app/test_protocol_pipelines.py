"""The server's short ways: several requests on a connection, and what comes beside good ones."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise, product
from logging import ERROR
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.protocol import HARD_HEADER_BYTES
from sandbox.recorder import CANCELLED
from tests.app.line import (
    CLOSE,
    EVENT,
    GZIP,
    LARGE,
    MIDDLE,
    NOWHERE,
    ORIGIN,
    OTHER,
    PREFLIGHT,
    Line,
    ask,
    masked,
    never_asked,
    post,
    statuses,
)
from tests.app.pair import AT_ONCE, KEPT, Pair, pairing, requests
from tests.clock import until
from tests.hostile.case import LIST, LISTED, Case, get
from tests.hostile.test_hostile import NAMED, answers, arrived, outcome
from tests.service import BASE, Service


def numbered(*requests: bytes) -> bytes:
    """Requests in one segment, the last of which ends the connection; each bears its place as its id."""
    marked = [request.replace(b"\r\n", b"\r\nX-Request-ID: n%d\r\n" % place, 1) for place, request in enumerate(requests)]
    marked[-1] = marked[-1].replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    return b"".join(marked)


def conversation(port: int, *pieces: bytes) -> bytes:
    """All answers to what is sent in pieces, until the connection ends."""
    with Line(port) as line:
        line.send(*pieces)
        return line.rest()


BITS = {
    "kept": ask(),
    "not modified": ask(EVENT, "If-None-Match: *", GZIP),
    "large": ask(LARGE),
    "head": ask(method="HEAD"),
    "nothing": ask(BASE + "nothing"),
    "missing": ask(NOWHERE),
    "service": ask("/livez"),
    "preflight": ask(EVENT, f"Origin: {ORIGIN}", PREFLIGHT, method="OPTIONS"),
    "kept with a body": ask(EVENT, f"Content-Length: {len(ask())}", body=ask()),
    "kept with chunks": ask(EVENT, "Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\nX-Odd: 1\r\n\r\n" % (len(ask()), ask())),
    "write": post(b"{}"),
}  # fmt: skip


@pytest.mark.parametrize("first", BITS)
def test_a_pipeline_is_answered_as_it_is_without_short_ways(pair: Pair, first: str) -> None:
    for rest in product(BITS, repeat=2):
        sent = numbered(*(BITS[name] for name in (first, *rest)))
        said = conversation(pair.guarded, sent)
        assert masked(said) == masked(conversation(pair.plain, sent)), rest
        assert re.findall(rb"\r\nx-request-id: (n[0-9])", said) == [b"n0", b"n1", b"n2"], rest


@given(st.lists(st.sampled_from(sorted(BITS)), max_size=5), st.lists(st.integers(0, 2_000), max_size=6))
def test_wherever_segments_end_the_answers_are_the_same(pair: Pair, names: list[str], cuts: list[int]) -> None:
    sent = numbered(*(BITS[name] for name in names), BITS["kept"])
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    pieces = [sent[start:end] for start, end in pairwise(places)]
    assert masked(conversation(pair.guarded, *pieces)) == masked(conversation(pair.plain, sent))


@pytest.mark.parametrize("name", BITS)
def test_a_request_that_comes_byte_by_byte_is_answered_the_same(pair: Pair, name: str) -> None:
    sent = numbered(BITS[name], BITS["kept"])
    bytewise = conversation(pair.guarded, *(sent[place : place + 1] for place in range(len(sent))))
    assert masked(bytewise) == masked(conversation(pair.plain, sent))


def test_hits_wait_behind_a_slow_miss(pair: Pair, ways: list[str]) -> None:
    pair.sandbox.recorder.clear()
    with Line(pair.guarded) as line:
        with pair.sandbox.realtime.lock:
            line.send(numbered(ask(never_asked()), *[ask()] * 5))
            pair.sandbox.recorder.wait(operation="get_event")
            assert Line(pair.guarded).asks(ask()).startswith(b"HTTP/1.1 200 ")  # the server is not busy
            line.socket.setblocking(False)
            with pytest.raises(BlockingIOError):
                line.socket.recv(1)
            line.socket.settimeout(60)
        said = line.rest()
    assert re.findall(rb"\r\nx-request-id: (n[0-9])", said) == [b"n%d" % place for place in range(6)]
    assert re.findall(rb"\r\nx-evtmgmt-cache: (\w+)", said) == [b"miss"] + [b"hit"] * 5
    assert ways.count(KEPT) == 1  # of the other connection


def test_a_hit_in_a_later_segment_waits_too(pair: Pair) -> None:
    pair.sandbox.recorder.clear()
    with Line(pair.guarded) as line:
        with pair.sandbox.realtime.lock:
            line.send(ask(never_asked(), "X-Request-ID: n0"))
            pair.sandbox.recorder.wait(operation="get_event")
            line.send(ask(EVENT, "X-Request-ID: n1", CLOSE))
            until(lambda: any(connection.pipeline for connection in pair.connections))
        said = line.rest()
    assert re.findall(rb"\r\nx-request-id: (n[0-9])", said) == [b"n0", b"n1"]


def test_a_registration_and_a_kept_read(pair: Pair) -> None:
    said = conversation(pair.guarded, numbered(post(), ask(), post(), ask()))
    assert re.findall(rb"HTTP/1.1 ([0-9]+) ", said) == [b"200"] * 4
    assert re.findall(rb"\r\nx-request-id: (n[0-9])", said) == [b"n0", b"n1", b"n2", b"n3"]


def test_hits_and_misses_alternate_on_a_connection(pair: Pair, ways: list[str]) -> None:
    with Line(pair.guarded) as line:
        for _ in range(3):
            line.send(ask())
            assert b"\r\nx-evtmgmt-cache: hit\r\n" in line.answer()
            line.send(ask(never_asked()))
            assert b"\r\nx-evtmgmt-cache: miss\r\n" in line.answer()
    assert ways == [KEPT, AT_ONCE] * 3


# What comes beside good requests


def test_a_kept_answer_is_given_before_garbage_is_refused(pair: Pair) -> None:
    garbage = b"\0evil\r\n\r\n"
    first, refused = answers(conversation(pair.guarded, ask() + garbage))
    assert (first[0], outcome(*refused)) == (200, (400, "BadHeaders"))
    assert statuses(conversation(pair.guarded, ask(EVENT, CLOSE) + garbage)) == [200]
    assert statuses(conversation(pair.guarded, ask(never_asked()) + ask() + garbage)) == [200, 200]


@pytest.mark.parametrize("piece", [b"", b"\r\n", b"G", b"GET /", ask()[:-2], ask(EVENT, "X-Odd: 1")[:-9]])
def test_half_a_request_behind_kept_answers_is_too_slow(piece: bytes) -> None:
    with pairing(limits={"header_timeout": 0.3, "keep_alive": 600 if piece.strip() else 1}) as running:
        for kept in (ask(), ask() * 3):
            said = conversation(running.guarded, kept + piece)
            assert statuses(said) == [200] * kept.count(b"GET")
            said = conversation(running.guarded, kept, *(piece[place : place + 1] for place in range(len(piece))))
            assert statuses(said) == [200] * kept.count(b"GET")


def test_half_a_request_behind_a_slow_miss_is_too_slow_as_well() -> None:
    with pairing(limits={"header_timeout": 0.3, "keep_alive": 600}) as running:
        running.sandbox.recorder.clear()
        running.sandbox.faults.add("hang", operation="get_event")
        assert conversation(running.guarded, ask() + ask(never_asked()) + ask()[:-2]).count(b"HTTP/1.1 ") == 1
        running.sandbox.recorder.wait(operation="get_event", outcome=CANCELLED)


def test_headers_without_end_behind_a_kept_answer_are_refused(pair: Pair) -> None:
    endless = ask()[:-2] + b"X-Odd: " + b"x" * (2 * HARD_HEADER_BYTES)
    with Line(pair.guarded) as line:
        line.send(ask())
        line.answer()
        with suppress(ConnectionError):  # refused in the middle
            line.send(endless)
        assert b"BadHeaders" in line.rest()


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
@pytest.mark.parametrize("behind", [b"", b"\x81\x85evil!evil!", ask()])
def test_an_upgrade_is_answered_and_ends_the_connection(pair: Pair, upgrade: str, behind: bytes, ways: list[str]) -> None:
    said = conversation(pair.guarded, ask(EVENT, "Connection: Upgrade", f"Upgrade: {upgrade}") + behind)
    assert statuses(said) == [200]
    assert b"\r\nconnection: close\r\n" in said
    assert ways == [AT_ONCE]


LAST = [ask(EVENT, CLOSE), ask(EVENT, CLOSE, "If-None-Match: *"), ask("fresh", CLOSE), ask(BASE + "nothing", CLOSE)]


@pytest.mark.parametrize("last", LAST, ids=["kept", "not modified", "miss", "error"])
@pytest.mark.parametrize("behind", [post(), ask(OTHER + "?api-version=7"), ask(OTHER)], ids=["write", "miss", "kept"])
def test_what_comes_after_the_last_request_is_not_done(pair: Pair, last: bytes, behind: bytes) -> None:
    answered = requests(pair)
    pair.sandbox.recorder.clear()
    sent = last.replace(b" fresh ", b" %s " % never_asked().encode()) + behind
    assert len(re.findall(rb"HTTP/1.1 [0-9]+ ", conversation(pair.guarded, sent))) == 1
    Line(pair.guarded).asks(ask(never_asked(MIDDLE)))  # who does it does it before that one
    done = [record.operation for record in pair.sandbox.recorder.find()]
    assert done == [*(["get_event"] if b" fresh " in last else []), "list_tracks"]
    assert requests(pair) == answered + 2


ANSWERED_OTHERWISE = {"header: conditions and ranges"}
"""With 304 when it is kept."""
HOSTILE = {
    name: case
    for name, case in NAMED.items()
    if any(LIST in piece for piece in case.sent) and name not in ANSWERED_OTHERWISE and not name.startswith("query: ")
}  # fmt: skip
REFUSED_BESIDES = {"connection: a good one and garbage": 1, "connection: two good ones and garbage": 2}
"""Where the good ones are answered before the garbage is looked at, which is then refused as it would be alone."""


@contextmanager
def keeping(**limits: float) -> Iterator[Pair]:
    """A pair that keeps the list."""
    with pairing(limits={"keep_alive": 2, **limits}) as running:
        for accepted in ((), ("Accept-Encoding: gzip",)):
            Line(running.plain).asks(ask(LIST.decode(), *accepted))
        yield running


@pytest.fixture(scope="module")
def patient() -> Iterator[Pair]:
    with keeping() as running:
        yield running


@pytest.fixture(scope="module")
def watchful() -> Iterator[Pair]:
    with keeping(header_timeout=1, request_timeout=1) as running:
        yield running


@pytest.mark.parametrize("case", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_bytes_around_what_is_kept(watchful: Pair, patient: Pair, case: Case, caplog: pytest.LogCaptureFixture) -> None:
    pair = watchful if case.by_clock else patient
    pair.sandbox.recorder.clear()
    with Line(pair.guarded) as line:
        with suppress(ConnectionError):  # refused in the middle
            line.send(*case.sent)
        said = tuple(outcome(*answer) for answer in answers(line.rest()))
    name = next(name for name, found in HOSTILE.items() if found is case)
    expected = case.answers
    if name in REFUSED_BESIDES:
        expected = (*expected, (400, "BadHeaders"))
    assert said == expected
    [(status, _, _)] = answers(conversation(pair.guarded, get()))
    assert status == 200
    asked = [arrived(cast("Service", pair), record) for record in pair.sandbox.recorder.find()]
    assert [found for found in asked if found != LISTED] == [found for found in case.upstream if found != LISTED], case.why
    assert [line.getMessage() for line in caplog.records if line.levelno >= ERROR] == []
