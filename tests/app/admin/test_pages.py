"""Tests of app/admin/pages.py, and that a wheel holds what pages are made of."""

import re
import subprocess
import sys
import tomllib
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
from jinja2 import UndefinedError

from app.admin.pages import POLICY, Pages

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "app" / "admin"
FILES = sorted(path for folder in ("templates", "static") for path in (PACKAGE / folder).iterdir())


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages()


def test_what_is_put_in_is_text(pages: Pages) -> None:
    page = pages.render("error.html", {"title": "<script>alert(1)</script>", "detail": "\"'><img onerror=x>"})
    assert "<script>alert" not in page
    assert "<img onerror" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_what_is_missing_is_a_defect_not_a_blank(pages: Pages) -> None:
    with pytest.raises(UndefinedError):
        pages.render("error.html", {"title": "x"})


def test_files_are_called_by_their_content(pages: Pages) -> None:
    page = pages.render("error.html", {"title": "x", "detail": "y"})
    names = re.findall(r"/console/static/([\w.-]+)", page)
    assert len(set(names)) == 3
    for name in names:
        asset = pages.asset(name)
        assert asset is not None
        assert asset.name.split(".")[1] == sha256(asset.content).hexdigest()[:12]
    assert pages.asset("console.css") is None
    assert pages.asset("../pages.py") is None


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".html"], ids=lambda path: path.name)
def test_templates_do_without_what_the_policy_forbids(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:|\|\s*safe|https?://", text)
    assert not re.search(r"<script(?![^>]*src=)", text)


def test_nothing_from_elsewhere_is_used() -> None:
    assert "unsafe" not in POLICY
    for path in FILES:
        found = set(re.findall(r"https?://[^\s\"')]+", path.read_text("utf-8")))
        assert found <= {"http://www.w3.org/2000/svg"}
    assert "innerHTML" not in (PACKAGE / "static" / "console.js").read_text("utf-8")
    assert "@import" not in (PACKAGE / "static" / "console.css").read_text("utf-8")


def test_a_wheel_holds_all_files(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "app" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(ZipFile(wheel).namelist())
    assert {str(path.relative_to(ROOT)) for path in FILES} <= held
