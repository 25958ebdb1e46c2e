"""translation/grammar.py: what is an id, and how it stands in a path."""

import re
from unicodedata import category
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation.grammar import MAX_EVENT_ID_LENGTH, is_event_id, is_guid, quote_segment

GUID = "7f3b9a52-0C1d-4e8f-9A6b-2d5c8e1f0a34"

EVENT_IDS = [
    "Contoso_Ltd_Conference",
    "a",
    "x" * 200,
    "日" * 200,
    "名古屋サミット2027",
    "مؤتمر_الرياض",
    "Ärger & Söhne (Köln)",
    "two words",
    "a+b",
    'it\'s "quoted"',
    "👩‍👩‍👧_😀",
    "...",
    ".hidden",
    "~tilde",
    "-dash",
    "=1+1",
    "ann@home",
    "a:b,c!d$e*f|g^h`i{j}k[l]<m>",
    " ",
]


@pytest.mark.parametrize("text", EVENT_IDS)
def test_an_event_id_is_free_text_on_one_line(text: str) -> None:
    assert is_event_id(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 201, id="201 plain characters"),
        pytest.param("日" * 201, id="201 other characters"),
        pytest.param(".", id="dot"),
        pytest.param("..", id="two dots"),
        pytest.param("a/b", id="slash"),
        pytest.param("a\\b", id="backslash"),
        pytest.param("a?b", id="question mark"),
        pytest.param("a#b", id="hash"),
        pytest.param("a%2fb", id="percent"),
        pytest.param("a;b", id="semicolon"),
        pytest.param("a\x00b", id="NUL"),
        pytest.param("abc\n", id="line feed at the end"),
        pytest.param("abc\r\nX: y", id="CR LF"),
        pytest.param("a\x7f", id="DEL"),
        pytest.param("a\x85", id="C1"),
        pytest.param("a\u2028b", id="line separator"),
        pytest.param("a\u2029b", id="paragraph separator"),
        pytest.param("a\ud800", id="lone surrogate"),
    ],
)
def test_what_is_no_event_id(text: str) -> None:
    assert not is_event_id(text)


@given(st.text(alphabet=st.characters(), max_size=MAX_EVENT_ID_LENGTH + 5))
def test_the_short_cut_for_plain_ids_decides_as_the_rule_does(text: str) -> None:
    expected = (
        1 <= len(text) <= MAX_EVENT_ID_LENGTH
        and text not in (".", "..")
        and not set(text) & set("/\\?#%;")
        and not any(category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)
    )
    assert is_event_id(text) is expected


@given(st.text(alphabet="aZ0_.-", max_size=4))
def test_the_short_cut_refuses_dot_segments_only(text: str) -> None:
    assert is_event_id(text) is (text not in ("", ".", ".."))


@pytest.mark.parametrize("text", [GUID, GUID.lower(), GUID.upper(), "00000000-0000-0000-0000-000000000000"])
def test_a_guid_in_any_letter_case(text: str) -> None:
    assert is_guid(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(f"{{{GUID}}}", id="braces"),
        pytest.param(GUID.replace("-", ""), id="no hyphens"),
        pytest.param(GUID[:-1], id="one digit short"),
        pytest.param(GUID + "0", id="one digit more"),
        pytest.param(GUID + "\n", id="line feed at the end"),
        pytest.param(" " + GUID, id="blank in front"),
        pytest.param("g" + GUID[1:], id="no hexadecimal digit"),
        pytest.param("٧" + GUID[1:], id="arabic digit"),
        pytest.param("７" + GUID[1:], id="full-width digit"),
        pytest.param(GUID + "/..", id="with a path"),
    ],
)
def test_what_is_no_guid(text: str) -> None:
    assert not is_guid(text)


@given(st.uuids())
def test_every_uuid_is_a_guid(value: object) -> None:
    assert is_guid(str(value))


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        ("Contoso_Ltd-2.0~x", "Contoso_Ltd-2.0~x"),
        ("a b+c", "a%20b%2Bc"),
        ("a/b", "a%2Fb"),
        ("é", "%C3%A9"),
        ("😀", "%F0%9F%98%80"),
        ("'()*!&=@:,", "%27%28%29%2A%21%26%3D%40%3A%2C"),
    ],
)
def test_a_segment_keeps_only_unreserved_characters(text: str, segment: str) -> None:
    assert quote_segment(text) == segment


@given(st.text().filter(is_event_id))
def test_a_quoted_event_id_is_one_safe_segment_and_comes_back(text: str) -> None:
    segment = quote_segment(text)
    assert re.fullmatch(r"(?:[A-Za-z0-9_.~\-]|%[0-9A-F]{2})+", segment)
    assert segment not in (".", "..")
    assert unquote(segment, errors="strict") == text
