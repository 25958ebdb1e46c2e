"""The service that the tests of routes/ share."""

from tests.examples import hurried, service, shared_hurried, shared_service

__all__ = ["hurried", "service", "shared_hurried", "shared_service"]
