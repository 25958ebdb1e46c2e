"""What visitors get, on sockets, when Dynamics fails or when the budget of calls to it is spent."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.clock import Clock, running_at, until
from tests.examples import CONFERENCE, OPEN_DAY, assert_error, example, received, registration
from tests.service import event_path


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("status", {"status": 500}),
        ("status", {"status": 503}),
        ("status", {"status": 401}),
        ("status", {"status": 403}),
        ("status", {"status": 429, "headers": {"Retry-After": "1"}}),
        ("wrong_json", {}),
        ("html", {}),
        ("endless", {}),
        ("reset", {}),
        ("truncate", {}),
        ("hang", {}),
    ],
)
def test_every_failure_of_dynamics_is_hidden_by_an_older_answer(kind: str, values: dict[str, Any]) -> None:
    clock = Clock()
    hurried = {"read_timeout": 2} if kind == "hang" else {}
    with running_at(clock, upstream={"max_answer_bytes": 2**20, **hurried}) as service:
        first = service.get(event_path(OPEN_DAY))
        assert (first.headers["x-evtmgmt-cache"], first.headers["age"]) == ("miss", "0")
        service.sandbox.faults.add(kind, times=None, **values)
        for seconds in (700, 3_600):
            clock.go(seconds)
            answer = service.get(event_path(OPEN_DAY))
            assert (answer.status_code, answer.content) == (200, first.content)
            assert answer.headers["x-evtmgmt-cache"] == "stale"
            assert answer.headers["age"] == f"{clock.now - 1_000:.0f}"
            assert answer.headers["etag"] == first.headers["etag"]
            assert "warning" not in answer.headers
        service.sandbox.faults.clear()


def test_an_event_that_is_gone_is_gone() -> None:
    clock = Clock()
    with running_at(clock) as service:
        assert service.get(event_path(OPEN_DAY)).is_success
        clock.go(700)
        service.sandbox.faults.add("status", status=404, operation="get_event", times=None)
        first = service.get(event_path(OPEN_DAY))
        assert_error(first, "NotFound", 404)
        again = service.get(event_path(OPEN_DAY))
        assert_error(again, "NotFound", 404)
        assert (first.headers["x-evtmgmt-cache"], again.headers["x-evtmgmt-cache"]) == ("miss", "hit")
        assert len(received(service, "get_event")) == 2
        clock.go(10)
        service.sandbox.faults.clear()
        assert service.get(event_path(OPEN_DAY)).is_success


# The budget.


def test_reads_beyond_the_budget_are_stale_or_refused_and_registrations_go_through() -> None:
    clock = Clock()
    with running_at(clock, upstream={"budget": "1/min", "budget_burst": 3, "budget_wait": 0}) as service:
        kept = [event_path(OPEN_DAY), event_path(OPEN_DAY, "/tracks"), event_path(OPEN_DAY, "/speakers")]
        for path in kept:
            assert service.get(path).is_success
        clock.go(700)
        for path in kept:
            answer = service.get(path)
            assert (answer.status_code, answer.headers["x-evtmgmt-cache"], answer.headers["age"]) == (200, "stale", "700")
        origin = service.sandbox.realtime_origin
        refused = service.get(event_path(CONFERENCE), headers={"origin": origin})
        assert_error(refused, "TooManyRequests", 429)
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["access-control-allow-origin"] == origin
        assert refused.json()["Message"]
        assert len(received(service)) == 3
        for _ in range(5):
            assert service.post(event_path(OPEN_DAY, "/registrations"), json=registration()).json()["status"] == "Success"
        assert len(received(service, "register")) == 5
        assert service.metric('evtmgmt_budget_refused_total{need="read",reason="spent"}') == 4
        assert service.metric('evtmgmt_errors_total{code="TooManyRequests"}') == 1


def test_images_are_within_the_budget() -> None:
    with running_at(Clock(), upstream={"budget": "1/h", "budget_burst": 1, "budget_wait": 0}) as service:
        assert service.get(example("get_speaker_image", service).path).is_success
        assert_error(service.get(example("get_sponsor_logo", service).path), "TooManyRequests", 429)
        assert len(received(service)) == 1


def test_a_read_waits_for_its_turn() -> None:
    with running_at(Clock(), upstream={"budget": "10/s", "budget_burst": 1, "budget_wait": 30}) as service:
        paths = [event_path(OPEN_DAY, rest) for rest in ("", "/tracks", "/speakers", "/passes", "/sessions")]
        with ThreadPoolExecutor(5) as visitors:
            assert all(answer.is_success for answer in visitors.map(service.get, paths))
        assert len(received(service)) == 5


def test_refreshes_leave_a_reserve_to_visitors() -> None:
    clock = Clock()
    with running_at(clock, upstream={"budget": "1/h", "budget_burst": 9, "budget_wait": 0}) as service:
        paths = [event_path(OPEN_DAY, rest) for rest in ("", "/tracks", "/speakers", "/sponsorships")]
        for path in paths:
            assert service.get(path).is_success
        clock.go(60)
        for path in paths:  # of the five tokens that are left, two are the reserve
            assert service.get(path).headers["x-evtmgmt-cache"] == "stale"
        refused = 'evtmgmt_budget_refused_total{need="refresh",reason="spent"}'
        until(lambda: service.metric(refused) == 1)
        service.sandbox.recorder.wait(count=7, outcome="answered")
        assert len(received(service)) == 7
        other = [event_path(CONFERENCE, rest) for rest in ("", "/tracks", "/speakers")]
        assert [service.get(path).status_code for path in other] == [200, 200, 429]


def test_a_pause_that_dynamics_asks_for_is_kept_for_all() -> None:
    clock = Clock()
    with running_at(clock, upstream={"budget": "off"}) as service:
        assert service.get(event_path(OPEN_DAY)).is_success
        clock.go(700)
        service.sandbox.faults.add("status", status=429, headers={"Retry-After": "200"})
        assert_error(service.get(event_path(CONFERENCE)), "TooManyRequests", 429)
        assert service.get(event_path(OPEN_DAY)).headers["x-evtmgmt-cache"] == "stale"
        assert_error(service.get(event_path(CONFERENCE, "/tracks")), "TooManyRequests", 429)
        assert len(received(service)) == 2
        assert service.post(event_path(OPEN_DAY, "/registrations"), json=registration()).is_success
        assert service.metric('evtmgmt_budget_refused_total{need="read",reason="paused"}') == 2
