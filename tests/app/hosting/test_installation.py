"""A table of portals: complete settings for each, and all mistakes together."""

from pathlib import Path
from typing import Any

import pytest

from app.configuration_error import ConfigurationError
from app.hosting.installation import alone, load_installation, load_portal, read_table
from app.settings import GivenSettings

ENDPOINT = "https://public-eur.mkt.dynamics.invalid/api/v1.0/orgs/{}/eventmanagement"


def realtime(name: str, **more: Any) -> dict[str, Any]:
    return {"endpoint": ENDPOINT.format(name), "token": f"token-of-{name}", "origin": f"https://{name}.invalid", **more}


def table(**portals: dict[str, Any]) -> dict[str, Any]:
    return {name: {"hosts": [f"{name}.invalid"], "realtime": realtime(name), **own} for name, own in portals.items()}


def problems(values: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read_table(values)
    return refused.value.problems


def test_a_portal_has_what_is_shared_and_over_it_its_own() -> None:
    shared = {"cache": {"max_entries": 77, "warm": False}, "limits": {"concurrency": 9}, "log_level": "error"}
    own = {"cache": {"warm": True}, "messages": {"en": {"NotFound": "Not here."}}}
    found = read_table({**shared, "portals": table(one=own, two={})})
    one, two = found.portals.values()
    assert (one.cache.max_entries, one.cache.warm, two.cache.warm) == (77, True, False)
    assert (one.messages, two.messages) == ({"en": {"NotFound": "Not here."}}, {})
    assert (found.process.log_level, found.process.limits.concurrency) == ("error", 9)
    assert [portal.portal_name for portal in found.portals.values()] == ["one", "two"]
    assert {"token-of-one", "token-of-two"} <= set(found.secrets)


def test_each_portal_keeps_its_state_for_itself(tmp_path: Path) -> None:
    values = {"state": {"path": tmp_path}, "portals": table(one={}, two={"state": {"path": tmp_path / "own"}})}
    one, two = read_table(values).portals.values()
    assert (one.state.path, two.state.path) == (tmp_path / "portals" / "one", tmp_path / "own")
    same = {"state": {"path": tmp_path}}
    assert problems({"portals": table(one=same, two=same)}) == [
        "EVTMGMT_PORTALS__TWO__STATE__PATH: the portal one keeps its state there"
    ]


def test_all_mistakes_are_told_together_and_name_the_portal() -> None:
    values = {
        "cache": {"max_entries": "many"},
        "portals": {
            **table(
                one={"limits": {"keep_alive": 3, "concurrency": 0}},
                two={"log_level": "debug", "metrics": {}, "hosts": ["one.invalid"]},
            ),
            "three": {"client_tokens": ["the-same-one"], "realtime": {"origin": "https://three.invalid"}},
            "four": {"client_tokens": ["the-same-one"], "realtime": realtime("four"), "tokn": 1},
            "five": {"realtime": realtime("five")},
            "Six": {},
        },
    }
    found = "\n".join(problems(values))
    for part in (
        "EVTMGMT_CACHE__MAX_ENTRIES: ",
        "EVTMGMT_PORTALS__ONE__LIMITS__KEEP_ALIVE: belongs to the process",
        "EVTMGMT_PORTALS__ONE__LIMITS__CONCURRENCY: ",
        "EVTMGMT_PORTALS__TWO__LOG_LEVEL: belongs to the process",
        "EVTMGMT_PORTALS__TWO__METRICS: belongs to the process",
        "EVTMGMT_PORTALS__TWO: one.invalid and the path / select the portal one already",
        "EVTMGMT_PORTALS__THREE__REALTIME__ENDPOINT: is missing",
        "EVTMGMT_PORTALS__THREE__REALTIME__TOKEN: is missing",
        "EVTMGMT_PORTALS__FOUR__CLIENT_TOKENS: one of them selects the portal three already",
        "EVTMGMT_PORTALS__FOUR__TOKN: there is no such setting",
        "EVTMGMT_PORTALS__FIVE: nothing selects this portal",
        "EVTMGMT_PORTALS__SIX: 'Six' is no name of a portal",
    ):
        assert part in found
    assert "EVTMGMT_PORTALS__ONE__CACHE" not in found
    assert "the-same-one" not in found
    assert "token-of" not in found


def test_portals_of_one_organisation_have_one_budget() -> None:
    both = {"realtime": realtime("one")}
    read_table({"portals": table(one=both, two=both)})
    assert problems({"portals": table(one=both, two={**both, "upstream": {"budget": "1/s"}})}) == [
        "EVTMGMT_PORTALS__TWO__UPSTREAM__BUDGET: the portal one has another budget for the same organisation"
    ]


def test_a_table_in_files_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_text(
        f"""
        [portals.one]
        hosts = ["one.invalid"]
        [portals.one.realtime]
        endpoint = "{ENDPOINT.format("one")}"
        origin = "https://one.invalid"
        """
    )
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "EVTMGMT_PORTALS__ONE__REALTIME__TOKEN").write_text("12345\n")  # no number, whatever it looks like
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVTMGMT_CONFIG_FILE", "settings.toml")
    monkeypatch.setenv("EVTMGMT_SECRETS_DIR", "secrets")
    monkeypatch.setenv("EVTMGMT_PORTALS__ONE__CLIENT_TOKENS", "1234567890,true-token")
    monkeypatch.setenv("EVTMGMT_PORTALS__ONE__ALIASES__EVENTS", '{"Old": "New"}')
    found = load_installation()
    assert found.portals["one"].realtime.token.get_secret_value() == "12345"
    assert [token.get_secret_value() for token in found.selectors["one"].client_tokens] == ["1234567890", "true-token"]
    assert found.portals["one"].aliases.events == {"Old": "New"}
    assert load_portal(None).portal_name == load_portal("one").portal_name == "one"
    with pytest.raises(ConfigurationError, match="there is no portal two"):
        load_portal("two")


def test_without_a_table_there_is_one_portal() -> None:
    settings = GivenSettings.model_validate({"realtime": realtime("one")})
    found = alone(settings)
    assert (found.portals, found.has_table) == ({"": settings}, False)
