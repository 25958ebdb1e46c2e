"""After a registration, what it may have changed is fetched anew at the next read."""

import asyncio
from socket import create_connection
from typing import Any

import pytest

from sandbox.server import Sandbox
from tests.app.desk import HIT, MISS, SESSION, STALE, Desk, call, failure
from tests.clock import Clock, running_at
from tests.examples import CONFERENCE, FORUM, OPEN_DAY, assert_error, attendee, event_of, example, registration
from tests.service import BASE, Service, event_path
from translation import errors

pytestmark = pytest.mark.anyio

OTHER = "0e3b2b6a-0000-4000-8000-00000000000c"
FOLLOWING = ["list_passes", "list_sessions", "count_event_registrations", "count_session_registrations", "get_session"]
LASTING = ["list_events", "get_event", "list_tracks", "list_speakers", "list_sponsorships", "get_speaker_image"]


def desk_with_sessions(**settings: Any) -> Desk:
    desk = Desk(**settings)
    desk.bodies["list_sessions"] = b'[{"id":"%s"},{"id":null}]' % SESSION.upper().encode()
    return desk


async def test_what_a_registration_may_have_changed_is_fetched_at_the_next_read_and_nothing_else() -> None:
    desk = desk_with_sessions()
    for name in FOLLOWING + LASTING:
        await desk.ask(name)
    calls = len(desk.calls)
    desk.reading.registered("Event")
    assert [(await desk.ask(name))[0] for name in FOLLOWING + LASTING] == [MISS] * 5 + [HIT] * 6
    assert [found.operation.name for found in desk.calls[calls:]] == FOLLOWING
    assert [(await desk.ask(name))[0] for name in FOLLOWING] == [HIT] * 5


async def test_other_events_and_their_sessions_stay() -> None:
    desk = desk_with_sessions()
    others = [
        call("list_passes", {"event": "Other"}),
        call("count_event_registrations", {"event": "Other"}),
        call("list_sessions", {"event": "Other"}),
        call("count_session_registrations", {"session": OTHER}),
        call("get_session", {"session": OTHER}),
    ]
    desk.bodies["list_sessions"] = b'[{"id":"%s"}]' % OTHER.encode()
    for asked in others:
        await desk.ask(asked)
    desk.bodies["list_sessions"] = b'[{"id":"%s"}]' % SESSION.encode()
    await desk.ask("list_sessions")
    desk.reading.registered("Event")
    assert [(await desk.ask(asked))[0] for asked in others] == [HIT] * 5


async def test_the_event_is_known_under_each_of_its_names() -> None:
    desk = desk_with_sessions()
    old = {"event": "Old"}, {"event": "Event"}
    by_session = {"session": OTHER}, {"session": SESSION}
    asks = [
        call("list_passes", *old),
        call("list_sessions", *old),
        call("count_event_registrations", *old),
        call("count_session_registrations", *by_session),
    ]
    for asked in asks:
        await desk.ask(asked)
    desk.reading.registered("Event")
    assert [(await desk.ask(asked))[0] for asked in asks] == [MISS] * 4


async def test_the_counts_of_its_sessions_follow_whether_or_not_the_sessions_are_kept() -> None:
    desk = desk_with_sessions(operations={"list_sessions": "never"})
    await desk.ask("list_sessions")
    await desk.ask("count_session_registrations")
    desk.reading.registered("Event")
    assert (await desk.ask("count_session_registrations"))[0] == MISS


@pytest.mark.parametrize("name", ["count_event_registrations", "count_session_registrations", "list_sessions"])
async def test_what_was_under_way_is_neither_joined_nor_kept(name: str) -> None:
    desk = desk_with_sessions()
    await desk.ask("list_sessions")
    if name == "list_sessions":
        desk.clock.go(631)
    calls = len(desk.calls)
    desk.gate.clear()
    before = desk.ask_soon(name)
    await desk.asked(calls + 1)
    desk.reading.registered("Event")
    after = desk.ask_soon(name)
    await desk.asked(calls + 2)  # not the call that was under way
    desk.bodies[name] = b"[]"
    desk.gate.set()
    await asyncio.gather(before, after)
    assert (await desk.ask(name))[0] == HIT
    kept = desk.kept(name)
    assert kept is not None
    assert (kept.call.operation.name, len(desk.calls)) == (name, calls + 2)


async def test_the_old_answer_that_comes_last_is_not_kept() -> None:
    desk = Desk()
    first = desk.gate = asyncio.Event()
    before = desk.ask_soon("count_event_registrations")
    await desk.asked(1)
    desk.reading.registered("Event")
    desk.gate = asyncio.Event()
    desk.gate.set()
    assert await desk.ask("count_event_registrations") == (MISS, b"2", 0)
    first.set()
    assert await before == (MISS, b"1", 0)  # who asked before gets what was answered before
    assert await desk.ask("count_event_registrations") == (HIT, b"2", 0)


async def test_what_was_under_way_is_not_joined_without_the_cache_either() -> None:
    desk = Desk(enabled=False)
    desk.gate.clear()
    before = desk.ask_soon("count_event_registrations")
    await desk.asked(1)
    desk.reading.registered("Event")
    after = desk.ask_soon("count_event_registrations")
    for _ in range(10):
        await asyncio.sleep(0)
    desk.gate.set()
    await asyncio.gather(before, after)
    assert len(desk.calls) == 2


async def test_what_is_under_way_of_other_things_is_joined() -> None:
    desk = Desk()
    desk.gate.clear()
    names = ["list_tracks", "count_event_registrations"]
    other = {"event": "Other"}
    before = [desk.ask_soon("list_tracks"), desk.ask_soon(call("count_event_registrations", other))]
    await desk.asked(2)
    desk.reading.registered("Event")
    after = [desk.ask_soon("list_tracks"), desk.ask_soon(call("count_event_registrations", other))]
    for _ in range(10):
        await asyncio.sleep(0)
    desk.gate.set()
    await asyncio.gather(*before, *after)
    assert [found.operation.name for found in desk.calls] == names


@pytest.mark.parametrize("kind", [errors.UPSTREAM_FAILED, errors.UPSTREAM_UNREACHABLE, errors.TOO_MANY_REQUESTS])
async def test_the_old_ones_are_given_when_dynamics_fails_then(kind: errors.ErrorKind) -> None:
    desk = desk_with_sessions()
    for name in FOLLOWING:
        await desk.ask(name)
    desk.reading.registered("Event")
    desk.error = failure(kind)
    assert [(await desk.ask(name))[0] for name in FOLLOWING] == [STALE] * 5


async def test_a_failure_before_the_registration_does_not_put_the_next_read_off() -> None:
    desk = Desk()
    name = "count_event_registrations"
    await desk.ask(name)
    desk.clock.go(36)
    desk.error = failure(errors.UPSTREAM_FAILED, retry_after=300)
    assert (await desk.ask(name))[0] == STALE
    desk.error = None
    desk.reading.registered("Event")
    assert await desk.ask(name) == (MISS, b"3", 0)


# On sockets.


def reads(service: Service, event: str = OPEN_DAY) -> dict[str, str]:
    """Paths of what a registration may change."""
    session = event_of(service, event).sessions[0]["id"]
    return {
        "passes": event_path(event, "/passes"),
        "sessions": event_path(event, "/sessions"),
        "count": event_path(event, "/registrations/count"),
        "session count": f"sessions/{session}/registrations/count",
        "session": f"sessions/{session}",
    }


def lasting(service: Service) -> list[str]:
    return ["events/published", event_path(OPEN_DAY), event_path(OPEN_DAY, "/tracks"), *reads(service, FORUM).values()]


def outcomes(service: Service, paths: list[str]) -> list[str]:
    return [service.get(path).headers["x-evtmgmt-cache"] for path in paths]


def test_a_registration_shows_in_the_count_at_once() -> None:
    with running_at(Clock()) as service:
        service.sandbox.realtime.behaviour.processing_delay = 0
        count = event_path(OPEN_DAY, "/registrations/count")
        before = service.get(count).json()
        assert service.post(event_path(OPEN_DAY, "/registrations"), json=registration()).json()["status"] == "Success"
        assert service.get(count).json() == before + 1


@pytest.mark.parametrize(
    ("kind", "values", "status"),
    [
        ("latency", {"seconds": 0.0}, 200),
        ("body", {"body": {"status": "Redirect", "redirectUrl": "https://pay.invalid/"}}, 200),
        ("body", {"body": {"status": "Initiated", "purchaseId": "p"}}, 200),
        ("hang", {"effect": True}, 504),
        ("status", {"status": 500}, 502),
        ("reset", {"effect": True}, 502),
        ("html", {}, 502),
    ],
)
def test_every_registration_that_may_have_happened_counts(kind: str, values: dict[str, Any], status: int) -> None:
    with running_at(Clock(), upstream={"read_timeout": 2} if kind == "hang" else {}) as service:
        changing, other = list(reads(service).values()), lasting(service)
        outcomes(service, changing + other)
        service.sandbox.faults.add(kind, operation="register", **values)
        assert service.post(event_path(OPEN_DAY, "/registrations"), json=registration()).status_code == status
        assert outcomes(service, changing) == ["miss"] * 5
        assert outcomes(service, changing + other) == ["hit"] * (5 + len(other))


@pytest.mark.parametrize(
    ("kind", "values", "status"),
    [
        ("body", {"body": {"status": "Failed", "errorMessage": "Sold out."}}, 200),
        ("status", {"status": 400}, 400),
        ("status", {"status": 401}, 502),
        ("status", {"status": 404}, 404),
        ("status", {"status": 429}, 429),
        ("status", {"status": 503}, 502),
    ],
)
def test_a_registration_that_did_not_happen_changes_nothing(kind: str, values: dict[str, Any], status: int) -> None:
    with running_at(Clock()) as service:
        changing = list(reads(service).values())
        outcomes(service, changing)
        service.sandbox.faults.add(kind, operation="register", **values)
        assert service.post(event_path(OPEN_DAY, "/registrations"), json=registration()).status_code == status
        assert outcomes(service, changing) == ["hit"] * 5


def test_a_registration_that_was_not_sent_changes_nothing() -> None:
    with running_at(Clock()) as service:
        changing = list(reads(service).values())
        outcomes(service, changing)
        assert_error(service.post(event_path(OPEN_DAY, "/registrations"), json={"attendees": 7}), "InvalidBody", 400)
        service.upstream.stop()
        assert_error(service.get(event_path(FORUM)), "UpstreamUnreachable", 502)  # no connection is left open
        assert_error(service.post(event_path(OPEN_DAY, "/registrations"), json=registration()), "UpstreamUnreachable", 502)
        assert outcomes(service, changing) == ["hit"] * 5


def test_a_finalized_purchase_counts() -> None:
    with running_at(Clock()) as service:
        changing = list(reads(service, CONFERENCE).values())
        outcomes(service, changing)
        assert example("finalize_registration", service, CONFERENCE).send(service).json()["status"] == "Success"
        assert outcomes(service, changing) == ["miss"] * 5


def test_a_registration_by_an_old_name_counts_for_the_new_one_and_the_other_way_round() -> None:
    old, session = "Old_Open_Day", "0e3b2b6a-0000-4000-8000-00000000000d"
    today = Sandbox().realtime.events[OPEN_DAY].sessions[0]["id"]
    with running_at(Clock(), aliases={"events": {old: OPEN_DAY}, "sessions": {session: today}}) as service:
        paths = [*list(reads(service).values())[:3], *(event_path(old, rest) for rest in ("/passes", "/registrations/count"))]
        paths.append(f"sessions/{session}/registrations/count")
        for name in (old.upper(), OPEN_DAY):
            outcomes(service, paths)
            assert service.post(event_path(name, "/registrations"), json=registration(attendee())).is_success
            assert outcomes(service, paths) == ["miss"] * len(paths)
            assert outcomes(service, paths) == ["hit"] * len(paths)


def test_what_was_under_way_when_dynamics_registered_is_not_joined() -> None:
    with running_at(Clock()) as service:
        count = event_path(OPEN_DAY, "/registrations/count")
        before = service.sandbox.realtime.events[OPEN_DAY].registered
        service.sandbox.realtime.behaviour.processing_delay = 0
        service.sandbox.faults.add("hang", operation="count_event_registrations")
        with create_connection(("127.0.0.1", service.port)) as visitor:
            visitor.sendall(f"GET {BASE}{count} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            service.sandbox.recorder.wait(operation="count_event_registrations")
            assert service.post(event_path(OPEN_DAY, "/registrations"), json=registration()).json()["status"] == "Success"
            answer = service.get(count)
            assert (answer.json(), answer.headers["x-evtmgmt-cache"]) == (before + 1, "miss")
        service.sandbox.recorder.wait(operation="count_event_registrations", outcome="cancelled")
        assert service.get(count).headers["x-evtmgmt-cache"] == "hit"
