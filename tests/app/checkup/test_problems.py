"""From what a call met to an entry of the closed list. Real failures are in checkup.test_run.py; here are the rest."""

import pytest

from app.checkup.problems import PROBLEMS, detail_of, problem_of
from app.checkup.witness import Seen
from app.upstream import Trouble
from translation.errors import (
    NOT_FOUND,
    TOO_MANY_REQUESTS,
    UPSTREAM_ANSWER_INVALID,
    UPSTREAM_FAILED,
    UPSTREAM_REJECTED,
    UPSTREAM_TIMEOUT,
    ErrorKind,
    ProxyError,
)
from translation.operations import BY_NAME

HTML = {"content-type": "Text/HTML; charset=utf-8"}
PNG = {"content-type": "image/png"}


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_has_a_problem(trouble: Trouble) -> None:
    problem = problem_of(BY_NAME["list_events"], Seen(trouble=trouble), ProxyError(UPSTREAM_FAILED))
    assert PROBLEMS[problem.code] is problem


@pytest.mark.parametrize(
    ("operation", "seen", "kind", "code"),
    [
        ("list_events", Seen(trouble=Trouble.UNREACHABLE, why="no secure connection"), UPSTREAM_FAILED, "connection_failed"),
        ("list_events", Seen(trouble=Trouble.TIMEOUT, why="refused"), UPSTREAM_FAILED, "timeout"),
        ("list_events", Seen(400), UPSTREAM_REJECTED, "request_refused"),
        ("list_tracks", Seen(400), UPSTREAM_REJECTED, "rejected"),
        ("list_events", Seen(404), NOT_FOUND, "endpoint_unknown"),
        ("get_event", Seen(404), NOT_FOUND, "event_unknown"),
        ("get_event", Seen(200, body=b"null"), NOT_FOUND, "event_unknown"),
        ("list_tracks", Seen(404), NOT_FOUND, "part_unknown"),
        ("get_speaker_image", Seen(404), NOT_FOUND, "no_image"),
        ("get_speaker_image", Seen(200, PNG), UPSTREAM_ANSWER_INVALID, "not_an_image"),
        ("get_speaker_image", Seen(200, HTML), UPSTREAM_ANSWER_INVALID, "html_page"),
        ("get_speaker_image", Seen(200, PNG), UPSTREAM_TIMEOUT, "timeout"),
        ("list_tracks", Seen(200, HTML, b"{}"), UPSTREAM_ANSWER_INVALID, "html_page"),
        ("list_tracks", Seen(200, {}, b" <p>"), UPSTREAM_ANSWER_INVALID, "html_page"),
        ("list_tracks", Seen(200, {}, b'"text"'), UPSTREAM_ANSWER_INVALID, "wrong_form"),
        ("list_tracks", Seen(200, {}, b""), UPSTREAM_ANSWER_INVALID, "not_json"),
    ],
)
def test_what_a_call_met(operation: str, seen: Seen, kind: ErrorKind, code: str) -> None:
    assert problem_of(BY_NAME[operation], seen, ProxyError(kind)).code == code


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"b": "secret", "a": 1}', "an object with a, b"),
        (b"{}", "an object with no keys"),
        (b'["secret"]', "a list of 1"),
        (b"null", "null"),
        (b"true", "true or false"),
        (b'"secret"', "a text"),
        (b"1.5", "a number"),
        (b"secret", ""),
    ],
)
def test_the_form_of_an_answer_is_told_and_no_value_of_it(body: bytes, detail: str) -> None:
    assert detail_of(Seen(200, {}, body), ProxyError(UPSTREAM_ANSWER_INVALID)) == detail


def test_the_sentence_or_the_wait_is_told() -> None:
    assert detail_of(Seen(400), ProxyError(UPSTREAM_REJECTED, sentence="No.")) == "No."
    assert detail_of(Seen(429), ProxyError(TOO_MANY_REQUESTS, retry_after=7)) == "asks to wait 7 seconds"
    assert detail_of(Seen(trouble=Trouble.BROKEN, status=200, body=b"1"), ProxyError(UPSTREAM_FAILED)) == ""


def test_advice_begins_with_the_status_it_is_for() -> None:
    statuses = {"token_refused": "401", "origin_refused": "403", "slow_down": "429", "no_image": "404", "server_failed": "5xx"}
    for code, status in statuses.items():
        assert PROBLEMS[code].advice.startswith(f"{status}: ")
