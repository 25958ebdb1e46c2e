"""A registration goes where its page came from, whatever changes in between: once, to one side."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cutover.live import Live, open_store
from app.cutover.state import CutoverState, Latch, Stage
from tests.app.cutover.sides import (
    BEYOND,
    FORUM_NEW,
    FORUM_OLD,
    LATCHED,
    ONLY_NEW,
    ONLY_OLD,
    WITHIN,
    afresh,
    answered_by,
    asked,
    call_of,
    put,
    running,
    trying,
)
from tests.clock import until
from tests.examples import CONFERENCE, OPEN_DAY, QUESTIONS, assert_error, attendee, event_of, received, registration
from tests.old_side import ANN, old_event
from tests.service import Service, event_path
from translation.operations import OPERATIONS, Operation

Change = Callable[..., None]
ANNA, BERT = {"x-visitor": "anna"}, {"x-visitor": "bert"}
CHANGES: list[dict[str, Any]] = [
    {"stage": "split", "percent": 100},
    {"stage": "realtime"},
    {"stage": "split", "percent": 0, "operations": {"register": "realtime", "finalize_registration": "realtime"}},
    {"stage": "split", "percent": 0, "events": {"*": "realtime"}},
]
BACK: list[dict[str, Any]] = [
    {"stage": "split", "percent": 0},
    {"stage": "outbound"},
    {"stage": "shadow"},
    {"stage": "split", "percent": 100, "latches": LATCHED},
    {"stage": "split", "percent": 100, "latches": {"register": LATCHED["*"], "finalize_registration": LATCHED["*"]}},
    {"stage": "split", "percent": 100, "events": {"*": "outbound"}},
]


@pytest.fixture(scope="module")
def hurried() -> Iterator[Service]:
    """One that gives up soon, for what ends by a time-out: the machine may stand still as long."""
    with running(upstream={"read_timeout": 0.4}) as service:
        yield service


def register(service: Service, event: str = OPEN_DAY, body: Any = None, rest: str = "", **headers: str) -> httpx.Response:
    content = json.dumps(registration() if body is None else body)
    sent = {"content-type": "application/json", **headers}
    return service.post(event_path(event, f"/registrations{rest}"), content=content, headers=sent)


def bought(service: Service, side: str) -> dict[str, Any]:
    """A registration for a pass that costs something."""
    event = event_of(service, CONFERENCE) if side == "realtime" else old_event(service, CONFERENCE)
    return registration(attendee(passId=event.passes[0]["passId"]))


@pytest.mark.parametrize("page", ["", "/passes", "/custom-registration-fields"])
@pytest.mark.parametrize(
    ("first", "before", "after"),
    [
        *(("outbound", {"stage": "split", "percent": 0}, change) for change in CHANGES),
        *(("realtime", {"stage": "split", "percent": 100}, change) for change in BACK),
    ],
    ids=str,
)
def test_it_goes_where_the_page_came_from(both: Service, page: str, first: str, before: Any, after: Any) -> None:
    put(both, **before)
    assert answered_by(both.get(event_path(CONFERENCE, page), headers=ANNA)) == first
    put(both, **after)
    both.sandbox.recorder.clear()
    answer = register(both, CONFERENCE, bought(both, first), **ANNA)
    assert (answer.status_code, answer.json()["status"], answered_by(answer)) == (200, "Redirect", first)
    purchase = answer.json()["purchaseId"]
    desk = both.sandbox.control._desks[first]
    with desk.organisation.lock:
        desk.pay(desk.purchases[purchase], 0.0)
    paid = register(both, CONFERENCE, {"purchaseId": purchase}, "/finalize", **ANNA)
    assert (paid.json()["status"], answered_by(paid)) == ("Success", first)
    assert (asked(both, "register"), asked(both, "finalize_registration")) == ([first], [first])
    # A visitor who comes now is served as the state says now.
    other = "realtime" if first == "outbound" else "outbound"
    newcomer = register(both, CONFERENCE, bought(both, other), **BERT)
    assert (newcomer.json()["status"], answered_by(newcomer)) == ("Redirect", other)


def test_changes_of_another_process_leave_open_pages_alone(tmp_path: Path) -> None:
    """The whole way: the state on the disk, changed by somebody else, followed by the proxy."""
    with running("outbound", state={"path": tmp_path}) as service:
        router = service.gateway._answering.router

        def change(**parts: Any) -> None:
            async def made() -> CutoverState:
                live = Live(open_store(service.settings.state, service.settings.realtime.endpoint))
                try:
                    await live.start(CutoverState())
                    changed = await live.change(lambda state: state.model_copy(update=parts), "ann", "a test")
                    return changed.state
                finally:
                    await live.store.close()

            state = asyncio.run(made())
            until(lambda: router.state == state)

        assert answered_by(service.get(f"events/{OPEN_DAY}", headers=ANNA)) == "outbound"
        change(stage=Stage.SPLIT, percent=100.0)
        assert answered_by(service.get(f"events/{OPEN_DAY}", headers=BERT)) == "realtime"
        assert answered_by(register(service, **ANNA)) == "outbound"
        change(latches={"register": Latch(at=1, reason="a test")})
        assert answered_by(register(service, **BERT)) == "realtime"
        assert answered_by(register(service, **{"x-visitor": "carl"})) == "outbound"
        change(stage=Stage.REALTIME, latches={})
        assert answered_by(register(service, **ANNA)) == "outbound"
        assert answered_by(service.get(f"events/{OPEN_DAY}", headers=ANNA)) == "realtime"
        assert answered_by(register(service, **ANNA)) == "realtime"
        assert asked(service, "register") == ["outbound", "realtime", "outbound", "outbound", "realtime"]


@pytest.mark.parametrize(("asked_by", "then"), [(FORUM_NEW, FORUM_OLD), (FORUM_OLD, FORUM_NEW), (FORUM_OLD, FORUM_OLD)])
def test_a_page_asked_for_by_either_id_is_the_same_page(both: Service, asked_by: str, then: str) -> None:
    put(both, "split", percent=0)
    page = both.get(f"events/{asked_by}", headers=ANNA)
    assert (page.json()["readableEventId"], answered_by(page)) == (FORUM_OLD, "outbound")
    put(both, "realtime")
    assert answered_by(register(both, then, **ANNA)) == "outbound"
    (record,) = received(both, "register")
    assert f"/{FORUM_OLD}/".encode() in record.request.target


def test_what_the_payment_page_sends_back_needs_no_page(both: Service) -> None:
    put(both, "split", percent=0)
    answer = register(both, CONFERENCE, bought(both, "outbound"), **ANNA)
    put(both, "split", percent=100)
    paid = register(both, CONFERENCE, {"purchaseId": answer.json()["purchaseId"]}, "/finalize", **ANNA)
    assert (paid.json()["status"], answered_by(paid)) == ("Success", "outbound")


def test_a_testers_registration_follows_his_header(both: Service) -> None:
    put(both, "outbound")
    assert answered_by(both.get(f"events/{OPEN_DAY}", headers=ANNA | trying("realtime"))) == "realtime"
    assert answered_by(register(both, **ANNA, **trying("realtime"))) == "realtime"
    assert answered_by(register(both, **BERT)) == "outbound"


@pytest.mark.parametrize(("headers", "side"), [(WITHIN, "realtime"), (BEYOND, "outbound")])
def test_without_a_page_the_visitor_decides(both: Service, headers: dict[str, str], side: str) -> None:
    answer = register(both, **headers)
    assert (answer.json()["status"], answered_by(answer), asked(both, "register")) == ("Success", side, [side])


# Once, and to one side.


FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 404},
    {"kind": "status", "status": 400},
    {"kind": "reset"},
    {"kind": "close"},
    {"kind": "hang"},
    {"kind": "html"},
    {"kind": "truncate"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("side", ["outbound", "realtime"])
@pytest.mark.parametrize("name", ["register", "finalize_registration"])
def test_what_fails_is_neither_sent_again_nor_to_the_other_side(
    both: Service, hurried: Service, name: str, side: str, fault: dict[str, Any]
) -> None:
    if fault["kind"] == "hang":
        both = hurried
        afresh(both)
    put(both, "split", percent=0 if side == "outbound" else 100)
    call = call_of(name, both, side)
    both.sandbox.recorder.clear()
    both.sandbox.faults.add(**fault, operation=name, effect=fault["kind"] in ("reset", "close", "hang"), times=None)
    answer = call.send(both)
    assert (answer.status_code >= 400, answered_by(answer)) == (True, side)
    assert asked(both, name) == [side]


@pytest.mark.parametrize("side", ["outbound", "realtime"])
def test_a_side_that_is_asked_too_much_is_not_relieved_by_the_other(side: str) -> None:
    with running() as service:  # of its own: who answers 429 is left alone for a while
        put(service, "split", percent=0 if side == "outbound" else 100)
        service.sandbox.faults.add("status", status=429, operation="register")
        answer = register(service)
        assert (answer.status_code, answered_by(answer), asked(service, "register")) == (429, side, [side])


@pytest.mark.parametrize("operation", [row for row in OPERATIONS if row.writes and row.row is not None], ids=lambda row: row.name)
@pytest.mark.parametrize(("stage", "percent"), [("outbound", 0), ("shadow", 0), ("split", 0), ("split", 100), ("realtime", 0)])
def test_a_write_that_is_done_is_done_once(both: Service, operation: Operation, stage: str, percent: float) -> None:
    put(both, stage, percent=percent)
    new = stage == "realtime" or (percent == 100 and operation.name in ("register", "finalize_registration"))
    call = call_of(operation.name, both, "realtime" if new else "outbound")
    both.sandbox.recorder.clear()
    answer = call.send(both, **ANN)
    refused = stage == "realtime" and operation.refusal is not None
    assert answer.status_code == (501 if refused else 200)
    assert asked(both, operation.name) == ([] if refused else ["realtime" if new else "outbound"])


@pytest.mark.parametrize(("event", "side"), [(ONLY_OLD, "outbound"), (ONLY_NEW, "realtime")])
@pytest.mark.parametrize("fault", FAULTS[:3], ids=str)
def test_an_event_of_one_side_is_registered_for_there_or_nowhere(both: Service, event: str, side: str, fault: Any) -> None:
    both.sandbox.faults.add(**fault, operation="register", times=None)
    answer = register(both, event)
    assert (answer.status_code >= 400, asked(both, "register")) == (True, [side])


def test_with_the_side_down_a_registration_fails_and_the_other_is_not_asked(both: Service) -> None:
    """Also where what failed is certain to have had no effect: half of a page's registrations must not end elsewhere."""
    put(both, "split", percent=0)
    assert answered_by(both.get(f"events/{OPEN_DAY}", headers=ANNA)) == "outbound"
    put(both, "split", percent=100)
    both.sandbox.faults.add("status", status=503, backend="outbound", times=None)
    answer = register(both, **ANNA)
    assert (answer.status_code, answered_by(answer), asked(both, "register")) == (503, "outbound", ["outbound"])


# Ids.


def test_ids_of_the_old_organisation_are_todays_where_real_time_takes_the_registration(both: Service) -> None:
    old, new = old_event(both, QUESTIONS), event_of(both, QUESTIONS)
    paid_old, paid_new = old_event(both, CONFERENCE), event_of(both, CONFERENCE)
    person = attendee(
        attendeeSessions=[{"sessionId": old.sessions[0]["id"].upper(), "waitlisted": False}],
        responses=[{"id": item["customRegistrationFieldId"], "value": "M"} for item in old.questions],
    )
    renamed = attendee(
        attendeeSessions=[{"sessionId": new.sessions[0]["id"], "waitlisted": False}],
        responses=[{"id": item["customRegistrationFieldId"], "value": "M"} for item in new.questions],
    )
    passed = attendee(passId=paid_old.passes[1]["passId"])
    for percent, side, expected, its_pass in (
        (0, "outbound", person, paid_old.passes[1]["passId"]),
        (100, "realtime", renamed, paid_new.passes[1]["passId"]),
    ):
        afresh(both)
        put(both, "split", percent=percent)
        assert answered_by(register(both, QUESTIONS, registration(person))) == side
        assert answered_by(register(both, CONFERENCE, registration(passed))) == side
        first, second = received(both, "register")
        assert first.request.json() == registration(expected)
        assert second.request.json()["attendees"][0]["passId"] == its_pass
        assert {first.backend, second.backend} == {side}


def test_the_event_is_asked_for_by_the_id_of_the_side_that_serves_it(both: Service) -> None:
    for percent, side, its_id in ((0, "outbound", FORUM_OLD), (100, "realtime", FORUM_NEW)):
        for portals_id in (FORUM_OLD, FORUM_NEW, FORUM_OLD.upper()):
            afresh(both)
            put(both, "split", percent=percent)
            if portals_id != FORUM_OLD.upper() or side == "realtime":  # the sandbox minds letter case, the old API did not
                assert answered_by(register(both, portals_id)) == side
                (record,) = received(both, "register")
                assert f"/events/{its_id}/".encode() in record.request.target


def test_an_old_session_is_counted_under_its_new_id(both: Service) -> None:
    old, new = old_event(both).sessions[2]["id"], event_of(both).sessions[2]["id"]
    put(both, "realtime")
    assert answered_by(both.get(f"sessions/{old}/registrations/count")) == "realtime"
    (record,) = received(both, "count_session_registrations")
    assert f"/sessions/{new}/".encode() in record.request.target


@pytest.mark.parametrize("code", ["SwitchedOff"])
def test_what_is_off_takes_no_registration(both: Service, code: str) -> None:
    put(both, "split", percent=0)
    assert answered_by(both.get(f"events/{OPEN_DAY}", headers=ANNA)) == "outbound"
    for parts in ({"operations": {"register": "off"}}, {"events": {"contoso_*": "off"}}):
        put(both, "split", **parts)
        assert_error(register(both, **ANNA), code, 503)
    assert asked(both, "register") == []
