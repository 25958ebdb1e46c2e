"""What selects a portal: what is taken, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.hosting.settings import Selectors, is_portal_name


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"hosts": "A.invalid, b.invalid."}, (("a.invalid", ()), ("b.invalid", ()))),
        ({"path_prefix": "Contoso/Events/"}, ((None, ("contoso", "events")),)),
        ({"path_prefix": "/"}, ((None, ()),)),
        ({"hosts": ["a.invalid"], "path_prefix": "/x"}, (("a.invalid", ("x",)),)),
        ({"client_tokens": "12345678"}, ()),
    ],
)
def test_places(values: dict[str, Any], places: tuple[Any, ...]) -> None:
    assert Selectors.model_validate(values).places == places


@pytest.mark.parametrize(
    "values",
    [
        {"hosts": ["https://a.invalid"]},
        {"hosts": ["a.invalid:80"]},
        {"path_prefix": "/a/../b"},
        {"path_prefix": "/metrics"},
        {"path_prefix": "/EvtMgmt"},
        {"path_prefix": "/a b"},
        {"client_tokens": ["short"]},
    ],
    ids=str,
)
def test_what_selects_nothing_well_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Selectors.model_validate(values)


def test_tokens_are_not_shown() -> None:
    assert "12345678" not in repr(Selectors.model_validate({"client_tokens": "12345678"}))


@pytest.mark.parametrize("name", ["contoso", "a1", "contoso-events_2"])
def test_names(name: str) -> None:
    assert is_portal_name(name)


@pytest.mark.parametrize("name", ["", "Contoso", "1a", "a--b", "a__b", "a/b", "../a", "-a", "a" * 41])
def test_names_that_are_none(name: str) -> None:
    assert not is_portal_name(name)
