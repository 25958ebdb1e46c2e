"""What the proxy says of itself."""

import pytest
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from app.rooms import SERVICE
from tests.examples import OPEN_DAY, assert_error, received
from tests.service import Service, running_service


@pytest.mark.parametrize(
    ("room", "content_type"),
    [
        ("livez", "text/plain; charset=utf-8"),
        ("readyz", "application/json"),
        ("metrics", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("openapi.json", "application/json"),
        ("docs", "text/html; charset=utf-8"),
    ],
)
def test_a_room_answers_without_asking_upstream(service: Service, room: str, content_type: str) -> None:
    answer = service.client.get(f"{service.url}/{room}", headers={"x-request-id": "probe-1"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == content_type.partition(";")[0]
    assert answer.headers["x-request-id"] == "probe-1"
    assert received(service) == []


@pytest.mark.parametrize("room", sorted(SERVICE))
def test_head_of_a_room(service: Service, room: str) -> None:
    answer = service.client.head(f"{service.url}/{room}")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("room", sorted(SERVICE))
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_other_methods_of_a_room_are_told_which_there_are(service: Service, room: str, method: str) -> None:
    answer = service.client.request(method, f"{service.url}/{room}")
    assert (answer.status_code, answer.json()["errorCode"]) == (405, "MethodNotAllowed")
    assert "GET" in answer.headers["allow"]


def test_what_is_nowhere_is_told_so(service: Service) -> None:
    for path in ("/", "/admin", "/wp-login.php", "/EvtMgmt", "/EvtMgmt/api/v3.0/events/published"):
        assert_error(service.client.get(service.url + path), "OperationNotFound", 404)
    below = service.client.get(f"{service.url}/livez/below")
    assert (below.status_code, below.json()["errorCode"]) == (404, "OperationNotFound")
    assert received(service) == []


def test_the_page_of_the_api_needs_nothing_from_elsewhere(service: Service) -> None:
    page = service.client.get(f"{service.url}/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text


def test_the_metrics_can_be_read_by_prometheus(service: Service) -> None:
    assert service.get(f"events/{OPEN_DAY}").is_success
    text = service.client.get(f"{service.url}/metrics").text
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"evtmgmt_requests", "evtmgmt_request_seconds", "evtmgmt_ready"} <= names


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/html,application/xhtml+xml", "application/json"])
def test_who_does_not_ask_for_openmetrics_gets_the_text_format(service: Service, accept: str) -> None:
    usual = service.client.get(f"{service.url}/metrics", headers={"accept": accept})
    assert usual.headers["content-type"] == CONTENT_TYPE_LATEST
    assert "# EOF" not in usual.text


@pytest.mark.parametrize("version", ["", ";version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.3", ";version=none at all"])
def test_who_asks_for_openmetrics_gets_the_same_numbers(service: Service, version: str) -> None:
    service.get(f"events/{OPEN_DAY}")
    headers = {"accept": f"application/openmetrics-text{version}"}
    answer = service.client.get(f"{service.url}/metrics", headers=headers)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    found = {family.name: family for family in open_metrics(answer.text)}
    usual = {family.name for family in text_string_to_metric_families(service.client.get(f"{service.url}/metrics").text)}
    assert found.keys() == {name for name in usual if not name.endswith("_created")}
    assert [sample for sample in found["evtmgmt_request_seconds"].samples if sample.exemplar] == []  # nothing was traced


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_shows_no_token_reads_no_metrics_where_one_is_set(method: str) -> None:
    token = "the-token-of-prometheus"
    with running_service(metrics={"token": token}) as service:
        for given, status in ((None, 401), ("Bearer wrong-token-of-nobody", 401), (f"Bearer {token}", 200)):
            headers = {} if given is None else {"authorization": given}
            for query in ("", "?portal=x"):
                answer = service.client.request(method, f"{service.url}/metrics{query}", headers=headers)
                assert answer.status_code == status
                assert ("www-authenticate" in answer.headers) == (status == 401)
                assert "evtmgmt_" not in answer.text or status == 200
                assert token not in answer.text
        for room in SERVICE - {"metrics"}:  # probes go on as ever
            assert service.client.get(f"{service.url}/{room}").status_code == 200
