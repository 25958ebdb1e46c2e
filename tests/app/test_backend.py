"""The real-time organisation as a backend: what it is sent, and what becomes of everything that it can answer."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.examples import (
    FORUM,
    MAPPED,
    OPEN_DAY,
    QUESTIONS,
    TRACEPARENT,
    assert_error,
    attendee,
    event_of,
    example,
    named,
    received,
    registration,
    sent_headers,
)
from tests.service import Service, event_path, running_proxy, running_service, settings_for
from translation.operations import Answer, Operation

UPSTREAM_TEXT = "A fault of the sandbox."
OLD_SESSION, OLD_PASS, OLD_FIELD = (f"0e3b2b6a-0000-4000-8000-00000000000{number}" for number in (5, 6, 7))
WEBAPP, UNIT = "5f1c2b7e-0000-4000-8000-000000000001", "5f1c2b7e-0000-4000-8000-0000000000a1"


# What is sent upstream.


@pytest.mark.parametrize("operation", MAPPED, ids=named)
def test_the_upstream_request_is_built_from_the_table(service: Service, operation: Operation) -> None:
    call = example(operation.name, service)
    service.sandbox.recorder.clear()
    answer = call.send(
        service,
        **{
            "origin": "https://portal.invalid",
            "authorization": "Bearer of-a-visitor",
            "cookie": "session=of-a-visitor",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-host": "elsewhere.invalid",
            "forwarded": "for=192.0.2.1",
            "x_request_id": "smuggled",
            "x-custom": "1",
            "user-agent": "Visitor/1.0",
            "referer": "https://portal.invalid/secret",
            "traceparent": TRACEPARENT,
            "tracestate": "a=1",
            "x-request-id": "visitor-7",
        },
    )
    assert answer.status_code == (302 if operation.answer is Answer.REDIRECT else 200)
    (record,) = received(service)
    assert record.request.method == operation.method
    assert operation.upstream is not None
    path = operation.upstream
    for name, value in call.parameters.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    base = service.sandbox.realtime_endpoint.removeprefix(service.sandbox.base_url)
    token = f"?emApplicationtoken={quote(service.sandbox.realtime_token, safe='')}" if operation.token else ""
    assert record.request.target == f"{base}{path}{token}".encode()
    expected = {
        "host": [service.sandbox.base_url.removeprefix("http://")],
        "accept": ["image/*" if operation.answer is Answer.IMAGE else "application/json"],
        "accept-encoding": ["identity" if operation.answer is Answer.IMAGE else "gzip"],
        "origin": [service.sandbox.realtime_origin],
        "traceparent": [TRACEPARENT],
        "tracestate": ["a=1"],
        "x-request-id": ["visitor-7"],
    }
    if operation.writes:
        expected |= {"content-type": ["application/json"], "content-length": [str(len(record.request.body))]}
    found = sent_headers(record)
    (agent,) = found.pop("user-agent")
    assert agent.startswith("evtmgmt-proxy/")
    assert found == expected


def test_a_malformed_trace_context_and_request_id_do_not_travel(service: Service) -> None:
    answer = service.get("events/published", headers={"traceparent": "x", "tracestate": "a=1", "x-request-id": "0"})
    (record,) = received(service)
    assert not {"traceparent", "tracestate"} & set(sent_headers(record))
    assert sent_headers(record)["x-request-id"] == [answer.headers["x-request-id"]] != ["0"]


# What upstream can answer. Per fault: of a read, of a registration, of an image.

OK = ("", 200)
FAILED, INVALID, LARGE = ("UpstreamFailed", 502), ("UpstreamAnswerInvalid", 502), ("UpstreamAnswerTooLarge", 502)
TIMEOUT, UNREADABLE, UNKNOWN = (
    ("UpstreamTimeout", 504),
    ("RegistrationAnswerUnreadable", 502),
    ("RegistrationOutcomeUnknown", 504),
)
BROKEN = ("", 0)  # an answer that has begun and cannot be completed
REFUSED, MISSING = ("UpstreamRefusedProxy", 502), ("NotFound", 404)


def rejected(status: int) -> tuple[str, int]:
    return ("UpstreamRejected", status)


FAULTS: list[tuple[str, dict[str, Any], tuple[str, int], tuple[str, int], tuple[str, int]]] = [
    *[("status", {"status": status}, *[rejected(status)] * 3) for status in (400, 405, 409, 410, 413, 415, 422, 451)],
    ("status", {"status": 401}, REFUSED, REFUSED, REFUSED),
    ("status", {"status": 403}, REFUSED, REFUSED, REFUSED),
    ("status", {"status": 404}, MISSING, MISSING, MISSING),
    ("status", {"status": 500}, FAILED, UNREADABLE, FAILED),
    ("status", {"status": 502}, FAILED, UNREADABLE, FAILED),
    # Dynamics says that it did nothing: the visitor may try again.
    ("status", {"status": 503}, FAILED, FAILED, FAILED),
    ("status", {"status": 504}, FAILED, UNREADABLE, FAILED),
    ("redirect", {}, INVALID, UNREADABLE, INVALID),
    ("redirect", {"status": 307}, INVALID, UNREADABLE, INVALID),
    ("html", {}, INVALID, UNREADABLE, INVALID),
    ("html", {"status": 500}, FAILED, UNREADABLE, FAILED),
    ("wrong_json", {}, INVALID, UNREADABLE, OK),
    ("empty", {}, INVALID, OK, OK),
    ("null", {}, MISSING, OK, OK),
    ("body", {"body": [1, 2]}, INVALID, OK, INVALID),
    ("body", {"body": "text"}, INVALID, OK, INVALID),
    ("hang", {}, TIMEOUT, UNKNOWN, TIMEOUT),
    ("hang", {"effect": True}, TIMEOUT, UNKNOWN, TIMEOUT),
    ("reset", {}, FAILED, UNREADABLE, FAILED),
    ("close", {}, FAILED, UNREADABLE, FAILED),
    ("close_mid_headers", {}, FAILED, UNREADABLE, FAILED),
    ("truncate", {}, FAILED, UNREADABLE, BROKEN),
    ("truncate_chunked", {}, FAILED, UNREADABLE, BROKEN),
    ("wrong_length", {"size": 10}, FAILED, UNREADABLE, BROKEN),
    ("raw", {"body": "no HTTP at all\r\n\r\n"}, FAILED, UNREADABLE, FAILED),
    ("gzip", {}, OK, OK, INVALID),
    ("gzip_bomb", {"size": 4 << 20}, LARGE, UNREADABLE, INVALID),
    ("gzip_lie", {}, INVALID, UNREADABLE, INVALID),
    ("endless", {}, LARGE, UNREADABLE, INVALID),
    ("slow_drip", {"size": 4, "seconds": 30.0}, TIMEOUT, UNKNOWN, BROKEN),
    ("slow_drip", {"size": 400, "seconds": 0.001}, OK, OK, OK),
    ("close_after", {}, OK, OK, OK),
    ("set_cookie", {}, OK, OK, OK),
    ("latency", {"seconds": 0.05}, OK, OK, OK),
]


@pytest.mark.parametrize("which", ["get_event", "register", "get_speaker_image"])
@pytest.mark.parametrize(
    ("kind", "values", "read", "written", "image"), FAULTS, ids=[f"{kind}-{values}" for kind, values, *_ in FAULTS]
)
def test_every_fault_is_a_row_of_the_closed_list(
    service: Service,
    hurried: Service,
    which: str,
    kind: str,
    values: dict[str, Any],
    read: tuple[str, int],
    written: tuple[str, int],
    image: tuple[str, int],
) -> None:
    code, status = {"get_event": read, "register": written, "get_speaker_image": image}[which]
    by_clock = read == TIMEOUT
    service = hurried if by_clock else service
    call = example(which, service)
    service.sandbox.faults.add(kind, times=None, **values)
    if not status:
        with pytest.raises(httpx.RemoteProtocolError):
            call.send(service)
        return
    answer = call.send(service, origin="https://portal.invalid")
    assert answer.headers["access-control-allow-origin"] == "https://portal.invalid"
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers
    if code:
        body = assert_error(answer, code, status)
        # Its words are handed on with a rejection only; those of an image nobody would see.
        assert (body["Message"] == UPSTREAM_TEXT) == (UPSTREAM_TEXT in answer.text)
        assert (UPSTREAM_TEXT in answer.text) == (code == "UpstreamRejected" and which != "get_speaker_image")
        assert "services aren't available" not in answer.text
        assert service.sandbox.base_url not in answer.text
    else:
        assert answer.status_code == status
    # Only a read is sent a second time, when a kept connection turns out to be dead.
    assert len(received(service)) <= (2 if (code, call.operation.writes) == ("UpstreamFailed", False) else 1)
    # And the service works on. Nothing is made twice in this rig: the first call may meet the end of a kept connection.
    service.sandbox.faults.clear()
    assert 200 in [service.get("events/published").status_code for _ in range(10 if by_clock else 2)]


@pytest.mark.parametrize("which", ["get_event", "register", "get_speaker_image"])
@pytest.mark.parametrize(
    ("given", "told"), [("17", "17"), ("0", "1"), ("99999", "300"), ("-5", "30"), ("soon", "30"), (None, "30")]
)
def test_the_wait_that_dynamics_asks_for_is_clamped(which: str, given: str | None, told: str) -> None:
    with running_service() as service:
        service.sandbox.faults.add("status", status=429, headers={} if given is None else {"Retry-After": given})
        answer = example(which, service).send(service)
        assert_error(answer, "TooManyRequests", 429)
        assert answer.headers["retry-after"] == told


def test_dynamics_is_left_alone_as_long_as_it_asks_for_but_for_registrations() -> None:
    with running_service() as service:
        service.sandbox.faults.add("status", status=429, headers={"Retry-After": "200"})
        service.get("events/published")
        for which in ("get_event", "get_speaker_image"):
            answer = example(which, service).send(service)
            assert_error(answer, "TooManyRequests", 429)
            assert 190 <= int(answer.headers["retry-after"]) <= 200
        assert example("register", service).send(service).status_code == 200
        assert [record.operation for record in service.sandbox.recorder.find()] == ["list_events", "register"]
        assert service.metric('evtmgmt_budget_refused_total{need="read",reason="paused"}') == 2


def test_the_quota_of_the_organisation_is_told() -> None:
    with running_service() as service:
        service.sandbox.realtime.behaviour.quota_limit = 0
        answer = service.get("events/published")
        assert_error(answer, "TooManyRequests", 429)
        assert 1 <= int(answer.headers["retry-after"]) <= 300


@pytest.mark.parametrize("key", ["Message", "errorMessage", "message", "detail", "error_description"])
def test_the_sentence_of_a_rejection_is_found_under_every_usual_key(service: Service, key: str) -> None:
    service.sandbox.faults.add("status", status=400, body={key: "The <b>pass</b> is sold out. See https://x.invalid/?t=1"})
    assert assert_error(service.get("events/published"), "UpstreamRejected", 400)["Message"] == "The pass is sold out. See"


@pytest.mark.parametrize("padding", [0, 270])
def test_a_sentence_that_repeats_the_token_is_not_shown(service: Service, padding: int) -> None:
    token = service.sandbox.realtime_token
    for form in (token, quote(token, safe="")):
        told = {
            "Message": f"{'No! ' * (padding // 4)}The token '{form}' is not valid.",
            "errorMessage": f"Not {form}",
            "status": "Failed",
        }
        service.sandbox.faults.add("status", status=400, body=told)
        assert "check what you entered" in assert_error(service.get("events/published"), "UpstreamRejected", 400)["Message"]
        service.sandbox.faults.add("body", body=told)
        result = example("register", service).send(service).json()
        assert (result["status"], result["errorMessage"]) == ("Failed", None)


def test_a_header_that_is_not_ascii_does_not_spoil_the_answer(service: Service) -> None:
    service.sandbox.faults.add("body", body=[], headers={"X-Place": "Zürich", "Content-Disposition": "inline; filename=é.png"})
    assert service.get("events/published").json() == []


def test_a_registration_whose_answer_is_lost_is_not_told_to_be_repeated(service: Service) -> None:
    service.sandbox.faults.add("close", effect=True)
    answer = example("register", service).send(service)
    assert "do not send it again" in assert_error(answer, "RegistrationAnswerUnreadable", 502)["Message"]
    assert len(service.sandbox.control.registrations()) == 1


def test_an_upstream_that_is_down_is_told_and_found_again(service: Service) -> None:
    service.upstream.stop()
    try:
        assert_error(service.get("events/published"), "UpstreamUnreachable", 502)
        # Certain not to have been sent, so that the visitor may try again.
        answer = service.post(f"events/{OPEN_DAY}/registrations", json=registration())
        assert "try again" in assert_error(answer, "UpstreamUnreachable", 502)["Message"]
        assert service.client.get(f"{service.url}/readyz").status_code == 200
    finally:
        service.upstream.start()
    assert service.get("events/published").status_code == 200


# Settings: aliases, filters, further parameters, repairs that can be switched off.


def test_ids_of_old_bookmarks_are_translated() -> None:
    with running_service() as service:
        session = event_of(service, QUESTIONS).sessions[1]["id"]
        bought = event_of(service, "Contoso_Ltd_Conference").passes[0]["passId"]
    aliases = {
        "events": {"Annual_Forum": FORUM, "alte Tagung": QUESTIONS, "Old Conference": "Contoso_Ltd_Conference"},
        "sessions": {OLD_SESSION.upper(): session},
        "passes": {OLD_PASS: bought},
        "fields": {OLD_FIELD: "jobtitle"},
    }
    with running_service(aliases=aliases) as service:
        event = service.get("events/annual_FORUM").json()
        # The portal compares it with its own address.
        assert (event["readableEventId"], event["eventName"]) == ("annual_FORUM", "Annual Forum")
        assert received(service)[-1].request.path.endswith(f"/events/{FORUM}")
        assert service.get(f"sessions/{OLD_SESSION}").json()["id"] == session
        assert service.get(f"sessions/{OLD_SESSION.upper()}/registrations/count").json() == 2
        person = attendee(
            responses=[{"id": OLD_FIELD.upper(), "value": "Potter"}, {"id": "new_shirtsize", "value": "S"}],
            attendeeSessions=[{"sessionId": OLD_SESSION}],
        )
        assert service.post(event_path("alte Tagung", "/registrations"), json=registration(person)).json()["status"] == "Success"
        (sent,) = received(service)[-1].request.json()["attendees"]
        assert sent["attendeeSessions"] == [{"sessionId": session}]
        assert [item["id"] for item in sent["responses"]] == ["jobtitle", "new_shirtsize"]
        paid = service.post(event_path("old conference", "/registrations"), json=registration(attendee(passId=OLD_PASS)))
        assert paid.json()["status"] == "Redirect"
        assert received(service)[-1].request.json()["attendees"][0]["passId"] == bought


def test_the_list_shows_what_the_operator_configured() -> None:
    with running_service(realtime={"webapp_id": WEBAPP, "business_unit_id": UNIT}) as service:
        asked = "events/published?webappId=00000000-0000-4000-8000-000000000000&api-version=1&BusinessUnitId=x"
        names = [event["readableEventId"] for event in service.get(asked).json()]
        assert "Partner_Briefing" in names
        assert "Journey_Launch" not in names
        query = received(service)[-1].request.target.decode().partition("&")[2]
        assert query == f"api-version=1&webappId={WEBAPP}&businessUnitId={UNIT}"
        service.get(f"events/{OPEN_DAY}")
        assert b"webapp" not in received(service)[-1].request.target.lower()


def test_repairs_can_be_switched_off_and_parameters_allowed() -> None:
    answers = {"registration_form": "keep", "allow_anonymous_registrations": "keep", "allow_query": "Preview, lang"}
    with running_service(answers=answers) as service:
        assert "data-form-id" in service.get("events/Form_Webinar").json()["registrationForm"]
        assert service.get("events/Members_Evening").json()["allowAnonymousRegistrations"] is False
        assert service.get("events/Guarded_Expo").json()["enableCaptcha"] is False
        service.get(f"events/{OPEN_DAY}?preview=%20a+b&LANG=de&other=1")
        query = received(service)[-1].request.target.decode().partition("&")[2]
        assert query == "preview=%20a+b&LANG=de"


@pytest.mark.parametrize("token", ["plain", "a b+c/d=e&f?g#h%20%", "ключ-鍵-🔑", "+/==" * 400])
def test_a_token_of_any_form_arrives_as_it_was_configured(service: Service, token: str) -> None:
    with running_proxy(settings_for(service.sandbox, realtime={"token": token})) as (port, _):
        service.client.get(f"http://127.0.0.1:{port}/EvtMgmt/api/v2.0/events/published")
    (record,) = received(service)
    assert record.request.query["emApplicationtoken"] == token
    assert record.request.target.count(b"emApplicationtoken") == 1
