"""Answers are validated as the settings are, with the same sentences."""

import pytest

from app.initialising.answers import Answers, read_answer

ENDPOINT = "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/00000000-0000-0000-0000-000000000000/eventmanagement/"


@pytest.mark.parametrize(
    ("name", "given", "answer"),
    [
        ("endpoint", f"  '{ENDPOINT.rstrip('/')}' ", ENDPOINT),
        ("token", " as it is ", " as it is "),
        ("origin", "HTTPS://Events.Example.Com:443/".replace("HTTPS", "https"), "https://events.example.com"),
    ],
)
def test_an_answer_in_the_form_of_the_settings(name: str, given: str, answer: str) -> None:
    assert read_answer(name, given) == answer


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("endpoint", "http://public-eur.mkt.dynamics.com/", "must use https"),
        ("endpoint", "https://public-eur.mkt.dynamics.com/api/v1.0/", "/orgs/<id>/eventmanagement/"),
        ("endpoint", "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/", "the old outbound one"),
        ("token", "", "the token is empty"),
        ("origin", "https://events.example.com/portal", "an origin has no path"),
        ("origin", "events.example.com", "must start with https://"),
    ],
)
def test_what_cannot_be_used_is_told(name: str, given: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as told:
        read_answer(name, given)
    assert "Value error" not in str(told.value)


def test_a_token_is_in_no_repr() -> None:
    assert "s3cret" not in repr(Answers(ENDPOINT, "s3cret", "https://events.example.com"))
