"""What the tests of the outbox share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.outbox.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()
