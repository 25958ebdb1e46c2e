"""What all tests share: how Hypothesis runs, and the event loop of async tests."""

import os

import pytest
from hypothesis import settings

from app.logs import configure_logs
from app.redaction import Redactor

IN_CI = "CI" in os.environ
settings.register_profile("evtmgmt-proxy", deadline=None, max_examples=50 if IN_CI else 100, derandomize=IN_CI, print_blob=False)
settings.load_profile("evtmgmt-proxy")

STARTERS = frozenset({"subprocess", "serving", "run", "started", "kill_at_random", "PROGRAM", "get_context"})
"""Names in test modules that start processes, which takes long."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="module")
def own_logs() -> None:
    """The level of another module's service is not in force: logs are the process's."""
    configure_logs("info", Redactor())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start processes first, as a long one that comes last would be waited for alone. Browser tests last:
    Playwright's loop stays in the main thread, where async tests would meet it.
    """
    items.sort(key=lambda item: (item.get_closest_marker("browser") is not None, not _starts_processes(item)))


def _starts_processes(item: pytest.Item) -> bool:
    module = item.getparent(pytest.Module)
    return module is not None and not STARTERS.isdisjoint(vars(module.obj))
