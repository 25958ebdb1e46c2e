"""The services that the tests of routes/ share."""

from tests.examples import hurried, service, shared_hurried, shared_service
from tests.old_side import old, shared_old

__all__ = ["hurried", "old", "service", "shared_hurried", "shared_old", "shared_service"]
