"""Tests of app/guard.py: what is refused before anything is believed, row by row, without a server."""

from typing import Any

import pytest

from app.calls import Header
from app.guard import METHODS, Guard, Headers
from app.settings import Limits
from translation.errors import ProxyError

HOST: Header = (b"host", b"proxy.invalid")
CHUNKED: Header = (b"transfer-encoding", b"chunked")
UPGRADE: tuple[Header, ...] = ((b"connection", b"keep-alive, Upgrade"), (b"upgrade", b"h2c"))
LIMITS = Limits()


def scope(*headers: Header, **changed: Any) -> dict[str, Any]:
    plain = {"method": "GET", "raw_path": b"/", "query_string": b"", "http_version": "1.1", "headers": [*headers]}
    return plain | changed


def passed(*headers: Header, **changed: Any) -> Headers:
    return Guard(LIMITS).check(scope(*headers, **changed))


def code(*headers: Header, **changed: Any) -> str:
    with pytest.raises(ProxyError) as refusal:
        passed(*headers, **changed)
    return refusal.value.kind.code


def numbered(count: int) -> list[Header]:
    return [(b"x-%d" % number, b"1") for number in range(count)]


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "A.example.invalid",
        "localhost:8080",
        "127.0.0.1:1",
        "[::1]",
        "[::1]:8080",
        "[::ffff:192.0.2.1]",
        "under_score",
        "a:0",
    ],
)
def test_hosts(value: str) -> None:
    assert passed((b"host", value.encode())).text(b"host") == value


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "a b", "a/b", "a/../b", "a\\b", "u@a", "u:p@a", "a:", "a:x", "a:123456", "a:-1", "a,b", "a#", "a?b", "a%20",
        "a;b", "[::1", "::1", "[a", "[::g]", "a\nb", "a\0", "caf\u00e9", "http://a", "*", "a:1:2", "a\n",
    ],
)  # fmt: skip
def test_what_is_no_host(value: str) -> None:
    assert code((b"host", value.encode("latin-1"))) == "BadHeaders"


def test_the_host_may_be_missing_in_http_1_0_only() -> None:
    assert passed(http_version="1.0").get(b"host") is None
    assert code() == "BadHeaders"


@pytest.mark.parametrize("version", ["0.9", "2", "2.0", "3", "1.2", ""])
def test_other_versions(version: str) -> None:
    assert code(HOST, http_version=version) == "BadHeaders"


@pytest.mark.parametrize("method", sorted(METHODS))
def test_methods(method: str) -> None:
    passed(HOST, method=method)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PUT", "DELETE", "PROPFIND", "get", "patch", ""])
def test_other_methods_are_told_which_there_are(method: str) -> None:
    with pytest.raises(ProxyError) as refusal:
        passed(HOST, method=method)
    assert refusal.value.kind.code == "MethodNotAllowed"
    assert refusal.value.allow == ("GET", "HEAD", "OPTIONS", "POST")


@pytest.mark.parametrize(
    "name",
    [
        "host", "origin", "content-type", "content-length", "accept-language", "x-request-id", "authorization",
        "access-control-request-method", "access-control-request-headers", "content-encoding", "transfer-encoding",
    ],
)  # fmt: skip
def test_headers_that_stand_once(name: str) -> None:
    twice = [(name.encode(), b"a"), (name.encode(), b"a")]
    assert code(*([] if name == "host" else [HOST]), *twice) == "BadHeaders"


def test_other_headers_may_stand_twice() -> None:
    twice = [(b"accept", b"a"), (b"accept", b"b"), (b"connection", b"x"), (b"connection", b"y")]
    found = passed(HOST, *twice)
    assert found.all == (HOST, *twice)
    assert (found.get(b"accept"), found.get(b"connection")) == (b"a", b"x")
    assert code(HOST, *twice, HOST) == "BadHeaders"


@pytest.mark.parametrize(
    ("encoding", "changed"),
    [
        (b"gzip", {}),
        (b"identity", {}),
        (b"", {}),
        (b"chunked, chunked", {}),
        (b"gzip, chunked", {}),
        (b"xchunked", {}),
        (b"chunked", {"http_version": "1.0"}),
    ],
)
def test_transfer_codings_that_say_no_length(encoding: bytes, changed: dict[str, Any]) -> None:
    assert code(HOST, (b"transfer-encoding", encoding), **changed) == "BadHeaders"


@pytest.mark.parametrize("encoding", [b"chunked", b"Chunked", b" chunked\t"])
def test_chunked(encoding: bytes) -> None:
    passed(HOST, (b"transfer-encoding", encoding))


def test_length_and_chunked() -> None:
    assert code(HOST, CHUNKED, (b"content-length", b"5")) == "BadHeaders"


@pytest.mark.parametrize("body", [(b"content-length", b"5"), (b"content-length", b"005"), CHUNKED])
def test_an_upgrade_with_a_body(body: Header) -> None:
    assert code(HOST, *UPGRADE, body) == "BadHeaders"
    passed(HOST, body)
    passed(HOST, UPGRADE[0], body)
    passed(HOST, UPGRADE[1], body)


@pytest.mark.parametrize("length", [(), ((b"content-length", b"0"),), ((b"content-length", b"00"),)])
def test_an_upgrade_without_a_body_is_ignored(length: tuple[Header, ...]) -> None:
    passed(HOST, *UPGRADE, *length)


def test_underscored_names_are_left_out() -> None:
    odd = [(b"x_request_id", b"a"), (b"content_length", b"5"), (b"_", b"1"), (b"trace_parent", b"x")]
    found = passed(HOST, *odd, (b"accept", b"a_b"))
    assert found.all == (HOST, (b"accept", b"a_b"))
    assert found.get(b"x-request-id") is None
    assert [found.get(name) for name, _ in odd] == [None] * 4
    assert passed(HOST, *odd, *odd).all == (HOST,)


def test_headers_are_read() -> None:
    found = passed(HOST, (b"origin", b"http://caf\xe9.invalid"))
    assert found.get(b"origin") == b"http://caf\xe9.invalid"
    assert found.text(b"origin") == "http://caf\u00e9.invalid"
    assert found.get(b"content-type") is None
    assert found.text(b"content-type") is None


def test_the_target_is_bounded() -> None:
    passed(HOST, raw_path=b"/" * 8_000, query_string=b"x" * 192)
    assert code(HOST, raw_path=b"/" * 8_000, query_string=b"x" * 193) == "TargetTooLong"
    assert code(HOST, raw_path=b"/" * 8_193) == "TargetTooLong"


def test_the_number_of_headers_is_bounded() -> None:
    passed(HOST, *numbered(99))
    assert code(HOST, *numbered(100)) == "HeadersTooLarge"


def test_the_size_of_headers_is_bounded() -> None:
    rest = 32_768 - sum(map(len, HOST)) - 1
    passed(HOST, (b"x", b"x" * rest))
    assert code(HOST, (b"x", b"x" * (rest + 1))) == "HeadersTooLarge"
    assert code(HOST, (b"x" * rest, b"xx")) == "HeadersTooLarge"
    twice: list[Header] = [(b"x", b"x" * (rest // 2)), (b"x", b"x" * (rest - rest // 2 - 1))]
    passed(HOST, *twice)
    assert code(HOST, *twice, (b"y", b"")) == "HeadersTooLarge"
