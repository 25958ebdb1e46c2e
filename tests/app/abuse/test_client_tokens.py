"""Tests of app/abuse/client_tokens.py."""

import pytest

from app.abuse.client_tokens import ClientTokens, demands_token
from translation.errors import BAD_TARGET, CLIENT_TOKEN_INVALID, CLIENT_TOKEN_MISSING, ErrorKind, ProxyError
from translation.operations import BY_NAME, OPERATIONS

EVENT = BY_NAME["get_event"]
TOKENS = ("first+/=ö token", "second-token")


def test_what_never_carried_a_token_needs_none() -> None:
    assert {operation.name for operation in OPERATIONS if not demands_token(operation)} == {
        "get_speaker_image", "get_sponsor_logo", "get_event_qrcode", "get_personal_calendar", "create_checkin",
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        b"emApplicationtoken=second-token",
        b"a=1&EMAPPLICATIONTOKEN=second-token&ts=2",
        b"%65mApplicationToken=second%2Dtoken",
        b"emApplicationtoken=first%2B%2F%3D%C3%B6%20token",
        b"emApplicationtoken=first%2B%2F%3D%c3%b6+token",
        b"emApplicationtoken=first+/=%C3%B6%20token",
    ],
)
def test_a_good_token_is_taken_in_every_spelling(query: bytes) -> None:
    tokens = ClientTokens(TOKENS)
    assert not tokens.knows("get_event", query)
    tokens.check(EVENT, query)
    assert tokens.knows("get_event", query)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        (b"", CLIENT_TOKEN_MISSING),
        (b"emApplicationtoken", CLIENT_TOKEN_MISSING),
        (b"emApplicationtoken=", CLIENT_TOKEN_MISSING),
        (b"emApplicationtoken2=second-token", CLIENT_TOKEN_MISSING),
        (b"emApplicationtoken=Second-token", CLIENT_TOKEN_INVALID),
        (b"emApplicationtoken=second-toke", CLIENT_TOKEN_INVALID),
        (b"emApplicationtoken=second-token%00", CLIENT_TOKEN_INVALID),
        (b"emApplicationtoken=second-token&EmApplicationToken=second-token", BAD_TARGET),
        (b"emApplicationtoken=second-token&em%41pplicationtoken=x", BAD_TARGET),
    ],
)
def test_anything_else_is_refused_and_not_remembered(query: bytes, kind: ErrorKind) -> None:
    tokens = ClientTokens(TOKENS)
    with pytest.raises(ProxyError) as error:
        tokens.check(EVENT, query)
    assert error.value.kind is kind
    assert not tokens.knows("get_event", query)
    assert tokens.knows("get_speaker_image", query)
    assert "second" not in str(error.value)


def test_a_token_that_was_taken_away_is_forgotten_with_its_set() -> None:
    query = b"emApplicationtoken=second-token"
    ClientTokens(TOKENS).check(EVENT, query)
    after = ClientTokens(TOKENS[:1])
    assert not after.knows("get_event", query)
    with pytest.raises(ProxyError):
        after.check(EVENT, query)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.abuse.client_tokens._MOST_QUERIES", 3)
    tokens = ClientTokens(TOKENS)
    for number in range(5):
        tokens.check(EVENT, b"emApplicationtoken=second-token&ts=%d" % number)
    assert len(tokens._good) == 3


def test_long_queries_take_no_room() -> None:
    tokens = ClientTokens(TOKENS)
    tokens.check(EVENT, b"emApplicationtoken=second-token&x=" + b"x" * 7_000)
    assert len(tokens._good) == 0
    tokens.check(EVENT, b"emApplicationtoken=second-token&x=" + b"x" * 400)
    assert len(tokens._good) == 1
