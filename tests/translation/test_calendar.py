"""translation/calendar.py: the data parameter, the calendar file and the name of the download."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event

from translation.calendar import (
    CalendarDataError,
    CalendarEntry,
    CalendarItem,
    calendar_file,
    calendar_filename,
    content_disposition,
    parse_items,
)
from translation.grammar import is_event_id, is_guid

NOW = datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
SESSION_ID = "3f2b7a52-7c1d-4a7e-9b0a-1d2c3b4a5f60"

EVENT: dict[str, Any] = {
    "readableEventId": "Contoso_Ltd_Conference",
    "eventName": "Contoso Conference",
    "description": "About",
    "calendarContent": '<p>Dear {{firstname}}, see <a href="{{link}}">your page</a>.</p>{{msevtmgt_checkin_url}}',
    "startDate": "2017-08-10T08:00:00",
    "startDateUTC": "2017-08-10T06:00:00",
    "endDate": "2017-08-10T17:00:00",
    "endDateUTC": "2017-08-10T15:00:00Z",
    "timeZone": 110,
    "building": {"name": "Town Hall", "addressComposite": "1 Main St\r\nBerlin", "city": "Berlin"},
    "room": {"name": "Room 7"},
}
SESSION: dict[str, Any] = {
    "id": SESSION_ID,
    "name": "Opening",
    "startTime": "2017-08-10T09:00:00",
    "startTimeUTC": None,
    "endTime": "2017-08-10T10:00:00",
    "endTimeUTC": None,
    "timeZone": None,
    "room": {"name": "Hall A"},
}


def entry(
    event: Mapping[str, Any] | None = None,
    session: Mapping[str, Any] | None = None,
    data: Mapping[str, str] | None = None,
    event_id: str = "Contoso_Ltd_Conference",
) -> CalendarEntry:
    item = CalendarItem(event_id, SESSION_ID if session is not None else None, data or {})
    return CalendarEntry(item, {**EVENT, **(event or {})}, session)


def only_event(written: bytes) -> Event:
    (event,) = Calendar.from_ical(written).events
    return event


def lines(written: bytes) -> list[str]:
    """The content lines, after the checks of RFC 5545, 3.1, made here without the library."""
    assert written.endswith(b"\r\n")
    physical = written.split(b"\r\n")[:-1]
    for line in physical:
        assert 0 < len(line) <= 75
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)
        line.decode("utf-8")
    return written.decode("utf-8").replace("\r\n ", "").split("\r\n")[:-1]


def text_of(written: bytes, name: str) -> str | None:
    """The value of the only property of that name in the file, unescaped as RFC 5545, 3.3.11 says; None when absent."""
    found = [line for line in lines(written) if re.match(rf"{name}[;:]", line)]
    assert len(found) <= 1
    if not found:
        return None
    raw = re.sub(r"^[^:]*:", "", found[0])
    assert not re.search(r"(?<!\\)(?:\\\\)*[;,]", raw)
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] in "nN" else match[1], raw)


def names_of(written: bytes) -> list[str]:
    return [re.split("[;:]", line, maxsplit=1)[0] for line in lines(written)]


def read(text: str) -> tuple[CalendarItem, ...]:
    return parse_items(text, is_event_id=is_event_id, is_guid=is_guid)


# The data parameter.


def test_the_documented_example_is_read() -> None:
    text = (
        '[{"readableEventId":"E","sessionId":"' + SESSION_ID + '","data":{"firstname":"Ann","registrationId":"R-1"}},'
        '{"READABLEEVENTID":"F","SessionID":null,"Data":null,"other":1},{"readableEventId":"イベント","sessionId":""}]'
    )
    assert read(text) == (
        CalendarItem("E", SESSION_ID, {"firstname": "Ann", "registrationId": "R-1"}),
        CalendarItem("F", None, {}),
        CalendarItem("イベント", None, {}),
    )


def test_values_become_text_as_json_spells_them() -> None:
    (item,) = read('[{"readableEventId":"E","data":{"a":1,"b":1.5,"c":true,"d":false,"e":null,"f":"x"}}]')
    assert item.data == {"a": "1", "b": "1.5", "c": "true", "d": "false", "e": "", "f": "x"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "data is not valid JSON."),
        ("secret", "data is not valid JSON."),
        ('[{"readableEventId":"\ud800"}]', "data is not valid JSON."),
        ("[" * 3000 + "]" * 3000, "data is not valid JSON."),
        ('"secret"', "data is not an array of 1 to 20 items."),
        ("null", "data is not an array of 1 to 20 items."),
        ('{"readableEventId":"secret"}', "data is not an array of 1 to 20 items."),
        ("[]", "data is not an array of 1 to 20 items."),
        ("[" + ",".join(['{"readableEventId":"E"}'] * 21) + "]", "data is not an array of 1 to 20 items."),
        ('["secret"]', "data[0] is not an object."),
        ('[{"readableEventId":"E"},{}]', "data[1].readableEventId is missing or is not a readable event id."),
        ('[{"readableEventId":5}]', "data[0].readableEventId is missing or is not a readable event id."),
        ('[{"readableEventId":"../secret"}]', "data[0].readableEventId is missing or is not a readable event id."),
        ('[{"readableEventId":"E","sessionId":"secret"}]', "data[0].sessionId is not a GUID."),
        ('[{"readableEventId":"E","sessionId":7}]', "data[0].sessionId is not a GUID."),
        ('[{"readableEventId":"E","data":["secret"]}]', "data[0].data is not an object of at most 50 wildcards."),
        ('[{"readableEventId":"E","data":"secret"}]', "data[0].data is not an object of at most 50 wildcards."),
        (
            '[{"readableEventId":"E","data":{"a":["secret"]}}]',
            "data[0].data holds a value that is not a text, number or boolean.",
        ),
        (
            '[{"readableEventId":"E","data":{"a":"' + "s" * 1001 + '"}}]',
            "data[0].data holds a value longer than 1000 characters.",
        ),
        (
            '[{"readableEventId":"E","data":{' + ",".join(f'"k{n}":1' for n in range(51)) + "}}]",
            "data[0].data is not an object of at most 50 wildcards.",
        ),
        ('["' + "é" * 4095 + '"]', "data is longer than 8192 bytes."),
    ],
)
def test_bad_data_is_refused_with_the_part_and_without_the_value(text: str, reason: str) -> None:
    with pytest.raises(CalendarDataError) as caught:
        read(text)
    assert caught.value.reason == str(caught.value) == reason


def test_the_bounds_themselves_are_allowed() -> None:
    assert len(read("[" + ",".join(['{"readableEventId":"E"}'] * 20) + "]")) == 20
    fifty = ",".join(f'"k{n}":1' for n in range(49)) + ',"last":"' + "s" * 1000 + '"'
    (item,) = read('[{"readableEventId":"E","data":{' + fifty + "}}]")
    assert len(item.data) == 50
    padded = '[{"readableEventId":"E"}]'.ljust(8192)
    assert len(read(padded)) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["readableEventId", "sessionId", "data", "x"]), inner),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        items = read(orjson.dumps([value]).decode())
    except CalendarDataError:
        return
    assert all(is_event_id(item.readable_event_id) for item in items)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(CalendarDataError):
        read("!" + text)


# The calendar file.


def test_the_whole_file() -> None:
    data = {"firstname": "Ann", "link": "https://events.example.com/?a=1&b=2", "registrationId": "R-1"}
    written = calendar_file([entry(data=data)], now=NOW)
    calendar = [line for line in lines(written) if not line.startswith(("UID", "X-ALT-DESC"))]
    assert calendar[:6] == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//evtmgmt-proxy//Personal calendar//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "X-WR-CALNAME:Contoso Conference",
    ]
    assert set(calendar[6:]) == {
        "BEGIN:VEVENT",
        "DTSTAMP:20260501T123015Z",
        "DTSTART:20170810T060000Z",
        "DTEND:20170810T150000Z",
        "SUMMARY:Contoso Conference",
        "LOCATION:Town Hall\\, Room 7\\, 1 Main St\\, Berlin",
        "DESCRIPTION:Dear Ann\\, see your page (https://events.example.com/?a=1&b=2).",
        "PRIORITY:3",
        "END:VEVENT",
        "END:VCALENDAR",
    }
    assert any(line.startswith("X-ALT-DESC;FMTTYPE=text/html:<p>Dear Ann\\, see ") for line in lines(written))
    assert only_event(written).decoded("dtstart") == datetime(2017, 8, 10, 6, tzinfo=UTC)


def test_the_session_of_an_item() -> None:
    written = calendar_file([entry(session=SESSION)], now=NOW)
    event = only_event(written)
    assert text_of(written, "SUMMARY") == "Opening"
    assert text_of(written, "X-WR-CALNAME") == "Contoso Conference"
    # Local times of the session in the event's zone; the event's building, the session's room.
    assert event.decoded("dtstart") == datetime(2017, 8, 10, 7, tzinfo=UTC)
    assert event.decoded("dtend") == datetime(2017, 8, 10, 8, tzinfo=UTC)
    assert text_of(written, "LOCATION") == "Town Hall, Hall A, 1 Main St, Berlin"


def test_the_room_of_the_event_is_not_put_into_another_building() -> None:
    session = {**SESSION, "room": None, "building": {"name": "Annexe", "addressLine1": "2 Side St", "city": "Bonn"}}
    assert text_of(calendar_file([entry(session=session)], now=NOW), "LOCATION") == "Annexe, 2 Side St, Bonn"


@pytest.mark.parametrize(
    ("session", "start"),
    [
        ({"startTimeUTC": "2017-08-10T05:00:00"}, 5),
        ({"startTimeUTC": "unreadable"}, 7),
        ({"timeZone": 85}, 8),
        ({"timeZone": 0, "startTime": "2017-08-09T18:00:00"}, 6),
    ],
)
def test_where_the_start_of_a_session_comes_from(session: Mapping[str, Any], start: int) -> None:
    event = only_event(calendar_file([entry(session={**SESSION, **session})], now=NOW))
    assert event.decoded("dtstart") == datetime(2017, 8, 10, start, tzinfo=UTC)


def test_a_session_that_was_not_found_is_an_error_not_the_event() -> None:
    lost = CalendarEntry(CalendarItem("E", SESSION_ID, {}), EVENT, None)
    with pytest.raises(CalendarDataError) as caught:
        calendar_file([entry(), lost], now=NOW)
    assert caught.value.reason == "data[1].sessionId is not a session of this event."


@pytest.mark.parametrize(
    ("event", "start"),
    [
        ({}, datetime(2017, 8, 10, 6, tzinfo=UTC)),
        ({"startDateUTC": None}, datetime(2017, 8, 10, 6, tzinfo=UTC)),
        ({"startDateUTC": "0001-01-01T00:00:00"}, datetime(2017, 8, 10, 6, tzinfo=UTC)),
        ({"startDateUTC": None, "timeZone": "4"}, datetime(2017, 8, 10, 15, tzinfo=UTC)),
        ({"startDateUTC": "2017-08-10T06:00:00.9990000+01:00"}, datetime(2017, 8, 10, 5, tzinfo=UTC)),
    ],
)
def test_the_start_comes_from_the_utc_field_else_the_local_one(event: Mapping[str, Any], start: datetime) -> None:
    assert only_event(calendar_file([entry(event)], now=NOW)).decoded("dtstart") == start


@pytest.mark.parametrize(
    "event",
    [
        {"startDateUTC": None, "startDate": None},
        {"startDateUTC": None, "startDate": "soon"},
        {"startDateUTC": None, "startDate": 5},
        {"startDateUTC": None, "timeZone": None},
        {"startDateUTC": None, "timeZone": 9999},
    ],
)
def test_no_usable_start_is_an_error(event: Mapping[str, Any]) -> None:
    with pytest.raises(CalendarDataError) as caught:
        calendar_file([entry(event)], now=NOW)
    assert caught.value.reason == "data[0] names an event without a start time."


def test_a_session_without_a_start_is_an_error() -> None:
    with pytest.raises(CalendarDataError) as caught:
        calendar_file([entry(session={"id": SESSION_ID, "name": "Opening"})], now=NOW)
    assert caught.value.reason == "data[0] names a session without a start time."


@pytest.mark.parametrize("end", [None, "2017-08-10T06:00:00", "2017-08-10T05:59:59", "unreadable"])
def test_an_end_that_is_missing_or_not_after_the_start_is_left_out(end: str | None) -> None:
    assert "DTEND" not in names_of(calendar_file([entry({"endDateUTC": end, "endDate": None})], now=NOW))


def test_the_time_of_writing_is_utc_and_must_be_aware() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    assert calendar_file([entry()], now=elsewhere) == calendar_file([entry()], now=NOW)
    with pytest.raises(ValueError, match="aware"):
        calendar_file([entry()], now=NOW.replace(tzinfo=None))


def test_no_entries_is_an_error() -> None:
    with pytest.raises(CalendarDataError):
        calendar_file([], now=NOW)


def test_an_event_of_which_little_is_known() -> None:
    bare = CalendarEntry(CalendarItem("E-1", None, {}), {"startDateUTC": "2017-08-10T06:00:00"}, None)
    written = calendar_file([bare], now=NOW)
    assert sorted(set(names_of(written))) == sorted(
        [
            "BEGIN",
            "VERSION",
            "PRODID",
            "CALSCALE",
            "METHOD",
            "X-WR-CALNAME",
            "UID",
            "DTSTAMP",
            "DTSTART",
            "SUMMARY",
            "PRIORITY",
            "END",
        ]
    )
    assert text_of(written, "SUMMARY") == "E-1"


@pytest.mark.parametrize("odd", ["Town Hall", 7, [], ["Town Hall"], {"name": 7}, {}, "", None])
def test_a_place_of_an_odd_shape_does_no_harm(odd: object) -> None:
    location = text_of(calendar_file([entry({"building": odd, "room": None})], now=NOW), "LOCATION")
    assert location == ("Town Hall" if odd == "Town Hall" else None)


def test_several_items_are_several_events_with_their_own_uids() -> None:
    other = entry({"eventName": "Fabrikam Day"}, event_id="Fabrikam")
    written = calendar_file([entry(), entry(session=SESSION), other], now=NOW)
    events = Calendar.from_ical(written).events
    assert [str(event["summary"]) for event in events] == ["Contoso Conference", "Opening", "Fabrikam Day"]
    assert len({str(event["uid"]) for event in events}) == 3
    assert "X-WR-CALNAME:Contoso Conference\\, Fabrikam Day" in lines(written)


def uid(of: CalendarEntry) -> str:
    return str(only_event(calendar_file([of], now=NOW))["uid"])


def test_the_uid_is_stable_per_event_session_and_registration() -> None:
    first = entry(data={"registrationId": "R-1", "firstname": "Ann"})
    again = entry({"eventName": "Renamed", "startDateUTC": "2018-01-01T00:00:00"}, data={"REGISTRATIONID": "R-1"})
    # Spelled out: a later release must find the entries that an earlier one put into calendars.
    assert uid(first) == uid(again) == "08146e5f-568c-534d-aff8-a58b8a851784"
    others = [
        entry(),
        entry(data={"registrationId": "R-2"}),
        entry(data={"registrationId": "R-1"}, event_id="Other"),
        entry(session=SESSION, data={"registrationId": "R-1"}),
    ]
    assert len({uid(first), *map(uid, others)}) == 5


def test_the_same_item_twice_has_two_uids_the_first_as_if_alone() -> None:
    one, two = (str(event["uid"]) for event in Calendar.from_ical(calendar_file([entry()] * 2, now=NOW)).events)
    assert one == uid(entry())
    assert two != one


# Content and wildcards.


def described(content: str, data: Mapping[str, str] | None = None) -> tuple[str | None, str | None]:
    """DESCRIPTION and X-ALT-DESC of an event with that content."""
    written = calendar_file([entry({"calendarContent": content}, data=data)], now=NOW)
    only_event(written)
    return text_of(written, "DESCRIPTION"), text_of(written, "X-ALT-DESC")


@pytest.mark.parametrize(
    ("event", "session", "expected"),
    [
        ({}, None, "own"),
        ({"calendarContent": None, "calendarcontent": "lower"}, None, "lower"),
        ({"calendarContent": "", "msevtmgt_calendarcontent": "entity"}, None, "entity"),
        ({"calendarContent": None}, None, "described"),
        ({"calendarContent": None, "description": None}, None, None),
        ({}, {"calendarContent": "of the session"}, "of the session"),
        ({}, {"detailedDescription": "detailed", "sessionSummary": "summary"}, "detailed"),
        ({}, {"sessionSummary": "summary"}, "summary"),
        ({}, {}, "own"),
    ],
)
def test_where_the_content_comes_from(event: Mapping[str, Any], session: Mapping[str, Any] | None, expected: str | None) -> None:
    of = {"calendarContent": "own", "description": "described", **event}
    written = calendar_file([entry(of, None if session is None else {**SESSION, **session})], now=NOW)
    assert text_of(written, "DESCRIPTION") == text_of(written, "X-ALT-DESC") == expected


def test_wildcards_are_filled_escaped_in_html_and_raw_in_text() -> None:
    text, html = described("<p>Hi {{ FirstName }} {{unknown}}!</p>", {"firstname": '<b>Ann</b> & Bob\'s "x"'})
    assert text == 'Hi <b>Ann</b> & Bob\'s "x" !'
    assert html == "<p>Hi &lt;b&gt;Ann&lt;/b&gt; &amp; Bob&#x27;s &quot;x&quot; !</p>"


def test_the_reserved_wildcard_is_removed_whatever_the_data_say() -> None:
    data = {"msevtmgt_checkin_url": "https://evil.example.com", "MSEVTMGT_CHECKIN_URL": "https://evil.example.com"}
    assert described("<p>a{{msevtmgt_checkin_url}}b{{ MSEVTMGT_Checkin_Url }}c</p>", data) == ("abc", "<p>abc</p>")


def test_values_are_not_searched_for_wildcards() -> None:
    assert described("{{a}}", {"a": "{{b}}", "b": "twice"}) == ("{{b}}", "{{b}}")


def test_plain_content_is_made_html() -> None:
    text, html = described("5 < 6 & 7\r\nHi {{n}}", {"n": "<i>"})
    assert (text, html) == ("5 < 6 & 7\nHi <i>", "5 &lt; 6 &amp; 7<br>Hi &lt;i&gt;")


def test_html_as_plain_text() -> None:
    content = (
        "<html><head><title>T</title><style>p{color:red}</style></head><body><h1>A &amp; B</h1>\n<p>one\ntwo<br/>three"
        '</p><ul><li>x</li><li>y</li></ul><script>bad()</script><a href="https://a.example.com">https://a.example.com'
        '</a> <a href="mailto:x@example.com">mail</a> <a href="https://b.example.com/?a=1&amp;b=2">go</a></body></html>'
    )
    text, html = described(content)
    assert text == ("A & B\n\none two\nthree\n\nx\n\ny\n\nhttps://a.example.com mail go (https://b.example.com/?a=1&b=2)")
    assert html == content


@pytest.mark.parametrize("content", ["<![x[ <p>a</p>", "<p>a</p><![x[ b", "<p", "<p>a</p><", "<!--", "<p>&#xFFFFFFFF;"])
def test_broken_html_does_no_harm(content: str) -> None:
    _, html = described(content)
    assert html is not None


def test_long_content_is_cut() -> None:
    text, html = described("<p>" + "x" * 100_000 + "</p>")
    assert html is not None
    assert text is not None
    assert 30_000 < len(text) < len(html) == 32_000


class Attributes(HTMLParser):
    """All tags of a piece of HTML with their attributes, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", " jAvAsCrIpT:x", "java\tscript:x", "\x01javascript:x", "data:text/html,x"]
)
@pytest.mark.parametrize("attribute", ['"{{v}}"', "'{{v}}'", "{{v}}", '" {{v}}"'])
def test_no_value_is_a_script_address(value: str, attribute: str) -> None:
    _, html = described(f"<a href={attribute}>x</a>", {"v": value})
    ((_, attributes),) = Attributes(html or "").tags
    assert attributes.keys() == {"href"}
    assert ":" not in (attributes["href"] or "")


def test_no_script_address_is_put_together_of_two_values() -> None:
    _, html = described('<a href="{{a}}{{b}}">x</a>', {"a": "javascript", "b": ":alert(1)"})
    assert Attributes(html or "").tags == [("a", {"href": "javascript%3Aalert(1)"})]


@pytest.mark.parametrize("value", ["https://a.example.com:8443/?x=1&y=2#z", "mailto:ann@example.com", "tel:+4930123456"])
def test_a_value_may_be_an_address(value: str) -> None:
    _, html = described('<p>a > b</p><a href="{{v}}">x</a>', {"v": value})
    assert ("a", {"href": value}) in Attributes(html or "").tags


def test_a_link_without_a_value_shows_no_address() -> None:
    assert described('<a href="{{v}}">x</a>')[0] == "x"
    assert described('<a href="{{v}}">x</a>', {"v": "https://a.example.com"})[0] == "x (https://a.example.com)"


@given(st.text(max_size=60), st.sampled_from(["<p>{{v}}</p>", '<p title="{{v}}">', "<p title='{{v}}'>", "<p title={{v}}>"]))
def test_no_value_adds_a_tag_or_an_attribute(value: str, content: str) -> None:
    _, html = described(f"{content}<i>end</i>", {"v": value})
    tags = Attributes(html or "").tags
    assert [tag for tag, _ in tags if tag != "br"] == ["p", "i"]
    assert tags[0][1].keys() <= {"title"}


# RFC 5545.


@pytest.mark.parametrize(
    "name",
    [
        "a;b,c\\d\\n\\N\\;\\,",
        "C:\\New\\Notes",
        "日本語のイベント名" * 20,
        "مؤتمر التقنية السنوي " * 10 + "x",
        "Grüße 👩‍👩‍👧‍👦" * 20,
        "x" * 74,
        "x" * 75,
        "\\" * 200,
        ";" * 200,
        'BEGIN:VEVENT "quoted": ^n ^\'',
        "%2C%3B%0D%0A",
    ],
)
def test_texts_are_escaped_folded_and_read_back(name: str) -> None:
    written = calendar_file([entry({"eventName": name, "calendarContent": f"<p>{name}</p>"})], now=NOW)
    assert str(only_event(written)["summary"]) == name.strip()
    for property_name in ("SUMMARY", "X-WR-CALNAME", "DESCRIPTION"):
        assert text_of(written, property_name) == name.strip()


def test_control_characters_and_line_ends_stay_inside_a_value() -> None:
    name = "a\x00b\x07\x1b[31mc\x7f\x9f\ud800d\r\nATTACH:x\rb\u2028c\x85d\x0be\x0cf\ng\th"
    written = calendar_file([entry({"eventName": name})], now=NOW)
    assert text_of(written, "SUMMARY") == "ab[31mcd\nATTACH:x\nb\nc\nd\ne\nf\ng\th"
    assert "ATTACH" not in names_of(written)


INJECTIONS = [
    "\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nATTACH:https://evil.example.com",
    "\nATTENDEE:mailto:x@example.com",
    "\u2028ATTACH:x",
    "\x85ATTACH:x",
    "\\nATTACH:x",
    "\\\r\n ATTACH:x",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
]
TEMPLATE = {
    "eventName": "E {{v}}",
    "calendarContent": '<p title="{{v}}">{{v}}</p><a href="{{w}}">{{w}}</a>{{x}}',
}
VALUES = st.one_of(st.text(max_size=200), st.sampled_from(INJECTIONS), st.text("\\nN;,:\r\n {}<>\"'&", max_size=100))


@given(st.lists(st.dictionaries(st.sampled_from(["v", "w", "x", "registrationId"]), VALUES), min_size=1, max_size=4))
def test_no_data_changes_the_structure_of_the_file(data: list[dict[str, str]]) -> None:
    written = calendar_file([entry(TEMPLATE, data=values) for values in data], now=NOW)
    harmless = calendar_file([entry(TEMPLATE, data=dict.fromkeys(values, "x")) for values in data], now=NOW)
    # DESCRIPTION may be empty, but it is there.
    assert names_of(written) == names_of(harmless)
    parsed = Calendar.from_ical(written)
    assert len(parsed.events) == len(data)
    assert not any(component.errors for component in parsed.walk())
    assert len({str(event["uid"]) for event in parsed.events}) == len(data)


@pytest.mark.parametrize("value", INJECTIONS)
def test_known_injections(value: str) -> None:
    written = calendar_file([entry(TEMPLATE, data=dict.fromkeys("vwx", value))], now=NOW)
    assert not {"ATTACH", "ATTENDEE"} & set(names_of(written))
    assert b"<script" not in written.replace(b"\r\n ", b"").split(b"X-ALT-DESC")[1]
    assert [tag for tag, _ in Attributes(text_of(written, "X-ALT-DESC") or "").tags if tag != "br"] == ["p", "a"]


@given(st.dictionaries(st.sampled_from(["eventName", "description", "calendarContent", "room", "building"]), st.text()))
def test_any_text_of_the_organiser_is_written_and_read_back(event: dict[str, str]) -> None:
    written = calendar_file([entry(event)], now=NOW)
    only_event(written)
    lines(written)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=100))
def test_a_value_arrives_in_the_plain_text_as_it_is(value: str) -> None:
    assert described("<p>a {{v}} b</p>", {"v": value})[0] == f"a {value} b"


# The download.


@pytest.mark.parametrize(
    ("event_id", "name"),
    [
        ("Contoso_Ltd_Conference", "Contoso_Ltd_Conference.ics"),
        ("Fête d'été 2026", "Fete_d_ete_2026.ics"),
        ("日本", "calendar.ics"),
        ("a.b", "a.b.ics"),
        ("..", "calendar.ics"),
        ('x"\r\nSet-Cookie: a=b', "x_Set-Cookie_a_b.ics"),
        ("x" * 200, "x" * 100 + ".ics"),
    ],
)
def test_the_name_of_the_file(event_id: str, name: str) -> None:
    assert calendar_filename([entry(event_id=event_id)]) == name
    assert calendar_filename([entry(event_id=event_id)] * 2) == "calendar.ics"


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("a.ics", 'attachment; filename="a.ics"'),
        ("日本.ics", "attachment; filename=\"calendar.ics\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.ics"),
        ("é 1.ics", "attachment; filename=\"e_1.ics\"; filename*=UTF-8''%C3%A9%201.ics"),
        ('a"; x="b.ics', "attachment; filename=\"a_x_b.ics\"; filename*=UTF-8''a%22%3B%20x%3D%22b.ics"),
        ("../../etc/passwd", "attachment; filename=\"etc_passwd.ics\"; filename*=UTF-8''_.._etc_passwd"),
        ("a\r\nX: y.ics", "attachment; filename=\"aX_y.ics\"; filename*=UTF-8''aX%3A%20y.ics"),
    ],
)
def test_content_disposition(filename: str, header: str) -> None:
    assert content_disposition(filename) == header


@given(st.text(max_size=80))
def test_a_content_disposition_is_one_ascii_line_with_one_name(filename: str) -> None:
    header = content_disposition(filename)
    assert re.fullmatch(
        r'attachment; filename="[A-Za-z0-9._-]+\.ics"(?:; filename\*=UTF-8\'\'[A-Za-z0-9!#$&+.^_`|~%-]*)?', header
    )
    message = EmailMessage()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
