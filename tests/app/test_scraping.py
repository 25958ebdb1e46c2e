"""Who may read the metrics."""

import pytest
from pydantic import SecretStr

from app.scraping import Scrapers

TOKEN = "the-token-of-prometheus"


@pytest.mark.parametrize("given", [None, "", "Bearer x", "nonsense"])
def test_without_a_token_anybody_may(given: str | None) -> None:
    assert Scrapers(None).admits(given)


@pytest.mark.parametrize(
    ("given", "admitted"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN} ", True),
        (None, False),
        ("", False),
        ("Bearer", False),
        ("Bearer ", False),
        (TOKEN, False),
        (f"Basic {TOKEN}", False),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Bearer {TOKEN.upper()}", False),
        (f"Bearer {TOKEN}, {TOKEN}", False),
        ("Bearer \xff\u20ac", False),
    ],
)
def test_with_one_it_has_to_be_shown(given: str | None, admitted: bool) -> None:
    assert Scrapers(SecretStr(TOKEN)).admits(given) is admitted
