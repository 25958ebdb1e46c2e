"""Tests of translation/calendar_content.py; tests/translation/test_calendar.py has those through the whole file."""

import pytest

from translation.calendar_content import clean, fill, plain_text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Dear {{firstname}}", "Dear Ann &amp; Bo"),
        ("<p>Dear {{ FirstName }}</p>", "<p>Dear Ann &amp; Bo</p>"),
        ("<p>{{unknown}}</p>", "<p></p>"),
        ("one\ntwo", "one<br>two"),
        ("1 < 2", "1 &lt; 2"),
        ('<a href="{{script}}">x</a>', '<a href="javascript&#37;3Aalert&#40;1&#41;">x</a>'),
    ],
)
def test_fill(content: str, expected: str) -> None:
    assert fill(content, {"firstname": "Ann & Bo", "script": "javascript:alert(1)"}) == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("a<br>b &amp; c", "a\nb & c"),
        ("<style>p{}</style><script>x()</script>seen", "seen"),
        ('<a href="https://portal.invalid/x">here</a>', "here (https://portal.invalid/x)"),
        ('<a href="javascript:x()">here</a>', "here"),
        ("<" * 50_000, "<" * 50_000),
    ],
)
def test_plain_text(markup: str, expected: str) -> None:
    assert plain_text(markup) == expected


def test_clean() -> None:
    assert clean("a\r\nb\rc\u2028d\x00\x07e\tf\ud800") == "a\nb\nc\nde\tf"
