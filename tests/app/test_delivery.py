"""app/delivery.py: finished answers on the wire, kept ones and others."""

import gzip
import random
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from app.caching.finishing import LEAST_COMPRESSED
from app.delivery import TAKEN_AT_ONCE
from tests.app.line import ORIGIN
from tests.clock import Clock, running_at
from tests.examples import FAMILY, MUNICH, OPEN_DAY, QUESTIONS, TOKYO, example
from tests.service import BASE, Service, running_service

NOISE = random.Random(7).randbytes(100_000).hex()


class Heard:
    """An answer as it came: nothing is unpacked."""

    def __init__(self, status: int, lines: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.lines = [(name.lower(), value) for name, value in lines]
        self.body = body

    def __getitem__(self, name: str) -> str | None:
        """The value of a header that stands at most once."""
        found = [value for heard, value in self.lines if heard == name]
        assert len(found) <= 1
        return found[0] if found else None

    @property
    def vary(self) -> set[str]:
        return {part.strip() for name, value in self.lines if name == "vary" for part in value.split(",")}


def ask(service: Service, path: str, method: str = "GET", **headers: str) -> Heard:
    """A request with no other headers than these and Host. Underscores of their names stand for hyphens."""
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=20)) as connection:
        connection.putrequest(method, f"{BASE}{path}", skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return Heard(answer.status, answer.getheaders(), answer.read())


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def keeping(clock: Clock) -> Iterator[Service]:
    with running_at(clock, portal={"origins": [ORIGIN]}, log_level="error") as running:
        for event, body in ((MUNICH, [{"id": "1", "name": "y" * 200_000}]), (TOKYO, [{"id": "1", "name": NOISE}])):
            running.sandbox.faults.add("body", body=body, path=f"{example('list_tracks', running, event).path}")
            assert running.get(example("list_tracks", running, event).path).status_code == 200
        yield running


TINY, SMALL, LARGE, NOISY, IMAGE, COUNTED = "tiny", "small", "large", "noisy", "image", "counted"


def path_of(service: Service, kind: str) -> str:
    """Answers of each kind: not worth compressing; small; large, small and large when compressed; an image; never in browsers."""
    name, event = {
        TINY: ("list_custom_registration_fields", FAMILY),
        SMALL: ("get_event", OPEN_DAY),
        LARGE: ("list_tracks", MUNICH),
        NOISY: ("list_tracks", TOKYO),
        IMAGE: ("get_speaker_image", OPEN_DAY),
        COUNTED: ("count_event_registrations", OPEN_DAY),
    }[kind]
    return example(name, service, event).path


ALL = (TINY, SMALL, LARGE, NOISY, IMAGE, COUNTED)


PACKED = (SMALL, LARGE, NOISY)


def test_the_kinds_are_what_they_are_said_to_be(keeping: Service) -> None:
    sizes = {kind: len(ask(keeping, path_of(keeping, kind)).body) for kind in ALL}
    packed = {kind: len(ask(keeping, path_of(keeping, kind), Accept_Encoding="gzip").body) for kind in ALL}
    assert max(sizes[TINY], sizes[COUNTED]) < LEAST_COMPRESSED <= sizes[SMALL] < TAKEN_AT_ONCE
    assert sizes[LARGE] > TAKEN_AT_ONCE > packed[LARGE]
    assert sizes[NOISY] > packed[NOISY] > TAKEN_AT_ONCE


@pytest.mark.parametrize("kind", ALL)
def test_a_kept_answer_has_its_headers(keeping: Service, kind: str) -> None:
    answer = ask(keeping, path_of(keeping, kind))
    answer = ask(keeping, path_of(keeping, kind), X_Request_ID="abc", Origin=ORIGIN)
    assert answer.status == 200
    assert answer["content-length"] == str(len(answer.body))
    assert answer["content-type"] == ("image/png" if kind == IMAGE else "application/json; charset=utf-8")
    etag = answer["etag"]
    assert etag is not None
    assert etag.startswith('W/"')
    assert (answer["age"], answer["x-evtmgmt-cache"], answer["x-request-id"]) == ("0", "hit", "abc")
    assert answer["x-content-type-options"] == "nosniff"
    fresh = {IMAGE: "public, max-age=3600", COUNTED: "no-cache"}.get(kind, "public, max-age=30")
    assert answer["cache-control"] == fresh
    assert answer.vary == ({"Origin", "Accept-Encoding"} if kind in PACKED else {"Origin"})
    assert answer["access-control-allow-origin"] == ORIGIN
    exposed = {name.strip() for name in (answer["access-control-expose-headers"] or "").split(",")}
    assert {"ETag", "Age", "X-EvtMgmt-Cache"} <= exposed
    assert answer["transfer-encoding"] is None
    assert answer["warning"] is None


@pytest.mark.parametrize("kind", [SMALL, LARGE])
def test_another_origin_may_not_read_it(keeping: Service, kind: str) -> None:
    answer = ask(keeping, path_of(keeping, kind), Origin="https://elsewhere.invalid")
    assert (answer.status, answer["access-control-allow-origin"]) == (200, None)
    assert answer.vary >= {"Origin"}


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("form", ["{}", "{strong}", '"other", {}', '{strong},W/"other"', "*", " * ", "rubbish,{}"])
def test_a_client_that_has_it_is_not_sent_it_again(keeping: Service, kind: str, form: str) -> None:
    whole = ask(keeping, path_of(keeping, kind))
    etag = whole["etag"]
    assert etag is not None
    condition = form.format(etag, strong=etag.removeprefix("W/"))
    for method in ("GET", "HEAD"):
        answer = ask(keeping, path_of(keeping, kind), method, If_None_Match=condition, Origin=ORIGIN, Accept_Encoding="gzip")
        assert (answer.status, answer.body) == (304, b"")
        for absent in ("content-type", "content-length", "content-encoding", "transfer-encoding"):
            assert answer[absent] is None
        # RFC 9110 15.4.5: what the answer would have had
        for name in ("etag", "cache-control", "x-evtmgmt-cache", "age"):
            assert answer[name] == (whole[name] if name != "x-evtmgmt-cache" else "hit")
        assert answer.vary == whole.vary
        assert answer["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("kind", [TINY, SMALL, LARGE])
@pytest.mark.parametrize("condition", ["", " ", ",", '"other"', 'W/"other"', "rubbish", '"', "W/", "\xff"])
def test_a_client_that_has_another_is_sent_it(keeping: Service, kind: str, condition: str) -> None:
    answer = ask(keeping, path_of(keeping, kind), If_None_Match=condition)
    assert answer.status == 200
    assert answer["content-length"] == str(len(answer.body)) != "0"


def test_the_connection_goes_on_after_304_and_head(keeping: Service) -> None:
    with closing(HTTPConnection("127.0.0.1", keeping.port, timeout=20)) as connection:
        used = None
        for kind in (SMALL, LARGE):
            path = f"{BASE}{path_of(keeping, kind)}"
            for method, headers, status in (("GET", {"If-None-Match": "*"}, 304), ("HEAD", {}, 200), ("GET", {}, 200)):
                connection.request(method, path, headers=headers)
                used = used or connection.sock
                answer = connection.getresponse()
                body = answer.read()
                assert (answer.status, bool(body)) == (status, status == 200 and method == "GET")
                assert connection.sock is used


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("accepted", ["gzip", "identity", ""])
def test_head_has_the_headers_of_get(keeping: Service, kind: str, accepted: str) -> None:
    got, head = (ask(keeping, path_of(keeping, kind), method, Accept_Encoding=accepted) for method in ("GET", "HEAD"))
    assert head.body == b""
    target = f"{BASE}{path_of(keeping, kind)}"
    raw = keeping.raw(f"HEAD {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: {accepted}\r\n\r\n".encode())
    assert raw.endswith(b"\r\n\r\n")
    assert raw.count(b"\r\n\r\n") == 1
    own = {"date", "x-request-id"}
    assert {line for line in head.lines if line[0] not in own} == {line for line in got.lines if line[0] not in own}
    assert head["content-length"] == str(len(got.body))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br;q=1, GZIP;q=0.1", True),
        ("*", True),
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("br", False),
        (None, False),
    ],
)
def test_gzip_for_those_who_accept_it(keeping: Service, kind: str, accepted: str | None, packed: bool) -> None:
    plain = ask(keeping, path_of(keeping, kind))
    headers = {} if accepted is None else {"Accept_Encoding": accepted}
    answer = ask(keeping, path_of(keeping, kind), **headers)
    assert answer["content-length"] == str(len(answer.body))
    if packed and kind in PACKED:
        assert answer["content-encoding"] == "gzip"
        assert len(answer.body) < len(plain.body)
        assert gzip.decompress(answer.body) == plain.body
    else:
        assert answer["content-encoding"] is None
        assert answer.body == plain.body
    assert (answer["etag"], answer["content-type"], answer.vary) == (plain["etag"], plain["content-type"], plain.vary)


@pytest.mark.parametrize("kind", [SMALL, LARGE])
def test_age_is_whole_seconds_since_dynamics_answered(keeping: Service, clock: Clock, kind: str) -> None:
    before = clock.now
    path = path_of(keeping, kind)
    entry = kept_under(keeping, path)
    lifetime = keeping.settings.cache.lifetimes()[entry.key.operation]
    entry.begin(before, lifetime, 1, 0)
    try:
        clock.go(7.9)
        assert ask(keeping, path)["age"] == "7"
        assert ask(keeping, path, If_None_Match="*")["age"] == "7"
        clock.go(30)
        keeping.sandbox.faults.add("hang", times=None)
        answer = ask(keeping, path)
        assert (answer.status, answer["age"], answer["x-evtmgmt-cache"], answer["warning"]) == (200, "37", "stale", None)
    finally:
        clock.now = before
        entry.begin(before, lifetime, 1, 0)
        keeping.sandbox.control.reset()


def kept_under(service: Service, path: str) -> Any:
    """The entry that answers a path."""
    assert ask(service, path).status == 200
    reading = service.realtime.reading
    shortcut = reading.shortcut(f"{BASE}{path}".encode(), b"")
    assert shortcut is not None
    served = reading.kept(shortcut.key)
    assert served is not None
    return served.entry


def test_a_miss_says_so(keeping: Service) -> None:
    path = example("get_event", keeping, QUESTIONS).path
    first, second = ask(keeping, path), ask(keeping, path)
    assert (first["x-evtmgmt-cache"], first["age"]) == ("miss", "0")
    assert second["x-evtmgmt-cache"] == "hit"
    assert (first.body, first["etag"]) == (second.body, second["etag"])


def test_pipelined_requests_are_answered_alike(keeping: Service) -> None:
    """Only the last one of a pipeline goes the server's shorter way."""
    path = f"{BASE}{path_of(keeping, SMALL)}"
    one = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Request-ID: a\r\nAccept-Encoding: gzip\r\nOrigin: {ORIGIN}\r\n"
    ask(keeping, path_of(keeping, SMALL), Accept_Encoding="gzip")
    answer = keeping.raw(f"{one}\r\n{one}\r\n{one}Connection: close\r\n\r\n".encode())
    first, second, third = answer.split(b"HTTP/1.1 200 OK\r\n")[1:]

    def parts(raw: bytes) -> tuple[set[bytes], bytes]:
        head, _, body = raw.partition(b"\r\n\r\n")
        return {line for line in head.split(b"\r\n") if not line.startswith((b"date:", b"connection:"))}, body

    assert parts(first) == parts(second) == parts(third)
    assert b"content-encoding: gzip" in parts(first)[0]


def test_a_kept_answer_is_recorded(keeping: Service) -> None:
    path = path_of(keeping, SMALL)
    hits = 'evtmgmt_cache_total{operation="get_event",outcome="hit"}'
    answered = 'evtmgmt_requests_total{backend="realtime",operation="get_event",status="%d"}'
    ask(keeping, path)
    lines = (answered % 200, answered % 304, hits)
    before = [keeping.metric(line) for line in lines]
    ask(keeping, path)
    ask(keeping, path, If_None_Match="*")
    assert [keeping.metric(line) - count for line, count in zip(lines, before, strict=True)] == [1, 1, 2]


def test_browsers_can_be_told_to_ask_each_time() -> None:
    with running_service(cache={"warm": False, "browsers": False}, log_level="error") as running:
        for kind in (SMALL, IMAGE, COUNTED):
            answer = ask(running, path_of(running, kind))
            assert answer["cache-control"] == "no-cache"
            etag = answer["etag"]
            assert etag is not None
            assert ask(running, path_of(running, kind), If_None_Match=etag).status == 304


# Answers that are not kept


def test_an_answer_that_is_not_kept_has_no_validators(service: Service) -> None:
    answer = ask(service, example("get_event", service).path, Accept_Encoding="gzip", If_None_Match="*", Origin=ORIGIN)
    assert (answer.status, answer["content-length"]) == (200, str(len(answer.body)))
    assert answer["access-control-allow-origin"] == ORIGIN
    for absent in ("etag", "age", "x-evtmgmt-cache", "content-encoding"):
        assert answer[absent] is None
    assert answer["cache-control"] == "no-cache"
    assert answer.vary == {"Origin"}


def test_errors_are_never_kept_by_browsers(keeping: Service) -> None:
    answer = ask(keeping, "events/Nowhere", If_None_Match="*", Accept_Encoding="gzip")
    assert (answer.status, answer["cache-control"], answer["etag"], answer["content-encoding"]) == (404, "no-store", None, None)
    assert answer["content-length"] == str(len(answer.body))
