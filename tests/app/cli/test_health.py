"""Tests of app/cli/health.py. tests/app/cli/test_serving.py runs the command beside a server."""

from collections.abc import Iterator
from socket import AF_INET, SOCK_STREAM, socket

import pytest

from app.cli.health import is_alive
from sandbox.server import Sandbox, SandboxThread


@pytest.fixture(scope="module")
def upstream() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as running:
        yield running


def test_health_says_no_where_nobody_listens_or_the_address_is_none() -> None:
    with socket(AF_INET, SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused for certain
        port = taken.getsockname()[1]
        for url in (
            f"http://127.0.0.1:{port}/livez",
            f"127.0.0.1:{port}/livez",
            "",
            "http://",
            "http://h:port",
            "https://x.invalid",
        ):
            assert is_alive(url) is False


def test_health_asks_for_livez_unless_told(upstream: Sandbox) -> None:
    assert is_alive(f"http://127.0.0.1:{upstream.port}") is False
    assert upstream.recorder.find()[-1].request.target == b"/livez"
