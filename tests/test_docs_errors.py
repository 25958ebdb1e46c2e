"""Tests that docs/errors.md says of every error what the code does."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from translation.errors import ERRORS, UPSTREAM_TIMEOUT, ErrorKind, ProxyError, error_body
from translation.messages import Messages

PAGE = (Path(__file__).parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")
INTRODUCTION = ("The body", "The headers", "The visitor's sentence", "All codes")
EVERY_KIND = pytest.mark.parametrize("kind", ERRORS.values(), ids=list(ERRORS))


def sections() -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)\n", PAGE, flags=re.MULTILINE)
    headings, texts = parts[1::2], parts[2::2]
    assert len(set(headings)) == len(headings)
    return dict(zip(headings, texts, strict=True))


def test_every_code_has_its_section_and_no_other_has() -> None:
    assert list(sections()) == [*INTRODUCTION, *ERRORS]


@EVERY_KIND
def test_a_section_says_status_fault_sentence_and_what_to_do(kind: ErrorKind) -> None:
    section = sections()[kind.code]
    _, sentence = Messages().sentence(ProxyError(kind), "en")
    summary = section.strip().splitlines()[0]
    assert re.findall(r"\*\*(\d+)\*\*", summary) == [str(kind.status)]
    assert summary.endswith(f"fault: {kind.blame.value}.")
    assert re.findall(r"^> (.*)$", section, re.MULTILINE) == [sentence]
    assert section.index("**What happened.**") < section.index("**The visitor sees**")
    assert section.index("**The visitor sees**") < section.index("**At three in the morning.**")


@EVERY_KIND
def test_a_section_names_every_setting_that_the_operator_is_told(kind: ErrorKind) -> None:
    for setting in re.findall(r"EVTMGMT_\w+", kind.operator):
        assert f"`{setting}`" in sections()[kind.code]


def test_the_table_has_a_row_for_every_code() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \| (\d+) \| (\w+) \|$", PAGE, re.MULTILINE)
    assert rows == [(kind.code, kind.code.lower(), str(kind.status), kind.blame.value) for kind in ERRORS.values()]


def test_links_lead_to_sections() -> None:
    for anchor in re.findall(r"\]\(#([^)]*)\)", PAGE):
        assert anchor in {code.lower() for code in ERRORS}


def test_the_example_is_what_the_proxy_answers() -> None:
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    shown = json.loads(example[1])
    error = ProxyError(UPSTREAM_TIMEOUT)
    body = error_body(error, Messages().sentence(error, None)[1], shown["correlationId"])
    assert shown == body
    assert list(shown) == list(body)


def test_the_overrides_shown_are_taken() -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    overrides = tomllib.loads(example[1])["messages"]
    messages = Messages(overrides)
    for tag, table in overrides.items():
        for code in table:
            assert messages.sentence(ProxyError(ERRORS[code]), tag)[0] == tag
