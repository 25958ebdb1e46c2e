"""The old API handed through, whole: a portal before the proxy gets what the organisation says, as it says it."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from sandbox.server import Sandbox, SandboxThread
from tests.examples import OPEN_DAY, TRACEPARENT, assert_error, attendee, received, registration, sent_headers
from tests.old_side import ANN, OLD, PORTAL, Direct, old_event, old_example, only_asked, raw_answer, running_old
from tests.service import ADMIN, BASE, Service, both_sides, event_path, running_proxy, settings_for
from translation.operations import Answer, Operation

PUBLIC = "https://old.example.com/EvtMgmt/api/v2.0/"
JSON_TYPE = "application/json; charset=utf-8"
CLOSED = {"Message": "You must sign in.", "type": "AnonymousAccessNotAllowed", "statusCode": 401, "correlationId": "x"}
MARK = b"\xef\xbb\xbf"


@pytest.fixture(scope="module")
def hurried() -> Iterator[Service]:
    """One that gives up soon, for what ends by a time-out: the machine may stand still as long."""
    with running_old(upstream={"read_timeout": 0.4}, portal={"origins": [PORTAL]}) as running:
        yield running


def named(operation: Operation) -> str:
    return operation.name


READS = [operation for operation in OLD if not operation.writes and operation.name != "get_captcha"]
WRITES = [operation for operation in OLD if operation.writes]


def answers(service: Service, body: bytes, status: str = "200 OK", *headers: str, **which: Any) -> None:
    service.sandbox.faults.add("raw", body=raw_answer(body, status, *headers), **which)


def ready(service: Service) -> bool:
    return service.client.get(f"{service.url}/readyz").is_success


# Answers.


@pytest.mark.parametrize("operation", READS, ids=named)
def test_a_read_is_what_the_organisation_says(old: Service, operation: Operation) -> None:
    call = old_example(operation.name, old)
    answer = call.send(old, origin=PORTAL, traceparent=TRACEPARENT)
    assert answer.status_code == 200
    assert answer.headers["x-evtmgmt-backend"] == "outbound"
    assert answer.headers["access-control-allow-origin"] == PORTAL
    (record,) = received(old, operation.name)
    assert record.backend == "outbound"
    assert sent_headers(record)["traceparent"] == [TRACEPARENT]
    assert sent_headers(record)["origin"] == [old.sandbox.outbound_origin]
    assert record.request.query["emApplicationtoken"] == old.sandbox.outbound_token
    assert answer.content == Direct(old).get(call.path, headers=call.headers).content
    types = {Answer.IMAGE: "image/png", Answer.CALENDAR: "text/calendar; charset=utf-8"}
    assert answer.headers["content-type"] == types.get(operation.answer, JSON_TYPE)
    head = old.client.head(f"{old.url}{BASE}{call.path}", headers=call.headers)
    assert (head.status_code, head.content) == (200, b"")
    if operation.answer is not Answer.IMAGE:
        assert head.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize("operation", WRITES, ids=named)
def test_a_write_arrives_and_is_answered_byte_for_byte(old: Service, operation: Operation) -> None:
    call = old_example(operation.name, old)
    body = b" " + json.dumps(call.body, indent=1).encode() + b"\r\n"
    old.sandbox.recorder.clear()
    said = b'{ "status":"Success" ,"errorMessage":null, "x":"\\u00fc" }\r\n'
    answers(old, said)
    headers = {"content-type": "text/json; charset=UTF-8", "origin": PORTAL, **call.headers}
    answer = old.post(call.path, content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, said)
    assert answer.headers["content-type"] == JSON_TYPE
    assert answer.headers["cache-control"] == "no-store"
    (record,) = received(old)
    assert record.request.body == body
    assert sent_headers(record)["content-type"] == ["text/json; charset=UTF-8"]
    assert sent_headers(record).get("authorization") == ([call.headers["authorization"]] if call.headers else None)
    # And with what it says by itself.
    assert call.send(old).json()["status"] == "Success"


BODIES = [
    b'\r\n { "a" : 1.0, "a":2, "e":1E5, "big":123456789012345678901234567890 }\n\n',
    '[{"readableEventId":"東京_技術会議","x":"\\u00fc\\/"}]'.encode(),
    MARK + b"[]",
    b"null",
    b"42",
    b'"text"',
    b"[" * 1_000 + b"]" * 1_000,
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
@pytest.mark.parametrize(
    "operation", ["get_event", "list_sessions", "list_events", "get_user", "register", "list_track_sessions"]
)
def test_whatever_is_json_passes_byte_for_byte(old: Service, operation: str, body: bytes) -> None:
    call = old_example(operation, old)
    for sent, headers in ((body, ()), (gzip.compress(body), ("Content-Encoding: gzip",))):
        answers(old, sent, "200 OK", *headers)
        answer = call.send(old)
        assert (answer.status_code, answer.content) == (200, body)
        assert "content-encoding" not in answer.headers


NO_JSON = [b"<html><h1>Our services aren't available right now</h1>", b'{"cut', b"\xff\xfe", b"[" * 5_000, b"NaN"]


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: repr(body[:12]))
@pytest.mark.parametrize("operation", [row for row in OLD if row.answer is not Answer.IMAGE], ids=named)
def test_what_is_no_json_is_a_row_of_the_list(old: Service, operation: Operation, body: bytes) -> None:
    call = old_example(operation.name, old)
    answers(old, body)
    code = "RegistrationAnswerUnreadable" if operation.writes else "UpstreamAnswerInvalid"
    assert_error(call.send(old), code, 502)
    assert ready(old)


@pytest.mark.parametrize("body", [b"", b" \r\n"])
def test_nothing_is_no_json_for_a_read_and_an_answer_to_a_write(old: Service, body: bytes) -> None:
    answers(old, body)
    assert_error(old_example("get_event", old).send(old), "UpstreamAnswerInvalid", 502)
    answers(old, body)
    answer = old_example("register", old).send(old)
    assert (answer.status_code, answer.content) == (200, body)


def test_a_body_that_is_not_json_is_refused_and_not_sent(old: Service) -> None:
    call = old_example("register", old)
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        assert_error(call.send(old, **{"content-type": content_type}), "UnsupportedMediaType", 415)
    assert received(old) == []
    # What is said to be JSON is the organisation's to judge.
    answer = old.post(call.path, content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["Message"]) == (400, "The body is not JSON.")
    assert answer.content == Direct(old).request("POST", call.path, content=b"{").content


def test_a_portal_of_another_time_asks_the_same(old: Service) -> None:
    for path in (f"/EVTMGMT/api/v1.0//events/{OPEN_DAY}/", f"{BASE}Events/{OPEN_DAY}?_=1&emApplicationtoken=old"):
        assert old.client.get(old.url + path).content == Direct(old).get(f"events/{OPEN_DAY}").content


# Errors.


@pytest.mark.parametrize("operation", OLD, ids=named)
@pytest.mark.parametrize("status", [400, 404, 409, 410, 422, 500, 502, 503, 504])
def test_an_error_for_portals_passes_byte_for_byte_with_its_status(old: Service, operation: Operation, status: int) -> None:
    call = old_example(operation.name, old)
    body = MARK + b'{ "Message" : "Voll \\u00fc", "type":"EndpointNotFound","correlationId":"0" }'
    answers(old, body, f"{status} Because", "Set-Cookie: a=b", "WWW-Authenticate: Bearer")
    answer = call.send(old, origin=PORTAL, **{"accept-language": "de"})
    if operation.answer is Answer.IMAGE:  # which nobody reads
        assert answer.status_code in (status, 502)
        assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
        return
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers["content-type"] == JSON_TYPE
    assert answer.headers["access-control-allow-origin"] == PORTAL
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-evtmgmt-backend"] == "outbound"
    assert not {"set-cookie", "www-authenticate", "content-language"} & set(answer.headers)
    assert ready(old)


def test_the_organisations_own_errors_pass_byte_for_byte(old: Service) -> None:
    for path in ("events/Nowhere", "events/Nowhere/sessions", f"tracks/{'0' * 8}-0000-4000-8000-{'0' * 12}/sessions"):
        answer, direct = old.get(path), Direct(old).get(path)
        assert (answer.status_code, answer.content) == (direct.status_code, direct.content) == (404, direct.content)


@pytest.mark.parametrize("status", [400, 404, 422, 500, 503])
@pytest.mark.parametrize("operation", ["get_event", "register"])
def test_an_error_page_is_a_row_of_the_list(old: Service, operation: str, status: int) -> None:
    old.sandbox.faults.add("html", status=status)
    answer = old_example(operation, old).send(old, origin=PORTAL)
    codes = {400: "UpstreamRejected", 404: "NotFound", 422: "UpstreamRejected", 503: "UpstreamFailed"}
    code = codes.get(status, "RegistrationAnswerUnreadable" if operation == "register" else "UpstreamFailed")
    assert_error(answer, code, status if status < 500 else 502)
    assert "services aren't" not in answer.text


@pytest.mark.parametrize("form", ["as it is", "encoded", "escaped"])
def test_an_error_that_repeats_the_token_is_a_row_of_the_list(old: Service, form: str) -> None:
    token = old.sandbox.outbound_token
    told = {"as it is": token, "encoded": quote(token, safe="").lower(), "escaped": token.replace("/", "\\/")}[form]
    answers(old, f'{{"Message":"The token {told} is wrong"}}'.encode(), "400 X")
    answer = old.get("events/published")
    assert_error(answer, "UpstreamRejected", 400)
    assert told not in answer.text


def test_a_status_beyond_all_is_an_answer_all_the_same(old: Service) -> None:
    answers(old, b'{"Message":"x"}', "599 X")
    assert old.get("events/published").status_code == 599
    answers(old, b'{"Message":"x"}', "999 X")
    assert_error(old.get("events/published"), "UpstreamFailed", 502)


@pytest.mark.parametrize("kind", ["hang", "reset", "close_mid_headers", "truncate", "gzip_lie", "endless"])
def test_an_organisation_that_fails_is_a_row_of_the_list(old: Service, hurried: Service, kind: str) -> None:
    old = hurried if kind == "hang" else old
    read = {
        "hang": ("UpstreamTimeout", 504),
        "endless": ("UpstreamAnswerTooLarge", 502),
        "gzip_lie": ("UpstreamAnswerInvalid", 502),
    }
    old.sandbox.faults.add(kind, times=None)
    assert_error(old.get(f"events/{OPEN_DAY}"), *read.get(kind, ("UpstreamFailed", 502)))
    unknown = ("RegistrationOutcomeUnknown", 504) if kind == "hang" else ("RegistrationAnswerUnreadable", 502)
    assert_error(old_example("register", old).send(old), *unknown)
    assert ready(old)
    assert len(old.sandbox.recorder.wait(operation="register")) == 1


# The proxy's token and the visitor's sign-in.


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("operation", ["list_events", "get_event", "register", "get_captcha", "get_speaker_image"])
def test_a_refused_token_is_a_502_and_makes_unready(old: Service, operation: str, status: int) -> None:
    call = old_example(operation, old)
    answers(old, b'{"Message":"The web application token is not valid."}', f"{status} X")
    answer = call.send(old)
    assert "not valid" not in answer.text
    assert "sign" not in assert_error(answer, "UpstreamRefusedProxy", 502)["Message"]
    assert not ready(old)
    assert call.send(old).status_code == 200
    assert ready(old)


def test_only_the_organisation_that_serves_makes_unready() -> None:
    with running_old("realtime") as service:
        tester = {"x-evtmgmt-backend": "outbound", "x-evtmgmt-admin": ADMIN}
        answers(service, b"{}", "401 X", backend="outbound")
        answer = service.get("events/published", headers=tester)
        assert_error(answer, "UpstreamRefusedProxy", 502)
        assert answer.headers["x-evtmgmt-backend"] == "outbound"
        assert ready(service)
        answers(service, b"{}", "401 X", backend="realtime")
        assert_error(service.get("events/published"), "UpstreamRefusedProxy", 502)
        assert not ready(service)


def test_an_anonymous_visitor_is_told_to_sign_in_as_ever(old: Service) -> None:
    for path in ("users/authenticated", "users/authenticated/registrations", "users/authenticated/waitlist-items"):
        answer, direct = old.get(path), Direct(old).get(path)
        assert (answer.status_code, answer.content) == (direct.status_code, direct.content)
        assert (answer.status_code, answer.json()["type"]) == (401, "AnonymousAccessNotAllowed")
        assert answer.headers["cache-control"] == "no-store"
    answer = old.post(event_path("Members_Evening", "/registrations"), json=registration())
    assert (answer.status_code, answer.json()["type"]) == (401, "AnonymousAccessNotAllowed")
    assert ready(old)


@pytest.mark.parametrize("operation", ["get_user", "list_sessions", "register"])
def test_a_visitors_expired_sign_in_makes_nobody_unready(old: Service, operation: str) -> None:
    call = old_example(operation, old)
    body = b'{"Message":"The sign-in is expired."}'
    answers(old, body, "401 X")
    answer = call.send(old, authorization="Bearer expired")
    assert (answer.status_code, answer.content) == (401, body)
    assert ready(old)


def test_what_is_said_to_a_user_is_nobody_elses() -> None:
    cache = {"warm": False}
    with running_old(cache=cache, portal={"origins": [PORTAL]}) as service:
        session = old_event(service).sessions[0]["id"]
        path = f"events/{OPEN_DAY}/sessions"
        plain = service.get(path)
        assert plain.json()[0]["alreadyRegistered"] is False
        assert service.post(f"{path}/{session}/registrations", json={}, headers=ANN).json()["status"] == "Success"
        for _ in range(2):
            mine = service.get(path, headers={**ANN, "if-none-match": plain.headers["etag"]})
            assert (mine.status_code, mine.json()[0]["alreadyRegistered"]) == (200, True)
            assert mine.headers["cache-control"] == "no-store"
            assert "etag" not in mine.headers
        assert service.get(path).json()[0]["alreadyRegistered"] is False
        assert service.get(path).headers["x-evtmgmt-cache"] == "hit"
        # Not even by the shared flight of the same moment, nor what is learned.
        assert service.get("users/authenticated", headers=ANN).json()["firstName"] == "Ann"
        assert service.get("users/authenticated").status_code == 401


def test_a_portal_may_send_its_sign_in_from_a_browser(old: Service) -> None:
    asked = {
        "origin": PORTAL,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization,content-type",
    }
    answer = old.client.request("OPTIONS", f"{old.url}{BASE}users/authenticated", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    assert received(old) == []


# What is kept.


def test_a_registration_has_what_it_changes_asked_for_anew() -> None:
    with running_old(cache={"warm": False}) as service:
        event = "events/Agenda_Summit"
        session = old_event(service, "Agenda_Summit").sessions[0]["id"]
        count, sessions_count = f"{event}/registrations/count", f"sessions/{session}/registrations/count"
        follow = [count, f"{event}/passes", f"{event}/sessions", sessions_count]
        others = [event, "events/published", f"events/{OPEN_DAY}/registrations/count", f"events/{OPEN_DAY}/sessions"]

        def outcomes(paths: list[str]) -> list[str]:
            return [service.get(path).headers["x-evtmgmt-cache"] for path in paths]

        outcomes([*follow, *others])
        assert set(outcomes([*follow, *others])) == {"hit"}
        before, before_session = service.get(count).json(), service.get(sessions_count).json()
        person = attendee(attendeeSessions=[{"sessionId": session}])
        assert service.post(f"{event}/registrations", json=registration(person)).json()["status"] == "Success"
        assert outcomes(follow) == ["miss"] * len(follow)
        assert outcomes(others) == ["hit"] * len(others)
        assert (service.get(count).json(), service.get(sessions_count).json()) == (before + 1, before_session + 1)
        # As well by one whose outcome is not known; not by one that was refused.
        for status, outcome in (("500 X", "miss"), ("400 X", "hit")):
            answers(service, b'{"Message":"No."}', status)
            service.post(f"{event}/registrations", json=registration())
            assert outcomes(follow) == [outcome] * len(follow)


def test_a_kept_answer_is_given_byte_for_byte() -> None:
    with running_old(cache={"warm": False}) as service:
        body = MARK + b'\r\n [ { "readableEventId" : "E", "a":1.0, "a":2 } ]'
        answers(service, body)
        for outcome in ("miss", "hit", "hit"):
            answer = service.get("events/published")
            assert (answer.content, answer.headers["x-evtmgmt-cache"]) == (body, outcome)
            assert answer.headers["x-evtmgmt-backend"] == "outbound"
        assert len(received(service)) == 1


def test_an_error_is_not_kept_in_the_place_of_an_answer(old: Service) -> None:
    with running_old(cache={"warm": False}) as service:
        for status in (400, 500):
            answers(service, b'{"Message":"No."}', f"{status} X")
            assert service.get("events/published").status_code == status
        assert service.get("events/published").status_code == 200


def test_what_passes_is_learned_from_but_not_what_is_said_to_users(old: Service) -> None:
    places = old.gateway._answering.router._places
    track = old_event(old).tracks[0]["id"]
    session = old_event(old, "Agenda_Summit").sessions[0]["id"]
    old.get("events/Agenda_Summit/sessions", headers=ANN)
    assert places.holders(session) == (frozenset(), None)
    old.get(f"events/{OPEN_DAY}/tracks")
    assert places.holders(track) == (frozenset({"outbound"}), OPEN_DAY)


# Base addresses.


@contextmanager
def published_at(public_url: str | None) -> Iterator[Service]:
    """A proxy in the stage ``outbound`` that knows its public address."""
    thread = SandboxThread(Sandbox())
    with thread as sandbox:
        groups = both_sides(sandbox, "outbound")
        groups["outbound"] |= {"public_url": public_url}
        settings = settings_for(sandbox, **groups)
        with only_asked(), running_proxy(settings) as (port, gateway), httpx.Client(timeout=60, trust_env=False) as client:
            yield Service(port, sandbox, thread, settings, gateway, client)


@pytest.mark.parametrize("public_url", [PUBLIC, None])
def test_the_public_address_stands_in_the_place_of_the_old_base(public_url: str | None) -> None:
    with published_at(public_url) as service:
        endpoint = service.sandbox.outbound_endpoint
        escaped, theirs = endpoint.replace("/", "\\/"), endpoint.replace("127.0.0.1", "other.invalid")
        body = f'{{"image":"{endpoint}x.png","html":"<a href=\\"{escaped}events\\">","theirs":"{theirs}"}}'
        expected = body
        if public_url is not None:
            expected = body.replace(endpoint, public_url).replace(escaped, public_url.replace("/", "\\/"))
        for path, send in (("events/x", service.get), ("events/x/registrations", service.post)):
            answers(service, body.encode())
            assert send(path).text == expected
        answers(service, body.replace('"image"', '"Message"').encode(), "409 X")
        assert service.get("events/x").text == expected.replace('"image"', '"Message"')


# The budget.


def test_a_429_is_told_and_holds_reads_back() -> None:
    with running_old() as service:
        body = b'{"Message":"Number of requests exceeded the limit."}'
        answers(service, body, "429 Too Many Requests", "Retry-After: 200")
        answer = service.get("events/published")
        assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (429, body, "200")
        held_back = service.get(f"events/{OPEN_DAY}")
        assert_error(held_back, "TooManyRequests", 429)
        assert 190 <= int(held_back.headers["retry-after"]) <= 200
        assert old_example("register", service).send(service).json()["status"] == "Success"
        assert [record.operation for record in received(service)] == ["list_events", "register"]


def test_nothing_personal_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    person = attendee(firstName="Zoltana", email="zoltana@example.com")
    sent = {"authorization": "Bearer secret-of-a-visitor", "content-type": "application/json"}
    with running_old() as service:
        for status in ("400 X", "500 X", "401 X"):
            answers(service, b'{"Message":"Zoltana is registered already."}', status)
            service.post(f"events/{OPEN_DAY}/registrations", content=orjson.dumps(registration(person)), headers=sent)
    seen = capsys.readouterr().out
    assert seen.count('"operation":"register"') == 3
    for secret in ("Zoltana", "zoltana", "secret-of-a-visitor", service.sandbox.outbound_token[:12]):
        assert secret not in seen
