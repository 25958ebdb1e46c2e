"""Tests of app/admin/attempts.py."""

from app.admin.attempts import MOST_CLIENTS, OF_ALL, OF_ONE, Attempts, client_of
from tests.clock import Clock


def test_a_few_failures_at_once_then_one_at_a_time() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(OF_ONE.burst):
        assert attempts.wait("a") == 0
        attempts.failed("a")
    assert attempts.wait("a") == OF_ONE.seconds
    assert attempts.wait("b") == 0
    clock.go(OF_ONE.seconds)
    assert attempts.wait("a") == 0
    attempts.failed("a")
    assert attempts.wait("a") == OF_ONE.seconds
    clock.go(OF_ONE.seconds * OF_ONE.burst)
    for _ in range(OF_ONE.burst):
        assert attempts.wait("a") == 0
        attempts.failed("a")


def test_many_clients_together_are_held_up_as_well() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for number in range(OF_ALL.burst):
        assert attempts.wait(str(number)) == 0
        attempts.failed(str(number))
    assert attempts.wait("new") == OF_ALL.seconds
    clock.go(OF_ALL.seconds)
    assert attempts.wait("new") == 0


def test_what_is_remembered_is_bounded() -> None:
    attempts = Attempts(Clock())
    for number in range(2 * MOST_CLIENTS):
        attempts.failed(str(number))
    assert len(attempts._clients) == MOST_CLIENTS
    assert attempts.wait("0") > 0


def test_clients_are_told_apart_by_what_the_nearest_proxy_says() -> None:
    assert client_of("192.0.2.1", None) != client_of("192.0.2.2", None)
    assert client_of("192.0.2.1", "198.51.100.7") != client_of("192.0.2.1", "198.51.100.8")
    # What stands before the last entry came from the client.
    assert client_of("192.0.2.1", "made-up, 198.51.100.7") == client_of("192.0.2.1", "198.51.100.7")
    assert client_of("2001:db8::1", None) == client_of("2001:db8::ffff:2", None)
    assert client_of("2001:db8::1", None) != client_of("2001:db8:0:1::1", None)
    assert len(client_of("", "x" * 10_000)) < 100
