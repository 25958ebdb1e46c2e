"""What is a visitor's own: sign-in and captcha travel to outbound alone, and no answer to them reaches anybody else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from app.cutover.state import Stage
from tests.app.conftest import ways
from tests.app.cutover.sides import LATCHED, PORTAL, answered_by, asked, call_of, keeping, page, put, running
from tests.app.pair import KEPT
from tests.examples import CONFERENCE, OPEN_DAY, named, received, registration, sent_headers
from tests.old_side import ANN, old_event
from tests.service import BASE, Service
from translation.operations import OPERATIONS, Answer, Operation, Serving

__all__ = ["ways"]

BJORN = {"authorization": "Bearer bjorn"}
EXPO = "Guarded_Expo"
SESSIONS = f"events/{OPEN_DAY}/sessions"


def signed_in(service: Service, user: dict[str, str] = ANN, session: int = 0) -> None:
    """Register a user for a session, so that what is said to him differs from what is said to others."""
    thing = old_event(service).sessions[session]["id"]
    answer = service.post(f"{SESSIONS}/{thing}/registrations", json={}, headers=user)
    assert (answer.json()["status"], answered_by(answer)) == ("Success", "outbound")


def mine(answer: httpx.Response) -> list[bool]:
    return [item["alreadyRegistered"] for item in answer.json()][:2]


# Where sign-in goes.


@pytest.mark.parametrize(("stage", "percent"), [("outbound", 0), ("shadow", 0), ("split", 0), ("split", 100), ("realtime", 0)])
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_sign_in_reaches_outbound_and_never_real_time(both: Service, operation: Operation, stage: str, percent: float) -> None:
    put(both, stage, percent=percent)
    new = operation.row is None or stage == "realtime" or (percent == 100 and operation.serving is not Serving.REFUSED)
    call = call_of(operation.name, both, "realtime" if new else "outbound")
    page(both)
    both.sandbox.recorder.clear()
    call.send(both, **ANN)
    for record in both.sandbox.recorder.find():
        if record.backend == "realtime":
            assert "authorization" not in sent_headers(record)
            assert "bearer" not in repr(record.request).lower()
    if not new and operation.answer is not Answer.IMAGE and operation.name != "list_events":
        (record,) = [record for record in received(both, operation.name) if record.backend == "outbound"]
        assert sent_headers(record)["authorization"] == ["Bearer ann"]


def test_sign_in_is_left_behind_when_the_other_side_is_asked_next(both: Service) -> None:
    put(both, "split", percent=0)
    call = call_of("list_track_sessions", both, "realtime")
    both.sandbox.recorder.clear()
    answer = call.send(both, **ANN)
    assert (answer.status_code, answered_by(answer)) == (200, "realtime")
    (old,) = received(both, "list_track_sessions")
    assert sent_headers(old)["authorization"] == ["Bearer ann"]
    new = [record for record in received(both) if record.backend == "realtime"]
    assert new
    assert not any("authorization" in sent_headers(record) for record in new)


@pytest.mark.parametrize("parts", [{"percent": 100}, {"percent": 0}, {"percent": 100, "latches": LATCHED}], ids=str)
def test_users_are_outbounds_as_long_as_it_answers(both: Service, parts: dict[str, Any]) -> None:
    put(both, "split", **parts)
    signed_in(both)
    for path in ("", "/registrations", "/waitlist-items"):
        answer = both.get(f"users/authenticated{path}", headers={**ANN, "origin": PORTAL})
        assert (answer.status_code, answered_by(answer)) == (200, "outbound")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-allow-origin"] == PORTAL
    (its,) = both.get("users/authenticated/registrations", headers=ANN).json()
    cancelled = both.post(f"users/authenticated/registrations/{its['id']}/cancel", json={}, headers=ANN)
    assert (cancelled.json()["status"], answered_by(cancelled)) == ("Success", "outbound")
    assert both.get("users/authenticated").status_code == 401  # as ever for who is not signed in
    assert both.client.get(f"{both.url}/readyz").status_code == 200


# Nobody else's.


@pytest.mark.parametrize("stage", ["outbound", "split"])
def test_what_is_said_to_a_user_is_given_to_nobody_else(stage: str, ways: list[str]) -> None:
    with keeping(stage) as service:
        put(service, stage, percent=0)
        signed_in(service)
        assert mine(service.get(SESSIONS)) == [False, False]
        for _ in range(2):
            kept = service.get(SESSIONS)
            assert (mine(kept), kept.headers["x-evtmgmt-cache"], ways[-1]) == ([False, False], "hit", KEPT)
            hers = service.get(SESSIONS, headers={**ANN, "if-none-match": kept.headers["etag"]})
            assert (hers.status_code, mine(hers), answered_by(hers)) == (200, [True, False], "outbound")
            assert (hers.headers["cache-control"], hers.headers.get("etag")) == ("no-store", None)
            assert ways[-1] != KEPT
            assert mine(service.get(SESSIONS, headers=BJORN)) == [False, False]
        # Each of theirs was asked for, the others' once.
        users = [sent_headers(record).get("authorization") for record in received(service, "list_sessions")]
        assert users == [None, ["Bearer ann"], ["Bearer bjorn"], ["Bearer ann"], ["Bearer bjorn"]]


def test_what_is_said_to_a_user_is_not_kept_for_those_who_come_after() -> None:
    with keeping("outbound") as service:
        signed_in(service)
        assert mine(service.get(SESSIONS, headers=ANN)) == [True, False]
        first = service.get(SESSIONS)
        assert (mine(first), first.headers["x-evtmgmt-cache"]) == ([False, False], "miss")
        head = service.client.head(f"{service.url}{BASE}{SESSIONS}", headers=ANN)
        assert (head.headers["cache-control"], head.headers["x-evtmgmt-cache"]) == ("no-store", "miss")


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("path", [SESSIONS, "users/authenticated", "users/authenticated/registrations"])
def test_what_is_said_at_the_same_moment_is_each_ones_own(path: str, cached: bool) -> None:
    with keeping("outbound") if cached else running("outbound") as service:
        signed_in(service, ANN, 0)
        signed_in(service, BJORN, 1)
        people = [ANN, BJORN, {}]
        service.sandbox.recorder.clear()
        answers = at_once(
            service, [lambda client, who=who: client.get(f"{service.url}{BASE}{path}", headers=who) for who in people], path
        )
        alone = [service.get(path, headers=who) for who in people]
        assert [answer.content for answer in answers] == [answer.content for answer in alone]
        assert len({answer.content for answer in answers}) == 3
        assert all(answer.headers["cache-control"] == "no-store" for answer in answers[:2])


def at_once(service: Service, asks: list[Callable[[httpx.Client], httpx.Response]], path: str) -> list[httpx.Response]:
    """Answers to requests of the same moment, each of which reached outbound."""
    name = {SESSIONS: "list_sessions", "users/authenticated": "get_user"}.get(path, "list_user_registrations")
    if "captcha" in path:
        name = "get_captcha"
    clients = [httpx.Client(timeout=60, trust_env=False) for _ in asks]
    service.sandbox.faults.add("latency", seconds=0.3, operation=name, times=len(asks))
    with ThreadPoolExecutor(len(asks)) as pool:
        due = [pool.submit(ask, client) for ask, client in zip(asks, clients, strict=True)]
        answers = [answer.result(60) for answer in due]
    for client in clients:
        client.close()
    assert len(received(service, name)) == len(asks)
    return answers


@pytest.mark.parametrize(
    "operation",
    [
        row
        for row in OPERATIONS
        if row.row is not None and row.method == "GET" and row.answer not in (Answer.IMAGE, Answer.CALENDAR)
    ],
    ids=named,
)
def test_whatever_is_said_to_a_user_is_not_to_be_stored(both: Service, operation: Operation) -> None:
    put(both, "outbound")
    call = call_of(operation.name, both, "outbound")
    for fault in (None, {"kind": "status", "status": 403}, {"kind": "status", "status": 500}, {"kind": "html"}):
        if fault is not None:
            both.sandbox.faults.add(**fault, operation=operation.name)
        answer = call.send(both, **ANN)
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
        assert answered_by(answer) == "outbound"


# Captcha.


@pytest.mark.parametrize("cached", [True, False])
def test_a_challenge_is_one_visitors(cached: bool) -> None:
    with keeping("split") if cached else running("split") as service:
        put(service, "split", percent=0)
        path = f"events/{EXPO}/captcha"
        answers = at_once(service, [lambda client: client.get(f"{service.url}{BASE}{path}") for _ in range(4)], path)
        answers += [service.get(path) for _ in range(3)]
        assert len({answer.json()["FlowId"] for answer in answers}) == 7
        assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
        assert {answered_by(answer) for answer in answers} == {"outbound"}


@pytest.mark.parametrize("change", [{"stage": "realtime"}, {"stage": "split", "percent": 100}], ids=str)
def test_a_registration_with_a_captcha_ends_where_it_began(both: Service, change: dict[str, Any]) -> None:
    """Page, challenge and registration from outbound, although the state changes between any two of them."""
    put(both, "split", percent=0)
    assert both.get(f"events/{EXPO}").json()["enableCaptcha"] is True
    put(both, **change)
    challenge = both.get(f"events/{EXPO}/captcha")
    assert (challenge.status_code, answered_by(challenge)) == (200, "outbound")
    flow = challenge.json()["FlowId"]
    solved = {"Solution": both.sandbox.captcha.solution(flow), "Token": flow, "Type": "visual", "FlowId": flow}
    answer = both.post(f"events/{EXPO}/registrations", json=registration() | {"hipObject": solved})
    assert (answer.json()["status"], answered_by(answer)) == ("Success", "outbound")
    assert asked(both, "register") == ["outbound"]


def test_a_page_of_real_time_asks_for_no_captcha(both: Service) -> None:
    put(both, "split", percent=100)
    event = both.get(f"events/{EXPO}")
    assert (event.json()["enableCaptcha"], answered_by(event)) == (False, "realtime")
    answer = both.post(f"events/{EXPO}/registrations", json=registration())
    assert (answer.json()["status"], answered_by(answer)) == ("Success", "realtime")


@pytest.mark.parametrize("stage", Stage)
def test_no_cookie_of_an_organisation_reaches_a_visitor_or_comes_back(both: Service, stage: str) -> None:
    put(both, stage, percent=0)
    both.sandbox.faults.add("set_cookie", times=None)
    for path in ("events/published", f"events/{CONFERENCE}", "users/authenticated"):
        answer = both.get(path, headers={"cookie": "mine=1", **ANN})
        assert "set-cookie" not in answer.headers
        both.get(path)
    assert not any("cookie" in sent_headers(record) for record in both.sandbox.recorder.find())
