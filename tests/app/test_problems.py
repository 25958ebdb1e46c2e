"""Errors as answers: one body for old portals, machines and people."""

import orjson
import pytest

from app.problems import Problems
from translation.errors import ERRORS, METHOD_NOT_ALLOWED, OVERLOADED, UPSTREAM_REJECTED, ErrorKind, OldType, ProxyError
from translation.messages import Messages

KEYS = {
    "Message", "errorMessage", "type", "errorCode", "statusCode", "correlationId", "title", "status", "detail", "instance"
}  # fmt: skip


@pytest.fixture
def problems() -> Problems:
    return Problems(Messages())


@pytest.mark.parametrize("kind", ERRORS.values(), ids=list(ERRORS))
@pytest.mark.parametrize("language", ["en", "de", "ja", "ar"])
def test_every_row_of_the_list_has_the_whole_body(problems: Problems, kind: ErrorKind, language: str) -> None:
    reply = problems.reply(ProxyError(kind, cause="a cause for the log"), "id-1", language)
    body = orjson.loads(reply.body)
    assert set(body) == KEYS
    assert (body["statusCode"], body["status"], reply.status) == (kind.status,) * 3
    assert (body["errorCode"], body["correlationId"], body["title"]) == (kind.code, "id-1", kind.title)
    assert body["Message"] == body["errorMessage"] == body["detail"]
    assert body["type"] in set(OldType)
    assert b"a cause for the log" not in reply.body
    headers = dict(reply.headers)
    assert headers[b"vary"] == b"Accept-Language"
    assert headers[b"content-language"].decode() in (language, "en")
    # After these the rest of the request is not read.
    assert (headers.get(b"connection") == b"close") == (kind.status in (408, 413, 431))


def test_what_an_error_says_beside_goes_into_headers(problems: Problems) -> None:
    assert (b"retry-after", b"2") in problems.reply(ProxyError(OVERLOADED, retry_after=2), "x", None).headers
    assert (b"allow", b"GET, HEAD") in problems.reply(ProxyError(METHOD_NOT_ALLOWED, allow=("GET", "HEAD")), "x", None).headers


def test_a_sentence_of_dynamics_is_shown_as_it_is_with_its_status(problems: Problems) -> None:
    reply = problems.reply(ProxyError(UPSTREAM_REJECTED, status=409, sentence="Ausgebucht."), "x", "fr")
    assert (reply.status, orjson.loads(reply.body)["Message"], dict(reply.headers)[b"content-language"]) == (
        409,
        "Ausgebucht.",
        b"und",
    )


VERBATIM = b'\xef\xbb\xbf{ "Message" : "Voll \\u00fc", "correlationId":"0" }\r\n'


@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 429, 431, 500, 503, 599])
@pytest.mark.parametrize("language", ["en", "ja", None])
def test_what_outbound_says_to_portals_is_given_as_it_is(problems: Problems, status: int, language: str | None) -> None:
    reply = problems.reply(ProxyError(UPSTREAM_REJECTED, status=status, verbatim=VERBATIM, retry_after=7), "id-1", language)
    assert (reply.status, reply.body, reply.content_type) == (status, VERBATIM, b"application/json; charset=utf-8")
    headers = dict(reply.headers)
    # In which language it is, nobody knows.
    assert b"content-language" not in headers
    assert headers[b"retry-after"] == b"7"
    assert (headers.get(b"connection") == b"close") == (status in (408, 413, 431))


def test_no_words_of_outbound_are_words_as_well(problems: Problems) -> None:
    assert problems.reply(ProxyError(UPSTREAM_REJECTED, status=409, verbatim=b""), "id-1", "en").body == b""


def test_an_error_does_not_show_what_outbound_said_in_the_log() -> None:
    error = ProxyError(UPSTREAM_REJECTED, status=409, verbatim=b"of Zoltana", cause="status 409")
    assert "Zoltana" not in repr(error) + str(error)


def test_the_raw_answer_is_a_whole_message(problems: Problems) -> None:
    raw = problems.raw(ProxyError(OVERLOADED))
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert orjson.loads(body)["errorCode"] == "Overloaded"
