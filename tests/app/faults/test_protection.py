"""The whole proxy before a Dynamics that fails: who suffers, who does not, and what they are told."""

from collections.abc import Callable
from contextlib import ExitStack
from threading import Thread
from time import perf_counter
from typing import Any

import httpx
import pytest

from app.faults.protection import Unprotected
from tests.app.line import Line, ask, post
from tests.clock import Clock, running_at, until
from tests.examples import OPEN_DAY, attendee, registration
from tests.service import BASE, Service, event_path, running_both, running_service

QUIET = {"log_level": "error"}
TRIPS = {"breaker": True, "breaker_minimum": 4, "breaker_open": 600, "breaker_open_most": 600}
READ = event_path(OPEN_DAY)
REGISTER = event_path(OPEN_DAY, "/registrations")


def fails(service: Service, operation: str | None, status: int = 500) -> None:
    service.sandbox.faults.add("status", status=status, operation=operation, times=None)


def register(service: Service, number: int = 0) -> httpx.Response:
    return service.post(REGISTER, json=registration(attendee(email=f"visitor-{number}@example.com")))


def calls(service: Service, operation: str) -> int:
    return len(service.sandbox.recorder.find(operation=operation))


def image(service: Service) -> str:
    return f"speakers/{service.sandbox.realtime.events[OPEN_DAY].speakers[0]['id']}/image"


# The breaker.


def test_what_fails_is_left_alone_and_everything_else_goes_on() -> None:
    with running_service(faults=TRIPS, **QUIET) as service:
        fails(service, "get_event")
        assert [service.get(READ).status_code for _ in range(4)] == [502] * 4
        refused = service.get(READ, headers={"Origin": service.sandbox.realtime_origin})
        assert (refused.status_code, refused.json()["errorCode"]) == (503, "BreakerOpen")
        assert 590 < int(refused.headers["retry-after"]) <= 600
        assert "access-control-allow-origin" in refused.headers
        assert calls(service, "get_event") == 4
        assert register(service).json()["status"] == "Success"
        assert service.get(image(service)).status_code == 200
        assert service.metric('evtmgmt_breaker_state{backend="realtime",lane="reads"}') == 2
        assert service.metric('evtmgmt_breaker_state{backend="realtime",lane="registrations"}') == 0
        assert service.metric('evtmgmt_breaker_opened_total{backend="realtime",lane="reads"}') == 1
        assert service.metric('evtmgmt_breaker_refused_total{backend="realtime",lane="reads"}') == 1
        assert service.client.get(f"{service.url}/readyz").status_code == 200


def test_who_wants_to_register_is_told_clearly_to_come_again() -> None:
    with running_service(faults=TRIPS, **QUIET) as service:
        fails(service, "register", 503)
        assert [register(service).status_code for _ in range(4)] == [502] * 4
        refused = register(service)
        assert (refused.status_code, refused.json()["errorCode"]) == (503, "BreakerOpen")
        assert "not registered yet" in refused.json()["Message"]
        assert calls(service, "register") == 4
        assert service.get(READ).status_code == 200


def test_it_closes_by_itself_when_dynamics_is_well_again() -> None:
    faults = {**TRIPS, "breaker_open": 0.2, "breaker_probes": 2}
    with running_service(faults=faults, **QUIET) as service:
        fails(service, "get_event")
        for _ in range(4):
            service.get(READ)
        service.sandbox.faults.clear()
        until(lambda: service.get(READ).status_code == 200)
        until(lambda: service.get(READ).status_code == 200)
        assert service.metric('evtmgmt_breaker_state{backend="realtime",lane="reads"}') == 0


@pytest.mark.parametrize(
    "fault", [{"status": 404}, {"status": 401}, {"status": 400}, {"status": 429, "headers": {"Retry-After": "0"}}]
)
def test_answers_and_refusals_open_nothing(fault: dict[str, Any]) -> None:
    with running_service(faults={**TRIPS, "breaker_percent": 1}, **QUIET) as service:
        service.sandbox.faults.add("status", operation="get_event", times=None, **fault)
        for _ in range(8):
            assert service.get(READ).json()["errorCode"] != "BreakerOpen"
        assert service.metric('evtmgmt_breaker_state{backend="realtime",lane="reads"}') == 0


def test_visitors_who_leave_open_nothing() -> None:
    with running_service(faults={**TRIPS, "breaker_percent": 1}, **QUIET) as service:
        service.sandbox.faults.add("hang", times=None)
        for number in range(1, 7):
            with Line(service.port) as line:
                line.send(ask(f"{BASE}{READ}?api-version={number}"))
                service.sandbox.recorder.wait(count=number)
        service.sandbox.recorder.wait(outcome="cancelled", count=6)
        service.sandbox.faults.clear()
        assert service.get(READ).status_code == 200


def test_while_it_is_open_older_answers_are_given_as_if_dynamics_were_away() -> None:
    clock = Clock()
    with running_at(clock, faults=TRIPS) as service:
        counted = event_path(OPEN_DAY, "/registrations/count")
        kept = service.get(counted)
        assert kept.headers["x-evtmgmt-cache"] == "miss"
        clock.go(700)
        fails(service, None)
        # An error of Dynamics itself is not hidden by an answer this old.
        assert service.get(counted).status_code == 502
        for number in range(2):
            assert service.get(event_path(f"Event_{number}")).status_code == 502
        sent = calls(service, "count_event_registrations")
        again = service.get(counted)
        assert (again.headers["x-evtmgmt-cache"], again.content) == ("stale", kept.content)
        assert calls(service, "count_event_registrations") == sent


def test_the_watcher_sees_that_calls_are_left_out() -> None:
    with running_both("realtime", faults=TRIPS, **QUIET) as service:
        fails(service, "get_event")
        for _ in range(9):
            service.get(READ)
        assert calls(service, "get_event") <= 4  # the router's own reads count as well
        answered: Any = service.gateway._recorder._answered
        tally = answered.__self__.window(600)["get_event", "realtime"]
        assert (tally.calls, tally.failures) == (9, 9)


def test_the_shadow_has_no_part_in_it() -> None:
    with running_both("shadow", **QUIET) as service:
        shadow = service.gateway._answering.shadow
        assert shadow is not None
        assert isinstance(shadow._realtime._organisation._protection, Unprotected)
        assert isinstance(shadow._outbound._organisation._protection, Unprotected)


# Repetitions.


@pytest.mark.parametrize(
    "fault", [{"kind": "reset"}, {"kind": "close"}, {"kind": "truncate"}, {"kind": "status", "status": 503}], ids=str
)
@pytest.mark.parametrize("path", [lambda _: READ, image], ids=["read", "image"])
def test_a_read_that_failed_in_passing_is_made_once_more(fault: dict[str, Any], path: Callable[[Service], str]) -> None:
    with running_service(faults={"retry_percent": 20}, **QUIET) as service:
        if fault["kind"] == "truncate" and path is image:
            return  # its headers came: the visitor has a part of it
        service.sandbox.faults.add(**fault)
        assert service.get(path(service)).status_code == 200
        assert len(service.sandbox.recorder.find()) == 2
        lane = "images" if path is image else "reads"
        assert service.metric(f'evtmgmt_retries_total{{backend="realtime",lane="{lane}"}}') == 1


def test_repetitions_are_bounded_when_everything_fails() -> None:
    with running_service(faults={"retry_percent": 20, "retry_burst": 2}, **QUIET) as service:
        fails(service, "get_event", 503)
        for _ in range(20):
            assert service.get(READ).status_code == 502
        assert 20 + 4 <= calls(service, "get_event") <= 20 + 6
        assert service.metric('evtmgmt_retries_refused_total{backend="realtime",reason="retries"}') >= 14


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "close_mid_headers"}, {"kind": "status", "status": 503}], ids=str)
def test_a_registration_that_was_sent_is_never_sent_again(fault: dict[str, Any]) -> None:
    with running_service(faults={"retry_percent": 100}, **QUIET) as service:
        service.sandbox.faults.add(**fault)
        assert register(service).status_code == 502
        assert calls(service, "register") == 1


def test_a_registration_that_found_nobody_is_tried_once_more() -> None:
    with running_service(faults={"retry_percent": 20}, **QUIET) as service:
        service.upstream.stop()
        assert register(service).json()["errorCode"] == "UpstreamUnreachable"
        assert service.metric('evtmgmt_retries_total{backend="realtime",lane="registrations"}') == 1
        assert (
            service.metric('evtmgmt_upstream_requests_total{backend="realtime",operation="register",outcome="unreachable"}') == 2
        )
        service.upstream.start()


# One deadline.


def test_all_calls_of_a_request_share_its_time() -> None:
    with running_service(faults={"deadline": 0.9}, **QUIET) as service:
        path = f"tracks/{service.sandbox.realtime.events[OPEN_DAY].tracks[0]['id']}/sessions"
        service.sandbox.faults.add("latency", seconds=0.6, times=None)
        slow = service.get(path)  # the list, then the tracks, then the sessions
        assert (slow.status_code, slow.json()["errorCode"]) == (504, "UpstreamTimeout")
        service.sandbox.faults.clear()
        until(lambda: service.get(path).status_code in (200, 501))  # as soon as the machine lets it be in time


def test_a_registration_is_not_cut_off_once_it_is_sent() -> None:
    with running_service(faults={"deadline": 1.5}, **QUIET) as service:
        service.sandbox.faults.add("latency", seconds=2, operation="register")
        assert register(service).json()["status"] == "Success"


def test_a_registration_whose_time_is_over_is_not_sent() -> None:
    upstream = {"connections": 2, "pool_timeout": 60, "total_timeout": 60, "read_timeout": 60}
    with running_service(faults={"deadline": 1.5, "registrations_percent": 0}, upstream=upstream, **QUIET) as service:
        service.sandbox.faults.add("hang", operation="register", times=2)
        threads = [Thread(target=_ignore, args=(lambda number=number: register(service, number),)) for number in range(2)]
        for thread in threads:
            thread.start()
        service.sandbox.recorder.wait(count=2)
        late = register(service, 3)
        assert (late.status_code, late.json()["errorCode"]) == (504, "UpstreamTimeout")
        assert len(service.sandbox.recorder.find()) == 2
        service.upstream.stop()  # ends the two
        for thread in threads:
            thread.join(20)
        service.upstream.start()


# Places.


@pytest.mark.parametrize("operation", ["get_speaker_image", "get_event"])
def test_whatever_stalls_registrations_go_through_at_once(operation: str) -> None:
    upstream = {"connections": 5, "pool_timeout": 60, "read_timeout": 60, "total_timeout": 60}
    with running_service(upstream=upstream, faults={"deadline": 60}, **QUIET) as service, ExitStack() as lines:
        service.sandbox.faults.add("hang", operation=operation, times=None)
        path = image(service) if operation == "get_speaker_image" else READ
        for number in range(12):
            lines.enter_context(Line(service.port)).send(ask(f"{BASE}{path}?api-version={number}&$expand={number}"))
        stalled = 2 if operation == "get_speaker_image" else 4
        service.sandbox.recorder.wait(count=stalled)
        until(lambda: service.metric("evtmgmt_in_flight") == 13)  # and the question itself
        began = perf_counter()
        assert register(service).json()["status"] == "Success"
        assert perf_counter() - began < 30  # not after any of the time-outs
        if operation == "get_speaker_image":
            assert service.get(READ).status_code == 200
        assert calls(service, operation) == stalled


# Too many at once.


def test_beyond_the_limit_reads_are_refused_first_and_the_service_still_answers() -> None:
    limits = {"concurrency": 3, "registration_reserve": 1}
    with running_service(limits=limits, cache={"warm": False}, **QUIET) as service, ExitStack() as lines:
        assert service.get(READ).status_code == 200
        service.sandbox.faults.add("hang", operation="list_sessions", times=None)
        for number in range(3):
            path = f"{BASE}{event_path(OPEN_DAY, '/sessions')}?api-version={number}"
            lines.enter_context(Line(service.port)).send(ask(path))
        service.sandbox.recorder.wait(operation="list_sessions")
        until(lambda: service.metric("evtmgmt_in_flight") == 4)
        refused = service.get(event_path(OPEN_DAY, "/speakers"))
        assert (refused.status_code, refused.json()["errorCode"], refused.headers["retry-after"]) == (503, "Overloaded", "2")
        assert refused.json()["Message"]
        assert service.get(READ).headers["x-evtmgmt-cache"] == "hit"
        assert register(service).json()["status"] == "Success"
        for path in ("livez", "readyz", "metrics"):
            assert service.client.get(f"{service.url}/{path}").status_code == 200
        assert service.metric('evtmgmt_shed_total{what="reads"}') == 1


def test_bodies_that_do_not_come_hold_up_no_reads() -> None:
    limits = {"concurrency": 3, "registration_reserve": 1, "request_timeout": 600}
    with running_service(limits=limits, **QUIET) as service, ExitStack() as lines:
        for _ in range(4):
            lines.enter_context(Line(service.port)).send(post(b"{}")[:-1])
        until(lambda: service.metric("evtmgmt_in_flight") == 5)  # and the question itself
        assert register(service).json()["errorCode"] == "Overloaded"
        assert service.get(READ).status_code == 200
        assert service.metric('evtmgmt_shed_total{what="registrations"}') == 1


def test_connections_are_bounded() -> None:
    with running_service(limits={"connections": 10}, **QUIET) as service, ExitStack() as lines:
        held = [lines.enter_context(Line(service.port)) for _ in range(10)]
        for line in held:
            line.send(ask("/livez"))
            assert b" 200 " in line.answer()
        with Line(service.port) as surplus:
            assert b'"errorCode":"Overloaded"' in surplus.rest()
        held[0].send(ask("/metrics"))
        assert b'evtmgmt_shed_total{what="connections"} 1.0' in held[0].answer()


def _ignore(call: Callable[[], object]) -> None:
    try:
        call()
    except httpx.HTTPError:
        return
