"""The rehearsal against both organisations of a sandbox, on real sockets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.comparing.reader import Side, UnreadableError
from app.comparing.report import EventLine, Lonely, Reads, Report
from app.comparing.walk import NOISE_EVERY, PARTS, NotConfiguredError, NotListedError, rehearse
from sandbox.server import Sandbox
from tests.examples import CONFERENCE, OPEN_DAY, QUESTIONS
from tests.service import both_sides, settings_for
from translation.comparison import WHOLE
from translation.operations import BY_NAME, Answer, Serving
from translation.parity import Tally

pytestmark = pytest.mark.anyio

LEGACY, PARTNER, LAUNCH = "Legacy_Roadshow", "Partner_Briefing", "Journey_Launch"
# The sandbox draws an event's picture from its readable id, which the migration changed for one.
FORUM_PICTURE = ("get_event:image", "list_events:[].image")
ONE_SIDED = ("list_events:[]",)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Rehearsed:
    """A sandbox, and how to rehearse with it."""

    sandbox: Sandbox

    async def __call__(self, *ignore: str, event: str | None = None, threshold: float = 100, **groups: Any) -> Report:
        settings = settings_for(self.sandbox, **{**both_sides(self.sandbox), **groups})
        return await rehearse(settings, rate=1_000, event=event, ignore=ignore, threshold=threshold)

    def received(self, backend: str, operation: str) -> int:
        return len([record for record in self.sandbox.recorder.find(operation=operation) if record.backend == backend])


@pytest.fixture
async def rehearsed() -> AsyncIterator[Rehearsed]:
    async with Sandbox() as sandbox:
        yield Rehearsed(sandbox)


def paths(report: Report) -> set[tuple[str, str]]:
    return {(operation, path) for operation, path, _ in report.parity.different()}


async def test_what_did_not_change_is_equal(rehearsed: Rehearsed) -> None:
    report = await rehearsed(*FORUM_PICTURE, *ONE_SIDED)
    assert paths(report) == set()
    assert report.parity.percent() == 100
    assert report.holds
    assert len(report.events) == 18
    assert all(line.unequal == 0 < line.compared for line in report.events)
    assert EventLine("Annual_Forum", "Annual_Forum_2031", report.events[6].compared, 0) in report.events
    assert {"list_events", *PARTS} - {"count_event_registrations"} == set(report.parity.operations)


async def test_events_of_one_side_are_told_and_differ(rehearsed: Rehearsed) -> None:
    report = await rehearsed(*FORUM_PICTURE)
    assert paths(report) == {("list_events", "[]")}
    assert report.parity.operations["list_events"]["[]"].seen == Tally(18, 0, 1, 2)
    assert [event.event for event in report.only_outbound] == [LEGACY, PARTNER]
    assert report.only_realtime == (Lonely(LAUNCH, "Journey Launch", "2031-04-24T15:00:00", ""),)
    assert not report.holds


async def test_only_the_forums_picture_differs_otherwise(rehearsed: Rehearsed) -> None:
    assert paths(await rehearsed(*ONE_SIDED)) == {tuple(rule.split(":")) for rule in FORUM_PICTURE}


async def test_all_operations_that_both_have_are_asked(rehearsed: Rehearsed) -> None:
    report = await rehearsed()
    for name in PARTS:
        assert rehearsed.received("realtime", name) == len(report.events)
        assert rehearsed.received("outbound", name) >= len(report.events)
    assert rehearsed.received("outbound", "list_events") == 2
    both = {
        operation.name
        for operation in BY_NAME.values()
        if operation.row and operation.serving is Serving.MAPPED and operation.answer not in (Answer.IMAGE, Answer.RESULT)
    }
    assert {"list_events", "count_session_registrations", *PARTS} == both
    assert (report.outbound_reads.failed, report.realtime_reads) == (0, Reads(1 + len(PARTS) * 18, 0))
    assert all(record.operation in both for record in rehearsed.sandbox.recorder.find())


async def test_every_difference_is_found_and_where(rehearsed: Rehearsed) -> None:
    event = rehearsed.sandbox.realtime.events[CONFERENCE]
    event.sessions[2]["name"] = "Renamed"
    event.passes[0]["price"] = 1.0
    event.fields["building"] = {**event.fields["building"], "telephone1": "+1 555 0199"}
    report = await rehearsed(*FORUM_PICTURE, *ONE_SIDED)
    assert paths(report) == {
        ("list_sessions", "[].name"),
        ("list_passes", "[].price"),
        ("get_event", "building.telephone1"),
        ("list_events", "[].building.telephone1"),
    }
    assert [line.event for line in report.events if line.unequal] == [CONFERENCE]
    assert next(line for line in report.events if line.unequal).unequal == 3
    (sample,) = report.parity.operations["list_sessions"]["[].name"].samples
    old = rehearsed.sandbox.outbound.events[CONFERENCE].sessions[2]
    assert (sample.difference.item, sample.difference.left, sample.difference.right) == (
        f"{CONFERENCE} / {old['id']}",
        old["name"],
        "Renamed",
    )
    (hidden,) = report.parity.operations["get_event"]["building.telephone1"].samples
    assert (hidden.difference.left, hidden.difference.right, hidden.difference.personal) == (None, None, True)


async def test_without_aliases_new_ids_are_found_by_name(rehearsed: Rehearsed) -> None:
    report = await rehearsed(aliases={})
    assert [event.namesake for event in report.only_outbound] == ["Annual_Forum_2031", "", ""]
    assert [event.namesake for event in report.only_realtime] == ["Annual_Forum", ""]
    ids = {
        ("list_sessions", "[].id"),
        ("list_passes", "[].passId"),
        ("list_speakers", "[].sessions[].id"),
        ("list_custom_registration_fields", "[].customRegistrationFieldId"),
        ("list_events", "[].readableEventId"),
    }
    assert paths(report) == {("list_events", "[]"), ("list_events", "[].image"), *ids}


async def test_noise_of_outbound_is_no_difference(rehearsed: Rehearsed) -> None:
    # Every answer of both organisations has another note: the old one differs from itself.
    for number in range(200):
        rehearsed.sandbox.faults.add("merge", operation="get_event", body={"websiteMessage": f"note {number}"})
    report = await rehearsed(*FORUM_PICTURE, *ONE_SIDED)
    found = report.parity.operations["get_event"]["websiteMessage"]
    assert found.seen.differs == 18
    assert found.noise.differs == -(-18 // NOISE_EVERY)
    assert paths(report) == set()
    assert report.holds


async def test_outbound_is_compared_with_itself_without_aliases(rehearsed: Rehearsed) -> None:
    events = rehearsed.sandbox.outbound.events
    events["Annual_Forum_2031"] = replace(events[OPEN_DAY], readable_id="Annual_Forum_2031")
    events["Annual_Forum_2031"].fields = {**events[OPEN_DAY].fields, "readableEventId": "Annual_Forum_2031", "eventName": "Other"}
    report = await rehearsed()
    assert report.parity.operations["list_events"]["[].eventName"].noise == Tally(equal=21)


async def test_an_answer_that_only_outbound_gives_is_a_difference(rehearsed: Rehearsed) -> None:
    rehearsed.sandbox.faults.add("status", status=404, backend="realtime", path=f"{QUESTIONS}/speakers", times=None)
    report = await rehearsed(*FORUM_PICTURE, *ONE_SIDED)
    assert paths(report) == {("list_speakers", WHOLE)}
    assert report.parity.operations["list_speakers"][WHOLE].seen == Tally(missing_right=1)
    assert [(failure.side, failure.operation, failure.event, failure.code) for failure in report.failures] == [
        (Side.REALTIME, "list_speakers", QUESTIONS, "NotFound")
    ]
    assert not report.holds


async def test_a_read_of_outbound_that_fails_is_told_and_not_compared(rehearsed: Rehearsed) -> None:
    rehearsed.sandbox.faults.add("html", status=200, backend="outbound", path=f"{QUESTIONS}/passes", times=None)
    report = await rehearsed(*FORUM_PICTURE, *ONE_SIDED)
    assert paths(report) == set()
    assert report.holds
    assert [(failure.side, failure.operation) for failure in report.failures] == [(Side.OUTBOUND, "list_passes")]
    assert report.outbound_reads.failed == 1
    assert "1 read failed" in report.summary


async def test_a_passing_failure_does_no_harm(rehearsed: Rehearsed) -> None:
    rehearsed.sandbox.faults.add("reset", backend="realtime", operation="list_tracks")
    rehearsed.sandbox.faults.add("status", status=503, backend="outbound", operation="list_events")
    report = await rehearsed(*FORUM_PICTURE, *ONE_SIDED)
    assert report.failures == ()
    assert report.holds


@pytest.mark.parametrize("backend", ["outbound", "realtime"])
async def test_an_organisation_that_refuses_ends_it(backend: str, rehearsed: Rehearsed) -> None:
    rehearsed.sandbox.faults.add("status", status=401, backend=backend, times=None)
    with pytest.raises(UnreadableError) as raised:
        await rehearsed()
    assert (raised.value.side, raised.value.error.kind.code) == (backend, "UpstreamRefusedProxy")
    assert rehearsed.sandbox.realtime_token not in str(raised.value)


async def test_an_organisation_that_dies_on_the_way_ends_it(rehearsed: Rehearsed) -> None:
    rehearsed.sandbox.faults.add("close", backend="realtime", skip=20, times=None)
    with pytest.raises(UnreadableError, match="realtime"):
        await rehearsed()


@pytest.mark.parametrize("event", ["Annual_Forum", "annual_forum_2031"])
async def test_one_event_by_either_id(event: str, rehearsed: Rehearsed) -> None:
    report = await rehearsed(*FORUM_PICTURE, event=event)
    assert [(line.event, line.realtime, line.unequal) for line in report.events] == [("Annual_Forum", "Annual_Forum_2031", 0)]
    assert (report.only_outbound, report.only_realtime) == ((), ())
    assert report.holds
    assert report.parity.operations["list_events"]["[]"].seen == Tally(equal=1)
    assert report.outbound_reads.total == 2 + 2 * len(PARTS) - 1 + 1


async def test_one_event_that_only_one_side_has(rehearsed: Rehearsed) -> None:
    report = await rehearsed(event=LEGACY)
    assert [event.event for event in report.only_outbound] == [LEGACY]
    assert paths(report) == {("list_events", "[]")}
    assert report.events == ()


async def test_an_event_that_nobody_lists(rehearsed: Rehearsed) -> None:
    with pytest.raises(NotListedError):
        await rehearsed(event="Quiet_Preview")


async def test_without_outbound(rehearsed: Rehearsed) -> None:
    with pytest.raises(NotConfiguredError):
        await rehearse(settings_for(rehearsed.sandbox), rate=1)


async def test_rules_of_the_settings_and_of_the_command(rehearsed: Rehearsed) -> None:
    report = await rehearsed(*FORUM_PICTURE, shadow={"ignore": ONE_SIDED})
    assert report.ignored == (*ONE_SIDED, *FORUM_PICTURE)
    assert report.holds
    with pytest.raises(ValueError, match="no field path"):
        await rehearsed("a..b")
    assert rehearsed.received("outbound", "get_event") > 0


async def test_progress(rehearsed: Rehearsed) -> None:
    told: list[tuple[int, int]] = []
    settings = settings_for(rehearsed.sandbox, **both_sides(rehearsed.sandbox))
    await rehearse(settings, rate=1_000, event=OPEN_DAY, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 1), (1, 1)]


async def test_a_long_list(rehearsed: Rehearsed) -> None:
    for organisation in (rehearsed.sandbox.outbound, rehearsed.sandbox.realtime):
        organisation.add_bulk_events(40)
    report = await rehearsed(*FORUM_PICTURE, *ONE_SIDED)
    assert len(report.events) == 58
    assert report.holds
