"""Every kind of fault, seen from the other end of a real connection."""

import gzip
import socket
import zlib

import httpx
import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import Caller, attendees
from tests.sandbox.raw import ask, connect, head, read_all

PATH = "events/Contoso_Open_Day"


@pytest.fixture
def target(sandbox: Sandbox, realtime: Caller) -> str:
    return realtime.url(PATH).removeprefix(sandbox.base_url)


def raw_answer(sandbox: Sandbox, target: str) -> tuple[bytes, bytes]:
    first, _, body = ask(sandbox, target, "GET", f"Origin: {sandbox.realtime_origin}").partition(b"\r\n\r\n")
    return first.lower(), body


def test_status_headers_and_body(sandbox: Sandbox, realtime: Caller) -> None:
    sandbox.faults.add("status", status=503, headers={"Retry-After": "7"}, body={"error": 1})
    answer = realtime.get(PATH)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (503, "7", {"error": 1})
    sandbox.faults.add("status", status=599, body="plain")
    answer = realtime.get(PATH)
    assert (answer.status_code, answer.text) == (599, "plain")
    assert realtime.get(PATH).status_code == 200


def test_changed_answers(sandbox: Sandbox, realtime: Caller) -> None:
    true = realtime.get("events/published").json()
    for kind, values, wanted in (
        ("wrap", {}, {"value": true}),
        ("wrap", {"key": "data"}, {"data": true}),
        ("null", {}, None),
        ("body", {"body": [1]}, [1]),
        ("merge", {"body": {"new": 1}}, [item | {"new": 1} for item in true]),
        ("without", {"keys": ["eventName"]}, [{k: i[k] for k in i if k != "eventName"} for i in true]),
        ("gzip", {}, true),
    ):
        sandbox.faults.add(kind, **values)
        assert realtime.get("events/published").json() == wanted, kind
    sandbox.faults.add("count_object")
    assert realtime.get(f"{PATH}/registrations/count").json() == {"count": 12}
    sandbox.faults.add("empty", status=204)
    assert realtime.get(PATH).status_code == 204
    sandbox.faults.add("html", status=502)
    assert realtime.get(PATH).text.startswith("<!doctype html>")
    sandbox.faults.add("wrong_json")
    with pytest.raises(ValueError, match=r".+"):
        realtime.get(PATH).json()


def test_redirect_and_cookie(sandbox: Sandbox, realtime: Caller) -> None:
    sandbox.faults.add("redirect", location="http://127.0.0.1:1/x", status=307)
    answer = realtime.get(PATH)
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://127.0.0.1:1/x")
    sandbox.faults.add("set_cookie", cookie="a=b")
    assert realtime.get(PATH).headers["Set-Cookie"] == "a=b"


def test_gzip_bomb_unpacks_to_valid_json(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("gzip_bomb", size=8 << 20)
    first, body = raw_answer(sandbox, target)
    assert b"content-encoding: gzip" in first
    assert len(body) < 100_000
    assert len(gzip.decompress(body)) > 8 << 20


def test_gzip_lie(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("gzip_lie")
    _, body = raw_answer(sandbox, target)
    with pytest.raises((zlib.error, OSError)):
        gzip.decompress(body)


def test_reset_is_a_true_reset(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("reset")
    with connect(sandbox) as connection:
        connection.sendall(head(target))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert sandbox.recorder.find()[0].outcome == "broken"


def test_close_is_not_a_reset(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("close")
    with connect(sandbox) as connection:
        connection.sendall(head(target))
        assert connection.recv(1) == b""


def test_cut_answers(sandbox: Sandbox, target: str) -> None:
    _, true = raw_answer(sandbox, target)
    sandbox.faults.add("close_mid_headers")
    first, body = raw_answer(sandbox, target)
    assert (first, body) == (b"http/1.1 200 ok\r\ncontent-type: appl", b"")
    sandbox.faults.add("truncate", size=5)
    first, body = raw_answer(sandbox, target)
    assert f"content-length: {len(true)}".encode() in first
    assert body == true[:5]
    sandbox.faults.add("truncate_chunked")
    first, body = raw_answer(sandbox, target)
    assert b"transfer-encoding: chunked" in first
    assert body.endswith(true[: len(true) // 2])
    assert {item.outcome for item in sandbox.recorder.find()[1:]} == {"broken"}


@pytest.mark.parametrize("by", [10, -5])
def test_wrong_length(sandbox: Sandbox, target: str, by: int) -> None:
    _, true = raw_answer(sandbox, target)
    sandbox.faults.add("wrong_length", size=by)
    first, body = raw_answer(sandbox, target)
    assert f"content-length: {len(true) + by}".encode() in first
    assert body == true


def test_raw_bytes(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("raw", body="HTTP/1.1 200 OK\r\nX: \xff\r\nX\r\n\r\n")
    with connect(sandbox) as connection:
        connection.sendall(head(target))
        assert read_all(connection) == b"HTTP/1.1 200 OK\r\nX: \xff\r\nX\r\n\r\n"


def test_raw_bytes_in_pieces_and_then_a_reset(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("raw", body="HTTP/1.1 200 OK\r\n", size=5, seconds=0.01, ending="reset")
    with connect(sandbox) as connection:
        connection.sendall(head(target))
        sandbox.recorder.wait(outcome="broken")
        with pytest.raises(ConnectionResetError):
            read_all(connection)


def test_raw_bytes_that_come_again_and_again_until_the_peer_goes(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("raw", body="HTTP/1.1 100 Continue\r\n\r\n", ending="again", seconds=0)
    with connect(sandbox) as connection:
        connection.sendall(head(target))
        received = b""
        while received.count(b"100 Continue") < 1_000:
            received += connection.recv(65536)
    sandbox.recorder.wait(outcome="cancelled")


def test_after_raw_bytes_the_connection_may_serve_on_or_be_silent(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("raw", body="first", ending="keep")
    sandbox.faults.add("raw", body="second", ending="hang")
    with connect(sandbox) as connection:
        for word in (b"first", b"second"):
            connection.sendall(head(target))
            assert connection.recv(65536) == word
    sandbox.recorder.wait(outcome="cancelled")


def test_close_after_leaves_a_dead_connection(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("close_after")
    with connect(sandbox) as connection:
        connection.sendall(head(target, "GET", f"Origin: {sandbox.realtime_origin}"))
        answer = read_all(connection)
    assert b" 200 " in answer
    assert b"connection: close" not in answer.lower()
    assert sandbox.recorder.find()[0].outcome == "answered"


def test_slow_drip_is_the_true_answer(sandbox: Sandbox, realtime: Caller) -> None:
    true = realtime.get(PATH).json()
    sandbox.faults.add("slow_drip", size=200, seconds=0)
    assert realtime.get(PATH).json() == true


@pytest.mark.parametrize("kind", ["hang", "hold", "latency", "slow_drip"])
def test_a_wait_ends_when_the_peer_goes_away(sandbox: Sandbox, target: str, kind: str) -> None:
    sandbox.faults.add(kind, seconds=3600)
    connection = connect(sandbox)
    connection.sendall(head(target))
    sandbox.recorder.wait(outcome="pending")
    connection.close()
    assert sandbox.recorder.wait(outcome="cancelled")[0].fault == kind


def test_a_hold_keeps_one_request_until_it_is_cleared(sandbox: Sandbox, realtime: Caller, target: str) -> None:
    held = sandbox.faults.add("hold")
    with connect(sandbox) as connection:
        connection.sendall(head(target))
        sandbox.recorder.wait(outcome="pending")
        assert realtime.get(PATH).status_code == 200  # others are served meanwhile
        sandbox.recorder.wait(outcome="answered")  # it may be noted after the caller has its answer
        assert [record.outcome for record in sandbox.recorder.find()] == ["pending", "answered"]
        sandbox.faults.clear(held.number)
        sandbox.recorder.wait(outcome="answered", count=2)


def test_a_wait_ends_when_the_peer_resets(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("hang")
    connection = connect(sandbox)
    connection.sendall(head(target))
    sandbox.recorder.wait(outcome="pending")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()
    sandbox.recorder.wait(outcome="cancelled")


def test_endless_ends_with_the_peer(sandbox: Sandbox, target: str) -> None:
    sandbox.faults.add("endless")
    connection = connect(sandbox)
    connection.sendall(head(target))
    received = 0
    while received < 1_000_000:
        received += len(connection.recv(65536))
    connection.close()
    sandbox.recorder.wait(outcome="cancelled")


def test_effect_carries_the_operation_out_first(sandbox: Sandbox, realtime: Caller) -> None:
    for effect, stored in ((False, 0), (True, 1)):
        sandbox.faults.add("reset", operation="register", effect=effect)
        with pytest.raises(httpx.TransportError):
            realtime.post(f"{PATH}/registrations", attendees())
        assert len(sandbox.control.registrations()) == stored
