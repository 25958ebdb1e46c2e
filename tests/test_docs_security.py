"""Tests that docs/security.md claims nothing without a test that exists, and that it is whole."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.settings import Settings
from app.settings_sources import ENVIRONMENT_ONLY, known_names

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
POLICY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
CITED = sorted(set(re.findall(r"`((?:app|routes|translation|sandbox|tests|requirements)/[\w./-]+)(?:::(\w+))?`", PAGE + POLICY)))
OWASP = (
    "API1 Broken object level authorization",
    "API2 Broken authentication",
    "API3 Broken object property level authorization",
    "API4 Unrestricted resource consumption",
    "API5 Broken function level authorization",
    "API6 Unrestricted access to sensitive business flows",
    "API7 Server side request forgery",
    "API8 Security misconfiguration",
    "API9 Improper inventory management",
    "API10 Unsafe consumption of APIs",
)


@pytest.mark.parametrize(("path", "test"), CITED, ids=["::".join(filter(None, cited)) for cited in CITED])
def test_what_is_cited_exists(path: str, test: str) -> None:
    assert (ROOT / path).exists()
    if test:
        assert re.search(rf"^(?:async )?def {test}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_test_that_is_named_is_named_with_its_file() -> None:
    assert len(CITED) > 80
    assert set(re.findall(r"\btest_\w+", PAGE)) <= {test for _, test in CITED} | {Path(path).stem for path, _ in CITED}


def test_each_point_of_the_list_is_there_has_proofs_and_says_what_is_left() -> None:
    parts = re.split(r"^### (.+)\n", PAGE.split("\n## Along the flows")[0], flags=re.MULTILINE)
    assert tuple(parts[1::2]) == OWASP
    for text in parts[2::2]:
        assert "`tests/" in text
        assert re.search(r"^Left: \S", text, re.MULTILINE)


def test_settings_and_commands_that_are_named_exist() -> None:
    assert set(re.findall(r"EVTMGMT_\w+", PAGE + POLICY)) <= set(dict(known_names(Settings))) | ENVIRONMENT_ONLY
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z]+)", PAGE + POLICY):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_links_of_the_policy_lead_somewhere() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", POLICY):
        assert (ROOT / path).exists()


def test_the_picture_is_small_described_and_needs_nothing() -> None:
    file = ROOT / "docs" / "images" / "trust.svg"
    assert file.stat().st_size < 30_000
    picture = ElementTree.parse(file).getroot()
    assert picture.get("aria-label")
    tags = {element.tag.rpartition("}")[2] for element in picture.iter()}
    assert not tags & {"script", "image", "foreignObject", "use", "a"}
