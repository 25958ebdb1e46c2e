"""What still stands against the next stage, in words."""

from typing import Any

import pytest

from app.cutover.places import Listed
from app.cutover.standing import COMPARISONS, EVENTS_TOLD, Obstacle, Severity, standing
from app.cutover.state import Stage
from app.cutover.traffic import Traffic
from app.cutover.usage import Usage
from tests.clock import Clock
from translation.aliases import NO_ALIASES, Aliases
from translation.comparison import Comparison, Verdict
from translation.parity import Parity

NOW = 1_795_392_000.0  # 2026-11-23, midnight in UTC
LATER = "2026-12-05T09:00:00"
OLD_FIELD = "3f0c1b6e-0000-4000-8000-000000000001"


def listed(*names: str, start: str = LATER, end: str = LATER) -> dict[str, Listed]:
    return {name.casefold(): Listed(name, f"The {name}", start, end) for name in names}


class Case:
    """Everything as it should be; tests spoil a part of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.now = NOW - 7 * 86_400
        self.usage = Usage("salt", self.clock)
        self.parity = Parity()
        self.traffic = Traffic(self.clock)
        self.outbound: dict[str, Listed] | None = listed("Conference")
        self.realtime: dict[str, Listed] | None = listed("Conference")
        self.aliases = NO_ALIASES
        self.asked("list_events", 1)
        self.clock.now = NOW
        self.compared("list_events", COMPARISONS)
        for _ in range(100):
            self.traffic.answered("realtime", "list_events", 200)

    def asked(self, operation: str, times: int, event: str | None = None, **headers: bytes) -> None:
        sent = {name.encode(): value for name, value in headers.items()}
        for _ in range(times):
            self.usage.note(operation, event, sent, b"")

    def compared(self, operation: str, equal: int, **differing: int) -> None:
        self.parity.add(Comparison(operation, {"[].eventName": {Verdict.EQUAL: equal}}), NOW)
        for path, count in differing.items():
            counts = {Verdict.EQUAL: 20 - count, Verdict.DIFFERS: count}
            self.parity.add(Comparison(operation, {f"[].{path}": counts}), NOW)

    def found(self, stage: Stage = Stage.SHADOW) -> list[Obstacle]:
        return standing(stage, self.usage, self.outbound, self.realtime, self.aliases, self.parity, self.traffic, NOW)

    def texts(self, stage: Stage = Stage.SHADOW) -> list[str]:
        return [each.text for each in self.found(stage)]

    def only(self, stage: Stage = Stage.SHADOW) -> tuple[str, str]:
        (obstacle,) = self.found(stage)
        assert obstacle.advice.endswith(".")
        return obstacle.severity.value, obstacle.text


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.mark.parametrize("stage", list(Stage))
def test_nothing_stands_where_all_is_well(case: Case, stage: Stage) -> None:
    assert case.found(stage) == []


@pytest.mark.parametrize(
    ("stage", "severity"),
    [(Stage.OUTBOUND, "warning"), (Stage.SHADOW, "warning"), (Stage.SPLIT, "blocker"), (Stage.REALTIME, "blocker")],
)
def test_sign_in(case: Case, stage: Stage, severity: str) -> None:
    for number in range(37):
        case.asked("get_user", 3, authorization=b"Bearer %d" % number)
    assert case.only(stage) == (
        severity,
        f"about {case.usage.visitors(7)} visitors signed in this week: sign-in has no counterpart",
    )
    assert 35 <= case.usage.visitors(7) <= 39


def test_what_signed_in_visitors_did(case: Case) -> None:
    case.asked("list_user_registrations", 12, authorization=b"Bearer x")
    case.asked("register_user_for_session", 2, authorization=b"Bearer x")
    assert case.texts() == [
        "1 visitor signed in this week: sign-in has no counterpart",
        "signed-in visitors used list_user_registrations (12), register_user_for_session (2): none of them has a counterpart",
    ]


def test_portals_that_only_ask_whether_somebody_is_signed_in_are_no_obstacle(case: Case) -> None:
    case.asked("get_user", 1_000)
    assert case.found() == []


def test_visitors_of_last_month_are_no_obstacle(case: Case) -> None:
    case.clock.now = NOW - 10 * 86_400
    case.asked("get_user", 5, authorization=b"Bearer x")
    case.clock.now = NOW
    assert case.found(Stage.SPLIT) == []


def test_captcha(case: Case) -> None:
    case.asked("get_captcha", 210)
    assert case.only() == ("warning", "captcha was asked 210 times this week and answered 0 times: it has no counterpart")


@pytest.mark.parametrize(
    ("stage", "severity"),
    [(Stage.OUTBOUND, "note"), (Stage.SHADOW, "note"), (Stage.SPLIT, "blocker"), (Stage.REALTIME, "blocker")],
)
def test_an_event_that_only_outbound_lists(case: Case, stage: Stage, severity: str) -> None:
    case.outbound = listed("Conference", "Open_Day")
    assert case.only(stage) == (severity, "event Open_Day is listed only in outbound, starts in 12 days")
    case.asked("get_event", 3, "OPEN_day")
    case.compared("get_event", COMPARISONS)
    assert case.only(stage)[1] == "event Open_Day is listed only in outbound, starts in 12 days, asked for 3 times this week"


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-11-23T18:00:00", "2026-11-23T20:00:00", "starts today"),
        ("2026-11-24T18:00:00", "2026-11-24T20:00:00", "starts in 1 day"),
        ("2026-11-22T18:00:00", "2026-11-25T20:00:00", "began 1 day ago"),
        ("2026-11-22T18:00:00", "2026-11-22T20:00:00", "began 1 day ago"),
        ("2026-12-05T18:00:00Z", "2026-12-05T20:00:00+02:00", "starts in 12 days"),
        ("", "", "without a start"),
        ("soon", "later", "without a start"),
        ("2026-11-20T18:00:00", "2026-11-21T20:00:00", None),
        ("2026-11-20T18:00:00", "", None),
        ("2025-11-20T18:00:00+01:00", "", None),
    ],
)
def test_ended_events_are_no_obstacle(case: Case, start: str, end: str, words: str | None) -> None:
    case.outbound = listed("Conference") | listed("Open_Day", start=start, end=end)
    assert case.texts() == ([] if words is None else [f"event Open_Day is listed only in outbound, {words}"])


def test_an_event_under_another_id_is_no_obstacle(case: Case) -> None:
    case.realtime = listed("Conference_2027")
    assert case.texts() == ["event Conference is listed only in outbound, starts in 12 days"]
    case.aliases = Aliases.of({"CONFERENCE": "conference_2027"}, {}, {}, {})
    assert case.found() == []


def test_an_alias_that_leads_nowhere(case: Case) -> None:
    case.aliases = Aliases.of({"Conference": "Nowhere"}, {}, {}, {})
    (obstacle,) = case.found()
    assert "leads to Nowhere" in obstacle.advice


def test_many_events_are_told_in_part_the_next_first(case: Case) -> None:
    names = [f"Event_{number:02}" for number in range(EVENTS_TOLD + 5)]
    case.outbound = {name.casefold(): Listed(name, name, f"2027-01-{31 - number:02}", "") for number, name in enumerate(names)}
    texts = case.texts()
    assert len(texts) == EVENTS_TOLD + 1
    assert texts[0].startswith(f"event {names[-1]} is listed only in outbound")
    assert texts[-1] == "5 further events are listed only in outbound"


def test_lists_that_are_not_known(case: Case) -> None:
    case.realtime = None
    assert case.only() == ("warning", "the list of events of real-time was not read so far")
    case.outbound = None
    assert len(case.found()) == 2


def test_a_real_time_organisation_without_events(case: Case) -> None:
    case.realtime = {}
    assert case.found()[0].text == "real-time lists no event"
    assert case.found()[0].severity is Severity.BLOCKER


def test_too_few_comparisons(case: Case) -> None:
    case.asked("get_event", 1)
    assert case.only() == ("warning", "get_event was not compared so far")
    case.compared("get_event", 12)
    assert case.only() == ("warning", "only 12 comparisons of get_event so far")
    assert case.found(Stage.OUTBOUND) == []
    case.asked("list_tracks", 1)
    case.compared("list_tracks", 1)
    assert "only 1 compared item of list_tracks so far" in case.texts()


@pytest.mark.parametrize(
    "operation", ["count_event_registrations", "get_speaker_image", "list_track_sessions", "get_session", "register"]
)
def test_what_is_never_compared_is_not_missed(case: Case, operation: str) -> None:
    case.asked(operation, 5)
    assert case.found() == []


def test_differences(case: Case) -> None:
    case.compared("list_sessions", COMPARISONS, startTime=3, endTime=2, room=1, name=1, language=1)
    assert case.texts() == [
        "list_sessions differs in startTime for 3 of 20",
        "list_sessions differs in endTime for 2 of 20",
        "list_sessions differs in language for 1 of 20",
        "list_sessions differs in 2 further fields",
    ]
    assert case.found()[-1].severity is Severity.NOTE


def test_what_real_time_lacks(case: Case) -> None:
    case.parity.add(Comparison("get_event", {"customFields.x": {Verdict.EQUAL: 60, Verdict.MISSING_RIGHT: 3}}), NOW)
    assert case.texts() == ["get_event lacks customFields.x in real-time for 3 of 63"]


def test_items_that_one_side_has(case: Case) -> None:
    counts = {Verdict.EQUAL: 60, Verdict.MISSING_RIGHT: 4, Verdict.MISSING_LEFT: 1}
    case.parity.add(Comparison("list_events", {"[]": counts}), NOW)
    assert case.texts() == ["list_events has items on one side: 4 of 65 only in outbound and 1 of 65 only in real-time"]


def test_noise_is_no_difference(case: Case) -> None:
    case.compared("list_sessions", COMPARISONS, startTime=3)
    case.parity.add(Comparison("list_sessions", {"[].startTime": {Verdict.EQUAL: 10, Verdict.DIFFERS: 10}}), NOW, noise=True)
    assert case.found() == []


def test_fields_of_registrations(case: Case) -> None:
    body = b'{"attendees":[{"responses":[{"id":"%s"},{"id":"jobtitle"},{"id":"?"}]}]}' % OLD_FIELD.encode()
    case.usage.note("register", None, {}, b"", body)
    assert case.texts() == [
        f"registrations answer 1 custom field by an id of outbound: {OLD_FIELD} (1)",
        "registrations answer these fields by name: jobtitle (1)",
    ]
    case.aliases = Aliases.of({}, {}, {}, {OLD_FIELD.upper(): "new", "JobTitle": "position"})
    assert case.found() == []


def test_clients_and_origins(case: Case) -> None:
    for token in (b"one", b"two"):
        case.usage.note("list_events", None, {b"origin": b"https://portal.example.com"}, b"emApplicationtoken=" + token)
    assert case.only() == ("note", "2 client tokens are in use, from 1 origin: https://portal.example.com (2)")
    case.usage.note("list_events", None, {b"origin": b"null"}, b"")
    assert case.only()[1] == "2 client tokens are in use, from 1 origin: https://portal.example.com (2)"


def test_one_client_without_origin(case: Case) -> None:
    case.usage.note("list_events", None, {}, b"emApplicationtoken=one")
    assert case.only()[1] == "1 client token is in use, from 0 origins"


def test_how_long_was_counted(case: Case) -> None:
    case.usage.clear()
    assert case.only() == ("warning", "nothing was counted so far: it is not known what portals use")
    case.asked("list_events", 1)
    assert case.only() == ("note", "what portals use was counted for 1 day only")


def test_real_time_in_the_split(case: Case) -> None:
    for _ in range(2):
        case.traffic.answered("realtime", "get_event", 502)
    assert case.only(Stage.SPLIT) == ("warning", "get_event ended with an error 2 times of 2 in the last hour in real-time")
    case.traffic.clear()
    assert case.only(Stage.SPLIT)[1] == "real-time answered visitors 0 times in the last hour: too few to say how it fares"
    assert case.found(Stage.SHADOW) == []


def test_a_rare_error_is_a_note(case: Case) -> None:
    for number in range(200):
        case.traffic.answered("realtime", "get_event", 200 if number else 502)
    assert case.only(Stage.REALTIME) == ("note", "get_event ended with an error 1 time of 200 in the last hour in real-time")


def test_outbound_still_serves(case: Case) -> None:
    case.traffic.answered("outbound", "get_event", 200)
    assert case.only(Stage.REALTIME) == ("blocker", "outbound still answered visitors 1 time in the last hour")


def test_the_most_severe_stand_first(case: Case) -> None:
    case.outbound = listed("Conference", "Open_Day")
    case.asked("get_captcha", 1)
    case.usage.note("list_events", None, {}, b"emApplicationtoken=one")
    severities = [each.severity for each in case.found(Stage.SPLIT)]
    assert severities == [Severity.BLOCKER, Severity.WARNING, Severity.NOTE]


def test_no_value_of_a_visitor_is_told(case: Case) -> None:
    secret: dict[str, Any] = {b"authorization": b"Bearer secret-of-ann", b"origin": b"https://secret@portal.example.com"}
    body = b'{"attendees":[{"firstName":"Secret","responses":[{"id":"a secret@example.com","value":"secret"}]}]}'
    case.usage.note("register", None, secret, b"emApplicationtoken=secret", body)
    assert not [text for text in case.texts() if "secret" in text.casefold()]
