"""The closed list of what spans may hold, and the page that describes it."""

import re
from pathlib import Path

from app.telemetry import vocabulary
from app.telemetry.vocabulary import ATTRIBUTES, EVENTS

ROOT = Path(__file__).parent.parent.parent.parent
PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
SOURCES = [path.read_text(encoding="utf-8") for room in ("app", "routes") for path in (ROOT / room).rglob("*.py")]
KEYWORD = re.compile(r"(\w+)=")


def described(title: str) -> set[str]:
    """The words that stand as code in the first column of the table under a title."""
    (table,) = re.findall(rf"^\| {title} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return {word for row in table.splitlines() for word in re.findall(r"`([^`]+)`", row.split("|")[1])}


def test_the_page_describes_all_attributes_and_events_and_no_other() -> None:
    assert described("attribute") == ATTRIBUTES
    assert described("event") == EVENTS


def test_the_page_names_the_spans() -> None:
    spans = described("span")
    made = {name for text in SOURCES for name in re.findall(r'(?:inner|begin)\("([a-z ]+)"', text)}
    assert made == {"shadow", "outbox store", "outbox deliver"}
    assert made <= spans


def test_what_is_told_is_in_the_list() -> None:
    words = {
        name for text in SOURCES for call in re.findall(r"\b(?:note|tell)\(([^)]*)\)", text) for name in KEYWORD.findall(call)
    }
    assert {"organisation", "reason", "outcome"} <= words
    assert {f"evtmgmt.{word}" for word in words} <= ATTRIBUTES
    literal = {name for text in SOURCES for name in re.findall(r'"(evtmgmt\.[a-z]+)": ', text)}
    assert {"evtmgmt.backend", "evtmgmt.organisation", "evtmgmt.portal"} <= literal <= ATTRIBUTES


def test_each_name_of_an_event_is_a_constant_of_it() -> None:
    constants = {value for name, value in vars(vocabulary).items() if name.isupper() and isinstance(value, str)}
    assert constants - ATTRIBUTES == EVENTS
