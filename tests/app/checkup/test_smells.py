"""Settings that are valid and look like mistakes."""

from typing import Any

import pytest

from app.checkup.smells import SMELLS, list_smells, settings_smells
from app.settings import GivenSettings

GUID = "0e3b2b6a-0000-4000-8000-000000000001"
ENDPOINT = "https://public-xyz.mkt.dynamics.com/api/v1.0/orgs/1/eventmanagement/"


def settings(token: str = "opaque", endpoint: str = ENDPOINT, **groups: Any) -> GivenSettings:
    realtime = {"endpoint": endpoint, "token": token, "origin": "https://portal.invalid", **groups.pop("realtime", {})}
    return GivenSettings.model_validate({"realtime": realtime, "portal": {"origins": ["https://portal.invalid"]}, **groups})


def names(given: GivenSettings) -> list[str]:
    return [smell.name for smell in settings_smells(given)]


def test_good_settings_do_not_smell() -> None:
    assert names(settings()) == []
    assert list(list_smells(settings(), {"Open_Day"})) == []


@pytest.mark.parametrize("token", ['"opaque"', "opaque'", " opaque", "opaque\n"])
def test_a_token_with_quotes_or_blanks_at_its_ends(token: str) -> None:
    (smell,) = settings_smells(settings(token))
    assert smell.name == "token_quoted"
    assert "opaque" not in smell.text


@pytest.mark.parametrize(
    "token",
    [
        "Bearer opaque",
        "bearer\topaque",
        "emApplicationtoken=opaque",
        f"{ENDPOINT}?emApplicationtoken=opaque",
        ENDPOINT,
        "<token>",
    ],
)
def test_a_token_with_more_than_the_token(token: str) -> None:
    (smell,) = settings_smells(settings(token))
    assert smell.name == "token_with_more"
    assert "opaque" not in smell.text


@pytest.mark.parametrize("token", ["opa que", "opa'que", "+/==", "bearerOf", "a<b>"])
def test_a_token_may_hold_anything_inside(token: str) -> None:
    assert names(settings(token)) == []


@pytest.mark.parametrize(
    ("host", "smells"),
    [
        ("https://public-eur.mkt.dynamics.com", []),
        ("http://127.0.0.1:9", []),
        ("http://localhost", []),
        ("https://contoso.dynamics.com", ["endpoint_host"]),
        ("https://mkt.dynamics.com.elsewhere.invalid", ["endpoint_host"]),
    ],
)
def test_the_host_of_the_endpoint(host: str, smells: list[str]) -> None:
    assert names(settings(endpoint=f"{host}/api/v1.0/orgs/1/eventmanagement/")) == smells


@pytest.mark.parametrize(
    ("origins", "smells"),
    [
        ([], ["portal_origins_default"]),
        (["https://other.invalid"], ["origin_not_of_portal"]),
        (["https://other.invalid", "https://portal.invalid"], []),
    ],
)
def test_origins(origins: list[str], smells: list[str]) -> None:
    assert names(settings(portal={"origins": origins})) == smells


@pytest.mark.parametrize("name", ["webapp_id", "business_unit_id"])
def test_an_empty_list_that_is_narrowed(name: str) -> None:
    narrowed = settings(realtime={name: GUID})
    (smell,) = list_smells(narrowed, ())
    assert smell.name == "list_narrowed_to_nothing"
    assert f"EVTMGMT_REALTIME__{name.upper()}" in smell.text
    assert list(list_smells(narrowed, {"Open_Day"})) == []
    assert list(list_smells(settings(), ())) == []


def test_an_alias_to_an_event_that_is_not_listed() -> None:
    (smell,) = list_smells(settings(aliases={"events": {"Old": "Gone", "Older": "Open_Day"}}), {"Open_Day"})
    assert smell.name == "alias_to_unlisted_event"
    assert "Gone" in smell.text
    assert "Open_Day" not in smell.text


def test_all_names_are_listed() -> None:
    bad = settings(
        "Bearer '",
        "https://elsewhere.invalid/orgs/1/eventmanagement",
        realtime={"webapp_id": GUID},
        portal={"origins": ["https://other.invalid"]},
        aliases={"events": {"Old": "Gone"}},
    )
    found = [*names(bad), *names(settings(portal={})), *(smell.name for smell in list_smells(bad, ()))]
    assert sorted(found) == sorted(SMELLS)
