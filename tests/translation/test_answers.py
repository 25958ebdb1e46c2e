"""translation/answers.py: any JSON that an upstream may answer, and what becomes of it."""

import json
from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translation.outcome import outcome
from tests.translation.strategies import JSON, encoded, plain_json
from translation.answers import MAX_DEPTH, read_json, strip_keys, translate
from translation.errors import NOT_FOUND, UPSTREAM_ANSWER_INVALID, ProxyError
from translation.operations import BY_NAME, OPERATIONS, Answer, Operation
from translation.repairs import Repairs
from translation.shapes import BLANKS

REPAIRS = Repairs(upstream_hosts=frozenset({"public-eur.mkt.dynamics.invalid"}))
JSON_ANSWERS = (Answer.EVENT_LIST, Answer.EVENT, Answer.LIST, Answer.ITEM, Answer.COUNT)
READS = [operation for operation in OPERATIONS if operation.answer in JSON_ANSWERS]
LISTS = [operation for operation in READS if operation.answer in (Answer.LIST, Answer.EVENT_LIST)]
ITEMS = [operation for operation in READS if operation.answer in (Answer.ITEM, Answer.EVENT)]
COUNTS = [operation for operation in READS if operation.answer is Answer.COUNT]
ASKED = {"event": "E"}


def by_name(operation: Operation) -> str:
    return operation.name


def answer(operation: Operation, value: Any) -> Any:
    return translate(operation, value, ASKED, ASKED, REPAIRS)[0]


def item_of(operation: Operation, **raw: Any) -> dict[str, Any]:
    """An object that no operation leaves out."""
    return {"startDate": "2027-05-01T09:00:00", **raw} if operation.shape == "Event" else raw


def assert_right_form(operation: Operation, value: Any) -> None:
    assert plain_json(value)
    orjson.dumps(value)
    if operation.answer is Answer.COUNT:
        assert type(value) is int
        return
    items = value if operation.answer in (Answer.LIST, Answer.EVENT_LIST) else [value]
    assert isinstance(items, list)
    for item in items:
        assert isinstance(item, dict)
        assert operation.shape is not None
        assert set(BLANKS[operation.shape]) <= set(item)
        if operation.shape == "Event":
            assert item["enableCaptcha"] is False
            assert isinstance(item["customFields"], dict)
        if operation.answer is Answer.EVENT_LIST:
            assert isinstance(item["startDate"], str)
            assert isinstance(item["endDate"], str)
        if operation.answer is Answer.EVENT:
            assert item["readableEventId"] is not None


# -- Reading JSON ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html><body>Sign in</body></html>",
        b"{",
        b'{"a":1,}',
        b"{'a':1}",
        b"[1,2",
        b"NaN",
        b"[Infinity]",
        b"1e999",
        b'"\xff"',
        b'"\\ud800"',
        b"\x00",
        b"null null",
        b"\xef\xbb\xbf",
        b"\xff\xfe[\x00]\x00",
        b"[" * 100_000,
        b"\x1f\x8b\x08\x00",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(ProxyError) as caught:
        read_json(body)
    assert caught.value.kind is UPSTREAM_ANSWER_INVALID


def test_a_byte_order_mark_is_no_harm() -> None:
    assert read_json(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b'{"redirectUrl ":"x"}', {"redirectUrl": "x"}, id="the published example"),
        pytest.param(b'{" redirectUrl":"x"}', {"redirectUrl": "x"}, id="in front"),
        pytest.param(b'{"a":1,"  b  " : 2}', {"a": 1, "b": 2}, id="both ends"),
        pytest.param(b'{\n\t"a ": {\r\n" b":[{"c ":1}]}}', {"a": {"b": [{"c": 1}]}}, id="nested, with line ends"),
        pytest.param(b'{"a\\t":1}', {"a": 1}, id="escaped tab behind"),
        pytest.param(b'{"\\ta":1}', {"a": 1}, id="escaped tab in front"),
        pytest.param(b'{"a\\n":1,"\\r\\nb":2}', {"a": 1, "b": 2}, id="escaped line ends"),
        pytest.param(b'{"a\\u0020":1}', {"a": 1}, id="escaped blank behind"),
        pytest.param(b'{"\\u0020a":1}', {"a": 1}, id="escaped blank in front"),
        pytest.param(b'{"a\\u00A0":1,"\\u3000b":2}', {"a": 1, "b": 2}, id="escaped wide blanks"),
        pytest.param('{"a\u00a0":1}'.encode(), {"a": 1}, id="no-break space behind"),
        pytest.param('{"\u3000a":1}'.encode(), {"a": 1}, id="wide blank in front"),
        pytest.param(b'{"a ":1,"a":2}', {"a": 2}, id="the clean key wins, behind"),
        pytest.param(b'{"a":2,"a ":1}', {"a": 2}, id="the clean key wins, in front"),
        pytest.param(b'{" ":1}', {"": 1}, id="nothing but a blank"),
        pytest.param(b'{"a b":" c "}', {"a b": " c "}, id="blanks within and in values stay"),
        pytest.param(b'{"a":"x \\" : y"}', {"a": 'x " : y'}, id="what looks like a key stays"),
        pytest.param('{"名":"値"}'.encode(), {"名": "値"}, id="Japanese"),
    ],
)
def test_keys_are_stripped_of_blanks(body: bytes, value: Any) -> None:
    assert read_json(body) == value


@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('{"speakers":{"sessions":', "}}"), ('{" a ":', "}")]
)
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 255, 500, 1_000])
def test_an_answer_that_is_too_deep_is_refused(depth: int, opening: str, closing: str) -> None:
    body = (opening * depth + "1" + closing * depth).encode()
    with pytest.raises(ProxyError) as caught:
        read_json(body)
    assert caught.value.kind is UPSTREAM_ANSWER_INVALID


@pytest.mark.parametrize("inner", ["1", "[1]", '"[[[["'])
def test_depth_is_what_counts_and_not_size(inner: str) -> None:
    wide = ("[" + ",".join([inner] * 10_000) + "]").encode()
    assert len(read_json(wide)) == 10_000
    deepest = (b'{"a":' * (MAX_DEPTH - 1)) + b"[1]" + b"}" * (MAX_DEPTH - 1)
    assert read_json(deepest)
    assert read_json(b'"' + b"[" * 500 + b'"') == "[" * 500


@given(JSON)
def test_stripped_keys_have_no_blanks_and_nothing_else_changes(value: Any) -> None:
    def clean(part: Any) -> bool:
        if isinstance(part, dict):
            return all(key == key.strip() and clean(item) for key, item in part.items())
        return all(clean(item) for item in part) if isinstance(part, list) else True

    stripped = strip_keys(value)
    assert clean(stripped)
    assert stripped == value or not clean(value)
    assert read_json(encoded(value)) == strip_keys(orjson.loads(encoded(value)))
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == strip_keys(orjson.loads(encoded(value)))


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    value = outcome(read_json, body)
    assert value.kind is UPSTREAM_ANSWER_INVALID if isinstance(value, ProxyError) else plain_json(value)


# -- Lists -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", LISTS, ids=by_name)
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda items: items, id="bare"),
        pytest.param(lambda items: {"value": items}, id="value"),
        pytest.param(lambda items: {"data": items}, id="data"),
        pytest.param(lambda items: {"Value": items}, id="Value"),
        pytest.param(lambda items: {"Data": items}, id="Data"),
        pytest.param(lambda items: {"@odata.context": "x", "value": items}, id="with annotation"),
        pytest.param(lambda items: {"value": items, "@odata.nextLink": "x", "count": 2}, id="with count"),
        pytest.param(lambda items: [None, *items, None], id="with nulls"),
    ],
)
def test_a_list_however_wrapped(operation: Operation, wrap: Any) -> None:
    items = [item_of(operation, mark=1), item_of(operation, mark=2)]
    found = answer(operation, wrap(items))
    assert [item["mark"] for item in found] == [1, 2]
    assert_right_form(operation, found)


@pytest.mark.parametrize("operation", LISTS, ids=by_name)
@pytest.mark.parametrize("value", [None, [], [None], {"value": None}, {"data": []}, {"value": [], "count": 0}], ids=repr)
def test_no_list_is_an_empty_list(operation: Operation, value: Any) -> None:
    assert answer(operation, value) == []


@pytest.mark.parametrize("operation", LISTS, ids=by_name)
@pytest.mark.parametrize(
    "value",
    [{}, {"items": []}, 5, "x", True, 1.5, [1], ["x"], [[]], [{}, 1], {"value": 1}, {"value": "x"}, {"value": {"value": []}}],
    ids=repr,
)
def test_a_list_was_due(operation: Operation, value: Any) -> None:
    with pytest.raises(ProxyError) as caught:
        answer(operation, value)
    assert caught.value.kind is UPSTREAM_ANSWER_INVALID


def test_events_without_any_date_are_left_out_and_counted() -> None:
    events = [
        {"readableEventId": "both", "startDate": "2027-05-01T09:00:00", "endDate": "2027-05-01T17:00:00"},
        {"readableEventId": "none"},
        {"readableEventId": "start", "startDate": "2027-05-01T09:00:00"},
        {"readableEventId": "blank", "startDate": "", "endDate": None},
        {"readableEventId": "end", "endDate": "2027-05-01T17:00:00"},
        {"readableEventId": "UTC", "startDateUTC": "2027-05-01T07:00:00Z"},
    ]
    found, done = translate(BY_NAME["list_events"], events, {}, {}, REPAIRS)
    assert [event["readableEventId"] for event in found] == ["both", "start", "end", "UTC"]
    assert all(event["startDate"] and event["endDate"] for event in found)
    assert done == Counter(event_without_dates=2, event_date_filled=5)


def test_null_is_no_list_of_custom_registration_fields() -> None:
    assert answer(BY_NAME["list_custom_registration_fields"], None) == []  # PORTAL-FACTS: 200 null spins for ever


# -- Single things -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ITEMS, ids=by_name)
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda item: item, id="bare"),
        pytest.param(lambda item: {"value": item}, id="value"),
        pytest.param(lambda item: {"data": item}, id="data"),
        pytest.param(lambda item: {"@odata.context": "x", "value": item}, id="with annotation"),
        pytest.param(lambda item: [item], id="list of one"),
        pytest.param(lambda item: {"value": [item]}, id="wrapped list of one"),
    ],
)
def test_a_thing_however_wrapped(operation: Operation, wrap: Any) -> None:
    found = answer(operation, wrap({"mark": 1}))
    assert found["mark"] == 1
    assert_right_form(operation, found)


@pytest.mark.parametrize("operation", ITEMS, ids=by_name)
def test_a_field_named_value_is_no_wrapper(operation: Operation) -> None:
    assert answer(operation, {"value": {"a": 1}, "name": "N"})["value"] == {"a": 1}


@pytest.mark.parametrize("operation", ITEMS, ids=by_name)
@pytest.mark.parametrize("value", [None, {"value": None}, [None]], ids=repr)
def test_null_is_not_found(operation: Operation, value: Any) -> None:
    with pytest.raises(ProxyError) as caught:
        answer(operation, value)
    assert caught.value.kind is NOT_FOUND


@pytest.mark.parametrize("operation", ITEMS, ids=by_name)
@pytest.mark.parametrize("value", [5, "x", True, [], [{}, {}], [1], [[{}]], {"value": 5}], ids=repr)
def test_an_object_was_due(operation: Operation, value: Any) -> None:
    with pytest.raises(ProxyError) as caught:
        answer(operation, value)
    assert caught.value.kind is UPSTREAM_ANSWER_INVALID


@pytest.mark.parametrize(
    ("asked", "sent", "answered", "readable"),
    [
        pytest.param("E", "E", "E", "E", id="as asked"),
        pytest.param("e", "e", "E", "E", id="in another letter case"),
        pytest.param("E", "E", None, "E", id="missing: breaks after registration"),
        pytest.param("Old", "New", "New", "Old", id="by alias"),
        pytest.param("Old", "New", None, "Old", id="by alias, missing"),
    ],
)
def test_the_readable_id_of_an_event(asked: str, sent: str, answered: str | None, readable: str) -> None:
    value = {"readableEventId": answered, "eventName": "N"}
    found, _ = translate(BY_NAME["get_event"], value, {"event": asked}, {"event": sent}, REPAIRS)
    assert found["readableEventId"] == readable


def test_a_single_event_without_dates_is_answered() -> None:
    found = answer(BY_NAME["get_event"], {})
    assert (found["startDate"], found["endDate"]) == (None, None)


# -- Counts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", COUNTS, ids=by_name)
@pytest.mark.parametrize(
    ("value", "count"),
    [
        (42, 42),
        (0, 0),
        (42.0, 42),
        ("42", 42),
        (" 42 ", 42),
        ({"count": 42}, 42),
        ({"value": 42}, 42),
        ({"registrationCount": "42", "eventName": "E"}, 42),
        ({"@odata.context": "x", "value": 42, "full": True, "more": None}, 42),
        (2**53, 2**53),
    ],
    ids=repr,
)
def test_a_count_in_any_form(operation: Operation, value: Any, count: int) -> None:
    found = answer(operation, value)
    assert found == count
    assert type(found) is int


@pytest.mark.parametrize("operation", COUNTS, ids=by_name)
@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        "",
        "x",
        "4.5",
        "-1x",
        "٤٢",
        "1" * 16,
        4.5,
        1e300,
        [],
        [42],
        {},
        {"a": 1, "b": 2},
        {"a": None},
        {"a": [1]},
    ],
    ids=repr,
)
def test_a_number_was_due(operation: Operation, value: Any) -> None:
    with pytest.raises(ProxyError) as caught:
        answer(operation, value)
    assert caught.value.kind is UPSTREAM_ANSWER_INVALID


# -- Other kinds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.answer not in JSON_ANSWERS], ids=by_name)
def test_other_answers_are_not_translated_here(operation: Operation) -> None:
    with pytest.raises(ValueError, match=operation.name):
        answer(operation, {})


def test_an_error_says_nothing_of_the_answer() -> None:
    for value in ("Vz9Kq", ["Vz9Kq"], {"Vz9Kq": "Vz9Kq"}):
        for operation in (*LISTS, *COUNTS):
            assert "Vz9Kq" not in str(outcome(answer, operation, value))


# -- Properties --------------------------------------------------------------------------------------------------------


def wrapped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """``inner`` as it is, in a list, or in one of the wrappers of CONTRACT 2.3."""
    listed = inner | st.lists(inner, max_size=3)
    return listed | st.builds(lambda name, value: {name: value}, st.sampled_from(["value", "data", "Value", " data "]), listed)


@pytest.mark.parametrize("operation", READS, ids=by_name)
@settings(max_examples=40)
@given(value=wrapped(JSON))
def test_any_json_gives_the_right_form_or_a_listed_error(operation: Operation, value: Any) -> None:
    found = outcome(lambda: translate(operation, read_json(encoded(value)), ASKED, ASKED, REPAIRS))
    if isinstance(found, ProxyError):
        assert found.kind in (UPSTREAM_ANSWER_INVALID, NOT_FOUND)
        return
    translated, done = found
    assert_right_form(operation, translated)
    assert all(count >= 0 for count in done.values())
