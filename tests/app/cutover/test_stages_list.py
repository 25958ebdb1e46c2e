"""The stages over real sockets: the list of both organisations' events."""

from collections import Counter
from typing import Any

import pytest

from tests.app.cutover.sides import (
    BEYOND,
    FORUM_NEW,
    FORUM_OLD,
    ONLY_NEW,
    ONLY_OLD,
    PORTAL,
    WITHIN,
    answered_by,
    keeping,
    put,
    running,
)
from tests.clock import Clock, until
from tests.examples import OPEN_DAY, assert_error
from tests.service import Service


def listed(service: Service, **headers: str) -> dict[str, dict[str, Any]]:
    answer = service.get("events/published", headers=headers)
    assert answer.status_code == 200
    return {event["readableEventId"]: event for event in answer.json()}


@pytest.mark.parametrize(("headers", "first"), [(WITHIN, "realtime"), (BEYOND, "outbound")])
def test_the_list_holds_each_event_once_and_the_first_sides_where_both_have_it(
    both: Service, headers: dict[str, str], first: str
) -> None:
    answer = both.get("events/published", headers=headers)
    other = "outbound" if first == "realtime" else "realtime"
    assert answered_by(answer) == f"{first}+{other}"
    events = answer.json()
    organisations = {"realtime": both.sandbox.realtime, "outbound": both.sandbox.outbound}
    plans = {
        side: {
            event.plan.readable_id: event
            for event in organisation.events.values()
            # Real-time lists nothing that is bound to another web application; what has no date is on no list (parity).
            if event.listed and not (side == "realtime" and event.plan.webapp_id) and event.fields["startDate"] is not None
        }
        for side, organisation in organisations.items()
    }
    expected = {name: plans[first].get(name) or plans[other][name] for name in {*plans["realtime"], *plans["outbound"]}}
    dated = [event for event in events if event["startDate"] is not None]
    assert Counter(event["eventId"] for event in dated) == Counter(event.fields["eventId"] for event in expected.values())
    starts = [event["startDate"] for event in dated]
    assert starts == sorted(starts)
    assert events[: len(dated)] == dated
    names = [event["readableEventId"] for event in events]
    assert (FORUM_NEW if first == "realtime" else FORUM_OLD) in names
    assert not {FORUM_NEW, FORUM_OLD} <= set(names)
    assert {ONLY_OLD, ONLY_NEW} <= set(names)


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "reset"}, {"kind": "html"}], ids=str)
@pytest.mark.parametrize("failing", ["realtime", "outbound"])
def test_a_side_that_fails_is_missing_and_counted_and_not_for_long(failing: str, fault: dict[str, Any]) -> None:
    clock = Clock()
    with keeping(clock=clock) as service:
        put(service, "split", percent=100)
        clock.go(100_000)  # what was read at the start is too old by now
        service.sandbox.faults.add(backend=failing, operation="list_events", times=None, **fault)
        line = f'evtmgmt_partial_lists_total{{backend="{failing}"}}'
        before = service.metric(line)
        answer = service.get("events/published")
        assert (answer.status_code, answered_by(answer)) == (200, "realtime+outbound")
        names = {event["readableEventId"] for event in answer.json()}
        missing, there = (ONLY_NEW, ONLY_OLD) if failing == "realtime" else (ONLY_OLD, ONLY_NEW)
        assert (missing in names, there in names) == (False, True)
        assert service.metric(line) == before + 1
        assert "max-age=300" not in answer.headers["cache-control"]
        service.sandbox.faults.clear()
        clock.go(6)
        until(lambda: missing in listed(service))
        assert {ONLY_OLD, ONLY_NEW} <= set(listed(service))


@pytest.mark.parametrize("query", ["businessUnitId=5f1c2b7e-0000-4000-8000-0000000000ff", "WEBAPPID=x&api-version=1"])
@pytest.mark.parametrize("stage", ["outbound", "realtime"])
def test_a_part_of_a_list_does_not_tell_where_events_live(both: Service, stage: str, query: str) -> None:
    """A visitor who asks for no event at all must not move all others' registrations."""
    put(both, stage)
    both.sandbox.faults.add("body", body=[], path=query.partition("=")[0])
    assert both.get(f"events/published?{query}").json() == []
    put(both, "split", percent=0)
    assert answered_by(both.get(f"events/{OPEN_DAY}")) == "outbound"
    put(both, "split", percent=100)
    assert answered_by(both.get(f"events/{OPEN_DAY}")) == "realtime"


def test_when_both_fail_it_is_a_listed_error(both: Service) -> None:
    for backend, status in (("realtime", 500), ("outbound", 503)):
        both.sandbox.faults.add("status", status=status, backend=backend, times=None)
    answer = both.get("events/published", headers={"origin": PORTAL, **WITHIN})
    assert_error(answer, "UpstreamFailed", 502)
    assert (answered_by(answer), answer.headers["access-control-allow-origin"]) == ("realtime+outbound", PORTAL)


@pytest.mark.parametrize("failing", ["realtime", "outbound"])
def test_a_side_that_does_not_answer_is_missing_too(failing: str) -> None:
    with running(upstream={"read_timeout": 2}) as service:
        service.sandbox.faults.add("hang", backend=failing, operation="list_events", times=None)
        names = set(listed(service))
        assert (ONLY_NEW in names, ONLY_OLD in names) == (failing != "realtime", failing != "outbound")
