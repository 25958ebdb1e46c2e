"""Tests that docs/check.md names all that the check can say, and nothing else."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from app.checkup.material import Material
from app.checkup.problems import PROBLEMS
from app.checkup.readings import readings
from app.checkup.report import Line, Reading, Report, Smell, Verdict
from app.checkup.smells import SMELLS
from app.settings import Answers

PAGE = (Path(__file__).parent.parent / "docs" / "check.md").read_text(encoding="utf-8")
READINGS = [reading.name for reading in readings(Material({}, Answers()))]
KEYS = list(Report(endpoint="", event=None, settings=(), operations=(), readings=()).document())


def rows(heading: str) -> dict[str, str]:
    """The first cell without its marks, and the second, of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Problems", list(PROBLEMS)),
        ("Readings", READINGS),
        ("Settings that look like mistakes", list(SMELLS)),
        ("Verdicts", [verdict.value for verdict in Verdict]),
        ("The JSON document", KEYS),
    ],
)
def test_every_name_is_told_in_its_order(heading: str, names: list[str]) -> None:
    assert list(rows(heading)) == names


@pytest.mark.parametrize(("key", "kind"), [("operations", Line), ("readings", Reading), ("settings", Smell)])
def test_every_inner_key_is_told(key: str, kind: type) -> None:
    told = re.findall(r"`(\w+)`", rows("The JSON document")[key])
    assert [name for name in told if name in {field.name for field in fields(kind)}] == [field.name for field in fields(kind)]


@pytest.mark.parametrize("code", PROBLEMS)
def test_settings_in_an_advice_are_on_the_page(code: str) -> None:
    advised = re.findall(r"EVTMGMT_\w+", PROBLEMS[code].advice)
    assert [name for name in advised if f"`{name}`" not in rows("Problems")[code]] == []
