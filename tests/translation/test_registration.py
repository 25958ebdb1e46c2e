"""translation/registration.py: bodies that portals send, and results that they understand (PORTAL-FACTS)."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.outcome import outcome, words_of
from tests.translation.strategies import JSON, OBJECTS, encoded, plain_json
from translation.aliases import NO_ALIASES, Aliases
from translation.answers import read_json
from translation.errors import INVALID_BODY, REGISTRATION_ANSWER_UNREADABLE, ProxyError
from translation.registration import BODIES, read_body, read_result

MARK = "Vz9Kq"
STATUSES = ("Success", "Initiated", "Redirect", "Failed")
PAY = "https://pay.example.invalid/checkout?purchaseId=7f3b9a52-0c1d-4e8f-9a6b-2d5c8e1f0a34&returnUrl=https%3A%2F%2Fx.invalid"
PURCHASE = "7f3b9a52-0c1d-4e8f-9a6b-2d5c8e1f0a34"
ALIASES = Aliases.of(events={}, sessions={"S-old": "S-new"}, passes={"P-old": "P-new"}, fields={"F-old": "F-new"})


def person(**more: Any) -> dict[str, Any]:
    return {"firstName": "Nia", "lastName": "Madeup", "email": "nia@example.com", "passId": "", **more}


def portal_body() -> dict[str, Any]:
    """What the Angular portal sends (PORTAL-FACTS)."""
    return {
        "attendees": [
            person(
                waitlisted=False,
                autoRegister=False,
                responses=[
                    {"id": "jobtitle", "value": "Engineer", "values": None},
                    {"id": "choice", "value": "A, B", "values": ["A", "B"]},
                ],
                attendeeSessions=[{"sessionId": "s1", "waitlisted": False}],
            )
        ]
    }


def sent(value: Any, operation: str = "register", aliases: Aliases = NO_ALIASES) -> Any:
    return json.loads(read_body(json.dumps(value).encode(), operation, aliases))


def refused(value: Any, operation: str = "register") -> ProxyError:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(ProxyError) as caught:
        read_body(body, operation, ALIASES)
    assert caught.value.kind is INVALID_BODY
    return caught.value


# -- Bodies ------------------------------------------------------------------------------------------------------------


def test_the_body_of_the_portal_travels_as_it_is() -> None:
    assert sent(portal_body()) == portal_body()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"attendees": [{}]}, id="an attendee without fields"),
        pytest.param({"attendees": [person(passId=None, responses=None, attendeeSessions=None)]}, id="blank fields"),
        pytest.param({"attendees": [person()] * 100}, id="100 attendees"),
        pytest.param({"attendees": [person(msdyn_x={"a": [1]})], "extra": None}, id="unknown keys"),
        pytest.param(
            {"attendees": [person(responses=[{"id": "f", "value": value} for value in (True, 5, 1.5, None, "x")])]}, id="values"
        ),
        pytest.param({"attendees": [person(firstName="名", lastName="مرحبا 👩‍👩‍👧")]}, id="other scripts"),
        pytest.param(
            {"attendees": [person(responses=[{"id": "f"}] * 200, attendeeSessions=[{"sessionId": "s"}] * 500)]}, id="many"
        ),
        pytest.param({"attendees": [person(responses=[{"id": "f", "value": "x" * 20_000}])]}, id="a long answer"),
        pytest.param({"attendees": [person(waitlisted=None, autoRegister=True)]}, id="switches"),
    ],
)
def test_a_body_with_the_same_keys_and_values_goes_upstream(value: Any) -> None:
    assert sent(value) == value


@pytest.mark.parametrize("hip", [None, {}, {"Solution": "x", "Token": "t", "Type": "visual", "FlowId": "f"}], ids=repr)
def test_a_captcha_is_dropped(hip: Any) -> None:
    assert sent({**portal_body(), "hipObject": hip}) == portal_body()
    assert sent({"purchaseId": PURCHASE, "hipObject": hip}, "finalize_registration") == {"purchaseId": PURCHASE}


def test_a_byte_order_mark_is_no_harm() -> None:
    assert json.loads(read_body(b'\xef\xbb\xbf{"purchaseId":"1"}', "finalize_registration", NO_ALIASES)) == {"purchaseId": "1"}


@pytest.mark.parametrize("form", [str, str.upper, str.lower], ids=["as written", "upper", "lower"])
def test_ids_changed_by_the_migration(form: Any) -> None:
    value = {
        "attendees": [
            person(passId=form("P-old"), attendeeSessions=[{"sessionId": form("S-old")}], responses=[{"id": form("F-old")}]),
            person(passId="other", attendeeSessions=[{"sessionId": "P-old"}], responses=[{"id": "S-old", "value": "F-old"}]),
        ]
    }
    assert sent(value, aliases=ALIASES) == {
        "attendees": [
            person(passId="P-new", attendeeSessions=[{"sessionId": "S-new"}], responses=[{"id": "F-new"}]),
            person(passId="other", attendeeSessions=[{"sessionId": "P-old"}], responses=[{"id": "S-old", "value": "F-old"}]),
        ]
    }


@pytest.mark.parametrize("attendees", [None, 5, "x", [1, None], [[]], {"a": 1}, [person(passId="P-old")]], ids=repr)
def test_attendees_are_an_unknown_key_when_finalizing(attendees: Any) -> None:
    value = {"purchaseId": PURCHASE, "attendees": attendees}
    assert sent(value, "finalize_registration", ALIASES) == value


@pytest.mark.parametrize(
    ("value", "place"),
    [
        pytest.param(b"", "The body is not JSON", id="empty"),
        pytest.param(MARK.encode(), "The body is not JSON", id="text"),
        pytest.param(b"attendees=Vz9Kq", "The body is not JSON", id="form"),
        pytest.param(b'{"attendees":"\xff"}', "The body is not JSON", id="no UTF-8"),
        pytest.param(b'{"attendees":[{"email":"\\ud800"}]}', "The body is not JSON", id="lone surrogate"),
        pytest.param(b"[" * 100_000, "The body is not JSON", id="brackets"),
        pytest.param([MARK], "The body: ", id="list"),
        pytest.param(MARK, "The body: ", id="string"),
        pytest.param(None, "The body: ", id="null"),
        pytest.param(5, "The body: ", id="number"),
        pytest.param({}, "attendees: ", id="no attendees"),
        pytest.param({MARK: MARK}, "attendees: ", id="unknown key only"),
        pytest.param({"attendees": None}, "attendees: ", id="attendees null"),
        pytest.param({"attendees": MARK}, "attendees: ", id="attendees a string"),
        pytest.param({"attendees": {MARK: {}}}, "attendees: ", id="attendees an object"),
        pytest.param({"attendees": []}, "attendees: ", id="no attendee"),
        pytest.param({"attendees": [{}] * 101}, "attendees: ", id="101 attendees"),
        pytest.param({"attendees": [MARK]}, "attendees[0]: ", id="an attendee a string"),
        pytest.param({"attendees": [{}, None]}, "attendees[1]: ", id="an attendee null"),
        pytest.param({"attendees": [{"email": 5}]}, "attendees[0].email: ", id="email a number"),
        pytest.param({"attendees": [{"email": {MARK: MARK}}]}, "attendees[0].email: ", id="email an object"),
        pytest.param({"attendees": [{}, {"firstName": MARK * 300}]}, "attendees[1].firstName: ", id="a long name"),
        pytest.param({"attendees": [{"lastName": [MARK]}]}, "attendees[0].lastName: ", id="a name as list"),
        pytest.param({"attendees": [{"passId": False}]}, "attendees[0].passId: ", id="passId a boolean"),
        pytest.param({"attendees": [{"waitlisted": MARK}]}, "attendees[0].waitlisted: ", id="waitlisted a string"),
        pytest.param({"attendees": [{"autoRegister": {MARK: 1}}]}, "attendees[0].autoRegister: ", id="autoRegister an object"),
        pytest.param({"attendees": [{"responses": {MARK: 1}}]}, "attendees[0].responses: ", id="responses an object"),
        pytest.param({"attendees": [{"responses": [{"id": "f"}] * 201}]}, "attendees[0].responses: ", id="201 responses"),
        pytest.param({"attendees": [{"responses": [MARK]}]}, "attendees[0].responses[0]: ", id="a response a string"),
        pytest.param({"attendees": [{"responses": [{MARK: 1}]}]}, "attendees[0].responses[0].id: ", id="no response id"),
        pytest.param(
            {"attendees": [{"responses": [{"id": "f", "value": {MARK: 1}}]}]},
            "attendees[0].responses[0].value: ",
            id="a value an object",
        ),
        pytest.param(
            {"attendees": [{"responses": [{"id": "f", "value": MARK * 5_000}]}]},
            "attendees[0].responses[0].value: ",
            id="a long value",
        ),
        pytest.param(
            {"attendees": [{"responses": [{"id": "f", "values": [{MARK: 1}]}]}]},
            "attendees[0].responses[0].values[0]: ",
            id="values of objects",
        ),
        pytest.param(
            {"attendees": [{"responses": [{"id": "f", "values": ["x"] * 501}]}]},
            "attendees[0].responses[0].values: ",
            id="501 values",
        ),
        pytest.param(
            {"attendees": [{"attendeeSessions": [{MARK: 1}]}]}, "attendees[0].attendeeSessions[0].sessionId: ", id="no sessionId"
        ),
        pytest.param(
            {"attendees": [{"attendeeSessions": [{"sessionId": "s"}] * 501}]},
            "attendees[0].attendeeSessions: ",
            id="501 sessions",
        ),
        pytest.param({"attendees": [{}], "hipObject": MARK}, "hipObject: ", id="captcha a string"),
    ],
)
def test_a_wrong_body_is_refused_by_the_name_of_its_field(value: Any, place: str) -> None:
    error = refused(value)
    assert error.detail is not None
    assert error.detail.startswith(place)
    assert MARK not in words_of(error)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        pytest.param(b"{", "The body is not JSON", id="no JSON"),
        pytest.param({}, "purchaseId: ", id="missing"),
        pytest.param({"purchaseId": None, MARK: 1}, "purchaseId: ", id="null"),
        pytest.param({"purchaseId": ""}, "purchaseId: ", id="empty"),
        pytest.param({"purchaseId": MARK * 300}, "purchaseId: ", id="long"),
        pytest.param({"purchaseId": {MARK: 1}}, "purchaseId: ", id="object"),
        pytest.param({"purchaseId": "1", "hipObject": [MARK]}, "hipObject: ", id="captcha a list"),
    ],
)
def test_a_wrong_body_when_finalizing(value: Any, place: str) -> None:
    error = refused(value, "finalize_registration")
    assert error.detail is not None
    assert error.detail.startswith(place)
    assert MARK not in words_of(error)


@pytest.mark.parametrize("operation", sorted(BODIES))
def test_a_body_that_is_too_deep_is_refused(operation: str) -> None:
    deep = b'{"purchaseId":"1","attendees":[{}],"x":' + b"[" * 500 + b"]" * 500 + b"}"
    assert refused(deep, operation).detail == "The body holds a value that is not allowed."


# -- Results: what each answer does to the visitor (PORTAL-FACTS) ------------------------------------------------------


def result(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "errorMessage": None, "errorCode": None, "redirectUrl": None, "purchaseId": None, **more}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"status": "Success"}, result("Success"), id="Success"),
        pytest.param({"status": "success"}, result("Success"), id="success in lower case"),
        pytest.param({"status": " SUCCESS "}, result("Success"), id="success in capitals and blanks"),
        pytest.param({"Status": "Success"}, result("Success"), id="key Status"),
        pytest.param({}, result("Success"), id="no status"),
        pytest.param({"status": None}, result("Success"), id="status null"),
        pytest.param({"status": 1}, result("Success"), id="status a number"),
        pytest.param({"status": "Accepted"}, result("Success"), id="unknown status"),
        pytest.param(None, result("Success"), id="204, empty or null"),
        pytest.param([], result("Success"), id="list"),
        pytest.param("ok", result("Success"), id="string"),
        pytest.param(True, result("Success"), id="true"),
        pytest.param({"status": "initiated", "purchaseId": "p"}, result("Initiated", purchaseId="p"), id="Initiated"),
        pytest.param(
            {"status": "Initiated", "redirectUrl": PAY}, result("Initiated", redirectUrl=PAY), id="Initiated with address"
        ),
        pytest.param({"redirectUrl": PAY}, result("Redirect", redirectUrl=PAY, purchaseId=PURCHASE), id="payment page"),
        pytest.param({"RedirectURL": PAY}, result("Redirect", redirectUrl=PAY, purchaseId=PURCHASE), id="key in another case"),
        pytest.param({"redirectUrl": f" {PAY}\n"}, result("Redirect", redirectUrl=PAY, purchaseId=PURCHASE), id="blanks around"),
        pytest.param(
            {"redirectUrl": PAY.replace("purchaseId", "PURCHASEID")},
            result("Redirect", redirectUrl=PAY.replace("purchaseId", "PURCHASEID"), purchaseId=PURCHASE),
            id="purchaseId in another case",
        ),
        pytest.param(
            {"redirectUrl": PAY, "purchaseId": "q"}, result("Redirect", redirectUrl=PAY, purchaseId="q"), id="own purchaseId"
        ),
        pytest.param(
            {"redirectUrl": "http://pay.invalid/"}, result("Redirect", redirectUrl="http://pay.invalid/"), id="no purchaseId"
        ),
        pytest.param(
            {"status": "redirect", "redirectUrl": PAY}, result("Redirect", redirectUrl=PAY, purchaseId=PURCHASE), id="redirect"
        ),
        pytest.param({"status": "Redirect"}, result("Redirect"), id="Redirect without address: home"),
        pytest.param({"redirectUrl": None}, result("Success"), id="address null"),
        pytest.param({"redirectUrl": ""}, result("Success"), id="address empty"),
        pytest.param({"redirectUrl": 5}, result("Success"), id="address a number"),
        pytest.param({"status": "Failed", "errorMessage": "X"}, result("Failed", errorMessage="X"), id="Failed"),
        pytest.param({"status": "failed"}, result("Failed"), id="failed in lower case"),
        pytest.param({"status": "Error", "errorCode": 5}, result("Failed", errorCode=5), id="Error"),
        pytest.param({"status": "REJECTED"}, result("Failed"), id="rejected"),
        pytest.param({"errorMessage": "X"}, result("Failed", errorMessage="X"), id="error without status"),
        pytest.param({"errorMessage": " "}, result("Success"), id="blank error"),
        pytest.param({"status": "Failed", "redirectUrl": PAY}, result("Failed", redirectUrl=PAY), id="failed with address"),
        pytest.param(
            {"status": "Failed", "errorMessage": "<b>Full</b> see https://org.crm.invalid at A.B.c()"},
            result("Failed", errorMessage="Full see"),
            id="the sentence is cleaned",
        ),
        pytest.param(
            {"errorMessage": "https://org.crm.invalid"},
            result("Failed"),
            id="a sentence of which nothing stays is a failure still",
        ),
        pytest.param(
            {"status": "Failed", "Status": "Success"}, result("Failed"), id="the name in its own spelling wins, in front"
        ),
        pytest.param({"Status": "Success", "status": "Failed"}, result("Failed"), id="the name in its own spelling wins, behind"),
        pytest.param({"id": "r1", "Extra": [1]}, result("Success", id="r1", Extra=[1]), id="unknown fields are kept"),
    ],
)
def test_a_result_in_the_form_that_portals_understand(value: Any, expected: dict[str, Any]) -> None:
    assert read_result(value) == expected


@pytest.mark.parametrize("status", [{}, {"status": "Redirect"}, {"status": "Initiated"}, {"status": "Success"}])
@pytest.mark.parametrize(
    "address",
    [
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("java\nscript:alert(1)", id="script over lines"),
        pytest.param("data:text/html,x", id="data"),
        pytest.param("//evil.invalid/x", id="network path"),
        pytest.param("/relative", id="relative"),
        pytest.param("https:///x", id="no host"),
        pytest.param("http://[", id="malformed"),
    ],
)
def test_a_payment_page_without_a_usable_address_is_no_success(status: dict[str, str], address: str) -> None:
    with pytest.raises(ProxyError) as caught:
        read_result(status | {"redirectUrl": address})
    assert caught.value.kind is REGISTRATION_ANSWER_UNREADABLE


def test_the_published_example_with_a_blank_in_its_key() -> None:
    body = json.dumps({"redirectUrl ": PAY}).encode()
    assert read_result(read_json(body)) == result("Redirect", redirectUrl=PAY, purchaseId=PURCHASE)


# -- Properties --------------------------------------------------------------------------------------------------------


@given(JSON | OBJECTS)
def test_any_answer_gives_a_result(value: Any) -> None:
    found = outcome(read_result, read_json(encoded(value)))
    if isinstance(found, ProxyError):
        assert found.kind is REGISTRATION_ANSWER_UNREADABLE
        return
    assert found["status"] in STATUSES
    assert {"status", "errorMessage", "errorCode", "redirectUrl", "purchaseId"} <= set(found)
    assert found["redirectUrl"] is None or found["redirectUrl"].lower().startswith(("http://", "https://"))
    assert plain_json(found)
    orjson.dumps(found)


RESULT_KEYS = st.sampled_from(["status", "Status", "redirectUrl", "REDIRECTURL", "purchaseId", "errorMessage", "errorCode", "x"])
ADDRESSES = st.builds(
    "".join,
    st.lists(
        st.sampled_from(["http", "s", ":", "/", "//", "[", "]", "@", "?", "#", "%", "purchaseId=1", "&", "\n", "é", "x.invalid"])
    ),
)


@given(
    st.dictionaries(
        RESULT_KEYS, ADDRESSES | st.text(max_size=8) | st.sampled_from(["SUCCESS", "Failed", "redirect", None, 5, []])
    )
)
def test_any_result_gives_a_known_status(value: dict[str, Any]) -> None:
    found = outcome(read_result, value)
    if isinstance(found, ProxyError):
        assert found.kind is REGISTRATION_ANSWER_UNREADABLE
        return
    assert found["status"] in STATUSES
    assert found["redirectUrl"] is None or found["redirectUrl"].lower().startswith("http")


def assert_body_or_listed(body: bytes, operation: str) -> None:
    found = outcome(read_body, body, operation, ALIASES)
    if isinstance(found, ProxyError):
        assert found.kind is INVALID_BODY
    else:
        assert isinstance(found, bytes)
        value = orjson.loads(found)
        assert isinstance(value, dict)
        assert "hipObject" not in value


@given(st.binary(max_size=200), st.sampled_from(sorted(BODIES)))
def test_any_bytes_are_a_body_or_refused(body: bytes, operation: str) -> None:
    assert_body_or_listed(body, operation)


def _field(value: Any) -> st.SearchStrategy[Any]:
    return st.just(value) | JSON


ATTENDEES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "email": _field("nia@example.com"),
            "passId": _field("P-old"),
            "waitlisted": _field(False),
            "responses": _field([{"id": "F-old", "value": "x", "values": None}]),
            "attendeeSessions": _field([{"sessionId": "S-old"}]),
            "x": JSON,
        },
    )
    | JSON,
    max_size=3,
)


@given(
    st.fixed_dictionaries({}, optional={"attendees": ATTENDEES | JSON, "purchaseId": _field("p"), "hipObject": _field({})})
    | JSON,
    st.sampled_from(sorted(BODIES)),
)
def test_any_json_is_a_body_or_refused(value: Any, operation: str) -> None:
    assert_body_or_listed(encoded(value), operation)


# Keys and texts of one sign that no message holds: where it appears, something of the visitor's is repeated.
SIGNS = st.text(alphabet="ꙮ", min_size=1, max_size=3)
SIGNED: st.SearchStrategy[Any] = st.recursive(
    SIGNS | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            SIGNS
            | st.sampled_from(["attendees", "email", "responses", "id", "value", "values", "attendeeSessions", "hipObject"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.builds(lambda value: {"attendees": [value]}, SIGNED) | SIGNED, st.sampled_from(sorted(BODIES)))
def test_no_error_repeats_a_value_or_a_key_of_the_visitor(value: Any, operation: str) -> None:
    found = outcome(read_body, encoded(value), operation, NO_ALIASES)
    if isinstance(found, ProxyError):
        assert "ꙮ" not in words_of(found)
