"""What the tests of commands share that ask both organisations."""

from collections.abc import Iterator

import pytest

from sandbox.server import Sandbox, SandboxThread


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.control.reset()
    return running
