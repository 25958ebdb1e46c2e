"""The list of both organisations: each event once, in order, and one side's failure is borne."""

from datetime import datetime
from socket import create_connection
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.published import union
from sandbox.server import Sandbox, SandboxThread
from tests.examples import OPEN_DAY, assert_error
from tests.old_side import only_asked, raw_answer
from tests.service import ADMIN, BASE, Service, both_sides, running_both, running_proxy, settings_for
from translation.aliases import NO_ALIASES, Aliases

ALIASES = Aliases.of({"Annual_Forum": "Annual_Forum_2031", "alte Tagung": "Münchner Tagung"}, {}, {}, {})


def event(name: Any, start: Any = "2031-01-01T09:00:00", **more: Any) -> dict[str, Any]:
    return {"readableEventId": name, "startDate": start, **more}


def names(events: list[dict[str, Any]]) -> list[Any]:
    return [found["readableEventId"] for found in events]


# The union, without anybody.


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([], [], []),
        ([event("A")], [], ["A"]),
        ([], [event("A")], ["A"]),
        ([event("A")], [event("a")], ["A"]),
        ([event("A"), event("a"), event("A")], [event("A")], ["A"]),
        ([event("Annual_Forum_2031")], [event("Annual_Forum")], ["Annual_Forum_2031"]),
        ([event("Annual_Forum")], [event("Annual_Forum_2031")], ["Annual_Forum"]),
        ([event("ANNUAL_forum")], [event("annual_FORUM_2031")], ["ANNUAL_forum"]),
        ([event("münchner TAGUNG")], [event("ALTE Tagung")], ["münchner TAGUNG"]),
        ([event("Straße")], [event("STRASSE")], ["Straße"]),
        ([event("B", "2031-02-01")], [event("A", "2031-03-01"), event("C", "2031-01-01")], ["C", "B", "A"]),
        ([event("B", None), event("A", "2031")], [event("C", None), event("D", "2030")], ["D", "A", "B", "C"]),
        ([event("B", 1), event("A", "2031"), event("C", ["2030"])], [event("D", "")], ["D", "A", "B", "C"]),
        # Alike in time: the first side's before, each in its own order.
        ([event("B"), event("A")], [event("D"), event("C")], ["B", "A", "D", "C"]),
        ([event(None), event(7), event(["A"]), {}], [{"startDate": "2031"}], []),
        ([None, 7, "text", [], [event("A")], event("B")], [True], ["B"]),
    ],
)
def test_each_event_is_there_once_in_the_order_of_its_start(first: list[Any], second: list[Any], expected: list[str]) -> None:
    assert names(union([first, second], ALIASES)) == expected


def test_of_an_event_that_both_publish_the_first_sides_is_shown_whole() -> None:
    ours, theirs = event("A", "2031", customFields={"x": 1}), event("a", "2030", eventName="theirs")
    assert union([[ours], [theirs]], NO_ALIASES) == [ours]
    assert union([[theirs], [ours]], NO_ALIASES) == [theirs]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["A", "a", "B", "Annual_Forum", "annual_forum_2031", "ALTE TAGUNG", "Münchner Tagung", "ß", "SS", "ss"])
EVENTS = st.builds(event, NAMES | JSON, st.datetimes().map(datetime.isoformat) | JSON)
LISTS = st.lists(st.lists(EVENTS | JSON, max_size=8), min_size=1, max_size=2)


@given(LISTS)
def test_the_union_of_anything(lists: list[list[Any]]) -> None:
    found = union(lists, ALIASES)
    told = [ALIASES.event(name).casefold() for name in names(found)]
    assert len(told) == len(set(told))
    known = [item for side in lists for item in side if isinstance(item, dict) and isinstance(item.get("readableEventId"), str)]
    assert {ALIASES.event(item["readableEventId"]).casefold() for item in known} == set(told)
    for name, item in zip(told, found, strict=True):
        # Of several the very first is taken, as it is.
        assert item is next(one for one in known if ALIASES.event(one["readableEventId"]).casefold() == name)
    dated = [item["startDate"] for item in found if isinstance(item["startDate"], str)]
    assert dated == sorted(dated)
    assert dated == [item["startDate"] for item in found[: len(dated)]]
    assert orjson.loads(orjson.dumps(found)) is not None or not found


# Both sides, asked.

FIRST = pytest.mark.parametrize("percent", [100, 0], ids=["realtime first", "outbound first"])


def listed(service: Service, path: str = "events/published") -> list[str]:
    answer = service.get(path)
    assert answer.status_code == 200
    return names(answer.json())


def of_one(service: Service, backend: str) -> httpx.Response:
    """The list of one organisation, as a tester sees it."""
    return service.get("events/published", headers={"x-evtmgmt-backend": backend, "x-evtmgmt-admin": ADMIN})


@FIRST
def test_the_list_of_both_organisations(percent: int) -> None:
    with running_both(cutover={"percent": percent}) as service:
        new, old = (
            # PORTAL-FACTS: an old portal's list ends at the card of an event without a date.
            {item["readableEventId"]: item["eventId"] for item in of_one(service, backend).json() if item["startDate"]}
            for backend in ("realtime", "outbound")
        )
        answer = service.get("events/published")
        assert answer.headers["x-evtmgmt-backend"] == ("realtime+outbound" if percent else "outbound+realtime")
        found = answer.json()
        assert {"Legacy_Roadshow", "Journey_Launch", OPEN_DAY} <= set(names(found))
        forums = [name for name in names(found) if "Forum" in name]
        assert forums == (["Annual_Forum_2031"] if percent else ["Annual_Forum"])
        starts = [item["startDate"] for item in found]
        assert starts == sorted(starts)
        first = (new, old) if percent else (old, new)
        assert {item["readableEventId"]: item["eventId"] for item in found}.items() >= first[0].items()
        rest = {name for name in first[1] if name not in first[0]} - {"Annual_Forum", "Annual_Forum_2031"}
        assert set(names(found)) == set(first[0]) | rest
        assert service.metric('evtmgmt_partial_lists_total{backend="outbound"}') == 0


def test_both_are_asked_at_once() -> None:
    with only_asked(), running_both(cutover={"percent": 100}) as service:
        listed(service)
        service.sandbox.recorder.clear()
        for backend in ("realtime", "outbound"):
            service.sandbox.faults.add("hang", backend=backend, operation="list_events")
        with create_connection(("127.0.0.1", service.port)) as visitor:
            visitor.sendall(f"GET {BASE}events/published HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            asked = service.sandbox.recorder.wait(count=2, operation="list_events", outcome="pending")
        assert {record.backend for record in asked} == {"realtime", "outbound"}


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("hang", {}),
    ("reset", {}),
    ("html", {}),
    ("wrong_json", {}),
    ("status", {"status": 500}),
    ("status", {"status": 404}),
    ("status", {"status": 401}),
    ("body", {"body": 7}),
    ("body", {"body": [1, "a"]}),
    ("body", {"body": {"error": "x"}}),
    ("endless", {}),
    ("status", {"status": 429}),
]
"""The last one pauses the budget."""


@pytest.mark.parametrize("away", ["realtime", "outbound"])
@FIRST
def test_one_sides_failure_is_borne_and_counted(away: str, percent: int) -> None:
    upstream = {"read_timeout": 2, "max_answer_bytes": 2**20}
    with running_both(cutover={"percent": percent}, upstream=upstream, log_level="error") as service:
        whole = listed(service)
        for number, (kind, values) in enumerate(FAULTS, 1):
            service.sandbox.faults.clear()
            service.sandbox.faults.add(kind, backend=away, operation="list_events", times=None, **values)
            partial = listed(service)
            assert set(partial) < set(whole) | {"Annual_Forum", "Annual_Forum_2031"}
            assert ("Journey_Launch" in partial, "Legacy_Roadshow" in partial) == (away == "outbound", away == "realtime")
            assert service.metric(f'evtmgmt_partial_lists_total{{backend="{away}"}}') == number


@pytest.mark.parametrize("body", [None, [], [None], {"value": [event("Wrapped", endDate="2031-01-02T00:00:00")]}])
def test_what_can_be_read_of_outbound_is_no_failure(body: Any) -> None:
    with running_both(cutover={"percent": 100}) as service:
        listed(service)
        service.sandbox.faults.add("body", backend="outbound", operation="list_events", body=body)
        assert ("Wrapped" in listed(service)) == isinstance(body, dict)
        assert service.metric('evtmgmt_partial_lists_total{backend="outbound"}') == 0


@FIRST
def test_without_both_it_is_the_failure_of_the_first(percent: int) -> None:
    with running_both(cutover={"percent": percent}) as service:
        listed(service)
        service.sandbox.faults.add("status", backend="realtime", operation="list_events", status=404, times=None)
        service.sandbox.faults.add("status", backend="outbound", operation="list_events", status=500, body="x", times=None)
        answer = service.get("events/published")
        assert_error(answer, *(("NotFound", 404) if percent else ("UpstreamFailed", 502)))


# What is kept of it.


@pytest.mark.parametrize(("away", "seconds"), [(True, 5), (False, 30)])
def test_a_list_without_a_side_is_kept_briefly(away: bool, seconds: int) -> None:
    with SandboxThread(Sandbox()) as sandbox, httpx.Client(trust_env=False) as client:
        if away:  # from the start: what was read before would be shown
            sandbox.faults.add("status", backend="outbound", operation="list_events", status=500, times=None)
        settings = settings_for(sandbox, **both_sides(sandbox), cache={"warm": False})
        with running_proxy(settings) as (port, _):
            for outcome in ("miss", "hit"):
                answer = client.get(f"http://127.0.0.1:{port}{BASE}events/published")
                assert ("Legacy_Roadshow" in names(answer.json())) == (not away)
                assert answer.headers["cache-control"] == f"private, max-age={seconds}"
                assert answer.headers["x-evtmgmt-cache"] == outcome


def test_a_side_that_is_away_is_shown_from_what_is_kept_of_it() -> None:
    with running_both(
        cutover={"percent": 100}, cache={"warm": False, "details": {"fresh": 0, "stale_while_revalidate": 0}}
    ) as service:
        whole = listed(service)
        service.sandbox.faults.add("status", backend="outbound", operation="list_events", status=500, times=None)
        for _ in range(3):
            assert listed(service) == whole
        assert service.metric('evtmgmt_partial_lists_total{backend="outbound"}') == 0


def test_a_byte_order_mark_of_outbound_fails_nobody() -> None:
    with running_both(cutover={"percent": 100}) as service:
        listed(service)
        body = b"\xef\xbb\xbf" + orjson.dumps([event("Marked", endDate="2031-01-02T00:00:00")])
        service.sandbox.faults.add("raw", backend="outbound", operation="list_events", body=raw_answer(body), times=2)
        assert OPEN_DAY in listed(service)
        assert of_one(service, "outbound").content == body
