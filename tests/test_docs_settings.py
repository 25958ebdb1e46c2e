"""Tests that docs/settings.md and docs/metrics.md say what the code has, and that no page names a setting that is none."""

import os
import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
from prometheus_client import Metric

from app.budget import BudgetSpentError, Need
from app.caching.served import Outcome
from app.cli.commands import cli
from app.metrics import UNMATCHED, Metrics
from app.settings import Settings
from app.settings_sources import ENVIRONMENT_ONLY, PREFIX, known_names, load_settings
from app.upstream import Trouble

ROOT = Path(__file__).parent.parent
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
METRICS = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
KNOWN = dict(known_names(Settings))
REFUSED = {
    "need": [need.name.lower() for need in Need if need is not Need.REGISTRATION],
    "reason": list(get_args(get_type_hints(BudgetSpentError)["reason"])),
}
ROW = re.compile(r"^\| `(EVTMGMT_\w+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


def shown(value: object) -> str:
    """How a default is written."""
    if value in (None, (), {}):
        return "none"
    if isinstance(value, tuple):
        return f"`{', '.join(value)}`"  # as in the environment
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"  # as in TOML
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def test_every_setting_stands_in_a_table_with_its_default_and_in_order() -> None:
    rows = [(name, default) for name, default, _ in ROW.findall(SETTINGS) if name not in ENVIRONMENT_ONLY]
    assert rows == [(name, "required" if field.is_required() else shown(field.default)) for name, field in KNOWN.items()]


def test_each_group_has_its_own_table() -> None:
    for section in re.split(r"^## ", SETTINGS, flags=re.MULTILINE):
        groups = {name.partition("__")[0] for name, _, _ in ROW.findall(section) if name not in ENVIRONMENT_ONLY}
        assert len(groups) <= 1
    assert len({name for name, _, _ in ROW.findall(SETTINGS)}) == len(ROW.findall(SETTINGS))


def test_every_choice_of_a_setting_is_named() -> None:
    meanings = {name: meaning for name, _, meaning in ROW.findall(SETTINGS)}
    for name, field in KNOWN.items():
        for choice in getattr(field.annotation, "__args__", ()):
            if isinstance(choice, str):
                assert f"`{choice}`" in meanings[name]


def test_every_secret_is_called_one() -> None:
    for name, _, meaning in ROW.findall(SETTINGS):
        secret = name in KNOWN and "SecretStr" in str(KNOWN[name].annotation)
        assert meaning.endswith(" Secret.") is secret, name


def test_the_variables_of_the_command_line_stand_there_with_their_defaults() -> None:
    rows = {name: default for name, default, _ in ROW.findall(SETTINGS) if name in ENVIRONMENT_ONLY}
    program = typer.main.get_command(cli)
    options = {
        option.envvar: shown(option.default)
        for command in program.commands.values()  # type: ignore[attr-defined]
        for option in command.params
        if option.envvar
    }
    assert rows == options | {
        "EVTMGMT_CONFIG_FILE": "none",
        "EVTMGMT_KEYVAULT_URL": "none",
        "EVTMGMT_SECRETS_DIR": "`/run/secrets`",
    }
    assert rows.keys() == ENVIRONMENT_ONLY


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_setting_that_is_none(page: Path) -> None:
    names = {*KNOWN, *ENVIRONMENT_ONLY}
    typo = "EVTMGMT_REALTIME__TOKN"  # the example of a slip
    for name in re.findall(rf"{PREFIX}\w*", page.read_text(encoding="utf-8")):
        known = name in names or (name.endswith("_") and any(other.startswith(name) for other in names))
        assert known or (page.name == "settings.md" and name == typo), name


def test_the_examples_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    examples = dict(re.findall(r"```(\w+)\n(.*?)```", SETTINGS, re.DOTALL))
    (tmp_path / ".env").write_text(examples["dotenv"], encoding="utf-8")
    (tmp_path / "settings.toml").write_text(examples["toml"], encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVTMGMT_CONFIG_FILE", "settings.toml")
    monkeypatch.setenv("EVTMGMT_SECRETS_DIR", "secrets")
    settings = load_settings()
    assert settings.realtime.token.get_secret_value() == "the token, as Dynamics shows it"
    assert settings.origins == {"https://portal.example.com", "https://events.example.com"}
    assert settings.aliases.events["Münchner Tage"] == "Muenchner_Tage"
    lifetimes = settings.cache.lifetimes()
    assert lifetimes["list_passes"].fresh == 2
    assert lifetimes["list_speakers"].fresh == 300
    assert "get_event_qrcode" not in lifetimes
    assert sorted(settings.messages) == ["de", "it"]
    exports = re.findall(r"^export (\w+)='?(.*?)'?$", SETTINGS, re.MULTILINE)
    assert len(exports) == 3
    for name, value in exports:
        monkeypatch.setenv(name, value)
        load_settings()


def exposed(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)\n", METRICS, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def labels() -> dict[str, tuple[str, ...]]:
    """The labels of each metric by its exposed name."""
    metrics = Metrics()
    found = {}
    for attribute in vars(metrics).values():
        for metric in attribute.collect() if hasattr(attribute, "_labelnames") else ():
            found[exposed(metric)] = tuple(attribute._labelnames)
    assert found.keys() == {exposed(metric) for metric in metrics.registry.collect()}
    return found


def test_every_metric_has_its_section_and_no_other_has() -> None:
    assert list(sections()) == [exposed(metric) for metric in Metrics().registry.collect()]


@pytest.mark.parametrize("metric", list(Metrics().registry.collect()), ids=exposed)
def test_a_section_says_kind_labels_what_to_watch_and_a_query(metric: Metric) -> None:
    section = sections()[exposed(metric)]
    assert section.strip().startswith(metric.type.capitalize())
    assert tuple(re.findall(r"^- \*\*`(\w+)`\*\*: ", section, re.MULTILINE)) == labels()[exposed(metric)]
    assert "*Watch*" in section
    (query,) = re.findall(r"```promql\n(.*?)```", section, re.DOTALL)
    assert exposed(metric) in query
    if metric.type == "histogram":
        assert all(f"`{metric.name}_{part}`" in section for part in ("bucket", "sum", "count"))


def test_no_page_names_a_metric_that_is_none() -> None:
    parts = {f"{name}_{part}" for name in labels() for part in ("bucket", "sum", "count")}
    for page in PAGES:
        for name in re.findall(r"\bevtmgmt_\w+", page.read_text(encoding="utf-8")):
            assert name in labels() or name in parts, (page.name, name)


def test_the_values_of_labels_are_all_named() -> None:
    found = sections()
    assert all(f"`{trouble}`" in found["evtmgmt_upstream_requests_total"] for trouble in Trouble)
    repairs = {
        name
        for path in (ROOT / "translation").glob("*.py")
        for name in re.findall(r"done\[\"(\w+)\"\]", path.read_text(encoding="utf-8"))
    }
    assert repairs
    assert set(re.findall(r"`(event_\w+)`", found["evtmgmt_repairs_total"])) == repairs
    assert f'operation="{UNMATCHED}"' in METRICS
    refused = re.findall(r"^- \*\*`(\w+)`\*\*: (.*)$", found["evtmgmt_budget_refused_total"], re.MULTILINE)
    assert {label: re.findall(r"`(\w+)`", values) for label, values in refused} == REFUSED
    (outcomes,) = re.findall(r"^- \*\*`outcome`\*\*: (.*?) The same", found["evtmgmt_cache_total"], re.MULTILINE)
    assert re.findall(r"`(\w+)`", outcomes) == [outcome.value for outcome in Outcome]
