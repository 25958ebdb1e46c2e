import http.client
import socket

import pytest

from sandbox import Sandbox, SandboxThread
from tests.sandbox.raw import ask, connect, head


@pytest.mark.anyio
async def test_in_the_running_loop() -> None:
    async with Sandbox() as sandbox:
        assert sandbox.realtime_endpoint.startswith(f"http://127.0.0.1:{sandbox.port}/api/v1.0/orgs/")
        with socket.create_connection(("127.0.0.1", sandbox.port)) as connection:
            connection.sendall(head("/nowhere"))
            await sandbox.recorder.wait_async(outcome="answered")


def test_an_upstream_that_is_down_for_a_while() -> None:
    thread = SandboxThread()
    thread.start()
    port = thread.sandbox.port
    idle = connect(thread.sandbox)
    thread.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(thread.sandbox)
    with idle:
        assert idle.recv(1) == b""
    thread.start()
    assert thread.sandbox.port == port
    assert b" 200 " in ask(thread.sandbox, "/checked-in")
    thread.stop()


def test_stopping_ends_hanging_requests() -> None:
    with SandboxThread() as sandbox:
        sandbox.faults.add("hang")
        connection = connect(sandbox)
        connection.sendall(head("/nowhere"))
        sandbox.recorder.wait(outcome="pending")
    assert sandbox.recorder.find()[0].outcome == "cancelled"
    connection.close()


def test_a_taken_port_is_an_error() -> None:
    with SandboxThread() as sandbox, pytest.raises(OSError, match=r"address already in use"):
        SandboxThread(Sandbox(port=sandbox.port)).start()


def test_settings() -> None:
    made = Sandbox(
        realtime_origin="https://new.example.com",
        outbound_origin="https://old.example.com",
        realtime_token="a",
        outbound_token="b",
        org_id="o",
        public_url="http://sandbox.example.com",
    )
    with SandboxThread(made) as sandbox:
        assert sandbox.realtime_endpoint == "http://sandbox.example.com/api/v1.0/orgs/o/eventmanagement/"
        assert (sandbox.realtime_origin, sandbox.outbound_origin) == (
            "https://new.example.com",
            "https://old.example.com",
        )
        assert (sandbox.realtime_token, sandbox.outbound_token) == ("a", "b")
        assert b" 200 " in ask(
            sandbox,
            "/api/v1.0/orgs/o/eventmanagement/events/published?emApplicationtoken=a",
            "GET",
            "Origin: https://new.example.com",
        )


def test_default_tokens_have_to_be_encoded() -> None:
    sandbox = Sandbox()
    for token in (sandbox.realtime_token, sandbox.outbound_token):
        assert len(token) > 200
        assert set("+/=") <= set(token)
    assert sandbox.realtime_token != sandbox.outbound_token


def test_sandboxes_share_nothing() -> None:
    with SandboxThread() as one, SandboxThread() as other:
        one.faults.add("reset", times=None)
        connection = http.client.HTTPConnection("127.0.0.1", other.port, timeout=60)
        connection.request("GET", "/checked-in")
        assert connection.getresponse().status == 200
        connection.close()
        assert one.recorder.find() == []
