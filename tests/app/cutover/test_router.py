"""How a request is decided: what is gathered of it, testers, visitors, and the short way."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from app.admin.attempts import OF_ONE
from app.cutover import router as module
from app.cutover.decision import Facts, Rule, Source, bucket_of, decide
from app.cutover.router import CREDENTIAL_HEADER, OVERRIDE_HEADER, Router
from app.cutover.settings import Cutover
from app.cutover.state import CutoverState, Latch, Stage, Switch
from app.logs import configure_logs
from app.metrics import Metrics
from app.redaction import Redactor
from tests.app.cutover.routing import (
    BOTH,
    FIRST_HALF,
    GALA,
    HEADERS,
    OUTBOUND,
    READS,
    REALTIME,
    SCOPE,
    THING,
    Desk,
    heads,
    override,
)
from tests.app.cutover.test_decision import states
from tests.service import ADMIN
from translation.errors import EVENT_PLACE_UNKNOWN, SWITCHED_OFF, ProxyError
from translation.operations import BY_NAME, OPERATIONS
from translation.query import EMPTY, read_query

pytestmark = pytest.mark.anyio

# Testers.


@pytest.mark.parametrize("backend", ["outbound", "realtime", "OutBound"])
async def test_a_tester_with_the_credential_is_obeyed(backend: str) -> None:
    desk = Desk(CutoverState(stage=Stage.SHADOW)).know()
    route = await desk.choose("get_event", **override(backend))
    assert (route.source, route.rule) == (Source(backend.lower()), Rule.OVERRIDE)
    assert (desk.overrides("accepted"), desk.overrides("ignored")) == (1, 0)


@pytest.mark.parametrize(
    "headers",
    [
        override("realtime", None),
        override("realtime", ""),
        override("realtime", ADMIN[:-1]),
        override("realtime", ADMIN + "x"),
        override("realtime", ADMIN.upper()),
        override("realtime", "é"),
        override(""),
        override("both"),
        override("realtime+outbound"),
        override("realtime, outbound"),
    ],
)
async def test_without_it_the_header_is_ignored_and_counted(headers: dict[str, str]) -> None:
    desk = Desk(CutoverState(stage=Stage.OUTBOUND))
    route = await desk.choose("get_event", **headers)
    assert (route.source, route.rule) == (OUTBOUND, Rule.STAGE)
    assert (desk.overrides("accepted"), desk.overrides("ignored")) == (0, 1)


async def test_without_a_credential_in_the_settings_nobody_is_a_tester() -> None:
    desk = Desk(CutoverState(stage=Stage.OUTBOUND), credential=None)
    for tried in ("", "None", ADMIN):
        assert (await desk.choose("get_event", **override("realtime", tried))).source is OUTBOUND
    assert desk.overrides("ignored") == 3


async def test_the_credential_alone_changes_nothing() -> None:
    desk = Desk(CutoverState(stage=Stage.OUTBOUND))
    assert (await desk.choose("get_event", x_evtmgmt_admin=ADMIN)).source is OUTBOUND
    assert desk.overrides("accepted") == desk.overrides("ignored") == 0


async def test_credentials_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(given: bytes, known: bytes) -> bool:
        compared.append((given, known))
        return given == known

    monkeypatch.setattr(module, "compare_digest", compare)
    desk = Desk().know()
    await desk.choose("list_events", **override("realtime", "wrong"))
    assert compared == [(b"wrong", ADMIN.encode())]


async def test_credentials_cannot_be_tried_without_end() -> None:
    """The header stands on the public paths, where neither the console's pace nor a firewall before it is."""
    desk = Desk(CutoverState(stage=Stage.OUTBOUND))
    guesser, tester = ({"client": (f"198.51.100.{number}", 1)} for number in (1, 2))
    for number in range(OF_ONE.burst):
        await desk.choose("get_event", scope=guesser, **override("realtime", f"guess {number}"))
    assert (await desk.choose("get_event", scope=guesser, **override("realtime"))).source is OUTBOUND
    assert (await desk.choose("get_event", scope=tester, **override("realtime"))).source is REALTIME


async def test_where_there_is_no_outbound_a_tester_gets_real_time() -> None:
    desk = Desk(CutoverState(), both=False)
    for backend, outcome in (("outbound", "ignored"), ("realtime", "accepted")):
        assert (await desk.choose("get_event", **override(backend))).source is REALTIME
        assert desk.overrides(outcome) == 1


async def test_a_tester_is_counted_once_however_often_he_is_looked_at() -> None:
    """The short way, the gateway's look at what is kept, and the whole way: one request."""
    desk = Desk().know()
    for _ in range(2):
        assert desk.at_once("get_event", "Gala", **override("outbound")) is None
    assert (await desk.choose("get_event", **override("outbound"))).source is OUTBOUND
    assert desk.overrides("accepted") == 1


# Visitors.


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"x_visitor": "anna"}, "anna"),
        ({"x_visitor": "198.51.100.1, 10.0.0.1, 10.0.0.2"}, "198.51.100.1"),
        ({"x_visitor": "  spaced  , other"}, "spaced"),
        ({"x_visitor": "é"}, "é"),
        ({"x_visitor": ""}, "203.0.113.7"),
        ({}, "203.0.113.7"),
        ({"x_forwarded_for": "198.51.100.1"}, "203.0.113.7"),
    ],
)
async def test_a_visitor_is_told_by_the_header_else_by_the_address(headers: dict[str, str], key: str) -> None:
    desk = Desk().know()
    bucket = bucket_of("evtmgmt", key.encode("latin-1"))
    desk.set(percent=bucket / 100)
    assert (await desk.choose("get_event", **headers)).source is OUTBOUND
    desk.set(percent=(bucket + 1) / 100)
    assert (await desk.choose("get_event", **headers)).source is REALTIME


async def test_without_a_header_in_the_settings_the_address_counts() -> None:
    desk = Desk(sticky_header=None).know()
    bucket = bucket_of("evtmgmt", b"203.0.113.7")
    route = await desk.choose("get_event", x_visitor="anna")
    assert route.why.startswith(f"bucket {bucket} is ")
    route = await desk.choose("get_event", scope={"client": None})
    assert route.why.startswith(f"bucket {bucket_of('evtmgmt', b'unknown')} is ")


async def test_a_salt_of_the_settings_is_used() -> None:
    route = await Desk(salt="another").know().choose("get_event", x_visitor="anna")
    assert route.why.startswith(f"bucket {bucket_of('another', b'anna')} is ")


# Events and ids.


async def test_an_event_is_decided_under_either_of_its_ids() -> None:
    desk = Desk(CutoverState.model_validate({"stage": "split", "events": {"Annual_Forum": "off"}})).know(
        ("Annual_Forum_2031",), ("Annual_Forum",)
    )
    for asked in ("Annual_Forum", "annual_forum_2031"):
        for name in ("get_event", "register"):
            with pytest.raises(ProxyError) as refused:
                await desk.choose(name, {"event": asked})
            assert refused.value.kind is SWITCHED_OFF
    desk.set(events={"*_2031": "outbound"})
    for asked in ("Annual_Forum", "annual_forum_2031"):
        assert (await desk.choose("get_event", {"event": asked}, x_visitor=FIRST_HALF)).rule is Rule.EVENT


async def test_a_switch_of_an_event_holds_for_the_parts_of_it() -> None:
    desk = Desk(CutoverState.model_validate({"stage": "outbound", "events": {"Gala": "realtime"}}))
    desk.places.learn(REALTIME, "list_speakers", GALA, [{"id": THING}])
    route = await desk.choose("get_speaker_image", {"speaker": THING.upper()})
    assert (route.source, route.rule) == (REALTIME, Rule.EVENT)


async def test_an_unknown_id_is_asked_for_on_both_sides_and_then_known() -> None:
    desk = Desk(CutoverState(stage=Stage.SPLIT, percent=0)).know()
    route = await desk.choose("get_speaker_image")
    assert (route.source, route.rule, route.otherwise) == (REALTIME, Rule.UNKNOWN_ID, OUTBOUND)
    desk.router.found(OUTBOUND, BY_NAME["get_speaker_image"], {"speaker": THING.upper()}, heads(), SCOPE)
    route = await desk.choose("get_speaker_image")
    assert (route.source, route.rule, route.otherwise) == (OUTBOUND, Rule.KNOWN_ID, None)


@pytest.mark.parametrize(
    "data",
    [
        [{"readableEventId": "Roadshow"}],
        [{"READABLEeventid": "roadshow", "sessionId": THING}],
        [{"readableEventId": "Roadshow"}, {"readableEventId": "Launch"}],
    ],
)
async def test_a_calendar_link_is_decided_by_its_event(data: Any) -> None:
    desk = Desk(CutoverState(stage=Stage.SPLIT)).know(("Launch",), ("Roadshow",))
    query = read_query(f"data={quote(json.dumps(data))}".encode(), ("data",))
    assert (await desk.choose("get_personal_calendar", query=query)).source is OUTBOUND
    desk.set(events={"roadshow": "off"})
    with pytest.raises(ProxyError):
        await desk.choose("get_personal_calendar", query=query)


@pytest.mark.parametrize(
    "data", ["", "x", "[]", "{}", "7", "null", '"x"', "[7]", '["x"]', "[{}]", '[{"readableEventId":7}]', "[null]", "%FF", "[[]]"]
)
async def test_a_calendar_link_that_cannot_be_read_goes_to_who_tells_what_is_wrong(data: str) -> None:
    desk = Desk().know()
    query = read_query(f"data={data}".encode(), ("data",))
    route = await desk.choose("get_personal_calendar", query=query)
    assert (route.source, route.rule) == (REALTIME, Rule.UNKNOWN_ID)
    desk.router.found(OUTBOUND, BY_NAME["get_personal_calendar"], {}, heads(), SCOPE)  # there is no id to remember
    assert (await desk.choose("get_personal_calendar")).source is REALTIME  # without any data


# Pages.


@pytest.mark.parametrize("page", ["get_event", "list_passes", "list_custom_registration_fields"])
@pytest.mark.parametrize(
    "change",
    [{"percent": 100}, {"stage": "realtime"}, {"operations": {"register": "realtime"}}, {"events": {"*": "realtime"}}],
    ids=str,
)
async def test_a_registration_goes_where_its_page_came_from(page: str, change: dict[str, Any]) -> None:
    desk = Desk(CutoverState(stage=Stage.SPLIT, percent=0)).know()
    assert (await desk.choose(page, x_visitor="anna")).source is OUTBOUND
    desk.set(**change)
    for part in ("get_captcha", "register", "finalize_registration", "register_user_for_session"):
        route = await desk.choose(part, x_visitor="anna")
        assert (route.source, route.rule) == (OUTBOUND, Rule.PAGE)
    assert (await desk.choose("register", x_visitor="bert")).source is REALTIME
    assert (await desk.choose("register", {"event": "Other"}, x_visitor="anna")).rule is not Rule.PAGE


async def test_what_was_moved_back_leaves_open_registrations_alone() -> None:
    desk = Desk(CutoverState(stage=Stage.SPLIT, percent=100)).know()
    await desk.choose("get_event", x_visitor="anna")
    desk.set(latches={"*": Latch(at=1, reason="x").model_dump()})
    assert (await desk.choose("register", x_visitor="anna")).source is REALTIME
    assert (await desk.choose("register", x_visitor="bert")).source is OUTBOUND


async def test_payment_follows_the_registration() -> None:
    """Also where no page was seen: a portal may have it in the browser's cache."""
    desk = Desk(CutoverState(stage=Stage.SPLIT, percent=0)).know()
    assert (await desk.choose("register", x_visitor="anna")).source is OUTBOUND
    desk.set(percent=100)
    assert (await desk.choose("finalize_registration", x_visitor="anna")).source is OUTBOUND


@pytest.mark.parametrize(("page", "then"), [("Annual_Forum_2031", "annual_forum"), ("ANNUAL_FORUM", "Annual_Forum_2031")])
async def test_a_page_is_known_under_both_ids(page: str, then: str) -> None:
    """Outbound's page of an event that was asked for by its new id names the old one."""
    desk = Desk(CutoverState(stage=Stage.SPLIT, percent=0)).know(("Annual_Forum_2031",), ("Annual_Forum",))
    assert (await desk.choose("get_event", {"event": page})).source is OUTBOUND
    desk.set(percent=100)
    assert (await desk.choose("register", {"event": then})).source is OUTBOUND


async def test_a_page_that_only_the_other_side_had_came_from_there() -> None:
    desk = Desk()
    desk.router._lists_tried.set()
    route = await desk.choose("get_event", x_visitor="anna")
    assert (route.source, route.otherwise) == (OUTBOUND, REALTIME)
    desk.router.found(REALTIME, BY_NAME["get_event"], GALA, heads(x_visitor="anna"), SCOPE)
    assert (await desk.choose("register", x_visitor="anna")).source is REALTIME
    with pytest.raises(ProxyError):
        await desk.choose("register", x_visitor="bert")


async def test_a_kept_page_is_a_page_too() -> None:
    desk = Desk(CutoverState(stage=Stage.SPLIT, percent=0)).know()
    assert desk.at_once("get_event", "Gala", x_visitor="anna") is OUTBOUND
    desk.set(percent=100)
    assert (await desk.choose("register", x_visitor="anna")).source is OUTBOUND


async def test_other_reads_are_no_page() -> None:
    desk = Desk(CutoverState(stage=Stage.SPLIT, percent=0)).know()
    for name in ("list_sessions", "list_speakers", "count_event_registrations", "get_captcha"):
        await desk.choose(name, x_visitor="anna")
    desk.set(percent=100)
    assert (await desk.choose("register", x_visitor="anna")).source is REALTIME


# What cannot be answered.


async def test_what_is_off_is_a_listed_error() -> None:
    desk = Desk(CutoverState.model_validate({"operations": {"register": "off"}}))
    with pytest.raises(ProxyError) as refused:
        await desk.choose("register")
    assert (refused.value.kind, refused.value.cause) == (SWITCHED_OFF, "the switch of register says off")
    assert (await desk.choose("get_event")).source is REALTIME


async def test_a_registration_for_an_event_of_an_unknown_place_is_told_to_wait() -> None:
    desk = Desk()
    desk.router._lists_tried.set()
    with pytest.raises(ProxyError) as refused:
        await desk.choose("register")
    assert (refused.value.kind, refused.value.retry_after) == (EVENT_PLACE_UNKNOWN, module.RETRY_SECONDS)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("latched", [True, False])
async def test_where_there_is_one_organisation_it_answers_whatever_is_kept(stage: Stage, latched: bool) -> None:
    """A state that was kept when there was an outbound as well."""
    latches = {"*": Latch(at=1, reason="x")} if latched else {}
    desk = Desk(CutoverState(stage=stage, percent=0, events={"gala": Switch.OUTBOUND}, latches=latches), both=False)
    for operation in OPERATIONS:
        assert (await desk.choose(operation.name)).source is REALTIME
    desk.set(events={"Gala": "off"})
    with pytest.raises(ProxyError) as refused:
        await desk.choose("register")
    assert refused.value.kind is SWITCHED_OFF


async def test_with_the_default_settings_nothing_is_looked_at() -> None:
    places: Any = object()
    router = Router(CutoverState, Cutover(), None, places, Metrics(), both=False)
    with (
        patch.object(module, "decide", side_effect=AssertionError),
        patch.object(module, "bucket_of", side_effect=AssertionError),
    ):
        for operation in OPERATIONS:
            parameters = dict.fromkeys(operation.parameters, "x")
            route = await router.choose(operation, parameters, heads(), SCOPE, EMPTY)
            assert (route.source, route.rule) == (REALTIME, Rule.STAGE)
            assert router.at_once(operation.name, tuple(parameters), heads(), SCOPE) is REALTIME


# The short way.


@given(
    states,
    st.sampled_from(READS),
    HEADERS,
    st.booleans(),
    st.sampled_from([None, (), ("Gala",), ("Other",)]),
    st.sampled_from([None, (), ("Gala",)]),
    st.sampled_from([None, (REALTIME,), (OUTBOUND,), (REALTIME, OUTBOUND)]),
)
@how(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_at_once_says_what_choose_says(
    state: CutoverState,
    operation: Any,
    headers: dict[str, str],
    both: bool,
    realtime: tuple[str, ...] | None,
    outbound: tuple[str, ...] | None,
    holders: tuple[Source, ...] | None,
) -> None:
    desk = Desk(state, both=both).know(realtime, outbound)
    desk.router._lists_tried.set()
    for source in holders or ():
        desk.places.learn(source, "list_sessions", GALA, [{"id": THING}])
    parameters = {name: "Gala" if name == "event" else THING for name in operation.parameters}
    found = desk.at_once(operation.name, *parameters.values(), **headers)
    if found is not None:
        route = asyncio.run(desk.choose(operation.name, parameters, **headers))
        assert route.source is found


async def test_at_once_leaves_what_is_off_to_the_whole_way() -> None:
    desk = Desk(CutoverState.model_validate({"stage": "split", "events": {"Gala": "off"}})).know()
    assert desk.at_once("get_event", "Gala") is None
    assert desk.at_once("get_event", "Other") is OUTBOUND


# To explain.


@given(states, st.sampled_from(OPERATIONS), st.binary(max_size=4))
def test_what_is_explained_is_what_is_done(state: CutoverState, operation: Any, key: bytes) -> None:
    desk = Desk(state).know()
    parameters = {name: "Gala" if name == "event" else THING for name in operation.parameters}
    told = desk.router.explain(operation, parameters, key, EMPTY)
    event = parameters.get("event")
    facts = Facts(operation, event, BOTH if event else None, bucket=bucket_of("evtmgmt", key), has_archive=False)
    assert told == decide(state, facts)
    assert (desk.overrides("accepted"), dict(desk.router._pages._pages)) == (0, {})


# Logs.


async def test_no_log_line_holds_the_credential(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug", Redactor([]))
    desk = Desk(CutoverState.model_validate({"operations": {"register": "off"}}))
    for tried in (ADMIN, "a-wrong-credential"):
        with suppress(ProxyError):
            await desk.choose("register", **override("outbound", tried))
        await desk.choose("get_event", **override("outbound", tried))
    captured = capsys.readouterr()
    assert not any(secret in captured.out + captured.err for secret in (ADMIN, "a-wrong-credential"))
    assert (OVERRIDE_HEADER, CREDENTIAL_HEADER) == (b"x-evtmgmt-backend", b"x-evtmgmt-admin")
