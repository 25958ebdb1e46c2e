"""What all tests share: how Hypothesis runs, and the event loop of async tests."""

import os

import pytest
from hypothesis import settings

from app.logs import configure_logs
from app.redaction import Redactor

settings.register_profile("evtmgmt-proxy", deadline=None, max_examples=100, derandomize="CI" in os.environ, print_blob=False)
settings.load_profile("evtmgmt-proxy")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="module")
def own_logs() -> None:
    """The level of another module's service is not in force: logs are the process's."""
    configure_logs("info", Redactor())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright's loop stays in the main thread, where async tests would meet it."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
