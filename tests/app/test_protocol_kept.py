"""The server's short ways (app/protocol.py, app/delivery.py): the same answers as uvicorn's own."""

import pytest

from app.delivery import TAKEN_AT_ONCE
from tests.app.line import (
    CLOSE,
    COUNTED,
    DATE,
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
    numbers,
    post,
    target,
)
from tests.app.pair import AT_ONCE, KEPT, USUAL, Pair, pairing
from tests.clock import until
from tests.examples import QUESTIONS
from tests.service import BASE
from translation.errors import HEADERS_TOO_LARGE, ProxyError

FOREIGN = "https://elsewhere.invalid"
WEIGHED = ("Accept-Encoding: gzip;q=0, br", 'If-None-Match: "other"')
LONG = [f"X-Odd-{number}: 1" for number in range(101)]
BROWSER = (
    "Connection: keep-alive",
    'sec-ch-ua-platform: "Linux"',
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
    "Accept: application/json, text/plain, */*",
    "Content-Type: application/json",
    f"Origin: {ORIGIN}",
    "Sec-Fetch-Mode: cors",
    "Referer: https://portal.invalid/",
    GZIP,
    "Accept-Language: de-AT,de;q=0.9,en;q=0.8",
)
SAME: list[tuple[str, bytes, str]] = [
    ("hit", ask(), KEPT),
    ("hit of a browser", ask(EVENT, *BROWSER), KEPT),
    ("hit with an id", ask(EVENT, "X-Request-ID: abc"), KEPT),
    ("hit with an id that is none", ask(EVENT, "X-Request-ID: a b"), KEPT),
    ("hit of an allowed origin", ask(EVENT, f"Origin: {ORIGIN}"), KEPT),
    ("hit of an allowed origin in capitals", ask(EVENT, f"Origin: {ORIGIN.upper()}"), KEPT),
    ("hit of a foreign origin", ask(EVENT, f"Origin: {FOREIGN}"), KEPT),
    ("hit with an empty origin", ask(EVENT, "Origin:"), KEPT),
    ("hit, the connection ends", ask(EVENT, CLOSE), KEPT),
    ("hit, the connection ends in capitals", ask(EVENT, "CONNECTION: Close"), KEPT),
    ("hit, the connection ends in a list", ask(EVENT, "Connection: x-odd, close"), KEPT),
    ("hit, the connection stays", ask(EVENT, "Connection: keep-alive"), KEPT),
    ("hit that asks for an upgrade without naming it", ask(EVENT, "Upgrade: h2c"), KEPT),
    ("hit with nothing behind the question mark", ask(EVENT + "?"), KEPT),
    ("hit of a count", ask(COUNTED), KEPT),
    ("hit, packed", ask(EVENT, GZIP), KEPT),
    ("hit, packed, of an allowed origin", ask(EVENT, GZIP, f"Origin: {ORIGIN}"), KEPT),
    ("hit, not packed", ask(EVENT, *WEIGHED), KEPT),
    ("hit that asks for an answer that is not kept", ask(EVENT, "Cache-Control: no-cache", "Pragma: no-cache"), KEPT),
    ("hit of a part", ask(EVENT, "Range: bytes=0-1"), KEPT),
    ("image", ask("image"), KEPT),
    ("image of an allowed origin", ask("image", f"Origin: {ORIGIN}", GZIP), KEPT),
    ("not modified", ask(EVENT, "If-None-Match: *"), KEPT),
    ("not modified, of an allowed origin, packed", ask(EVENT, "If-None-Match: *", f"Origin: {ORIGIN}", GZIP), KEPT),
    ("not modified, the connection ends", ask(EVENT, "If-None-Match: *", CLOSE), KEPT),
    ("not modified image", ask("image", "If-None-Match: *"), KEPT),
    ("large, packed", ask(LARGE, GZIP), KEPT),
    ("large, not modified", ask(LARGE, "If-None-Match: *"), KEPT),
    ("large", ask(LARGE), KEPT),
    ("large, the connection ends", ask(LARGE, CLOSE), KEPT),
    ("HEAD", ask(method="HEAD"), AT_ONCE),
    ("HEAD, packed", ask(EVENT, GZIP, method="HEAD"), AT_ONCE),
    ("HEAD, large", ask(LARGE, method="HEAD"), AT_ONCE),
    ("HEAD, not modified", ask(EVENT, "If-None-Match: *", method="HEAD"), AT_ONCE),
    ("HEAD, the connection ends", ask(EVENT, CLOSE, method="HEAD"), AT_ONCE),
    ("HEAD of nothing", ask(BASE + "nothing", method="HEAD"), AT_ONCE),
    ("HTTP/1.0", ask(version="1.0"), AT_ONCE),
    ("HTTP/1.0 with a host that would stay", ask(EVENT, "Host: x", "Connection: keep-alive", version="1.0"), AT_ONCE),
    ("HTTP/1.0, not modified", ask(EVENT, "If-None-Match: *", version="1.0"), AT_ONCE),
    ("miss", ask("fresh"), AT_ONCE),
    ("miss of an allowed origin", ask("fresh", f"Origin: {ORIGIN}"), AT_ONCE),
    ("miss, packed", ask("fresh", GZIP), AT_ONCE),
    ("miss, the connection ends", ask("fresh", CLOSE), AT_ONCE),
    ("nothing of Dynamics", ask("gone"), AT_ONCE),
    ("nothing of Dynamics, again", ask(NOWHERE, f"Origin: {ORIGIN}"), AT_ONCE),
    ("no operation", ask(BASE + "nothing", "X-Request-ID: abc"), AT_ONCE),
    ("no operation, in German, of an allowed origin", ask(BASE + "nothing", *BROWSER), AT_ONCE),
    ("no operation, of a foreign origin", ask(BASE + "nothing", f"Origin: {FOREIGN}"), AT_ONCE),
    ("no operation, the connection ends", ask("/nothing", CLOSE), AT_ONCE),
    ("preflight", ask(EVENT, f"Origin: {ORIGIN}", PREFLIGHT, method="OPTIONS"), AT_ONCE),
    ("preflight of a foreign origin", ask(EVENT, f"Origin: {FOREIGN}", PREFLIGHT, method="OPTIONS"), AT_ONCE),
    ("options", ask(method="OPTIONS"), AT_ONCE),
    ("options, the connection ends", ask(EVENT, CLOSE, method="OPTIONS"), AT_ONCE),
    ("method", ask(method="TRACE"), AT_ONCE),
    ("method of a write", ask(method="DELETE"), AT_ONCE),
    ("two hosts", ask(EVENT, "Host: x"), AT_ONCE),
    ("no host", b"GET %s HTTP/1.1\r\n\r\n" % EVENT.encode(), AT_ONCE),
    ("a host that is none", b"GET %s HTTP/1.1\r\nHost: x/../y\r\n\r\n" % EVENT.encode(), AT_ONCE),
    ("two ids", ask(EVENT, "X-Request-ID: abc", "X-Request-ID: abd"), AT_ONCE),
    ("a header twice that may be", ask(EVENT, "Accept: a", "Accept: b"), KEPT),
    ("a header with an underscore", ask(EVENT, "X_Request_ID: evil", "IF_NONE_MATCH: *"), KEPT),
    ("too many headers", ask(EVENT, *LONG), AT_ONCE),
    ("too large headers", ask(EVENT, "X-Odd: " + "x" * 40_000), AT_ONCE),
    ("too long a target", ask(f"{EVENT}?{'x' * 9_000}"), AT_ONCE),
    ("the whole address as target", ask(f"http://x{EVENT}"), AT_ONCE),
    ("a fragment in the target", ask(f"{EVENT}#there"), AT_ONCE),
    ("a fragment behind the query", ask(f"{EVENT}?#there"), AT_ONCE),
    ("two slashes before the target", ask("/" + EVENT), AT_ONCE),
    ("a body of a read", ask(EVENT, "Content-Length: 5", body=b"GET /"), AT_ONCE),
    ("an empty body of a read", ask(EVENT, "Content-Length: 0"), AT_ONCE),
    ("a chunked body of a read", ask(EVENT, "Transfer-Encoding: chunked", body=b"5\r\nGET /\r\n0\r\nX-Odd: 1\r\n\r\n"), AT_ONCE),
    ("a coding of a body of a read", ask(EVENT, "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), AT_ONCE),
    ("an expectation", ask(EVENT, "Expect: 100-continue"), AT_ONCE),
    ("an expectation of another kind", ask(EVENT, "Expect: evil"), AT_ONCE),
    ("a registration that is none", post(b"{}"), AT_ONCE),
    ("liveness", ask("/livez"), USUAL),
]  # fmt: skip


def heard(port: int, request: bytes) -> tuple[bytes, bool]:
    """The one answer to a request, and whether the connection goes on after it."""
    with Line(port) as line:
        line.send(request)
        answer = line.answer(request.split(b" ")[0].decode())
        assert len(DATE.findall(answer)) == 1
        if b"\r\nconnection: close\r\n" in answer:
            assert line.rest() == b""
            return masked(answer), False
        line.send(ask(BASE + "nothing", CLOSE))
        assert line.rest().startswith(b"HTTP/1.1 404 ")
        return masked(answer), True


@pytest.mark.parametrize(("request_", "way"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_an_answer_is_the_same_by_all_ways(pair: Pair, ways: list[str], request_: bytes, way: str) -> None:
    said = []
    for port in (pair.guarded, pair.plain):
        places = {b"image": pair.image, b"fresh": never_asked(), b"gone": f"{NOWHERE}{next(numbers)}"}
        request = request_
        for name, path in places.items():
            request = request.replace(b" %s " % name, b" %s " % path.encode())
        said.append(heard(port, request))
    assert said[0] == said[1]
    assert ways[0] == way


@pytest.mark.parametrize("before", [(), BROWSER], ids=["bare", "browser"])
@pytest.mark.parametrize("request_", [row[1] for row in SAME if row[2] == KEPT], ids=[row[0] for row in SAME if row[2] == KEPT])
def test_what_was_asked_on_the_connection_before_changes_nothing(pair: Pair, request_: bytes, before: tuple[str, ...]) -> None:
    """Headers are looked at once where those of the next request are the same."""
    request = request_.replace(b" image ", b" %s " % pair.image.encode())
    with Line(pair.guarded) as line:
        for sent in (ask(OTHER, *before), request, ask(OTHER, *before)):
            line.send(sent)
            answer = line.answer()
            assert masked(answer) == masked(Line(pair.plain).asks(sent))
            if b"\r\nconnection: close\r\n" in answer:
                break


def test_headers_that_were_well_before_are_looked_at_again_where_other_bounds_hold() -> None:
    scope = {"http_version": "1.1", "method": "GET", "raw_path": b"/", "query_string": b"", "extensions": {}}
    scope["headers"] = [(b"host", b"x"), *((b"x-odd-%d" % number, b"1") for number in range(10))]
    with pairing() as lenient, pairing(limits={"header_count": 10}) as strict:
        for _ in range(2):
            assert lenient.gateway._guard.headers(scope) is lenient.gateway._guard.headers(
                {**scope, "headers": list(scope["headers"])}
            )
            with pytest.raises(ProxyError) as failure:
                strict.gateway._guard.headers(scope)
            assert failure.value.kind is HEADERS_TOO_LARGE


def test_the_kinds_are_what_they_are_said_to_be(pair: Pair) -> None:
    sizes = {path: len(Line(pair.plain).asks(ask(path))) for path in (EVENT, MIDDLE, LARGE, pair.image)}
    assert max(sizes[EVENT], sizes[MIDDLE], sizes[pair.image]) < TAKEN_AT_ONCE < sizes[LARGE]
    assert b"\r\nx-evtmgmt-cache: hit\r\n" in Line(pair.plain).asks(ask())


def test_failures_of_dynamics_are_the_same_by_all_ways(pair: Pair, ways: list[str]) -> None:
    said = []
    for port in (pair.guarded, pair.plain):
        pair.sandbox.faults.add("status", status=500, operation="get_event", times=None)
        said.append(heard(port, ask(never_asked(), f"Origin: {ORIGIN}")))
        pair.sandbox.faults.clear()
    assert said[0] == said[1]
    assert said[0][0].startswith(b"HTTP/1.1 502 ")
    assert ways[0] == AT_ONCE


def test_the_first_who_wants_it_packed_waits_for_that(pair: Pair, ways: list[str]) -> None:
    path = target(QUESTIONS, "/sessions")
    Line(pair.guarded).asks(ask(path))
    first, second = (masked(Line(pair.guarded).asks(ask(path, GZIP))) for _ in range(2))
    assert first == second
    assert b"\r\ncontent-encoding: gzip\r\n" in first
    assert ways == [AT_ONCE, AT_ONCE, KEPT]


def test_stale_answers_are_the_same_and_are_fetched_anew_once(ways: list[str]) -> None:
    with pairing() as running:
        running.clock.go(30 + 7.9)
        running.sandbox.recorder.clear()
        with running.sandbox.realtime.lock:
            said = [heard(port, ask()) for port in (running.guarded, running.plain, running.guarded)]
            assert said[0] == said[1] == said[2]
            assert b"\r\nx-evtmgmt-cache: stale\r\nage: 37\r\n" in said[0][0]
            running.sandbox.recorder.wait(operation="get_event")
        until(lambda: b"\r\nx-evtmgmt-cache: hit\r\nage: 0\r\n" in Line(running.guarded).asks(ask()))
        assert len(running.sandbox.recorder.find(operation="get_event")) == 1
        assert set(ways) == {KEPT, AT_ONCE}  # that one is the 404 by which the connection ends


def test_whoever_may_ask_anew_is_not_given_what_is_kept(ways: list[str]) -> None:
    with pairing(cache={"obey_clients": True}) as running:
        answer = Line(running.guarded).asks(ask(EVENT, "Cache-Control: no-cache"))
        assert b"\r\nx-evtmgmt-cache: miss\r\n" in answer
        assert b"\r\nx-evtmgmt-cache: hit\r\n" in Line(running.guarded).asks(ask(EVENT, "Cache-Control: max-age=0"))
        assert ways == [AT_ONCE, KEPT]
