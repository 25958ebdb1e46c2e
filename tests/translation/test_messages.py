"""Tests of translation/messages.py."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from translation.errors import ERRORS, INVALID_BODY, NOT_FOUND, UPSTREAM_REJECTED, UPSTREAM_TIMEOUT, ProxyError
from translation.messages import MAX_HEADER_LENGTH, MAX_RANGES, MAX_SENTENCE_LENGTH, MESSAGES, Messages, language

SHIPPED = ("en", "de", "fr", "es")
WITH_DETAIL = {"InvalidParameter", "InvalidBody", "InvalidCalendarData"}
EVERY_SENTENCE = [(tag, code) for tag in SHIPPED for code in ERRORS]


def test_every_code_has_its_sentence_in_every_language() -> None:
    assert tuple(MESSAGES) == SHIPPED
    for table in MESSAGES.values():
        assert list(table) == list(ERRORS)


@pytest.mark.parametrize(("tag", "code"), EVERY_SENTENCE)
def test_sentences_read_well_with_and_without_a_detail(tag: str, code: str) -> None:
    messages = Messages()
    bare = messages.sentence(ProxyError(ERRORS[code]), tag)
    detailed = messages.sentence(ProxyError(ERRORS[code], detail="attendees[0].email is missing."), tag)
    assert bare[0] == detailed[0] == tag
    for _, sentence in (bare, detailed):
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert "  " not in sentence
        assert not re.search(r" [.,)]|\.\.|[{}<>]", sentence)
    assert not re.search(r"[\[\]()]", bare[1])
    assert ("(attendees[0].email is missing)" in detailed[1]) == (code in WITH_DETAIL)
    assert (detailed == bare) == (code not in WITH_DETAIL)


@pytest.mark.parametrize(("tag", "code"), EVERY_SENTENCE)
def test_sentences_are_short_and_in_plain_words(tag: str, code: str) -> None:
    sentence = MESSAGES[tag][code]
    assert len(sentence) <= 220
    technical = r"dynamics|proxy|upstream|server|json|http|token|header|api\b|timeout|request id|[0-9]"
    assert not re.search(technical, sentence, re.IGNORECASE)


@pytest.mark.parametrize("code", ["RegistrationOutcomeUnknown", "RegistrationAnswerUnreadable"])
def test_a_registration_in_doubt_is_not_to_be_sent_again(code: str) -> None:
    assert "may have been received: please do not send it again" in MESSAGES["en"][code]
    assert "nicht noch einmal" in MESSAGES["de"][code]
    assert "ne pas l'envoyer à nouveau" in MESSAGES["fr"][code]
    assert "no la envíe de nuevo" in MESSAGES["es"][code]


def test_the_languages_differ() -> None:
    for code in ERRORS:
        assert len({MESSAGES[tag][code] for tag in SHIPPED}) == len(SHIPPED)


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("DE", "de"),
        ("de-AT", "de"),
        ("de-Latn-AT-1996", "de"),
        ("fr-CA, fr;q=0.9, en;q=0.8", "fr"),
        ("en;q=0.8, es", "es"),
        ("en;q=0.8, es;q=0.9, fr;q=0.85", "es"),
        ("es;q=0.5, fr;q=0.5", "es"),
        ("it, fr;q=0.5", "fr"),
        ("it", "en"),
        ("de;q=0", "en"),
        ("de-AT;q=0", "en"),
        ("de;q=0.000, fr;q=0.001", "fr"),
        ("de-AT, de;q=0, fr;q=0.1", "fr"),
        ("fr;q=0.2, fr;q=0", "fr"),
        ("en;q=0", "en"),
        ("*", "en"),
        ("*, de;q=0.5", "de"),
        ("*;q=0", "en"),
        ("it, *;q=0.1", "en"),
        (" \tde\t;\tq = 1.000 ", "de"),
        ("de;Q=0.5, fr;q=0.4", "de"),
        (",, ,de,", "de"),
        # Malformed ranges are skipped, the others count.
        ("de;q=2, fr;q=0.1", "fr"),
        ("de;q=, fr;q=0.1", "fr"),
        ("de;q=0.1234, fr;q=0.1", "fr"),
        ("de;q=-1, fr", "fr"),
        ("de;level=1, fr", "fr"),
        ("de_DE, fr", "fr"),
        ("de fr, es", "es"),
        ("-de, de-, --, es", "es"),
        ("deutschland, es", "es"),
        ("de;q=٠, es", "es"),
        ("de\r\n, es", "es"),
        ("é, \x00, 日本語", "en"),
    ],
)
def test_language_of_a_header(header: str | None, chosen: str) -> None:
    assert language(header, SHIPPED) == chosen


@pytest.mark.parametrize(
    ("header", "available", "chosen"),
    [
        ("pt-BR", ["pt", "pt-BR"], "pt-BR"),
        ("pt-BR-x-nord", ["pt", "pt-BR"], "pt-BR"),
        ("pt-PT", ["pt", "pt-BR"], "pt"),
        ("pt", ["pt-BR"], "en"),
        ("PT-br", ["pt-BR"], "pt-BR"),
        # A lone letter never stands at the end (RFC 4647 section 3.4).
        ("zh-x-private", ["zh-x", "zh"], "zh"),
        ("de", [], "en"),
    ],
)
def test_language_of_regions(header: str, available: list[str], chosen: str) -> None:
    assert language(header, available) == chosen


def test_language_default() -> None:
    assert language("it", SHIPPED, default="fr") == "fr"


def test_language_reads_no_further_than_its_bounds() -> None:
    filler = ",".join(["it"] * (MAX_RANGES - 1))
    assert language(f"{filler},de", SHIPPED) == "de"
    assert language(f"{filler},it,de", SHIPPED) == "en"
    blanks = " " * (MAX_HEADER_LENGTH - 2)
    assert language(f"{blanks}de", SHIPPED) == "de"
    assert language(f"{blanks}de,fr;q=0", SHIPPED) == "de"
    assert language(f"{blanks} de", SHIPPED) == "en"
    # The cut must not turn "den" (the Slavey language) into "de".
    assert language(f"fr;q=0.5,{blanks[10:]}den", SHIPPED) == "fr"


@pytest.mark.parametrize("header", ["de-" * 1_000_000, "," * 5_000_000, " " * 5_000_000, "fr;q=0.1," * 500_000])
def test_language_takes_a_huge_header(header: str) -> None:
    assert language(header, SHIPPED) == ("fr" if "fr" in header else "en")


@given(st.text(max_size=700))
@example("*" * 600)
@example(";q=,-")
def test_language_takes_any_text(header: str) -> None:
    assert language(header, SHIPPED) in SHIPPED


@given(st.lists(st.text(alphabet="dentfrsx*-;q=.01, \t_", max_size=30), max_size=30))
def test_language_takes_anything_that_resembles_a_header(parts: list[str]) -> None:
    assert language(",".join(parts), SHIPPED) in SHIPPED


BLANKS = st.sampled_from(["", " ", "\t", "  "])


@given(
    st.dictionaries(st.sampled_from([*SHIPPED, "it", "ja", "pl"]), st.integers(0, 1000), max_size=7),
    st.data(),
)
def test_the_heaviest_language_wins_in_any_order_and_spelling(weights: dict[str, int], data: st.DataObject) -> None:
    parts = []
    for tag, weight in data.draw(st.permutations(list(weights.items()))):
        spelled = data.draw(st.sampled_from([tag, tag.upper(), f"{tag}-AT", f"{tag}-x-abc"]))
        gap, other = data.draw(BLANKS), data.draw(BLANKS)
        parts.append(f"{other}{spelled}{gap};{other}q={weight / 1000:.3f}{gap}")
    heaviest = max((weight for tag, weight in weights.items() if tag in SHIPPED), default=0)
    best = {tag for tag, weight in weights.items() if tag in SHIPPED and weight == heaviest and weight > 0}
    assert language(",".join(parts), SHIPPED) in (best or {"en"})


def test_an_override_replaces_one_sentence_in_one_language() -> None:
    messages = Messages({"de": {"UpstreamTimeout": "Bitte warten.", "NotFound": "Weg."}})
    assert messages.sentence(ProxyError(UPSTREAM_TIMEOUT), "de-CH") == ("de", "Bitte warten.")
    assert messages.sentence(ProxyError(NOT_FOUND), "de") == ("de", "Weg.")
    assert messages.sentence(ProxyError(INVALID_BODY), "de")[1].startswith("Im Formular")
    assert messages.sentence(ProxyError(UPSTREAM_TIMEOUT), "fr") == ("fr", MESSAGES["fr"]["UpstreamTimeout"])
    assert MESSAGES["de"]["UpstreamTimeout"] != "Bitte warten."


def test_further_languages_fall_back_sentence_by_sentence() -> None:
    messages = Messages({"it": {"NotFound": "Non trovato."}, "de-AT": {"NotFound": "Leider nicht da."}})
    assert messages.sentence(ProxyError(NOT_FOUND), "it-CH") == ("it", "Non trovato.")
    assert messages.sentence(ProxyError(UPSTREAM_TIMEOUT), "it-CH") == ("en", MESSAGES["en"]["UpstreamTimeout"])
    assert messages.sentence(ProxyError(UPSTREAM_TIMEOUT), "it, fr;q=0.1")[0] == "fr"
    assert messages.sentence(ProxyError(NOT_FOUND), "de-AT")[1] == "Leider nicht da."
    assert messages.sentence(ProxyError(NOT_FOUND), "de")[1] == MESSAGES["de"]["NotFound"]
    assert messages.sentence(ProxyError(UPSTREAM_TIMEOUT), "de-AT") == ("de", MESSAGES["de"]["UpstreamTimeout"])


def test_letter_case_of_tags_and_codes_does_not_matter() -> None:
    messages = Messages({"DE": {"upstreamtimeout": "Bitte warten."}})
    assert messages.sentence(ProxyError(UPSTREAM_TIMEOUT), "de") == ("de", "Bitte warten.")


def test_an_override_may_hold_a_detail_and_markup_stays_text() -> None:
    messages = Messages({"en": {"NotFound": "[Sorry] <b>gone</b>[: {detail}]."}})
    assert messages.sentence(ProxyError(NOT_FOUND), None)[1] == "[Sorry] <b>gone</b>."
    assert (
        messages.sentence(ProxyError(NOT_FOUND, detail="event [{detail}]."), None)[1] == "[Sorry] <b>gone</b>: event [{detail}]."
    )


@pytest.mark.parametrize("detail", [None, "", " ", "."])
def test_an_empty_detail_is_none(detail: str | None) -> None:
    bare = "Something in the form is missing or not valid. Please check what you entered and send it again."
    assert Messages().sentence(ProxyError(INVALID_BODY, detail=detail), None)[1] == bare


def test_the_sentence_of_an_error_is_taken_as_it_is() -> None:
    messages = Messages({"en": {"UpstreamRejected": "Refused."}})
    own = "Die E-Mail-Adresse fehlt [{detail}] "
    assert messages.sentence(ProxyError(UPSTREAM_REJECTED, sentence=own, detail="x"), "en") == ("und", own)
    assert messages.sentence(ProxyError(UPSTREAM_REJECTED, sentence="  "), "en") == ("en", "Refused.")


@pytest.mark.parametrize(
    ("sentence", "complaint"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("[{detail}]", "empty"),
        ("x" * (MAX_SENTENCE_LENGTH + 1), "longer than 500"),
        ("Not valid: {detail}.", "square brackets"),
        ("Not valid[: {detial}].", "square brackets"),
        ("Not valid }", "square brackets"),
        ("Not[ ({detail} {detail})]", "square brackets"),
    ],
)
def test_sentences_that_would_not_read_well_are_refused(sentence: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        Messages({"de": {"NotFound": sentence}})
    assert str(caught.value).startswith("messages.de.NotFound: ")


@pytest.mark.parametrize("sentence", ["x", "x" * MAX_SENTENCE_LENGTH])
def test_sentences_at_the_bounds_are_taken(sentence: str) -> None:
    assert Messages({"de": {"NotFound": sentence}}).sentence(ProxyError(NOT_FOUND), "de") == ("de", sentence)


def test_all_mistakes_are_named_together() -> None:
    with pytest.raises(ValueError, match="NoSuchThing") as caught:
        Messages({"de": {"NoSuchThing": "x", "NotFound": ""}, "no tag": {"Overloaded": "x"}, "": {"Nope": "x"}})
    lines = str(caught.value).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "messages.de.NoSuchThing",
        "messages.de.NotFound",
        "messages.no tag",
        "messages.",
        "messages..Nope",
    ]


def test_the_languages_of_a_code() -> None:
    assert set(Messages({"IT": {"NotFound": "Non trovato."}}).languages("NotFound")) == {*MESSAGES, "it"}
