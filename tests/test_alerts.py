"""Tests that the alert rules ask for what exists, fire when they should, and have a section in the runbook."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.promql import groupings, selectors
from tests.real_series import OUTER, mistakes, real_series
from tests.test_docs_links import anchors

ROOT = Path(__file__).parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
RULES: list[dict[str, Any]] = [
    rule for path in FILES for group in yaml.safe_load(path.read_text("utf-8"))["groups"] for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
RUNBOOK = ROOT / "docs" / "runbook.md"


def recorded() -> dict[str, set[str]]:
    """Series of the recording rules, with their labels."""
    found: dict[str, set[str]] = {}
    for rule in (rule for rule in RULES if "record" in rule):
        by = [set(grouping.labels) for grouping in groupings(rule["expr"]) if grouping.word == "by"]
        inner = [{*real_series(), *found} & {selector.series} for selector in selectors(rule["expr"])]
        own = {label for names in inner for name in names for label in (*found.get(name, ()), *real_series().get(name, ()))}
        found[rule["record"]] = (set.union(*by) - {"le"}) if by else own | OUTER
    return found


def promtool(*words: str | Path) -> None:
    program = shutil.which("promtool")
    assert program is not None, "promtool is not installed: run `make promtool`"
    run = subprocess.run([program, *words], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_series_labels_and_values_that_exist(rule: dict[str, Any]) -> None:
    assert list(selectors(rule["expr"])) != []
    assert mistakes(rule["expr"], recorded()) == []


@pytest.mark.parametrize(
    ("expression", "mistake"),
    [
        ("rate(evtmgmt_request_total[5m])", "no series evtmgmt_request_total"),
        ('evtmgmt_ready{lane="reads"} == 0', "evtmgmt_ready has no label lane"),
        ('rate(evtmgmt_shed_total{what="read"}[5m])', "evtmgmt_shed_total has no what=read"),
        ('rate(evtmgmt_errors_total{code=~"InternalError|Intern"}[5m])', "evtmgmt_errors_total has no code=Intern"),
        ("sum by (job, lane) (evtmgmt_ready)", "no label lane in evtmgmt_ready"),
        ("evtmgmt_ready * on (lane) evtmgmt_latched", "no label lane in evtmgmt_ready * on (lane) evtmgmt_latched"),
    ],
)
def test_a_wrong_name_is_found(expression: str, mistake: str) -> None:
    assert mistakes(expression) == [mistake]


@pytest.mark.parametrize("page", ["metrics", "caching", "runbook"])
def test_the_queries_of_the_documentation_ask_for_what_exists(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    for query in re.findall(r"^```promql\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        assert mistakes(query) == []


def test_promtool_accepts_rules_and_configuration() -> None:
    promtool("check", "rules", *FILES)
    promtool("check", "config", "prometheus.yml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_alert_fires_when_it_should_and_not_else(path: Path) -> None:
    if path.stem != "recording":
        promtool("test", "rules", f"tests/{path.name}")


def test_each_alert_has_a_case_in_which_it_fires() -> None:
    fires = {
        check["alertname"]
        for path in (PROMETHEUS / "tests").glob("*.yml")
        for case in yaml.safe_load(path.read_text("utf-8"))["tests"]
        for check in case["alert_rule_test"]
        if check["exp_alerts"]
    }
    assert fires == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_its_section_of_the_runbook(rule: dict[str, Any]) -> None:
    path, anchor = rule["annotations"]["runbook_url"].split("#")
    assert ROOT / path == RUNBOOK
    assert anchor == rule["alert"].lower()
    assert anchor in anchors(RUNBOOK)
    assert rule["annotations"]["summary"].endswith(".")


def test_each_section_of_the_runbook_is_of_an_alert_and_says_what_to_do() -> None:
    parts = re.split(r"^## (\w+)\n", RUNBOOK.read_text("utf-8"), flags=re.MULTILINE)
    severity = {rule["alert"]: rule["labels"]["severity"] for rule in ALERTS}
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert sections.keys() == severity.keys()
    for alert, section in sections.items():
        assert section.strip().startswith({"critical": "Critical. ", "warning": "Warning. "}[severity[alert]])
        assert section.index("- **Look.** ") < section.index("- **Do.** ")


def test_the_job_has_the_name_that_the_rules_ask_for() -> None:
    configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    (job,) = configuration["scrape_configs"]
    asked = {value for rule in RULES for one in selectors(rule["expr"]) for label, _, value in one.matchers if label == "job"}
    assert asked == {job["job_name"]}
