"""app/extensions.py: what a server offers, or does not."""

from typing import Any

import pytest

from app.extensions import CUT, extension


@pytest.mark.parametrize("scope", [{}, {"extensions": None}, {"extensions": {}}, {"extensions": {"http.response.push": {}}}])
def test_a_server_that_offers_nothing(scope: dict[str, Any]) -> None:
    assert extension(scope, CUT) is None


def test_what_a_server_offers() -> None:
    offered = object()
    assert extension({"extensions": {CUT: offered}}, CUT) is offered
