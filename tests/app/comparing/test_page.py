"""The page: nothing fetched, nothing run, everything escaped, whole."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

from app.comparing.page import page
from app.comparing.reader import Failure, Side
from app.comparing.report import EventLine, Lonely
from tests.app.comparing.test_report import CLEAN, REPORT, parity
from translation.comparison import Comparison, Difference, Verdict
from translation.parity import Parity

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Collects tags with their attributes and the text, and checks that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_it_says() -> None:
    text = Reader(page(REPORT.document(CLEAN))).text
    for words in (
        REPORT.summary,
        "list_sessions",
        "[].name",
        "E / 1",
        "old",
        "new",
        "1 differ, 999 equal",
        "99.9 %",
        "E_2031",
        "Gone by",
        "New has the same name: an alias would join them.",
        "UpstreamTimeout",
        "*.image",
        "Event.eventId",
    ):
        assert words in text


def test_it_fetches_and_runs_nothing() -> None:
    text = page(REPORT.document(CLEAN))
    found = Reader(text)
    active = {"a", "audio", "base", "embed", "form", "iframe", "img", "link", "object", "script", "svg", "video"}
    assert not active & {tag for tag, _ in found.tags}
    names = {name for _, attributes in found.tags for name in attributes}
    assert names <= {"lang", "charset", "http-equiv", "content", "name", "class", "scope", "data-name"}
    assert "url(" not in text
    assert "@import" not in text


def test_the_policy_lets_only_its_own_style_in() -> None:
    text = page(REPORT.document(CLEAN))
    policy = next(tag["content"] for _, tag in Reader(text).tags if tag.get("http-equiv") == "Content-Security-Policy")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    expected = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{expected}'"
    assert "style=" not in text


def test_everything_is_escaped() -> None:
    report = replace(
        REPORT,
        outbound=HOSTILE,
        realtime=HOSTILE,
        event=HOSTILE,
        ignored=(HOSTILE,),
        events=(EventLine(HOSTILE, HOSTILE, 2, 1),),
        only_outbound=(Lonely(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        only_realtime=(Lonely(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        failures=(Failure(Side.REALTIME, HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        parity=Parity(),
    )
    difference = Difference(HOSTILE, Verdict.DIFFERS, HOSTILE, HOSTILE, HOSTILE)
    report.parity.add(Comparison(HOSTILE, {HOSTILE: {Verdict.DIFFERS: 1}}, [difference]), 1)
    found = Reader(page(report.document(CLEAN)))
    assert not {"script", "img"} & {tag for tag, _ in found.tags}
    assert found.text.count("<script>alert(1)</script>") >= 20


def test_personal_and_missing_values() -> None:
    report = replace(REPORT, parity=Parity())
    differences = [
        Difference("building.telephone1", Verdict.DIFFERS, "A", None, None, personal=True),
        Difference("building.telephone1", Verdict.MISSING_RIGHT, "B", None, None, personal=True),
    ]
    report.parity.add(Comparison("get_event", {"building.telephone1": {Verdict.DIFFERS: 2}}, differences), 1)
    text = Reader(page(report.document(CLEAN))).text
    assert text.count("personal, not shown") == 3
    assert text.count("missing") == 1


def test_a_report_without_findings() -> None:
    empty = replace(REPORT, events=(), only_outbound=(), failures=(), ignored=(), parity=parity(differs=0))
    text = Reader(page(empty.document(CLEAN))).text
    assert "Nothing beyond noise." in text
    assert text.count("None.") == 4
    assert "Nothing was compared." in Reader(page(replace(empty, parity=Parity()).document(CLEAN))).text
