"""Tests that the Bicep file fits the program. There is no compiler of Bicep here: docs/azure.md says what that leaves open."""

import re
from pathlib import Path

import pytest

from app.settings_sources import CONFIG_FILE, SECRETS_DIR
from tests.deploying import DEPLOY, NAMES, SECRETS, longest_stop, names_in, settings_of

TEXT = (DEPLOY / "azure" / "main.bicep").read_text(encoding="utf-8")
CODE = re.sub(r"//(?!/).*", "", re.sub(r"https?://", "", TEXT))
PARAMETERS = dict(re.findall(r"^param (\w+) \w+ = '?([^'\n]*)'?$", CODE, re.MULTILINE))


def number(name: str) -> int:
    """A number that stands in the file once."""
    found = re.findall(rf"\b{name}: (\d+)\n", CODE)
    assert len(found) == 1, name
    return int(found[0])


def environment() -> dict[str, str]:
    """What the app is told; parameters have their defaults, and those without one a made-up value."""
    pairs = re.findall(r"\{ name: '(EVTMGMT_\w+)', value: ([^}]+) \}", CODE)
    given = PARAMETERS | {
        "realtimeEndpoint": "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/7c4da5b8-9213-5832-a876-25131f35b338/eventmanagement/",
        "realtimeOrigin": "https://events.example.com",
    }
    return {name: value.strip("'") if "'" in value else given[re.sub(r"string\((\w+)\)", r"\1", value)] for name, value in pairs}


def test_names_of_settings_exist_and_secrets_come_from_the_vault() -> None:
    assert names_in(TEXT) <= NAMES
    assert not SECRETS & environment().keys()
    assert set(re.findall(r"setting: '(\w+)'", CODE)) <= SECRETS


def test_its_settings_load_and_stop_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = environment()
    assert f"mountPath: '{told[SECRETS_DIR]}'" in CODE
    folder, _, file = told.pop(CONFIG_FILE).rpartition("/")
    assert f"mountPath: '{folder}'" in CODE
    assert f"path: '{file}'" in CODE
    assert f"mountPath: '{told['EVTMGMT_STATE__PATH']}'" in CODE
    (tmp_path / "EVTMGMT_REALTIME__TOKEN").write_text("the token", encoding="utf-8")
    settings = settings_of(told | {SECRETS_DIR: str(tmp_path)}, tmp_path, monkeypatch)
    assert number("terminationGracePeriodSeconds") >= longest_stop(settings) + 10
    assert settings.portal.trusted_proxies == ("1",)


def test_all_replicas_together_stay_below_what_dynamics_allows() -> None:
    budget = PARAMETERS["budget"]
    assert budget.endswith("/min")
    in_five_minutes = int(budget.removesuffix("/min")) * 5 + int(PARAMETERS["budgetBurst"])
    assert in_five_minutes * int(PARAMETERS["maxReplicas"]) < 6000


def test_the_probes_ask_what_they_are_for() -> None:
    probes = re.findall(r"type: '(\w+)'\s+httpGet: \{ path: '([^']+)', port: (\d+) \}", CODE)
    assert probes == [("Startup", "/livez", "8080"), ("Liveness", "/livez", "8080"), ("Readiness", "/readyz", "8080")]
    assert f"targetPort: {probes[0][2]}\n" in CODE
    # The platform takes 1 to 10.
    assert all(1 <= int(times) <= 10 for times in re.findall(r"failureThreshold: (\d+)", CODE))


def test_a_revision_serves_all_or_nobody() -> None:
    assert set(re.findall(r"\bweight: (\d+)", CODE)) == {"100", "0"}
    assert "corsPolicy" not in CODE


def test_brackets_are_closed() -> None:
    plain = re.sub(r"'(?:\\.|[^'\\])*'", "''", CODE)
    open_ones: list[str] = []
    for character in plain:
        if character in "([{":
            open_ones.append(character)
        elif character in ")]}":
            assert open_ones, "closed, but never opened"
            assert open_ones.pop() + character in ("()", "[]", "{}")
    assert open_ones == []
