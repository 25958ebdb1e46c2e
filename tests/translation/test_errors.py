"""Tests of translation/errors.py."""

import json

import pytest

from translation import errors
from translation.errors import CLIENT_TOKEN_INVALID, ERRORS, ErrorKind, OldType, ProxyError, error_body
from translation.headers import is_request_id

# DESIGN, "Errors are one closed list".
BODY_KEYS = {
    "Message",
    "errorMessage",
    "type",
    "errorCode",
    "statusCode",
    "correlationId",
    "title",
    "status",
    "detail",
    "instance",
}
# CONTRACT 1.2, "Known `type` values".
OLD_TYPES = {
    "EndpointNotFound",
    "InternalServerError",
    "OnlyHttpPostAllowed",
    "AnonymousAccessNotAllowed",
    "OnlyHttpsAllowed",
}
KINDS = list(ERRORS.values())
NAMED = [value for value in vars(errors).values() if isinstance(value, ErrorKind)]
EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=list(ERRORS))


def test_codes_are_unique_and_the_keys_of_the_list() -> None:
    assert [kind.code for kind in KINDS] == list(ERRORS)
    # Two rows of one code would leave one of the names without a place in the list.
    assert NAMED == KINDS
    assert len({kind.code.lower() for kind in KINDS}) == len(NAMED)


@EVERY_KIND
def test_rows_are_complete(kind: ErrorKind) -> None:
    assert kind.code.isalnum()
    assert kind.code.isascii()
    assert kind.code[0].isupper()
    assert 400 <= kind.status <= 599
    assert kind.title
    assert not kind.title.endswith(".")
    assert kind.operator.endswith(".")


@EVERY_KIND
def test_sign_in_is_never_asked_for(kind: ErrorKind) -> None:
    """Portals show "sign in" for 401 and 403 and for one ``type``; nobody can sign in here (FIELD-NOTES)."""
    # A wrong client token is 401 as in the old API (CONTRACT 1), where an operator asks for one.
    assert kind.status not in (401, 403) or kind is CLIENT_TOKEN_INVALID
    assert kind.old_type is not OldType.ANONYMOUS_ACCESS_NOT_ALLOWED


@EVERY_KIND
def test_the_body_has_the_keys_of_the_design(kind: ErrorKind) -> None:
    body = error_body(ProxyError(kind), "Please wait.", "r-1")
    assert body.keys() == BODY_KEYS
    assert body["Message"] == body["errorMessage"] == body["detail"] == "Please wait."
    assert body["type"] in OLD_TYPES
    assert type(body["type"]) is str
    assert body["errorCode"] == kind.code
    assert body["statusCode"] == body["status"] == kind.status
    assert body["title"] == kind.title
    assert body["correlationId"] == "r-1"
    assert body["instance"] == "urn:evtmgmt-proxy:request:r-1"
    assert json.loads(json.dumps(body)) == body


def test_the_old_types_are_the_five_known_ones() -> None:
    assert {value.value for value in OldType} == OLD_TYPES


def test_detail_and_status_of_an_error_replace_those_of_its_kind() -> None:
    error = ProxyError(errors.UPSTREAM_REJECTED, detail="email is taken.", status=409)
    body = error_body(error, "Please wait.", "r-1")
    assert body["statusCode"] == body["status"] == error.http_status == 409
    assert body["detail"] == "email is taken."
    assert body["Message"] == "Please wait."


@pytest.mark.parametrize("zero", ["0", "00", "0" * 32, ""])
def test_a_correlation_id_is_never_zero(zero: str) -> None:
    """The body carries the request id unchanged, and zero is no request id."""
    assert not is_request_id(zero)


def test_the_technical_words_stay_out_of_the_body() -> None:
    error = ProxyError(errors.UPSTREAM_FAILED, cause="reset by 127.0.0.1:9", retry_after=7, allow=("GET",))
    text = json.dumps(error_body(error, "Please wait.", "r-1"))
    assert "127.0.0.1" not in text
    assert errors.UPSTREAM_FAILED.operator not in text


@EVERY_KIND
def test_the_text_of_an_error_holds_no_value_of_a_visitor(kind: ErrorKind) -> None:
    sentence = "ann@example.com is registered already."
    assert str(ProxyError(kind, sentence=sentence)) == f"{kind.code}: {kind.title}"
    assert str(ProxyError(kind, sentence=sentence, detail="email is taken.")) == f"{kind.code}: email is taken."
    assert str(ProxyError(kind, sentence=sentence, detail="d", cause="status 409")) == f"{kind.code}: status 409"


def test_an_error_can_be_raised_and_caught() -> None:
    with pytest.raises(ProxyError) as caught:
        raise ProxyError(errors.NOT_FOUND)
    assert caught.value.kind is errors.NOT_FOUND
    assert caught.value.http_status == 404
