"""What never gets out, in every form that it may have."""

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.redaction import MASK, Redactor
from app.settings import GivenSettings

TOKEN = "+/=abc DEF%25\\é'\"=="


QUOTED = quote(TOKEN, safe="")
LOWER = QUOTED.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d").replace("%5C", "%5c").replace("%C3%A9", "%c3%a9")


@pytest.mark.parametrize(
    "form", [TOKEN, QUOTED, LOWER, quote_plus(TOKEN), repr(TOKEN)[1:-1], json.dumps(TOKEN, ensure_ascii=False)[1:-1]]
)
def test_the_token_is_masked_in_every_form(form: str) -> None:
    told = Redactor([TOKEN]).text(f"before {form} after")
    assert told == f"before {MASK} after"


@pytest.mark.parametrize(
    "text",
    [
        "GET /x?emApplicationtoken=SECRET&api-version=1",
        "emapplicationTOKEN%3DSECRET",
        "EmApplicationtOKen=SECRET",
        "AUTHORIZATION: bEARer SECRET",
        '{"emApplicationtoken": "SECRET"}',
        "Authorization: Bearer SECRET",
        "authorization: bearer SECRET",
        "error for url (https://public-eur.mkt.dynamics.invalid/api/v1.0/x?a=SECRET)",
        "HTTPS://HOST.invalid/?SECRET",
        "mail to SECRET@example.com now",
        "SECRET%40example.com",
        "o.SECRET+tag@mail.example.com",
        "/events/SECRET%2540example.com",
        "one@example.com_SECRET@example.com",
    ],
)
def test_secrets_that_nobody_named_are_masked_by_their_look(text: str) -> None:
    told = Redactor().text(text)
    assert "SECRET" not in told
    assert MASK in told


@pytest.mark.parametrize("text", ["", "plain words", "a token of thanks", "user at example", "/events/published?"])
def test_plain_text_stays(text: str) -> None:
    assert Redactor([TOKEN]).text(text) == text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("word", ["a", "%40", "2540", "http://a", "emapplicationtoken", "bearer ", "@", " "])
def test_a_long_word_does_not_cost_its_square(word: str) -> None:
    """Callers write words into paths, so into log lines. With steps back for each character this takes half an hour."""
    line = f"{word * (400_000 // len(word))} @ %40 ? token bearer"
    assert Redactor().text(line).endswith("? token bearer")


def test_an_empty_secret_masks_nothing() -> None:
    assert Redactor([""]).text("words") == "words"


@given(st.text(min_size=8, max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_no_token_survives(token: str, before: str, after: str) -> None:
    redactor = Redactor([token])
    for form in (token, quote(token, safe=""), quote_plus(token)):
        assert form not in redactor.text(before + form + after).replace(MASK, "\x00")


def test_every_secret_setting_is_known_to_it() -> None:
    settings = GivenSettings.model_validate(
        {
            "realtime": {
                "endpoint": "https://public-eur.mkt.dynamics.invalid/api/v1.0/orgs/1/eventmanagement/",
                "token": "the-token://[odd",
                "origin": "https://portal.invalid",
            },
            "upstream": {"proxy": "http://me:pass%2Fword@127.0.0.1:3128"},
        }
    )
    redactor = Redactor(settings.secrets)
    for line in ("the-token://[odd", "http://me:pass%2Fword@127.0.0.1:3128", "login pass%2Fword", "login pass/word"):
        cleaned = redactor.text(f"before {line} after")
        assert MASK in cleaned
        assert "the-token" not in cleaned
        assert "word" not in cleaned
