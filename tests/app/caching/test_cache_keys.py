"""Through the gateway: what a client may vary without another call to Dynamics, and what splits a key."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from app.caching.cache import VARIANTS
from tests.examples import CONFERENCE, FAMILY, MUNICH, OPEN_DAY, TOKYO, event_of, received
from tests.service import BASE, Service, running_service


@pytest.fixture(scope="module")
def keeping() -> Iterator[Service]:
    with running_service(
        cache={"warm": False, "max_entries": 50}, aliases={"events": {"Old_Day": OPEN_DAY}}, log_level="error"
    ) as running:
        yield running


def asked_for(service: Service, path: str) -> None:
    """Have it kept, and no record of that."""
    service.get(path)
    service.sandbox.recorder.clear()


@pytest.mark.parametrize(
    "query", ["ts=1", "_=2", "emApplicationtoken=x", "EMAPPLICATIONTOKEN=y&ts=3", "a=1&b=2", "%00=x", "api_version=1"]
)
def test_queries_that_split_no_key(keeping: Service, query: str) -> None:
    asked_for(keeping, f"events/{OPEN_DAY}")
    answer = keeping.get(f"events/{OPEN_DAY}?{query}")
    assert (answer.status_code, answer.headers["x-evtmgmt-cache"]) == (200, "hit")
    assert received(keeping) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"ACCEPT": "text/html"},
        {"accept-LANGUAGE": "de"},
        {"User-Agent": "a portal"},
        {"Cookie": "session=1"},
        {"Authorization": "Bearer x"},
        {"Origin": "https://elsewhere.invalid"},
        {"X-Request-ID": "abc"},
        {"Accept-Encoding": "br"},
        {"If-None-Match": '"x"'},
        {"Cache-Control": "no-cache"},
        {"CACHE-CONTROL": "No-Store, Max-Age=0"},
        {"Pragma": "no-cache"},
        {"Range": "bytes=0-1"},
        {"Host": "elsewhere.invalid"},
        {"X-Forwarded-Host": "elsewhere.invalid", "X-Original-URL": "/x"},
        {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    ],
)
def test_headers_that_split_no_key(keeping: Service, headers: dict[str, str]) -> None:
    asked_for(keeping, f"events/{OPEN_DAY}")
    answer = keeping.get(f"events/{OPEN_DAY}", headers=headers)
    assert (answer.status_code, answer.headers["x-evtmgmt-cache"]) == (200, "hit")
    assert received(keeping) == []


@pytest.mark.parametrize(
    "target",
    [
        f"{BASE}EVENTS/{OPEN_DAY}",
        f"/evtmgmt/API/v2.0/events/{OPEN_DAY}/",
        f"/EvtMgmt/api/v1.0/events//{OPEN_DAY}",
        f"{BASE}events/{OPEN_DAY.replace('_', '%5F')}",
        f"{BASE}events/%43{OPEN_DAY[1:]}",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_spellings_of_a_path_that_split_no_key(keeping: Service, target: str, method: str) -> None:
    asked_for(keeping, f"events/{OPEN_DAY}")
    answer = keeping.client.request(method, keeping.url + target)
    assert (answer.status_code, answer.headers["x-evtmgmt-cache"]) == (200, "hit")
    assert received(keeping) == []


@pytest.mark.parametrize("name", [MUNICH, TOKYO])
def test_an_id_in_any_script_is_kept(keeping: Service, name: str) -> None:
    asked_for(keeping, f"events/{quote(name)}")
    escaped = "".join(f"%{byte:02x}" for byte in name.encode())
    assert keeping.get(f"events/{escaped}").json()["readableEventId"] == name
    assert received(keeping) == []


def test_letter_case_of_a_guid_splits_no_key(keeping: Service) -> None:
    session = event_of(keeping).sessions[0]["id"]
    asked_for(keeping, f"sessions/{session.lower()}")
    assert keeping.get(f"sessions/{session.upper()}").headers["x-evtmgmt-cache"] == "hit"
    assert received(keeping) == []


def test_letter_case_of_a_readable_id_is_for_dynamics_to_judge(keeping: Service) -> None:
    asked_for(keeping, f"events/{CONFERENCE}")
    assert keeping.get(f"events/{CONFERENCE.lower()}").headers["x-evtmgmt-cache"] == "miss"
    (record,) = received(keeping)
    assert record.request.target.split(b"?")[0].endswith(b"/" + CONFERENCE.lower().encode())


def test_an_old_id_is_answered_with_the_old_id_and_todays_with_todays(keeping: Service) -> None:
    asked_for(keeping, f"events/{OPEN_DAY}")
    for expected in ("miss", "hit"):
        answer = keeping.get("events/Old_Day")
        assert (answer.headers["x-evtmgmt-cache"], answer.json()["readableEventId"]) == (expected, "Old_Day")
    answer = keeping.get(f"events/{OPEN_DAY}")
    assert (answer.headers["x-evtmgmt-cache"], answer.json()["readableEventId"]) == ("hit", OPEN_DAY)
    assert len(received(keeping)) == 1


def test_a_parameter_that_dynamics_gets_splits_the_key(keeping: Service) -> None:
    asked_for(keeping, f"events/{FAMILY}")
    assert keeping.get(f"events/{FAMILY}?api-version=7").headers["x-evtmgmt-cache"] == "miss"
    assert keeping.get(f"events/{FAMILY}?api-version=7&ts=1").headers["x-evtmgmt-cache"] == "hit"
    assert len(received(keeping)) == 1


def test_a_scanner_does_not_fill_the_cache(keeping: Service) -> None:
    asked_for(keeping, "events/published")
    before = keeping.metric("evtmgmt_cache_entries")
    for number in range(40):
        assert keeping.get(f"events/{OPEN_DAY}?scan={number}&x{number}=1").status_code == 200
        assert keeping.get(f"events/{OPEN_DAY}/tracks?api-version={number}").status_code == 200
    assert keeping.metric("evtmgmt_cache_entries") <= before + 1 + VARIANTS
    assert len(received(keeping, "get_event")) <= 1
    assert keeping.get("events/published").headers["x-evtmgmt-cache"] == "hit"
