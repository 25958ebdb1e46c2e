"""The stages over real sockets: who answers what, and that each answer says so."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from app.cutover.decision import bucket_of
from app.cutover.state import Stage
from sandbox.server import Sandbox, SandboxThread
from tests.app.conftest import ways
from tests.app.cutover.sides import (
    FORUM_NEW,
    FORUM_OLD,
    LATCHED,
    ONLY_NEW,
    ONLY_OLD,
    PORTAL,
    answered_by,
    asked,
    call_of,
    calls,
    keeping,
    page,
    put,
    running,
    trying,
)
from tests.app.line import Line, ask
from tests.app.pair import KEPT
from tests.clock import until
from tests.examples import OPEN_DAY, assert_error, event_of, example, named, registration
from tests.old_side import ANN, Direct, old_event, old_example
from tests.service import BASE, Service, both_sides, event_path, running_proxy, settings_for
from translation.messages import MESSAGES
from translation.operations import OPERATIONS, Answer, Operation, Serving

__all__ = ["ways"]

NEW = [operation for operation in OPERATIONS if operation.row is None]
JSON_READS = [
    operation
    for operation in OPERATIONS
    if operation.method == "GET"
    and operation.answer is not Answer.IMAGE
    and operation.name not in ("get_captcha", "get_personal_calendar")
]
STAGES = [
    ("outbound", 100),
    ("shadow", 100),
    ("split", 0),
    ("split", 100),
    ("realtime", 0),
]


def serving(operation: Operation, stage: str, percent: float) -> str:
    """Who serves an operation, for an event that both sides publish."""
    if operation.row is None or stage == "realtime":
        return "realtime"
    if stage != "split":
        return "outbound"
    if operation.name == "list_events":
        return "realtime+outbound" if percent else "outbound+realtime"
    if operation.serving is Serving.REFUSED:
        return "outbound"
    return "realtime" if percent else "outbound"


# Who answers.


@pytest.mark.parametrize(("stage", "percent"), STAGES)
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_each_stage_has_each_operation_answered_by_whom_it_says(
    both: Service, operation: Operation, stage: str, percent: float
) -> None:
    put(both, stage, percent=percent)
    side = serving(operation, stage, percent)
    refused = side == "realtime" and operation.serving is Serving.REFUSED
    call = call_of(operation.name, both, "realtime" if side.startswith("realtime") else "outbound")
    page(both)
    both.sandbox.recorder.clear()
    answer = call.send(both)
    assert answer.status_code in ((501,) if refused else (200, 302))
    assert answered_by(answer) == side
    if operation.name == "list_events":
        assert set(side.split("+")) <= set(asked(both, "list_events"))
    elif operation.answer is Answer.CALENDAR and side == "realtime":
        assert asked(both, "get_event") == ["realtime"]
    elif operation.name == "list_track_sessions" and side == "realtime":
        assert asked(both, "list_track_sessions") == []
        assert asked(both, "list_sessions") == ["realtime"]
    elif refused:
        assert calls(both) == []
    else:
        assert asked(both, operation.name) == [side]


@pytest.mark.parametrize("stage", ["outbound", "split", "realtime"])
@pytest.mark.parametrize("operation", [row for row in OPERATIONS if row.method == "GET"], ids=named)
def test_head_and_errors_say_who_answered(both: Service, operation: Operation, stage: str) -> None:
    put(both, stage, percent=100)
    side = serving(operation, stage, 100)
    call = call_of(operation.name, both, "realtime" if side.startswith("realtime") else "outbound")
    head = both.client.head(f"{both.url}{BASE}{call.path}", headers=call.headers)
    assert (head.content, answered_by(head)) == (b"", side)
    both.sandbox.faults.add("status", status=500, times=None)
    answer = call.send(both)
    assert (answer.status_code >= 500, answered_by(answer)) == (True, side)


@pytest.mark.parametrize("stage", Stage)
def test_what_is_no_operation_is_nobodys(both: Service, stage: str) -> None:
    put(both, stage)
    both.sandbox.recorder.clear()
    for path in ("nothing", "events/a/b/c/d", "speakers/nobody/image"):
        assert answered_by(both.get(path)) == "none"
    assert calls(both) == []


@pytest.mark.parametrize("most", [2**20, 1_024], ids=["kept", "too large to be kept"])
def test_no_cache_in_front_may_keep_what_another_visitor_gets_from_the_other_side(most: int) -> None:
    said = set()
    with running(cache={"warm": False, "max_entry_bytes": most}) as service:
        for stage in Stage:
            for percent in (0, 100):
                put(service, stage, percent=percent)
                side = "outbound" if stage in (Stage.OUTBOUND, Stage.SHADOW) or not percent else "realtime"
                for operation in OPERATIONS:
                    if operation.method == "GET" and not operation.path.startswith("users/"):
                        answer = call_of(operation.name, service, side).send(service)
                        said.add(answer.headers["cache-control"].partition(",")[0])
    assert said == {"private", "no-cache", "no-store"}


def test_kept_answers_say_who_gave_them_on_the_short_way_too(ways: list[str]) -> None:
    with keeping() as service:
        speaker = event_of(service).speakers[0]["id"]
        sides = {"outbound": "outbound", "realtime": "realtime", "split": "realtime+outbound"}
        for stage, side in sides.items():
            put(service, stage, percent=100)
            image = "realtime" if stage != "outbound" else "outbound"
            assert service.get(f"events/{OPEN_DAY}/speakers").status_code == 200  # so that both are known to have the speaker
            for path, by in (("events/published", side), (f"events/{OPEN_DAY}", image), (f"speakers/{speaker}/image", image)):
                first = service.get(path)
                second = service.get(path)
                assert (second.headers["x-evtmgmt-cache"], ways[-1]) == ("hit", KEPT)
                third = service.get(path, headers={"if-none-match": first.headers["etag"]})
                assert (third.status_code, ways[-1]) == (304, KEPT)
                head = service.client.head(f"{service.url}{BASE}{path}")
                assert [answered_by(answer) for answer in (first, second, third, head)] == [by] * 4
                if stage == "split":
                    put(service, "split", percent=0)
                    other = service.get(path)
                    assert answered_by(other) == ("outbound+realtime" if "+" in by else "outbound")
                    assert (service.get(path).headers["x-evtmgmt-cache"], ways[-1]) == ("hit", KEPT)
                    put(service, "split", percent=100)


# What is kept.


@pytest.mark.parametrize("path", [f"events/{OPEN_DAY}", f"events/{OPEN_DAY}/sessions", f"events/{OPEN_DAY}/registrations/count"])
def test_what_one_side_said_is_never_given_for_the_other(path: str, ways: list[str]) -> None:
    with keeping("outbound") as service:
        service.sandbox.outbound.events[OPEN_DAY].registered = 1_234
        service.sandbox.recorder.clear()
        said = {}
        for stage in ("outbound", "realtime", "outbound", "realtime"):
            put(service, stage)
            answer = service.get(path)
            assert answered_by(answer) == stage
            assert said.setdefault(stage, answer.content) == answer.content
            assert service.get(path).content == answer.content
            assert ways[-1] == KEPT
            # The other side's validator is none of this one's.
            other = "realtime" if stage == "outbound" else "outbound"
            if other in said:
                put(service, other)
                tag = service.get(path).headers["etag"]
                put(service, stage)
                assert service.get(path, headers={"if-none-match": tag}).status_code == 200
        assert said["outbound"] != said["realtime"]
        assert Counter(record.backend for record in calls(service)) == {"outbound": 1, "realtime": 1}


def test_missing_things_are_remembered_for_each_side_alone() -> None:
    with keeping("realtime") as service:
        path = f"events/{ONLY_OLD}"
        for _ in range(2):
            assert_error(service.get(path), "NotFound", 404)
        put(service, "outbound")
        assert service.get(path).status_code == 200
        put(service, "realtime")
        assert_error(service.get(path), "NotFound", 404)
        assert asked(service, "get_event") == ["realtime", "outbound"]


@pytest.mark.parametrize("stage", ["outbound", "realtime", "split"])
def test_a_switch_in_between_is_seen_by_the_next_request(stage: str) -> None:
    with keeping(stage) as service:
        put(service, stage, percent=100)
        path = f"events/{OPEN_DAY}"
        for _ in range(2):
            assert service.get(path).status_code == 200
        put(service, stage, events={"Contoso_*": "off"})
        assert_error(service.get(path), "SwitchedOff", 503)
        put(service, stage, events={"Contoso_*": "outbound"})
        assert answered_by(service.get(path)) == "outbound"
        put(service, stage, operations={"get_event": "realtime"})
        assert answered_by(service.get(path)) == "realtime"


# Switches.


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_what_is_off_is_said_in_the_visitors_language_and_readable_by_the_portal(
    both: Service, stage: str, language: str
) -> None:
    both.sandbox.recorder.clear()
    for parts, path in (
        ({"operations": {"list_events": "off"}}, "events/published"),
        ({"operations": {"get_event_qrcode": "off"}}, f"events/{OPEN_DAY}/qrcode"),
        ({"operations": {"get_user": "off"}}, "users/authenticated"),
        ({"events": {"contoso_open_day": "off"}}, f"events/{OPEN_DAY}"),
        ({"events": {"*_OPEN_*": "off", "C*": "realtime"}}, f"events/{OPEN_DAY}/sessions"),
        ({"events": {FORUM_OLD: "off"}}, f"events/{FORUM_NEW}"),
        ({"events": {FORUM_NEW: "off"}}, f"events/{FORUM_OLD}"),
    ):
        put(both, stage, **parts)
        answer = both.get(path, headers={"accept-language": language, "origin": PORTAL, **trying("realtime")})
        body = assert_error(answer, "SwitchedOff", 503)
        assert body["Message"] == MESSAGES[language]["SwitchedOff"]
        assert (answer.headers["content-language"], answer.headers["access-control-allow-origin"]) == (language, PORTAL)
        assert answered_by(answer) == "none"
    assert calls(both) == []


@pytest.mark.parametrize("stage", Stage)
def test_switches_move_operations_and_events(both: Service, stage: str) -> None:
    put(both, stage, operations={"list_speakers": "realtime", "list_sessions": "outbound"}, events={"Contoso_*": "realtime"})
    assert answered_by(both.get("events/Family_Day/speakers")) == "realtime"
    assert answered_by(both.get("events/Family_Day/sessions")) == "outbound"
    assert answered_by(both.get(f"events/{OPEN_DAY}/sessions")) == "realtime"  # that of the event is the more specific
    put(both, stage, events={"Contoso_*": "realtime", OPEN_DAY: "outbound"})
    assert answered_by(both.get(event_path(OPEN_DAY.upper(), ""))) == "outbound"
    assert answered_by(both.get("events/Contoso_Ltd_Conference")) == "realtime"
    put(both, stage, events={FORUM_OLD: "outbound"})
    answer = both.get(f"events/{FORUM_NEW}")
    assert (answered_by(answer), answer.json()["readableEventId"]) == ("outbound", FORUM_OLD)


# The events decide.


@pytest.mark.parametrize("percent", [0, 100])
def test_an_event_of_one_side_is_served_there(both: Service, percent: float) -> None:
    put(both, "split", percent=percent)
    for event, side in ((ONLY_OLD, "outbound"), (ONLY_NEW, "realtime")):
        for rest in (
            "",
            "/passes",
            "/sessions",
            "/speakers",
            "/sponsorships",
            "/registrations/count",
            "/custom-registration-fields",
        ):
            answer = both.get(f"events/{event}{rest}")
            assert (answer.status_code, answered_by(answer)) == (200, side)
        answer = both.post(f"events/{event}/registrations", json=registration())
        assert (answer.json()["status"], answered_by(answer)) == ("Success", side)


@pytest.mark.parametrize("stage", ["split", "realtime"])
def test_what_was_moved_back_is_served_by_outbound_where_it_can(both: Service, stage: str) -> None:
    put(both, stage, percent=100)
    page(both)  # so that real-time alone is known to have what is on it
    put(both, stage, percent=100, latches=LATCHED)
    assert answered_by(both.get(f"events/{OPEN_DAY}")) == "outbound"
    assert answered_by(both.get("events/published")) == "outbound+realtime"
    assert answered_by(both.get(f"events/{ONLY_NEW}")) == "realtime"
    user = both.get("users/authenticated", headers=ANN)
    assert (user.status_code, answered_by(user)) == (200, "outbound")
    both.sandbox.faults.add("status", status=500, backend="realtime", times=None)
    old, new = old_event(both).sessions[0]["id"], event_of(both).sessions[0]["id"]
    assert both.get(f"sessions/{old}/registrations/count").status_code == 200
    assert both.get(f"sessions/{new}/registrations/count").status_code == 502  # only real-time has it
    speaker = event_of(both).speakers[0]["id"]
    assert answered_by(both.get(f"speakers/{speaker}/image")) == "outbound"


@pytest.mark.parametrize("percent", [0, 100])
@pytest.mark.parametrize("side", ["outbound", "realtime"])
@pytest.mark.parametrize("name", ["get_speaker_image", "get_sponsor_logo", "count_session_registrations", "list_track_sessions"])
def test_an_unknown_id_is_asked_for_on_the_other_side_once_and_then_known(
    both: Service, name: str, side: str, percent: float
) -> None:
    put(both, "split", percent=percent)
    # Of events that only one side has; real-time's has neither tracks nor sponsors, so there it is one with two lives.
    of_both = name in ("get_sponsor_logo", "list_track_sessions")
    call = old_example(name, both, ONLY_OLD) if side == "outbound" else example(name, both, OPEN_DAY if of_both else ONLY_NEW)
    both.sandbox.recorder.clear()
    first = "outbound" if name == "list_track_sessions" else "realtime"
    for number in range(3):
        answer = call.send(both)
        assert (answer.status_code, answered_by(answer)) == (200, side)
        operations = [record.backend for record in calls(both, "list_tracks", "list_sessions")]
        if name == "list_track_sessions" and side == "realtime":
            assert operations == ["outbound"]
        else:
            assert operations == ([first] if first != side else []) + [side] * (number + 1)


def test_what_neither_side_knows_is_asked_for_once_on_each(both: Service) -> None:
    both.sandbox.recorder.clear()
    answer = both.get("sessions/0e3b2b6a-0000-4000-8000-0000000000ff/registrations/count")
    assert (answer.status_code, answered_by(answer)) == (404, "outbound")
    assert [record.backend for record in calls(both)] == ["realtime", "outbound"]


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "reset"}, {"kind": "status", "status": 400}])
def test_only_what_is_not_there_is_asked_for_on_the_other_side(both: Service, fault: dict[str, Any]) -> None:
    session = old_event(both).sessions[0]["id"]
    both.sandbox.faults.add(backend="realtime", times=None, **fault)
    both.sandbox.recorder.clear()
    answer = both.get(f"sessions/{session}/registrations/count")
    assert (answer.status_code >= 400, answered_by(answer)) == (True, "realtime")
    assert {record.backend for record in calls(both)} == {"realtime"}


@pytest.mark.parametrize(("before", "after"), [("outbound", "realtime"), ("shadow", "realtime"), ("realtime", "outbound")])
def test_an_open_page_stays_whole_when_the_stage_changes(both: Service, before: str, after: str) -> None:
    """Its images and counts name things of the side that gave it; and what both have is the new stage's."""
    put(both, before)
    side = "realtime" if before == "realtime" else "outbound"
    event = event_of(both) if side == "realtime" else old_event(both)
    for part in ("sessions", "speakers", "sponsorships"):
        assert answered_by(both.get(f"events/{OPEN_DAY}/{part}")) == side
    put(both, after)
    logo, count = f"sponsorships/{event.sponsorships[0]['id']}/logo", f"sessions/{event.sessions[1]['id']}/registrations/count"
    assert [answered_by(both.get(path)) for path in (logo, logo)] == [side, side]
    # Sessions have aliases, so real-time knows an old one too.
    assert both.get(count).status_code == 200
    assert answered_by(both.get(count)) == ("realtime" if after == "realtime" else side)
    assert answered_by(both.get(f"speakers/{event.speakers[0]['id']}/image")) == after


# Visitors.


def test_ten_thousand_visitors_stay_where_the_hash_puts_them() -> None:
    keys = [b"198.51.%d.%d" % divmod(number, 256) for number in range(10_000)]
    path = f"{BASE}events/{OPEN_DAY}/registrations/count"
    with keeping() as service:
        put(service, "split", percent=12.34)
        expected = {key: b"realtime" if bucket_of("evtmgmt", key) < 1_234 else b"outbound" for key in keys}
        share = sum(side == b"realtime" for side in expected.values())
        assert abs(share - 1_234) < 5 * (10_000 * 0.1234 * 0.8766) ** 0.5
        with Line(service.port) as line:
            for _ in range(2):
                found = {key: _backend(line, ask(path, f"X-Visitor: {key.decode()}, 10.0.0.1")) for key in keys}
                assert found == expected
            put(service, "split", percent=25)
            sample = keys[:2_000]
            raised = {key: _backend(line, ask(path, f"X-Visitor: {key.decode()}")) for key in sample}
            assert raised == {key: b"realtime" if bucket_of("evtmgmt", key) < 2_500 else b"outbound" for key in sample}
            assert all(raised[key] == b"realtime" for key in sample if expected[key] == b"realtime")
        assert asked(service, "count_event_registrations").count("realtime") == 1
        assert asked(service, "count_event_registrations").count("outbound") == 1


def _backend(line: Line, request: bytes) -> bytes:
    line.send(request)
    head, _, rest = line.answer().partition(b"x-evtmgmt-backend: ")
    assert head.startswith(b"HTTP/1.1 200 ")
    return rest.partition(b"\r\n")[0]


def test_testers_are_served_as_they_ask_and_others_are_not(ways: list[str]) -> None:
    with keeping("outbound") as service:
        path = f"events/{OPEN_DAY}"
        for _ in range(2):
            assert answered_by(service.get(path)) == "outbound"
            assert answered_by(service.get(path, headers=trying("realtime"))) == "realtime"
            assert answered_by(service.get(path, headers={"x-evtmgmt-backend": "realtime"})) == "outbound"
            assert (
                answered_by(service.get(path, headers=trying("realtime") | {"x-evtmgmt-admin": "guessed-credential"}))
                == "outbound"
            )
        assert service.metric('evtmgmt_backend_overrides_total{outcome="accepted"}') == 2
        assert service.metric('evtmgmt_backend_overrides_total{outcome="ignored"}') == 4
        assert asked(service, "get_event") == ["outbound", "realtime"]
        # Neither header travels on.
        for record in service.sandbox.recorder.find():
            assert not {name.lower() for name, _ in record.request.headers} & {b"x-evtmgmt-backend", b"x-evtmgmt-admin"}


# The start.


@contextmanager
def started(sandbox: Sandbox) -> Iterator[httpx.Client]:
    settings = settings_for(sandbox, **both_sides(sandbox), log_level="error")
    with running_proxy(settings) as (port, _), httpx.Client(timeout=60, trust_env=False) as client:
        client.base_url = httpx.URL(f"http://127.0.0.1:{port}{BASE}")
        yield client


def test_from_the_first_request_on_events_are_served_where_they_are() -> None:
    with SandboxThread(Sandbox()) as sandbox:
        sandbox.faults.add("latency", seconds=0.3, operation="list_events")
        with started(sandbox) as client:
            assert answered_by(client.get(f"events/{ONLY_OLD}")) == "outbound"
            assert answered_by(client.get(f"events/{ONLY_NEW}")) == "realtime"


def test_when_real_time_is_down_at_the_start_pages_are_served_and_registrations_wait() -> None:
    with SandboxThread(Sandbox()) as sandbox:
        sandbox.faults.add("status", status=503, backend="realtime", times=None)
        with started(sandbox) as client:
            answer = client.get(f"events/{OPEN_DAY}", headers={"x-visitor": "anna"})
            assert (answer.status_code, answered_by(answer)) == (200, "outbound")
            refused = client.post(f"events/{OPEN_DAY}/registrations", json=registration(), headers={"x-visitor": "bert"})
            assert_error(refused, "EventPlaceUnknown", 503)
            assert refused.headers["retry-after"] == "10"
            # Who has the page may register where it came from.
            taken = client.post(f"events/{OPEN_DAY}/registrations", json=registration(), headers={"x-visitor": "anna"})
            assert (taken.json()["status"], answered_by(taken)) == ("Success", "outbound")
            sandbox.faults.clear()
            late: list[httpx.Response] = []

            def registered() -> bool:
                late.append(client.post(f"events/{ONLY_NEW}/registrations", json=registration(), headers={"x-visitor": "bert"}))
                return late[-1].status_code != 503

            until(registered)
            assert (late[-1].json()["status"], answered_by(late[-1])) == ("Success", "realtime")
            assert [item["event_id"] for item in sandbox.control.registrations()] == [ONLY_NEW, OPEN_DAY]


def test_outbound_says_what_it_says_without_the_proxy(both: Service) -> None:
    put(both, "split", percent=0)
    for operation in JSON_READS:
        if operation.row is not None and operation.name != "list_events":
            call = call_of(operation.name, both, "outbound")
            answer = call.send(both)
            assert answered_by(answer) == "outbound"
            assert answer.content == Direct(both).get(call.path, headers=call.headers).content
