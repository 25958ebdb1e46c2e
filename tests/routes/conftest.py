"""The service that the tests of routes/ share."""

from tests.examples import service, shared_service

__all__ = ["service", "shared_service"]
