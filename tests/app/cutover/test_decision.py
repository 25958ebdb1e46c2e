"""Who answers: the whole precedence, and what holds for every state and every request."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.cutover.decision import BUCKETS, WITH_ARCHIVE, Facts, Route, Rule, Source, bucket_of, decide, follows_page, or_archived
from app.cutover.state import STAGE_LATCH, CutoverState, Latch, Stage, Switch
from translation.operations import BY_NAME, OPERATIONS, Answer, Serving

REALTIME, OUTBOUND = Source.REALTIME, Source.OUTBOUND
BOTH, NEITHER = frozenset({REALTIME, OUTBOUND}), frozenset[Source]()
LATCH = Latch(at=1.0, reason="7 of 50 calls failed")
NEW = [operation.name for operation in OPERATIONS if operation.row is None]
ONLY_OUTBOUND = [operation.name for operation in OPERATIONS if operation.serving is Serving.REFUSED]
SPLIT = CutoverState(stage=Stage.SPLIT, percent=50)
WITHIN, BEYOND = 4_999, 5_000

stages = st.sampled_from(Stage)
sides = st.sampled_from([REALTIME, OUTBOUND])
sets_of_sides = st.frozensets(sides)
operations = st.sampled_from(OPERATIONS)
states = st.builds(
    CutoverState,
    stage=stages,
    percent=st.integers(0, BUCKETS).map(lambda hundredths: hundredths / 100),
    operations=st.dictionaries(
        st.sampled_from([name for name in BY_NAME if name not in NEW]),
        st.sampled_from([switch for switch in Switch if switch is not Switch.ARCHIVE]),
        max_size=4,
    ),
    events=st.dictionaries(st.sampled_from(["gala", "gala_2031", "gala*", "*"]), st.sampled_from(Switch), max_size=2),
    latches=st.dictionaries(st.sampled_from([*BY_NAME, STAGE_LATCH]), st.just(LATCH), max_size=3),
)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """Facts as the router gathers them."""
    operation = draw(operations)
    named = "event" in operation.parameters
    of_an_event = named or (operation.parameters and draw(st.booleans())) or operation.answer is Answer.CALENDAR
    event = draw(st.sampled_from(["Gala", "GALA_2031", "Other"])) if of_an_event else None
    return Facts(
        operation,
        event,
        None if event is None else draw(st.none() | sets_of_sides),
        draw(sets_of_sides) if operation.parameters and not named else NEITHER,
        draw(st.integers(0, BUCKETS - 1)),
        draw(st.none() | sides),
        draw(st.none() | sides) if event is not None and follows_page(operation) else None,
        draw(st.none() | st.just("Gala_2031")) if event is not None else None,
    )


def facts(name: str, event: str | None = "Gala", publishers: frozenset[Source] | None = BOTH, **more: Any) -> Facts:
    if not BY_NAME[name].parameters or "event" not in BY_NAME[name].parameters:
        event, publishers = more.pop("of", None), more.pop("publishers_of", None)
    return Facts(BY_NAME[name], event, publishers, **more)


def routed(state: CutoverState, asked: Facts) -> tuple[Source | None, Rule]:
    route = decide(state, asked)
    return route.source, route.rule


def state(stage: str = "split", **parts: Any) -> CutoverState:
    return CutoverState.model_validate({"stage": stage, "percent": 50, **parts})


OFF_EVENT = {"events": {"gala": "off"}}
ALL_LATCHED = {"latches": {STAGE_LATCH: LATCH.model_dump()}}
event_read, event_write = partial(facts, "get_event"), partial(facts, "register")
image = partial(facts, "get_speaker_image")
held_by_old = {"holders": frozenset({OUTBOUND})}
held_by_new = {"holders": frozenset({REALTIME})}

PRECEDENCE: list[tuple[str, CutoverState, Facts, Source | None, Rule]] = [
    # 1  What is switched off, whatever else is known.
    ("an event off", state(**OFF_EVENT), event_read(), None, Rule.EVENT),
    ("an event off, for testers too", state(**OFF_EVENT), event_read(override=REALTIME), None, Rule.EVENT),
    ("an event off, after its page", state(**OFF_EVENT), event_write(page=OUTBOUND), None, Rule.EVENT),
    ("an event off, moved back", state(**OFF_EVENT, **ALL_LATCHED), event_read(), None, Rule.EVENT),
    ("an event off, for what is new", state(**OFF_EVENT), facts("get_event_qrcode"), None, Rule.EVENT),
    ("an event off, by its other id", state(events={"gala_2031": "off"}), event_read(also="Gala_2031"), None, Rule.EVENT),
    ("an event off, by an id of a part of it", state(**OFF_EVENT), image(of="Gala", **held_by_old), None, Rule.EVENT),
    ("an operation off", state(operations={"get_event": "off"}), event_read(override=OUTBOUND), None, Rule.OPERATION),
    ("a new operation off", state(operations={"get_session": "off"}), facts("get_session"), None, Rule.OPERATION),
    ("users off", state(operations={"get_user": "off"}), facts("get_user"), None, Rule.OPERATION),
    # 2  What only real-time has.
    ("new", state("outbound"), facts("get_event_qrcode", override=OUTBOUND), REALTIME, Rule.ONLY_THERE),
    ("new, moved back", state(**ALL_LATCHED), facts("get_session", **held_by_old), REALTIME, Rule.ONLY_THERE),
    ("new, of an event of outbound", state(events={"*": "outbound"}), facts("get_event_qrcode"), REALTIME, Rule.ONLY_THERE),
    # 3  A tester.
    ("a tester", state("outbound"), event_read(override=REALTIME), REALTIME, Rule.OVERRIDE),
    ("a tester of the old", state("realtime"), event_write(override=OUTBOUND, page=REALTIME), OUTBOUND, Rule.OVERRIDE),
    ("a tester's image", state(), image(override=REALTIME, **held_by_old), REALTIME, Rule.OVERRIDE),
    ("a tester, moved back", state(**ALL_LATCHED), event_read(override=REALTIME), REALTIME, Rule.OVERRIDE),
    ("a tester's list", state(), facts("list_events", override=REALTIME), REALTIME, Rule.OVERRIDE),
    # 4  The page.
    ("a page", state("realtime"), event_write(page=OUTBOUND), OUTBOUND, Rule.PAGE),
    ("a page, moved back", state(**ALL_LATCHED), event_write(page=REALTIME), REALTIME, Rule.PAGE),
    ("a page, switched", state(events={"gala": "realtime"}), event_write(page=OUTBOUND), OUTBOUND, Rule.PAGE),
    ("a page, then payment", state(percent=0), facts("finalize_registration", page=REALTIME), REALTIME, Rule.PAGE),
    ("a page with a captcha", state("realtime"), facts("get_captcha", page=OUTBOUND), OUTBOUND, Rule.PAGE),
    ("a read after a page", state("realtime"), event_read(page=OUTBOUND), REALTIME, Rule.STAGE),
    # 5  What the watcher moved back.
    ("moved back", state("realtime", **ALL_LATCHED), event_read(), OUTBOUND, Rule.LATCH),
    ("one moved back", state(latches={"get_event": LATCH}), event_read(), OUTBOUND, Rule.LATCH),
    ("another moved back", state(latches={"register": LATCH}, percent=100), event_read(), REALTIME, Rule.PERCENT),
    ("moved back, switched", state(events={"gala": "realtime"}, **ALL_LATCHED), event_read(), OUTBOUND, Rule.LATCH),
    ("moved back, only new", state(**ALL_LATCHED), event_read(publishers=frozenset({REALTIME})), REALTIME, Rule.LISTED),
    ("moved back, in outbound", state("outbound", **ALL_LATCHED), facts("list_events"), OUTBOUND, Rule.LATCH),
    ("moved back, in shadow", state("shadow", **ALL_LATCHED), event_read(publishers=frozenset({REALTIME})), OUTBOUND, Rule.LATCH),
    ("the list moved back", state("realtime", **ALL_LATCHED), facts("list_events"), Source.OUTBOUND_FIRST, Rule.LATCH),
    ("users moved back", state("realtime", **ALL_LATCHED), facts("get_user"), OUTBOUND, Rule.ONLY_THERE),
    ("cancelling moved back", state(**ALL_LATCHED), facts("cancel_registration"), OUTBOUND, Rule.ONLY_THERE),
    ("an image moved back", state("realtime", **ALL_LATCHED), image(**held_by_new), OUTBOUND, Rule.LATCH),
    ("an unknown image moved back", state("realtime", **ALL_LATCHED), image(), OUTBOUND, Rule.UNKNOWN_ID),
    (
        "an image of an event that is only new",
        state(**ALL_LATCHED),
        image(of="Gala", publishers_of=frozenset({REALTIME}), **held_by_new),
        REALTIME,
        Rule.KNOWN_ID,
    ),
    # 6  The switches: that of the event before that of the operation.
    (
        "both switches",
        state(events={"gala": "outbound"}, operations={"get_event": "realtime"}),
        event_read(bucket=WITHIN),
        OUTBOUND,
        Rule.EVENT,
    ),
    ("a pattern", state("outbound", events={"ga*": "realtime"}), event_read(), REALTIME, Rule.EVENT),
    ("the other id", state("outbound", events={"gala_2031": "realtime"}), event_read(also="Gala_2031"), REALTIME, Rule.EVENT),
    ("an operation", state("realtime", operations={"get_event": "outbound"}), event_read(), OUTBOUND, Rule.OPERATION),
    ("the list", state(operations={"list_events": "realtime"}), facts("list_events"), REALTIME, Rule.OPERATION),
    ("images", state(operations={"get_speaker_image": "realtime"}), image(**held_by_old), REALTIME, Rule.OPERATION),
    # 7  The stage.
    ("all old", state("outbound"), event_read(publishers=frozenset({REALTIME})), OUTBOUND, Rule.STAGE),
    ("shadow", state("shadow"), image(**held_by_new), OUTBOUND, Rule.STAGE),
    ("all new", state("realtime"), event_read(publishers=frozenset({OUTBOUND})), REALTIME, Rule.STAGE),
    ("all new, seen in the old", state("realtime"), image(**held_by_old), REALTIME, Rule.STAGE),
    ("all new, users", state("realtime"), facts("get_user"), REALTIME, Rule.STAGE),
    # In the stage split: what only one side has, else the percentage.
    ("users", state(percent=100), facts("list_user_registrations"), OUTBOUND, Rule.ONLY_THERE),
    ("a captcha", state(percent=100), facts("get_captcha"), OUTBOUND, Rule.ONLY_THERE),
    ("a signed-in registration", state(percent=100), facts("register_user_for_session"), OUTBOUND, Rule.ONLY_THERE),
    ("no captcha", state(), facts("get_captcha", publishers=frozenset({REALTIME})), REALTIME, Rule.LISTED),
    ("within", state(), event_read(bucket=WITHIN), REALTIME, Rule.PERCENT),
    ("beyond", state(), event_read(bucket=BEYOND), OUTBOUND, Rule.PERCENT),
    ("a write within", state(), event_write(bucket=WITHIN), REALTIME, Rule.PERCENT),
    ("a list within", state(), facts("list_events", bucket=WITHIN), Source.REALTIME_FIRST, Rule.PERCENT),
    ("a list beyond", state(), facts("list_events", bucket=BEYOND), Source.OUTBOUND_FIRST, Rule.PERCENT),
    ("only old", state(percent=100), event_write(publishers=frozenset({OUTBOUND})), OUTBOUND, Rule.LISTED),
    ("only new", state(percent=0), event_write(publishers=frozenset({REALTIME})), REALTIME, Rule.LISTED),
    ("listed nowhere", state(percent=100), event_write(publishers=NEITHER), OUTBOUND, Rule.LISTED),
    ("no list yet, a read", state(percent=100), event_read(publishers=None), OUTBOUND, Rule.LISTED),
    ("no list yet, a write", state(), event_write(publishers=None), None, Rule.LISTED),
    ("an id", state(percent=0), image(**held_by_new), REALTIME, Rule.KNOWN_ID),
    ("an id of an event", state(), image(of="Gala", publishers_of=BOTH, bucket=WITHIN, **held_by_old), OUTBOUND, Rule.KNOWN_ID),
    ("an id of both", state(), image(holders=BOTH, bucket=BEYOND), OUTBOUND, Rule.PERCENT),
    ("an id of both and its event", state(), image(of="Gala", publishers_of=BOTH, holders=BOTH), REALTIME, Rule.PERCENT),
    ("an unknown id", state(percent=0), image(), REALTIME, Rule.UNKNOWN_ID),
    ("an unknown track", state(percent=100), facts("list_track_sessions"), OUTBOUND, Rule.UNKNOWN_ID),
    ("a calendar", state(), facts("get_personal_calendar", of="Gala", publishers_of=BOTH), REALTIME, Rule.PERCENT),
    ("a calendar of nothing", state(), facts("get_personal_calendar"), REALTIME, Rule.UNKNOWN_ID),
]


@pytest.mark.parametrize(("said", "asked", "source", "rule"), [row[1:] for row in PRECEDENCE], ids=[row[0] for row in PRECEDENCE])
def test_the_precedence(said: CutoverState, asked: Facts, source: Source | None, rule: Rule) -> None:
    assert routed(said, asked) == (source, rule)


def test_the_table_reaches_every_rule() -> None:
    assert {rule for *_, rule in PRECEDENCE} == set(Rule) - {Rule.ARCHIVED}


@pytest.mark.parametrize(
    ("said", "asked", "otherwise"),
    [
        (state(), image(), OUTBOUND),
        (state(), facts("list_track_sessions"), REALTIME),
        (state(**ALL_LATCHED), image(), REALTIME),
        (state(), event_read(publishers=None), REALTIME),
        (state(), event_read(), None),
        (state(), image(**held_by_old), None),
        # Pages that visitors have open outlive a change of the state.
        (state("realtime"), image(**held_by_old), OUTBOUND),
        (state("realtime"), image(**held_by_new), None),
        (state("realtime"), image(holders=BOTH), None),
        (state("realtime"), image(), None),
        (state("outbound"), image(**held_by_new), REALTIME),
        (state("outbound"), image(), None),
        (state("realtime", **ALL_LATCHED), image(**held_by_new), REALTIME),
        (state("outbound", **ALL_LATCHED), image(**held_by_new), REALTIME),
        (state(operations={"get_speaker_image": "realtime"}), image(**held_by_old), OUTBOUND),
        (state(), image(override=REALTIME, **held_by_old), None),  # a tester wants to know
    ],
)
def test_who_is_asked_when_the_first_does_not_know(said: CutoverState, asked: Facts, otherwise: Source | None) -> None:
    assert decide(said, asked).otherwise is otherwise


@pytest.mark.parametrize(
    ("said", "asked", "why"),
    [
        (state("shadow"), event_read(), "the stage is shadow"),
        (state(events={"ga*": "outbound"}), event_read(), "the event switch ga* says outbound"),
        (state(operations={"get_event": "off"}), event_read(), "the switch of get_event says off"),
        (state(**ALL_LATCHED), event_read(), "the watcher moved it back: 7 of 50 calls failed"),
        (state(percent=12.5), event_read(bucket=1_250), "bucket 1250 is beyond 12.5 %"),
        (state(percent=12.5), event_read(bucket=1_249), "bucket 1249 is within 12.5 %"),
        (state(), event_read(publishers=frozenset({OUTBOUND})), "only outbound publishes the event"),
        (state(), image(**held_by_new), "its id was seen in realtime"),
        (state(), event_write(page=OUTBOUND), "this visitor's page of the event came from outbound"),
    ],
)
def test_it_is_told_why(said: CutoverState, asked: Facts, why: str) -> None:
    assert decide(said, asked).why == why


@given(states, any_facts())
def test_nobody_is_asked_for_what_he_cannot_serve(said: CutoverState, asked: Facts) -> None:
    route = decide(said, asked)
    operation = asked.operation
    answering = {route.source, route.otherwise} - {None}
    if operation.row is None:
        assert answering <= {REALTIME}
    if operation.name != "list_events":
        assert answering <= {REALTIME, OUTBOUND, Source.ARCHIVE}
    if Source.ARCHIVE in answering:
        assert (route.rule, route.otherwise) == (Rule.EVENT, None)
    if operation.serving is Serving.REFUSED and REALTIME in answering and asked.publishers != {REALTIME}:
        assert route.rule in (Rule.OVERRIDE, Rule.PAGE, Rule.EVENT, Rule.OPERATION, Rule.STAGE)  # somebody said so
    if route.source is None:
        switched_off = Switch.OFF in (*said.operations.values(), *said.events.values())
        unknown = operation.writes and asked.publishers is None and asked.event is not None
        assert switched_off if route.rule is not Rule.LISTED else unknown
    if route.otherwise is not None:
        assert not operation.writes
        assert route.otherwise is not route.source
        assert route.source is not None


@given(states, any_facts())
def test_off_is_off(said: CutoverState, asked: Facts) -> None:
    ids = [name for name in (asked.event, asked.also) if name is not None]
    found = said.event_switch(*ids)
    wins = found[1] if found is not None else said.operations.get(asked.operation.name)
    route = decide(said, asked)
    assert (route.source is None and route.rule in (Rule.EVENT, Rule.OPERATION)) == (wins is Switch.OFF)


@given(states, any_facts())
def test_the_same_is_decided_alike(said: CutoverState, asked: Facts) -> None:
    again = CutoverState.model_validate(said.document())
    assert decide(said, asked) == decide(said, asked) == decide(again, replace(asked))


@given(states, any_facts())
def test_a_stage_alone_asks_one_side_for_all(said: CutoverState, asked: Facts) -> None:
    plain = CutoverState(stage=said.stage, percent=said.percent)
    assume(plain.stage is not Stage.SPLIT and asked.operation.row is not None)
    route = decide(plain, replace(asked, override=None, page=None))
    assert route.source is (REALTIME if plain.stage is Stage.REALTIME else OUTBOUND)
    assert route.rule is Rule.STAGE


@given(any_facts(), stages)
def test_what_was_moved_back_never_moves_on(asked: Facts, stage: Stage) -> None:
    """A latch brings nothing to real-time that outbound served before, and nothing that outbound may have."""
    asked = replace(asked, override=None, page=None)
    before = decide(CutoverState(stage=stage, percent=50), asked)
    after = decide(CutoverState(stage=stage, percent=50, latches={STAGE_LATCH: LATCH}), asked)
    if after.source is REALTIME:
        assert before.source is REALTIME
        assert asked.operation.row is None or asked.publishers == {REALTIME}


@given(st.sampled_from([operation for operation in OPERATIONS if follows_page(operation)]), states, sides)
def test_a_registration_goes_where_its_page_came_from(operation: Any, said: CutoverState, page: Source) -> None:
    asked = Facts(operation, "Gala", BOTH, page=page)
    route = decide(said, asked)
    if operation.row is not None and route.source is not None:
        assert (route.source, route.rule) == (page, Rule.PAGE)


# What the archive has to do with it.

HELD = {"archived": "Gala"}
GONE = {"publishers": NEITHER, "gone": True, **HELD}
TO_ARCHIVE = {"events": {"gala": "archive"}}


def finally_routed(said: CutoverState, asked: Facts, *, lists: bool = True) -> Route:
    return or_archived(decide(said, asked), asked, lists=lists)


@pytest.mark.parametrize(
    ("said", "asked", "asked_in_turn"),
    [
        (state("realtime"), event_read(**GONE), (Source.ARCHIVE,)),
        (state("outbound"), event_write(**GONE), (Source.ARCHIVE,)),
        (state(), image(gone=True, **HELD), (Source.ARCHIVE,)),
        (state("realtime"), image(gone=True, **HELD, **held_by_new), (REALTIME, Source.ARCHIVE)),  # a speaker of two events
        # Nobody knows yet, or somebody may have it: after those who may.
        (state("realtime"), event_read(**HELD), (REALTIME, Source.ARCHIVE)),
        (state("realtime"), event_write(**HELD), (REALTIME, Source.ARCHIVE)),
        (state("outbound"), event_read(**HELD), (OUTBOUND, Source.ARCHIVE)),
        (state(), image(**HELD), (REALTIME, OUTBOUND, Source.ARCHIVE)),
        (state(), event_read(publishers=None, **HELD), (OUTBOUND, REALTIME, Source.ARCHIVE)),
        (state(operations={"get_event": "realtime"}), event_read(**HELD), (REALTIME, Source.ARCHIVE)),
        (state("realtime"), event_read(), (REALTIME,)),
        # An alias, and what a person says, are stronger.
        (state("realtime"), event_read(**{**GONE, "recreated": True}), (REALTIME,)),
        (state("realtime"), event_read(override=REALTIME, **GONE), (REALTIME,)),
        (state(events={"gala": "realtime"}), event_read(**GONE), (REALTIME,)),
        (state(events={"gala": "off"}), event_read(**GONE), (None,)),
        (state(**TO_ARCHIVE), event_read(), (Source.ARCHIVE,)),
        (state(**TO_ARCHIVE), event_write(archived="Gala", recreated=True), (Source.ARCHIVE,)),
        (state(**TO_ARCHIVE), image(**HELD), (Source.ARCHIVE,)),
        (state(**TO_ARCHIVE), event_write(page=REALTIME), (REALTIME,)),
        (state(**TO_ARCHIVE), facts("get_event_qrcode"), (REALTIME,)),
        (state("realtime"), facts("get_event_qrcode", **GONE), (REALTIME,)),
        (state("realtime"), event_read(override=Source.ARCHIVE), (Source.ARCHIVE,)),
    ],
)
def test_the_archive_has_what_nobody_has(said: CutoverState, asked: Facts, asked_in_turn: tuple[Source | None, ...]) -> None:
    route = finally_routed(said, asked)
    assert (route.source, *route.followers) == asked_in_turn


@pytest.mark.parametrize("stage", Stage)
def test_the_list_goes_together_with_the_archive(stage: Stage) -> None:
    said, asked = state(stage), facts("list_events")
    alone = decide(said, asked).source
    assert alone is not None
    assert finally_routed(said, asked).source is WITH_ARCHIVE[alone]
    assert finally_routed(said, asked, lists=False).source is alone
    assert finally_routed(said, facts("list_events", override=REALTIME)).source is REALTIME


@given(states, any_facts(), st.booleans())
def test_nothing_that_an_organisation_may_have_goes_to_the_archive_first(said: CutoverState, asked: Facts, held: bool) -> None:
    asked = replace(asked, archived="Gala" if held else None)
    before, after = decide(said, asked), finally_routed(said, asked, lists=False)
    assert (after.source, after.otherwise, after.rule) == (before.source, before.otherwise, before.rule)


def share(percent: float, name: str = "get_event") -> list[int]:
    """The buckets that real-time serves."""
    said = CutoverState(stage=Stage.SPLIT, percent=percent)
    return [bucket for bucket in range(BUCKETS) if decide(said, facts(name, bucket=bucket)).source is REALTIME]


@pytest.mark.parametrize("percent", [0, 0.01, 0.07, 0.14, 0.29, 0.57, 1.1, 12.34, 33.33, 50, 57.7, 99.99, 100])
def test_a_percentage_is_exact_to_the_hundredth(percent: float) -> None:
    assert share(percent) == list(range(round(percent * 100)))


def test_every_hundredth_is_exact() -> None:
    """The same for all of them, by the last bucket within and the first one beyond only."""
    for hundredths in range(BUCKETS + 1):
        said = CutoverState(stage=Stage.SPLIT, percent=hundredths / 100)
        edges = max(0, hundredths - 1), min(BUCKETS - 1, hundredths)
        within, beyond = (decide(said, facts("get_event", bucket=bucket)).source for bucket in edges)
        assert within is (REALTIME if hundredths else OUTBOUND)
        assert beyond is (OUTBOUND if hundredths < BUCKETS else REALTIME)


def test_raising_only_adds_visitors_and_lowering_frees_just_those() -> None:
    steps = [0, 0.01, 0.5, 5, 25, 25.01, 75, 100]
    served = [set(share(percent)) for percent in steps]
    assert (served[0], served[-1]) == (set(), set(range(BUCKETS)))
    for (low, fewer), (high, more) in pairwise(zip(steps, served, strict=True)):
        assert fewer < more
        assert len(more - fewer) == round((high - low) * 100)


def test_a_bucket_is_the_same_for_ever() -> None:
    # Another number here moves visitors from one side to the other when a new version is deployed.
    assert [bucket_of("evtmgmt", visitor) for visitor in (b"", b"203.0.113.7", b"2001:db8::1", "Zoë".encode())] == [
        4_402,
        6_732,
        7_119,
        6_103,
    ]
    assert bucket_of("another", b"203.0.113.7") == 1_072


def test_a_bucket_is_the_same_in_every_process() -> None:
    script = "from app.cutover.decision import bucket_of as b; print(*(b('evtmgmt', b'%d' % n) for n in range(50)))"
    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {" ".join(str(bucket_of("evtmgmt", b"%d" % number)) for number in range(50)) + "\n"}


def test_visitors_are_spread_evenly() -> None:
    drawn = 100_000
    counts = [0] * 100
    for number in range(drawn):
        counts[bucket_of("evtmgmt", b"203.0.%d.%d" % divmod(number, 256)) // 100] += 1
    expected = drawn / 100
    chi_square = sum((count - expected) ** 2 / expected for count in counts)
    # 99 degrees of freedom: below 50 or above 160, one time in 10,000. The visitors are always the same, so this never flickers.
    assert 50 < chi_square < 160


@pytest.mark.parametrize(
    ("salt", "other"),
    [
        ("evtmgmt", "evtmgmt2"),
        ("", "x"),
        ("x" * 64, "x" * 65),
        ("x" * 70 + "a", "x" * 70 + "b"),
        ("ß" * 40, "ß" * 41),
    ],
)
def test_another_salt_draws_other_visitors(salt: str, other: str) -> None:
    """The first tenth of one salt are spread over the buckets of another."""
    visitors = [b"%d" % number for number in range(20_000)]
    drawn = [visitor for visitor in visitors if bucket_of(salt, visitor) < 1_000]
    again = sum(bucket_of(other, visitor) < 1_000 for visitor in drawn)
    assert 0.05 < again / len(drawn) < 0.15
