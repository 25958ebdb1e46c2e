"""What the tests of the stages share."""

from collections.abc import Iterator

import pytest

from tests.app.cutover.sides import afresh, put, running
from tests.service import Service


@pytest.fixture(scope="module")
def shared() -> Iterator[Service]:
    with running() as service:
        yield service


@pytest.fixture
def both(shared: Service) -> Service:
    """A proxy before both organisations in the stage ``split``, as it is when it has just started."""
    afresh(shared)
    put(shared, "split", percent=50)
    return shared
