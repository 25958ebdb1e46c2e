"""What the archive has to do with how a request is decided."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from app.cutover.archived import Archived
from app.cutover.decision import Source
from app.cutover.state import CutoverState, Stage
from tests.app.cutover.routing import (
    BOTH,
    HEADERS,
    OTHER,
    OUTBOUND,
    READS,
    REALTIME,
    THING,
    Desk,
    override,
)
from tests.app.cutover.test_decision import states
from translation.errors import SWITCHED_OFF, ProxyError
from translation.query import read_query

pytestmark = pytest.mark.anyio


class Held:
    """An archive of one event and a part of it."""

    events = {"old_fair": "Old_Fair", "annual_forum": "Annual_Forum"}  # noqa: RUF012
    things = {THING: "old_fair"}  # noqa: RUF012


def with_archive(state: CutoverState | None = None, *, both: bool = False, **more: Any) -> Desk:
    sides = (REALTIME, OUTBOUND) if both else (REALTIME,)
    archived = Archived(Held(), sides, listed=True, whole=more.pop("whole", True))
    return Desk(state or CutoverState(), both=both, archived=archived, **more)


FAIR = {"event": "OLD_FAIR"}


async def test_before_the_list_is_known_the_archive_is_asked_last() -> None:
    desk = with_archive()
    for name in ("get_event", "register"):
        route = await desk.choose(name, FAIR)
        assert (route.source, route.followers) == (REALTIME, (Source.ARCHIVE,))
    assert (await desk.choose("get_event")).followers == ()
    desk.know(realtime=("Gala",), outbound=None)
    assert (await desk.choose("get_event", FAIR)).source is Source.ARCHIVE
    assert (await desk.choose("get_speaker_image")).source is Source.ARCHIVE
    assert (await desk.choose("get_event")).source is REALTIME
    desk.know(realtime=("old_fair",), outbound=None)
    assert (await desk.choose("get_event", FAIR)).source is REALTIME


async def test_a_list_that_tells_a_part_of_the_events_only_decides_nothing() -> None:
    desk = with_archive(whole=False).know(realtime=("Gala",), outbound=None)
    route = await desk.choose("get_event", FAIR)
    assert (route.source, route.followers) == (REALTIME, (Source.ARCHIVE,))


async def test_all_lists_have_to_be_known() -> None:
    desk = with_archive(CutoverState(stage=Stage.OUTBOUND), both=True).know(realtime=("Gala",), outbound=None)
    assert (await desk.choose("get_event", FAIR)).source is OUTBOUND
    desk.know(realtime=("Gala",), outbound=("Gala",))
    assert (await desk.choose("get_event", FAIR)).source is Source.ARCHIVE
    desk.know(realtime=("Gala",), outbound=("Old_Fair",))
    assert (await desk.choose("get_event", FAIR)).source is OUTBOUND


async def test_an_alias_wins_and_a_switch_wins_over_it() -> None:
    desk = with_archive().know(realtime=("Gala",), outbound=None)
    for name in ("Annual_Forum", "Annual_Forum_2031"):
        assert (await desk.choose("get_event", {"event": name})).followers == ()
    desk.set(events={"annual_forum": "archive"})
    for name in ("Annual_Forum", "Annual_Forum_2031"):
        assert (await desk.choose("get_event", {"event": name})).source is Source.ARCHIVE


async def test_calendar_links_go_where_their_event_is() -> None:
    desk = with_archive().know(realtime=("Gala",), outbound=None)
    for event, source in (("Old_Fair", Source.ARCHIVE), ("Gala", REALTIME)):
        data = quote(json.dumps([{"readableEventId": event}]))
        query = read_query(f"data={data}".encode(), ("data",))
        assert (await desk.choose("get_personal_calendar", query=query)).source is source


async def test_a_tester_may_look_at_the_archive_where_there_is_one() -> None:
    assert (await with_archive().choose("get_event", FAIR, **override("archive"))).source is Source.ARCHIVE
    assert (await Desk().know().choose("get_event", **override("archive"))).source in BOTH


@given(
    states,
    st.sampled_from(READS),
    HEADERS,
    st.booleans(),
    st.sampled_from([None, (), ("Gala",), ("Old_Fair",)]),
    st.sampled_from([None, (), ("Gala", "Old_Fair")]),
    st.sampled_from(["Gala", "Old_Fair", "Annual_Forum"]),
    st.sampled_from([THING, OTHER]),
)
@how(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_with_an_archive_at_once_says_what_choose_says(
    state: CutoverState,
    operation: Any,
    headers: dict[str, str],
    both: bool,
    realtime: tuple[str, ...] | None,
    outbound: tuple[str, ...] | None,
    event: str,
    thing: str,
) -> None:
    desk = with_archive(state, both=both).know(realtime, outbound if both else None)
    desk.router._lists_tried.set()
    parameters = {name: event if name == "event" else thing for name in operation.parameters}
    found = desk.at_once(operation.name, *parameters.values(), **headers)
    if found is not None:
        route = asyncio.run(desk.choose(operation.name, parameters, **headers))
        assert route.source is found


@pytest.mark.parametrize("pattern", ["Old_Fair", "Old_F*"])
@pytest.mark.parametrize("both", [True, False])
async def test_a_switch_to_an_archive_that_is_no_more_is_passed_over(pattern: str, both: bool) -> None:
    state = CutoverState.model_validate({"stage": "realtime", "events": {pattern: "archive", "Gala": "archive"}})
    desk = Desk(state, both=both).know()
    assert desk.at_once("get_event", "Old_Fair") is REALTIME
    for event in ("Old_Fair", "Gala"):
        assert (await desk.choose("get_event", {"event": event})).source is REALTIME
    desk.set(events={**state.events, "Old_*": "off"})
    assert desk.at_once("get_event", "Old_Fair") is None
    with pytest.raises(ProxyError) as refused:
        await desk.choose("get_event", {"event": "Old_Fair"})
    assert refused.value.kind is SWITCHED_OFF
