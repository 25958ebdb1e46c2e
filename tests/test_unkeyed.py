"""What no cache before the proxy takes into its key must not change an answer: else one caller poisons it for all."""

from collections.abc import Iterator

import httpx
import pytest

from tests.service import BASE, Service, event_path, running_service

EVIL = "evil.invalid"
UNKEYED = {
    "Forwarded": f"for={EVIL};host={EVIL};proto=http",
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Server": EVIL,
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Port": "1337",
    "X-Forwarded-Prefix": f"/{EVIL}",
    "X-Forwarded-Scheme": "nothttps",
    "X-Forwarded-For": f"{EVIL}, 192.0.2.1",
    "X-Host": EVIL,
    "X-Original-URL": f"/{EVIL}",
    "X-Rewrite-URL": f"/{EVIL}",
    "X-HTTP-Method-Override": "POST",
    "X-EvtMgmt-Backend": "outbound",
    "X-EvtMgmt-Admin": EVIL,
    "Cookie": f"evtmgmt-console={EVIL}",
    "User-Agent": EVIL,
    "Referer": f"https://{EVIL}/",
    "Range": "bytes=0-1",
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Max-Forwards": "0",
    "Host": EVIL,
}
PATHS = (
    f"{BASE}events/published",
    f"{BASE}{event_path('Contoso_Ltd_Conference')}",
    f"{BASE}events/Nobody_Knows_It",
    f"{BASE}users/authenticated",
    f"{BASE}nothing",
    "/docs",
    "/openapi.json",
    "/readyz",
    "/docs/",
)
OF_THE_MOMENT = {"age", "date", "x-request-id", "x-evtmgmt-cache"}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service(limits={"keep_alive": 5}) as running:
        yield running


def asked(service: Service, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    answer: httpx.Response = service.client.get(service.url + path, headers={"X-Request-ID": "the-same", **headers})
    return answer.status_code, {name: text for name, text in answer.headers.items() if name not in OF_THE_MOMENT}, answer.content


@pytest.mark.parametrize("path", PATHS)
def test_headers_that_are_in_no_key_change_nothing(service: Service, path: str) -> None:
    plain = asked(service, path)
    for name, value in UNKEYED.items():
        status, headers, body = asked(service, path, **{name: value})
        assert (status, headers, body) == plain, name
        assert EVIL.encode() not in body


@pytest.mark.parametrize("path", [path for path in PATHS if path not in ("/docs", "/openapi.json", "/readyz")])
def test_an_answer_says_what_it_depends_on_and_an_error_is_not_to_be_kept(service: Service, path: str) -> None:
    status, headers, _ = asked(service, path)
    assert headers["x-content-type-options"] == "nosniff"
    if status >= 400:
        assert headers["cache-control"] == "no-store"
    if path.startswith(BASE):
        assert "origin" in headers["vary"].lower()


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS"])
def test_a_refusal_of_the_services_own_pages_is_not_to_be_kept_either(service: Service, method: str) -> None:
    answer = service.client.request(method, f"{service.url}/docs")
    assert (answer.status_code, answer.headers["cache-control"]) == (405, "no-store")


@pytest.mark.parametrize(
    "ending", [".css", "/x.css", ";x.css", "%3Bx.css", "%2Fx.css", "%0Ax.css", "%3Fx.css", "%23x.css", "//x.css"]
)
def test_what_is_for_one_visitor_is_not_given_under_the_name_of_a_file(service: Service, ending: str) -> None:
    """A cache in front that keeps what looks like a file must not be fed with what is said to a user."""
    status, headers, _ = asked(service, f"{BASE}users/authenticated{ending}", Authorization="Bearer of-somebody")
    assert status in (400, 404)
    assert headers["cache-control"] == "no-store"
