"""What portals use: what is counted, what is never kept, and that nobody can fill it."""

from pathlib import Path

import orjson
import pytest

from app.cutover.sqlite import SqliteStore
from app.cutover.sqlite_file import FILE
from app.cutover.usage import CAPTCHA_ANSWERS, EVENTS_OF_THE_PAST, KEPT_DAYS, OTHERS, SIGNED_IN, TABLES, VISITOR_BITS, Usage
from tests.clock import Clock
from tests.examples import OPEN_DAY, attendee, registration
from tests.service import BASE, event_path, running_both, running_service

DAY = 86_400
SALT = "of this organisation"
TOKEN = "a-client-token-that-nobody-should-see+/=="
QUERY = b"emApplicationtoken=a-client-token-that-nobody-should-see%2B%2F%3D%3D&_=1"
ORIGIN = "https://portal.example.com"
PERSONAL = (
    "Annabel",
    "Sampledottir",
    "annabel@example.com",
    "vegan",
    "203.0.113.7",
    "the-id-token-of-annabel",
    "the-solution",
    TOKEN,
)


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = 20_000.0 * DAY + 3_600
    return clock


def filled_in(**more: object) -> bytes:
    attendee = {
        "firstName": "Annabel",
        "lastName": "Sampledottir",
        "email": "annabel@example.com",
        "responses": [
            {"id": "jobtitle", "value": "vegan"},
            {"id": "jobtitle", "value": "vegan", "values": ["vegan"]},
            {"id": "3F0C1B6E-0000-4000-8000-000000000001", "value": True},
            {"id": "annabel@example.com", "value": "vegan"},
            {"id": 7},
            "vegan",
        ],
    }
    return orjson.dumps({"attendees": [attendee, 1], **more})


def used(clock: Clock) -> Usage:
    usage = Usage(SALT, clock)
    headers = {b"origin": ORIGIN.encode(), b"x-forwarded-for": b"203.0.113.7"}
    signed_in = {**headers, b"authorization": b"Bearer the-id-token-of-annabel"}
    usage.note("get_event", "Contoso_Conference", headers, QUERY)
    usage.note_kept("get_event", ("CONTOSO_Conference",), headers, QUERY)
    usage.note_kept("list_events", (), headers, b"emapplicationTOKEN=another&ts=2")
    usage.note_kept("get_speaker_image", ("a-guid",), {}, b"")
    usage.note("get_user", None, signed_in, QUERY)
    usage.note("get_captcha", "Contoso_Conference", headers, QUERY)
    body = filled_in(hipObject={"Solution": "the-solution", "Token": "the-solution"})
    usage.note("register", "Contoso_Conference", headers, QUERY, body)
    return usage


def test_what_is_counted(clock: Clock) -> None:
    usage = used(clock)
    assert usage.total("operations", 7) == {
        "get_event": 2,
        "list_events": 1,
        "get_speaker_image": 1,
        "get_user": 1,
        "get_captcha": 1,
        "register": 1,
    }
    assert usage.total("events", 7) == {"contoso_conference": 4}
    assert usage.total("fields", 7) == {"jobtitle": 2, OTHERS: 2, "3F0C1B6E-0000-4000-8000-000000000001": 1}
    assert usage.total("signs", 7) == {SIGNED_IN: 1, CAPTCHA_ANSWERS: 1}
    assert usage.total("origins", 7) == {ORIGIN: 6}
    assert sorted(usage.total("clients", 7).values()) == [1, 5]
    assert usage.visitors(7) == 1
    assert usage.days() == 1


def test_nothing_personal_is_kept(clock: Clock) -> None:
    usage = used(clock)
    text = orjson.dumps(usage.document()).decode()
    for word in PERSONAL:
        assert word.casefold() not in text.casefold()
    for name in usage.total("clients", 7):
        assert len(name) == 8


@pytest.mark.anyio
async def test_nothing_personal_is_in_the_file(clock: Clock, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.put_document("usage", "a worker", used(clock).document())
    await store.close()
    kept = (tmp_path / FILE).read_bytes()
    assert b"contoso_conference" in kept
    assert not [word for word in PERSONAL if word.encode() in kept]


def test_clients_are_told_apart_with_a_salt_and_in_any_spelling(clock: Clock) -> None:
    names = []
    for salt in (SALT, "another"):
        usage = Usage(salt, clock)
        for query in (QUERY, b"x=1&EMAPPLICATIONTOKEN=" + TOKEN.encode(), b"em%41pplicationtoken=" + TOKEN.encode()):
            usage.note("get_event", None, {}, query)
        names.append(list(usage.total("clients", 1)))
    assert len(names[0]) == len(names[1]) == 1
    assert names[0] != names[1]


@pytest.mark.parametrize(
    "query", [b"", b"x=1", b"emApplicationtoken", b"emApplicationtoken=", b"xemApplicationtoken=1", b"&&=", b"%=%"]
)
def test_no_token_is_no_client(clock: Clock, query: bytes) -> None:
    usage = Usage(SALT, clock)
    usage.note("get_event", None, {}, query)
    assert usage.total("clients", 1) == {}


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        (b"https://Portal.Example.com", "https://portal.example.com"),
        (b"http://localhost:4200", "http://localhost:4200"),
        (b"null", OTHERS),
        (b"https://user:secret@portal.example.com", OTHERS),
        (b"https://portal.example.com/path", OTHERS),
        (b"javascript:alert(1)", OTHERS),
        (b"https://" + b"a" * 300, OTHERS),
        (b"\xff", OTHERS),
    ],
)
def test_only_well_formed_origins_are_named(clock: Clock, origin: bytes, name: str) -> None:
    usage = Usage(SALT, clock)
    usage.note("get_event", None, {b"origin": origin}, b"")
    assert usage.total("origins", 1) == {name: 1}


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        b"[1]",
        b"7",
        b'{"attendees": 7}',
        b'{"attendees": [{"responses": {"id": "x"}}]}',
        b"\xff",
        b'{"hipObject": null}',
    ],
)
def test_odd_bodies_are_borne(clock: Clock, body: bytes) -> None:
    usage = Usage(SALT, clock)
    usage.note("register", "E", {}, b"", body)
    assert usage.total("fields", 1) == usage.total("signs", 1) == {}
    assert usage.total("operations", 1) == {"register": 1}


def test_a_scanner_cannot_fill_it(clock: Clock) -> None:
    usage = Usage(SALT, clock)
    for _ in range(3):
        usage.note("get_event", "Real_Event", {b"origin": ORIGIN.encode()}, QUERY)
    for number in range(5_000):
        headers = {b"origin": b"https://host-%d.example.com" % number}
        body = orjson.dumps({"attendees": [{"responses": [{"id": f"field_{number}"}]}]})
        usage.note("get_event", f"Event_{number}", headers, b"emApplicationtoken=%d" % number, body)
    for table, most in TABLES.items():
        counts = usage.total(table, 1)
        assert len(counts) <= most + 1, table
        assert table == "signs" or sum(counts.values()) in (5_000, 5_003)
    assert usage.total("events", 1)["real_event"] == 3
    assert usage.total("origins", 1)[ORIGIN] == 3
    assert len(usage._clients) <= 1_000
    assert len(usage._origins) <= 1_000


def test_long_origins_and_queries_take_no_room(clock: Clock) -> None:
    usage = Usage("salt", clock)
    usage.note("get_event", None, {b"origin": b"https://" + b"x" * 30_000}, b"emApplicationtoken=one&x=" + b"x" * 7_000)
    usage.note("get_event", None, {}, b"emApplicationtoken=one")
    assert not usage._origins
    assert list(usage._clients) == [b"emApplicationtoken=one"]
    assert list(usage.total("clients", 1).values()) == [2]


def test_a_full_table_of_what_is_asked_for_often_counts_the_rest_together(clock: Clock) -> None:
    usage = Usage(SALT, clock)
    for _ in range(2):
        for number in range(TABLES["events"]):
            usage.note("get_event", f"Event_{number}", {}, b"")
    usage.note("get_event", "one-more", {}, b"")
    assert usage.total("events", 1)[OTHERS] == 1
    assert "one-more" not in usage.total("events", 1)


def test_a_day_that_is_over_keeps_what_was_asked_for_most(clock: Clock) -> None:
    usage = Usage(SALT, clock)
    for number in range(EVENTS_OF_THE_PAST + 50):
        for _ in range(1 if number < 50 else 3):
            usage.note("get_event", f"Event_{number}", {}, b"")
    clock.go(DAY)
    usage.note("get_event", "Today", {}, b"")
    counts = usage.total("events", 2)
    assert len(counts) == EVENTS_OF_THE_PAST + 2
    assert counts[OTHERS] == 50
    assert counts["event_60"] == 3


def test_days_are_forgotten(clock: Clock) -> None:
    usage = Usage(SALT, clock)
    for _ in range(KEPT_DAYS + 5):
        usage.note("get_event", "E", {b"authorization": b"Bearer x"}, b"")
        clock.go(DAY)
    assert usage.total("operations", 1_000) == {"get_event": KEPT_DAYS}
    usage.note("get_event", "E", {}, b"")
    assert len(usage.document()["days"]) == KEPT_DAYS
    assert len(usage._days) == KEPT_DAYS
    assert usage.total("operations", 7) == {"get_event": 7}
    assert usage.days() == KEPT_DAYS


def test_days_begin_at_midnight_in_utc(clock: Clock) -> None:
    usage = Usage(SALT, clock)
    clock.now = 20_001.0 * DAY - 1
    usage.note("get_event", "E", {}, b"")
    clock.go(1)
    usage.note("get_event", "E", {}, b"")
    assert list(usage.document()["days"]) == ["2024-10-04", "2024-10-05"]


@pytest.mark.parametrize("visitors", [0, 1, 37, 500, 3_000])
def test_visitors_are_told_apart_well_enough(clock: Clock, visitors: int) -> None:
    usage = Usage(SALT, clock)
    for number in range(visitors):
        for _ in range(2):
            usage.note("get_user", None, {b"authorization": b"Bearer %d" % number}, b"")
    assert abs(usage.visitors(1) - visitors) <= 0.06 * visitors
    assert usage.total("signs", 1).get(SIGNED_IN, 0) == 2 * visitors


def test_far_more_visitors_than_places_are_borne(clock: Clock) -> None:
    usage = Usage(SALT, clock)
    usage._day.visitors = 0
    usage.note("get_user", None, {b"authorization": b"x"}, b"")
    usage._day.visitors = (1 << VISITOR_BITS) - 1
    assert usage.visitors(1) > VISITOR_BITS


def test_workers_are_added_up_and_their_visitors_counted_once(clock: Clock) -> None:
    one, other = used(clock), used(clock)
    clock.go(DAY)
    other.note("get_event", "E", {}, b"")
    whole = Usage("", clock)
    whole.merge(one)
    whole.merge(Usage.of_document(orjson.loads(orjson.dumps(other.document())), clock))
    assert whole.total("operations", 7)["get_event"] == 5
    assert whole.total("operations", 1) == {"get_event": 1}
    assert whole.total("clients", 7) == {name: 2 * count for name, count in one.total("clients", 7).items()}
    assert whole.visitors(7) == 1
    assert whole.days() == 2
    assert Usage.of_document(whole.document(), clock).document() == whole.document()
    assert one.total("operations", 7)["get_event"] == 2


def test_a_document_is_not_changed_by_what_comes_after(clock: Clock) -> None:
    usage = used(clock)
    document = usage.document()
    copy = orjson.loads(orjson.dumps(document))
    usage.note("get_event", "E", {}, b"")
    assert document == copy


def test_from_nought(clock: Clock) -> None:
    usage = used(clock)
    usage.clear()
    assert usage.total("operations", 7) == {}
    assert usage.days() == 0
    usage.note("get_event", "E", {}, b"")
    assert usage.total("operations", 7) == {"get_event": 1}


GOOD_DAY = {**{table: {} for table in TABLES}, "visitors": "0"}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"schema": 2, "days": {}},
        {"schema": 1, "days": []},
        {"schema": 1, "days": {"yesterday": GOOD_DAY}},
        {"schema": 1, "days": {"2026-11-23": {}}},
        {"schema": 1, "days": {"2026-11-23": {**GOOD_DAY, "events": {"E": -1}}}},
        {"schema": 1, "days": {"2026-11-23": {**GOOD_DAY, "events": {"E": 1.5}}}},
        {"schema": 1, "days": {"2026-11-23": {**GOOD_DAY, "events": [1]}}},
        {"schema": 1, "days": {"2026-11-23": {**GOOD_DAY, "visitors": "xyz"}}},
    ],
    ids=str,
)
def test_other_documents_are_refused(document: object) -> None:
    with pytest.raises(ValueError, match="this is no document of usage"):
        Usage.of_document(document)
    assert Usage.of_document({"schema": 1, "days": {"2026-11-23": GOOD_DAY}})


@pytest.mark.parametrize("kept", [True, False])
def test_each_request_of_a_portal_is_counted_once(kept: bool) -> None:
    headers = {"Origin": "http://localhost:4200"}
    token = "emApplicationtoken=of-the-portal"
    with running_both("outbound", log_level="error", cache={"enabled": kept, "warm": False}) as service:
        for _ in range(5):
            assert service.get(f"{event_path(OPEN_DAY)}?{token}", headers=headers).status_code == 200
            assert service.get(f"{event_path(OPEN_DAY)}/passes?{token}", headers=headers).status_code == 200
        service.get(f"users/authenticated?{token}", headers={**headers, "Authorization": "Bearer x"})
        service.get("events/No_Such_Event")
        service.get("no/operation")
        service.client.get(f"{service.url}/metrics")
        service.client.options(f"{service.url}{BASE}events/published")
        responses = [{"id": "jobtitle", "value": "x"}]
        service.post(f"{event_path(OPEN_DAY)}/registrations", json=registration(attendee(responses=responses)))
        usage = service.gateway._answering.usage
        assert usage is not None
        assert usage.total("operations", 1) == {"get_event": 6, "list_passes": 5, "get_user": 1, "register": 1}
        assert usage.total("events", 1) == {OPEN_DAY.casefold(): 11}
        assert usage.total("origins", 1) == {"http://localhost:4200": 11}
        assert list(usage.total("clients", 1).values()) == [11]
        assert usage.total("fields", 1) == {"jobtitle": 1}
        assert usage.visitors(1) == 1


def test_where_nobody_wants_to_know_nothing_is_counted() -> None:
    with running_service(log_level="error") as service:
        assert service.get(event_path(OPEN_DAY)).status_code == 200
        assert service.gateway._answering.usage is None
        assert service.gateway._recorder._answered is None
