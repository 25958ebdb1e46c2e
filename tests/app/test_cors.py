"""CORS on every answer, errors included: without it a browser hides even the error."""

import pytest

from app.cors import MAX_AGE, Cors
from tests.examples import OPEN_DAY, example, named, received, registration
from tests.service import ADMIN, BASE, Service, running_service
from translation.operations import OPERATIONS, Answer, Operation

OURS, OTHER, FOREIGN = "https://portal.invalid", "http://localhost:4200", "https://evil.invalid"


def vary(answer: object) -> set[str]:
    return {name.strip() for value in answer.headers.get_list("vary") for name in value.split(",")}  # type: ignore[attr-defined]


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
@pytest.mark.parametrize("origin", [OURS, OTHER])
def test_each_operation_can_be_read_by_a_portal(service: Service, operation: Operation, origin: str) -> None:
    answer = example(operation.name, service).send(service, origin=origin)
    assert answer.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in answer.headers
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    assert "Origin" in vary(answer)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
@pytest.mark.parametrize("origin", [FOREIGN, "null", "https://portal.invalid.evil.invalid", "https://portal.invalid:8443", None])
def test_nobody_else_can_read_it(service: Service, operation: Operation, origin: str | None) -> None:
    answer = example(operation.name, service).send(service, **({} if origin is None else {"origin": origin}))
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "Origin" in vary(answer)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_a_preflight_is_answered_for_two_hours_without_asking_upstream(service: Service, operation: Operation) -> None:
    asked = {
        "origin": OURS,
        "access-control-request-method": operation.method,
        "access-control-request-headers": "content-type,authorization,x-custom",
    }
    answer = service.client.options(f"{service.url}{BASE}{example(operation.name, service).path}", headers=asked)
    service.sandbox.recorder.clear()
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == OURS
    assert answer.headers["access-control-max-age"] == MAX_AGE.decode() == "7200"
    assert operation.method in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "content-type,authorization,x-custom"
    assert vary(answer) >= {"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}
    assert received(service) == []


def test_no_preflight_allows_what_only_the_admin_api_knows() -> None:
    asked = {"origin": OURS, "access-control-request-method": "PATCH", "access-control-request-headers": "content-type"}
    with running_service(portal={"origins": [OURS]}, admin={"token": ADMIN}) as service:
        for path in ("/admin/cutover", "/console", f"{BASE}events/published"):
            answer = service.client.options(service.url + path, headers=asked)
            assert "PATCH" not in answer.headers.get("access-control-allow-methods", "")
            assert path.startswith(BASE) or "access-control-allow-origin" not in answer.headers


def test_a_preflight_of_a_foreign_origin_gets_nothing(service: Service) -> None:
    asked = {"origin": FOREIGN, "access-control-request-method": "GET", "access-control-request-headers": "content-type"}
    answer = service.client.options(f"{service.url}{BASE}events/published", headers=asked)
    assert answer.status_code == 204
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "Origin" in vary(answer)


def test_a_preflight_of_what_does_not_exist_is_answered_so_that_its_error_can_be_read(service: Service) -> None:
    asked = {"origin": OURS, "access-control-request-method": "GET"}
    url = f"{service.url}{BASE}nothing/here"
    assert service.client.options(url, headers=asked).headers["access-control-allow-origin"] == OURS
    assert service.client.get(url, headers={"origin": OURS}).headers["access-control-allow-origin"] == OURS


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("events/Nowhere", {}, 404),
        ("events/a%2Fb", {}, 400),
        ("events/a%zz", {}, 400),
        ("sessions/x", {}, 400),
        ("events/published?data=" + "x" * 9_000, {}, 414),
        ("events/published", {"headers": {f"x-{number}": "1" for number in range(120)}}, 431),
        ("users/authenticated", {}, 501),
        ("../../livez", {}, 404),
    ],
)
def test_errors_of_every_step_can_be_read(service: Service, path: str, options: dict[str, dict[str, str]], status: int) -> None:
    headers = {"origin": OURS, **options.get("headers", {})}
    answer = service.client.get(f"{service.url}{BASE}{path}", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, OURS)


def test_of_two_origins_none_is_believed(service: Service) -> None:
    answer = service.client.get(f"{service.url}{BASE}events/published", headers=[("origin", OURS), ("origin", OURS)])
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BadHeaders")
    assert "access-control-allow-origin" not in answer.headers


def test_errors_of_a_body_can_be_read(service: Service) -> None:
    url = f"{service.url}{BASE}events/{OPEN_DAY}/registrations"
    for content, kind in ((b"{", "application/json"), (b"x" * (2**20 + 1), "application/json"), (b"{}", "text/plain")):
        answer = service.client.post(url, content=content, headers={"origin": OURS, "content-type": kind})
        assert answer.headers["access-control-allow-origin"] == OURS


def test_the_registered_origin_may_read_when_none_is_named() -> None:
    with running_service(realtime={"origin": "https://www.Contoso.invalid:443"}) as service:
        # The sandbox knows another origin, so Dynamics refuses: an error that has to be readable.
        answer = service.post(
            f"events/{OPEN_DAY}/registrations", json=registration(), headers={"origin": "https://www.contoso.invalid"}
        )
        assert answer.json()["errorCode"] == "UpstreamRefusedProxy"
        assert answer.headers["access-control-allow-origin"] == "https://www.contoso.invalid"


def test_letter_case_of_an_origin_does_not_matter_and_what_is_answered_is_the_configured_one() -> None:
    cors = Cors(["https://portal.invalid"])
    assert (b"access-control-allow-origin", b"https://portal.invalid") in cors.headers(b"HTTPS://Portal.invalid")


@pytest.mark.parametrize("names", [b"a\r\nset-cookie: x", b"x" * 1_001, b"a;b", "é".encode()])
def test_names_that_are_no_header_names_are_not_repeated(names: bytes) -> None:
    answered = dict(Cors([OURS]).preflight(OURS.encode(), names))
    assert b"access-control-allow-headers" not in answered


def test_images_may_be_shown_by_every_site(service: Service) -> None:
    for operation in OPERATIONS:
        if operation.answer is Answer.IMAGE:
            answer = example(operation.name, service).send(service)
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
