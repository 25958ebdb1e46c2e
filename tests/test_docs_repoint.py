"""Tests that docs/repoint.md names all that the command can say, and nothing else."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from app.cli.repointing import DONE, LEFT, UNUSABLE
from app.repointing.notices import Notice
from app.repointing.places import Place
from app.repointing.report import Report
from app.repointing.tree import BACKUP_SUFFIX, MOST_BYTES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "repoint.md").read_text(encoding="utf-8")
DOCUMENT = Report(path="", to="", files=0, looked_into=0, places=(), changed=(), notices=(), backup="", written=False).document()


def rows(heading: str) -> dict[str, str]:
    """The first cell without its marks, and the second, of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `?(\w+)`? \| (.*) \|$", section, re.MULTILINE))


def test_every_key_is_told_in_its_order() -> None:
    assert [key for key in rows("The JSON document") if key != "key"] == list(DOCUMENT)


@pytest.mark.parametrize(("key", "kind"), [("places", Place), ("notices", Notice)])
def test_every_inner_key_is_told(key: str, kind: type) -> None:
    told = re.findall(r"`(\w+)`", rows("The JSON document")[key])
    names = [field.name for field in fields(kind)]
    assert [name for name in told if name in names] == names


def test_every_notice_is_told_and_no_other() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app" / "repointing").glob("*.py"))
    given = set(re.findall(r"Notice\(\s*\"(\w+)\"", sources))
    assert given
    assert set(rows("Notices")) - {"name"} == given


def test_statuses_and_bounds() -> None:
    assert [key for key in rows("Exit status") if key != "status"] == [str(status) for status in (DONE, LEFT, UNUSABLE)]
    assert f"`<portal>{BACKUP_SUFFIX}`" in PAGE
    assert f"Larger than {MOST_BYTES >> 20} MiB" in rows("Notices")["too_large"]
