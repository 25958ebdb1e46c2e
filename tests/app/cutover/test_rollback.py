"""Roll-back over real sockets: real-time fails under the visitors' hands, and the watcher moves them back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from app.cutover import reports, watcher
from app.cutover.state import STAGE_LATCH, Latch
from tests.clock import until
from tests.examples import OPEN_DAY, registration
from tests.service import BASE, Service, running_both

VISITORS = 4
SOON = 0.02
"""Seconds between two looks, instead of five."""


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "LOOK_SECONDS", SOON)
    monkeypatch.setattr(watcher, "PROBE_SECONDS", SOON)
    monkeypatch.setattr(reports, "WRITE_SECONDS", SOON)


@contextmanager
def visitors(service: Service, *paths: str) -> Iterator[None]:
    """A few visitors who ask again and again, until the block ends."""
    over = Event()

    def visit() -> None:
        with httpx.Client(timeout=30, trust_env=False) as client:
            while not over.is_set():
                for path in paths:
                    client.get(f"{service.url}{BASE}{path}")

    threads = [Thread(target=visit) for _ in range(VISITORS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def latches(service: Service) -> dict[str, Latch]:
    observed = service.staging.observed
    assert observed is not None
    return dict(observed.live.state.latches)


def looked(service: Service, times: int = 5) -> None:
    """Wait until the watcher has looked so often again, at what there is now."""
    seen = len(service.looks)
    until(lambda: len(service.looks) >= seen + times)
