"""translation/sentences.py: what of an upstream's words a visitor may read."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.strategies import JSON, encoded
from translation.sentences import MAX_SENTENCE, clean, sentence_of


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        pytest.param(b'{"Message":"The event is full."}', "The event is full.", id="Message"),
        pytest.param(b'{"message":"The event is full."}', "The event is full.", id="message"),
        pytest.param(b'{" MESSAGE ":"The event is full."}', "The event is full.", id="letter case and blanks"),
        pytest.param(b'{"errorMessage":"Full."}', "Full.", id="errorMessage"),
        pytest.param(b'{"title":"Bad","detail":"Full."}', "Full.", id="detail before title"),
        pytest.param(b'{"type":"about:blank","title":"Full.","status":400}', "Full.", id="title"),
        pytest.param(b'{"error":"invalid","error_description":"Full."}', "Full.", id="error_description"),
        pytest.param(b'{"error":{"code":"0x80040265","message":"Full."}}', "Full.", id="Dataverse"),
        pytest.param(b'{"error":{"innererror":{"message":"secret"}}}', None, id="inner error"),
        pytest.param(b'{"Message":"","errorMessage":"Full."}', "Full.", id="the first that is not blank"),
        pytest.param(b'{"Message":null}', None, id="null"),
        pytest.param(b'{"Message":5}', None, id="number"),
        pytest.param(b'[{"Message":"Full."},{"Message":"Other"}]', "Full.", id="the first of a list"),
        pytest.param(b'"Full."', "Full.", id="JSON string"),
        pytest.param(b"null", "null", id="the word null"),
        pytest.param(b"{}", None, id="empty object"),
        pytest.param(b"[]", None, id="empty list"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b" \r\n", None, id="blanks"),
        pytest.param(b"Full.", "Full.", id="text"),
        pytest.param(b'\xef\xbb\xbf{"Message":"Full."}', "Full.", id="byte order mark and JSON"),
        pytest.param(b"\xef\xbb\xbfFull.", "Full.", id="byte order mark and text"),
        pytest.param("Schon angemeldet: Jürgen".encode(), "Schon angemeldet: Jürgen", id="umlaut"),
        pytest.param("満席です".encode(), "満席です", id="Japanese"),
        pytest.param(b"caf\xe9", "caf\ufffd", id="no UTF-8"),
        pytest.param(
            b"<html><head><title>400</title></head><body><h1>Full</h1><p>Sorry.</p></body></html>", "Full Sorry.", id="HTML"
        ),
        pytest.param(b'{"Message":"a<script>alert(1)</script>b"}', "a b", id="script"),
        pytest.param(b'{"Message":"a<SCRIPT src=x>alert(1)"}', "a", id="script without end"),
        pytest.param(b'{"Message":"<img src=x onerror=alert(1)>Full"}', "Full", id="image"),
        pytest.param(b'{"Message":"<b"}', None, id="tag without end"),
        pytest.param(b'{"Message":"&lt;script&gt;x&lt;/script&gt;y"}', "x y", id="escaped markup"),
        pytest.param(b'{"Message":"&amp;lt;script&amp;gt;"}', "&lt;script&gt;", id="twice escaped markup stays escaped"),
        pytest.param(b'{"Message":"Smith &amp; Sons"}', "Smith & Sons", id="escaped mark"),
        pytest.param(b'{"Message":"a <!-- <b>secret</b> --> b"}', "a b", id="comment"),
        pytest.param(b'{"Message":"a\\r\\nb\\u0000c\\u0085d\\u2028e"}', "a b c d e", id="control characters"),
        pytest.param(b'{"Message":"See https://org.crm.invalid/x?token=1 now"}', "See now", id="address"),
        pytest.param(b'{"Message":"See (HTTPS://org.crm.invalid)."}', "See", id="address in brackets"),
        pytest.param("詳細https://org.crm.invalid です".encode(), "です", id="address without blank before"),
        pytest.param(b'{"Message":"ann@example.com is registered"}', "is registered", id="e-mail"),
        pytest.param(b'{"Message":"<ann@example.com> <mailto:ann@example.com> is in"}', "is in", id="e-mail in brackets"),
        pytest.param(b'{"Message":"a @ b ://"}', "a b", id="stray marks"),
        pytest.param(b'{"Message":"bad emApplicationToken=abc here"}', "bad here", id="token"),
        pytest.param(b'{"Message":"Failed at Microsoft.Crm.Events.Run(Guid id)"}', "Failed", id="stack of .NET"),
        pytest.param(b'{"Message":"Failed\\r\\n   at A.B.<C>d__1.MoveNext() in x.cs"}', "Failed", id="stack over lines"),
        pytest.param(b"<p>Failed<br>at A.B.Run()</p>", "Failed", id="stack in HTML"),
        pytest.param(b"<p>We meet <b>at noon</b> (sharp)</p>", "We meet at noon (sharp)", id="no stack in HTML"),
        pytest.param(b'{"Message":"at A.B.Run()"}', None, id="nothing but a stack"),
        pytest.param(b'{"Message":"Failed. System.NullReferenceException: x"}', "Failed.", id="exception"),
        pytest.param(b'{"Message":"Failed. System.Net.Http.HttpRequestException: x"}', "Failed.", id="exception in a namespace"),
        pytest.param(b'{"Message":"Failed ---> inner"}', "Failed", id="inner exception"),
        pytest.param(b"Failed Traceback (most recent call last): x", "Failed", id="stack of Python"),
        pytest.param(b'{"Message":"Meet at noon (sharp)"}', "Meet at noon (sharp)", id="no stack"),
        pytest.param(b"[Sorry] full", "[Sorry] full", id="text in brackets"),
        pytest.param(b'{"a":{"b":1}}', None, id="no known key"),
    ],
)
def test_the_sentence_of_a_body(body: bytes, sentence: str | None) -> None:
    assert sentence_of(body) == sentence


@pytest.mark.parametrize(
    ("text", "length"),
    [("x" * 300, 300), ("x" * 301, 300), ("x" * 298 + " yz", 299), ("x " * 200, 300), ("ab " * 5_000, 300), ("é" * 60_000, 300)],
)
def test_a_long_sentence_is_cut(text: str, length: int) -> None:
    for sentence in (clean(text), sentence_of(json.dumps({"Message": text}).encode()), sentence_of(text.encode())):
        assert sentence is not None
        assert len(sentence) == length
        assert sentence.endswith("…") is (len(text) > MAX_SENTENCE)


def test_no_text_is_no_sentence() -> None:
    assert clean(None) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" + " " * 200_000 + "b", id="blanks"),
        pytest.param("a" * 200_000, id="one word"),
        pytest.param("a." * 100_000, id="dots"),
        pytest.param("System." * 30_000, id="namespaces"),
        pytest.param("<" * 200_000, id="brackets"),
        pytest.param("<script" * 30_000, id="scripts"),
        pytest.param("&lt;" * 50_000, id="entities"),
        pytest.param(" at a" * 40_000, id="stacks"),
    ],
)
@pytest.mark.timeout(5)
def test_a_hostile_text_is_read_without_delay(text: str) -> None:
    for _ in range(20):  # milliseconds each; the square of the length would be many seconds
        clean(text)


HOSTILE = [
    *("<script>", "</script>", "<", ">", "&lt;", "&gt;", "&#60;script", "<!--", "-->", "---"),
    *("&amp;", "&#10;", "&commat;", "&colon;//", "&sol;", "https://", "://", ":", "//", "@", "ann@example.com"),
    *("emApplicationtoken=x", "System.", "Exception", " at A.b("),
]
PIECES = st.sampled_from([*HOSTILE, "\x00", "\r\n", "\u2028", "\x9f", " ", " at A.b(", "x" * 150]) | st.text(max_size=10)
TEXTS = st.lists(PIECES, max_size=14).map("".join)


def assert_fit_for_a_visitor(sentence: str | None) -> None:
    if sentence is None:
        return
    assert 1 <= len(sentence) <= MAX_SENTENCE
    assert not re.search(r"://|@|<|emapplicationtoken|[\x00-\x1f\x7f-\x9f\u2028\u2029]", sentence, re.IGNORECASE)
    assert sentence == " ".join(sentence.split())


@given(TEXTS)
def test_any_text_is_made_fit(text: str) -> None:
    assert_fit_for_a_visitor(clean(text))
    assert_fit_for_a_visitor(sentence_of(text.encode()))
    assert_fit_for_a_visitor(sentence_of(encoded({"error": {"message": text}})))


@given(st.binary(max_size=200) | JSON.map(encoded))
def test_any_body_is_read(body: bytes) -> None:
    assert_fit_for_a_visitor(sentence_of(body))


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=MAX_SENTENCE))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert clean(text) == text
