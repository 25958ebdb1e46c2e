"""The documentation's site, as far as it can be judged without the packages that build it (`make site` does the rest)."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CONFIG = (ROOT / "mkdocs.yml").read_text("utf-8")


def _hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hook", ROOT / "docs" / "site" / "hook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOK = _hook()


def test_the_readme_names_every_page_once_and_in_four_sections() -> None:
    sections = HOOK.sections(README)
    assert list(sections) == ["Moving", "Running", "When something is wrong", "Inside"]
    named = [file for files in sections.values() for _, file in files]
    assert sorted(file for file in named if file.startswith("docs/")) == sorted(
        f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")
    )
    assert [file for file in named if not (ROOT / file).is_file()] == []


def test_no_two_files_have_one_place() -> None:
    sections = HOOK.sections(README)
    places = [HOOK.place(file).lower() for file in ["README.md", *(file for files in sections.values() for _, file in files)]]
    assert len(set(places)) == len(places)


def test_nothing_is_fetched_from_elsewhere() -> None:
    css = (ROOT / "docs" / "site" / "site.css").read_text("utf-8")
    assert re.findall(r"https?:|//\w", CONFIG + css) == []
    assert re.search(r"^  font: false$", CONFIG, re.MULTILINE)
    assert re.findall(r"^plugins: .*$", CONFIG, re.MULTILINE) == ["plugins: [search]"]


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("README.md", "[a](docs/cutover.md#state)", "[a](cutover.md#state)"),
        ("docs/metrics.md", "[a](../README.md)", "[a](index.md)"),
        ("docs/metrics.md", "[a](../benchmarks/RESULTS.md)", "[a](project/benchmarks/RESULTS.md)"),
        ("CHANGELOG.md", "![a](docs/images/way.svg)", "![a](../images/way.svg)"),
        ("docs/metrics.md", "[a](../deploy/)", "a"),
        ("docs/metrics.md", "[a](#b) [c](https://example.com/) `[d](../README.md)`", None),
        ("docs/metrics.md", "```md\n[d](../README.md)\n```\n", None),
    ],
)
def test_links_lead_to_where_files_lie_in_the_site(page: str, link: str, led: str | None) -> None:
    assert HOOK.relinked(page, link) == (link if led is None else led)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Words:\n- one\n  more\n- two\n", "Words:\n\n- one\n    more\n- two\n"),
        ("1. one\n\n   ```sh\n     deep\n   ```\n2. two\n", "1. one\n\n    ```sh\n      deep\n    ```\n\n2. two\n"),
        ("- one\n  - inner\n    more\n- two\n", "- one\n    - inner\n        more\n- two\n"),
        ("1. one\n\n- other\n", "1. one\n\n\n<!-- another list -->\n\n- other\n"),
        ("```md\n- one\n  - two\n```\n", "```md\n- one\n  - two\n```\n"),
    ],
)
def test_lists_are_indented_as_the_site_reads_them(written: str, read: str) -> None:
    assert HOOK.indented(written) == read
