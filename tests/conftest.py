"""What all tests share: how Hypothesis runs, and the event loop of async tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from app.logs import configure_logs
from app.redaction import Redactor

# What helpers assert is explained as well.
pytest.register_assert_rewrite(
    *(f"tests.{found.stem}" for found in Path(__file__).parent.glob("[a-z]*") if found != Path(__file__))
)
IN_CI = "CI" in os.environ
settings.register_profile("evtmgmt-proxy", deadline=None, max_examples=50 if IN_CI else 100, derandomize=IN_CI, print_blob=False)
settings.load_profile("evtmgmt-proxy")

STARTERS = frozenset({"subprocess", "serving", "run", "started", "kill_at_random", "PROGRAM", "get_context"})
"""Names in test modules that start processes, which takes long."""
LONGEST = (
    "browser/test_console",
    "hostile/test_processes",
    "app/outbox/test_killed",
    "browser/test_portal",
    "browser/test_bridge",
    "app/cutover/test_shadow_visitors",
    "app/cutover/test_stages",
    "app/cli/test_story",
    "app/cli/test_serving",
    "app/cutover/test_replicas",
    "test_outage_drill",
    "test_alerts",
    "test_leaks",
    "browser/test_migration",
)
"""Files that take half a minute of a processor or of waiting, as they should begin."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="module")
def own_logs() -> None:
    """The level of another module's service is not in force: logs are the process's."""
    configure_logs("info", Redactor())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then those that start processes: a long one that comes last would be waited for alone."""
    places = {f"tests/{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (places.get(item.nodeid.partition("::")[0], len(places)), not _starts_processes(item)))


def _starts_processes(item: pytest.Item) -> bool:
    module = item.getparent(pytest.Module)
    return module is not None and not STARTERS.isdisjoint(vars(module.obj))
