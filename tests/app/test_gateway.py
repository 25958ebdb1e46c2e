"""A request's way through the proxy: what every answer has, methods, languages, limits."""

import gc
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.cutover.decision import Source
from tests.clock import until
from tests.examples import OPEN_DAY, assert_error, example, named, received, registration
from tests.service import BASE, Service, running_service
from translation.errors import ProxyError
from translation.messages import MESSAGES
from translation.operations import OLD_BASES, OPERATIONS, Operation


@pytest.fixture(scope="module")
def limited() -> Iterator[Service]:
    """Two requests at once, whatever they are."""
    limits = {"concurrency": 2, "registration_reserve": 0}
    messages = {"pt": {"NotFound": "Não encontrado."}, "de": {"NotFound": "Gibt es nicht[ ({detail})]."}, "en": {}}
    with running_service(limits=limits, messages=messages, upstream={"read_timeout": 30}) as running:
        yield running


@pytest.mark.parametrize("base", OLD_BASES)
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_each_operation_is_reached_under_each_base_in_any_letter_case(service: Service, operation: Operation, base: str) -> None:
    call = example(operation.name, service)
    head, *rest = call.path.split("?")
    fixed = {part for part in operation.path.split("/") if not part.startswith("{")}
    path = "/".join(part.swapcase() if part in fixed else part for part in head.split("/"))
    url = "?".join([f"{service.url}/{base.swapcase()}//{path}/", *rest])
    body = None if call.body is None else json.dumps(call.body)
    answer = service.client.request(operation.method, url, content=body, headers={"content-type": "application/json"})
    if operation.refusal is not None and operation.name != "list_track_sessions":
        assert_error(answer, operation.refusal.code, operation.refusal.status)
    else:
        assert answer.status_code in (200, 302)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_options_tells_the_methods(service: Service, operation: Operation) -> None:
    answer = service.client.options(f"{service.url}{BASE}{example(operation.name, service).path}")
    assert (answer.status_code, answer.content) == (204, b"")
    allowed = set(answer.headers["allow"].split(", "))
    expected = {"OPTIONS", *(("GET", "HEAD") if operation.method == "GET" else ("POST",))}
    assert expected <= allowed <= {"GET", "HEAD", "POST", "OPTIONS"}
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_other_methods_are_refused_with_those_allowed(service: Service, operation: Operation, method: str) -> None:
    answer = service.client.request(method, f"{service.url}{BASE}{example(operation.name, service).path}")
    assert_error(answer, "MethodNotAllowed", 405)
    assert operation.method in answer.headers["allow"]
    assert received(service) == []


def test_the_wrong_one_of_two_methods_is_refused_with_the_right_one(service: Service) -> None:
    answer = service.post(f"events/{OPEN_DAY}", json={})
    assert_error(answer, "MethodNotAllowed", 405)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    answer = service.get(f"events/{OPEN_DAY}/registrations")
    assert_error(answer, "MethodNotAllowed", 405)
    assert answer.headers["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("given", ["abc-1.2_3", "7", "x" * 128])
def test_a_request_id_of_the_caller_is_kept(service: Service, given: str) -> None:
    assert service.get("events/published", headers={"x-request-id": given}).headers["x-request-id"] == given
    answer = service.get("nothing", headers={"x-request-id": given})
    assert answer.json()["correlationId"] == answer.headers["x-request-id"] == given
    assert answer.json()["instance"].endswith(given)


@pytest.mark.parametrize("given", ["0", "0.0", "0x0", "x" * 129, "a b", "<script>", "../x", "é", ""])
def test_a_request_id_that_is_not_safe_is_replaced(service: Service, given: str) -> None:
    answer = service.get("nothing", headers={"x-request-id": given.encode()})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


@pytest.mark.parametrize("language", sorted(MESSAGES))
def test_errors_speak_the_visitors_language(service: Service, language: str) -> None:
    answer = service.get("nothing", headers={"accept-language": f"xx, {language};q=0.9, en;q=0.1"})
    assert assert_error(answer, "OperationNotFound", 404)["Message"] == MESSAGES[language]["OperationNotFound"]
    assert answer.headers["content-language"] == language
    assert "Accept-Language" in answer.headers.get_list("vary", split_commas=True)


@pytest.mark.parametrize(
    ("wanted", "language", "sentence"),
    [
        ("pt-BR", "pt", "Não encontrado."),
        ("de-AT, en", "de", "Gibt es nicht."),
        ("fr", "fr", MESSAGES["fr"]["NotFound"]),
        ("xx", "en", MESSAGES["en"]["NotFound"]),
        (None, "en", MESSAGES["en"]["NotFound"]),
    ],
)
def test_an_operator_can_word_the_sentences(limited: Service, wanted: str | None, language: str, sentence: str) -> None:
    headers = {} if wanted is None else {"accept-language": wanted}
    answer = limited.get("events/Nowhere", headers=headers)
    assert (answer.json()["Message"], answer.headers["content-language"]) == (sentence, language)


def test_an_answer_has_the_same_headers_whatever_dynamics_sends(service: Service) -> None:
    spoilt = {
        "X-Powered-By": "ASP.NET",
        "Server": "secret",
        "Strict-Transport-Security": "max-age=1",
        "Refresh": "0",
        "Link": "<x>",
    }
    service.sandbox.faults.add("body", body=[], headers=spoilt)
    answer = service.get("events/published")
    assert set(answer.headers) == {
        "date", "x-request-id", "x-content-type-options", "x-evtmgmt-backend",
        "content-type", "content-length", "cache-control", "vary",
    }  # fmt: skip


def hold(service: Service, pool: ThreadPoolExecutor, count: int) -> list[Any]:
    """Requests that Dynamics does not answer, in flight when this returns."""
    service.sandbox.faults.add("hang", times=None)
    held = [pool.submit(service.get, f"events/{OPEN_DAY}?api-version={number}", timeout=60) for number in range(count)]
    service.sandbox.recorder.wait(count=count)
    return held


def test_more_requests_than_the_limit_are_refused_at_once_and_health_is_not(limited: Service) -> None:
    limited.sandbox.control.reset()
    with ThreadPoolExecutor(4) as pool, httpx.Client(trust_env=False) as other:
        hold(limited, pool, 2)
        url = f"{limited.url}{BASE}"
        for answer in (
            other.get(f"{url}events/published", headers={"origin": limited.sandbox.realtime_origin}),
            other.post(f"{url}events/{OPEN_DAY}/registrations", json=registration()),
            other.get(f"{url}users/authenticated"),
        ):
            body = assert_error(answer, "Overloaded", 503)
            assert "try again" in body["Message"]
            assert answer.headers["retry-after"] == "2"
        assert other.get(f"{limited.url}/livez").status_code == 200
        assert other.get(f"{limited.url}/readyz").status_code == 200
        assert "evtmgmt_in_flight 3.0" in other.get(f"{limited.url}/metrics").text
        preflight = {"origin": limited.sandbox.realtime_origin, "access-control-request-method": "GET"}
        assert other.options(f"{url}events/published", headers=preflight).status_code == 204
        assert len(received(limited)) == 2
        limited.upstream.stop()  # ends the two
        limited.upstream.start()
    limited.sandbox.control.reset()
    assert limited.get("events/published").status_code == 200


def test_a_defect_is_an_answer_and_a_line_with_its_id(service: Service, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    async def broken(_: Any) -> Any:
        raise LookupError("nia@example.com")

    monkeypatch.setattr(
        service.gateway._answering, "legs", {Source.REALTIME: replace(service.realtime, handlers={"list_events": broken})}
    )
    answer = service.get("events/published", headers={"origin": "https://portal.invalid"})
    body = assert_error(answer, "InternalError", 500)
    assert answer.headers["access-control-allow-origin"] == "https://portal.invalid"
    assert "LookupError" not in answer.text
    assert body["detail"] == body["Message"]


def test_a_failed_request_waits_for_no_collector(service: Service) -> None:
    def errors() -> int:
        return sum(type(one) is ProxyError for one in gc.get_objects())

    gc.collect()
    before = errors()
    gc.disable()
    try:
        for _ in range(5):
            assert service.get("events/Nowhere").status_code == 404
            assert service.get("nowhere").status_code == 404
        # The last one is forgotten when the next request comes on its connection.
        assert service.client.get(f"{service.url}/livez").status_code == 200
        until(lambda: errors() <= before)
    finally:
        gc.enable()
