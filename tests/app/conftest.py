"""What the tests of app/ share: a service, and two servers of one gateway."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.protocol import GuardedProtocol
from tests.app.pair import AT_ONCE, KEPT, USUAL, Pair, pairing
from tests.examples import hurried, service, shared_hurried, shared_service

__all__ = ["hurried", "pair", "service", "shared_hurried", "shared_service", "ways"]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with pairing() as running:
        yield running


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ways that our server's answers go."""
    found: list[str] = []
    kept, at_once, task = GuardedProtocol._answer_kept, GuardedProtocol.send_at_once, GuardedProtocol._start_asgi_task

    def seen_kept(self: GuardedProtocol) -> bool:
        answered = kept(self)
        if answered:
            found.append(KEPT)
        return answered

    def seen_at_once(self: GuardedProtocol, *answer: Any) -> bool:
        sent = at_once(self, *answer)
        if sent:
            found[-1] = AT_ONCE
        return sent

    def seen_task(self: GuardedProtocol, *cycle: Any) -> None:
        found.append(USUAL)
        task(self, *cycle)

    monkeypatch.setattr(GuardedProtocol, "_answer_kept", seen_kept)
    monkeypatch.setattr(GuardedProtocol, "send_at_once", seen_at_once)
    monkeypatch.setattr(GuardedProtocol, "_start_asgi_task", seen_task)
    return found
