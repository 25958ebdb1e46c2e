"""translation/operations.py: the table against the contract."""

import re

import pytest

from translation.errors import ERRORS
from translation.operations import BY_NAME, GRAMMARS, OLD_BASES, OPERATIONS, Answer, Grammar, Operation, Serving
from translation.registration import BODIES
from translation.shapes import SHAPES

MAPPED, EMULATED, REFUSED = Serving.MAPPED, Serving.EMULATED, Serving.REFUSED

# CONTRACT 1.1, word by word, and what becomes of each.
CONTRACT = [
    (1, "GET", "events/published", MAPPED),
    (2, "GET", "events/{event}", MAPPED),
    (3, "GET", "events/{event}/passes", MAPPED),
    (4, "GET", "events/{event}/sessions", MAPPED),
    (5, "GET", "events/{event}/tracks", MAPPED),
    (6, "GET", "events/{event}/speakers", MAPPED),
    (7, "GET", "events/{event}/sponsorships", MAPPED),
    (8, "GET", "events/{event}/captcha", REFUSED),
    (9, "GET", "events/{event}/custom-registration-fields", MAPPED),
    (10, "GET", "events/{event}/registrations/count", MAPPED),
    (11, "POST", "events/{event}/registrations", MAPPED),
    (12, "POST", "events/{event}/registrations/finalize", MAPPED),
    (13, "POST", "events/{event}/sessions/{session}/registrations", REFUSED),
    (14, "GET", "sessions/{session}/registrations/count", MAPPED),
    (15, "GET", "tracks/{track}/sessions", EMULATED),
    (16, "GET", "speakers/{speaker}/image", MAPPED),
    (17, "GET", "sponsorships/{sponsorship}/logo", MAPPED),
    (18, "GET", "users/authenticated", REFUSED),
    (19, "GET", "users/authenticated/registrations", REFUSED),
    (20, "GET", "users/authenticated/waitlist-items", REFUSED),
    (21, "POST", "users/authenticated/registrations/{registration}/cancel", REFUSED),
    (22, "GET", "calendar/personal/ics", EMULATED),
]

# CONTRACT 2.1, but for captcha and users/authenticated, which do not work without outbound marketing.
REALTIME = {
    ("GET", "events/published"),
    ("GET", "events/{event}"),
    ("GET", "events/{event}/custom-registration-fields"),
    ("GET", "events/{event}/qrcode"),
    ("GET", "events/{event}/sessions"),
    ("GET", "events/{event}/tracks"),
    ("GET", "events/{event}/passes"),
    ("GET", "events/{event}/speakers"),
    ("GET", "events/{event}/sponsorships"),
    ("GET", "events/{event}/registrations/count"),
    ("POST", "events/{event}/registrations"),
    ("POST", "events/{event}/registrations/finalize"),
    ("GET", "sessions/{session}"),
    ("GET", "sessions/{session}/registrations/count"),
    ("GET", "speakers/{speaker}/image"),
    ("GET", "sponsorships/{sponsorship}/logo"),
    ("POST", "checkins"),
}

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


@pytest.mark.parametrize(("row", "method", "path", "serving"), CONTRACT, ids=[f"row {row[0]}" for row in CONTRACT])
def test_a_row_of_the_contract(row: int, method: str, path: str, serving: Serving) -> None:
    (operation,) = [operation for operation in OPERATIONS if operation.row == row]
    assert (operation.method, operation.path, operation.serving) == (method, path, serving)


def test_the_rows_are_all_there_in_order_and_the_new_operations_behind_them() -> None:
    assert [operation.row for operation in OPERATIONS] == [*range(1, 23), None, None, None]
    assert [operation.path for operation in OPERATIONS if operation.row is None] == [
        "events/{event}/qrcode",
        "sessions/{session}",
        "checkins",
    ]


def test_upstream_is_exactly_what_the_real_time_api_has() -> None:
    assert {(operation.method, operation.upstream) for operation in OPERATIONS if operation.upstream} == REALTIME


def test_names_are_unique_and_name_their_operations() -> None:
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS) == len(BY_NAME)
    assert all(BY_NAME[operation.name] is operation for operation in OPERATIONS)
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == len(OPERATIONS)


def test_both_versions_of_the_old_base_are_answered() -> None:
    assert OLD_BASES == ("EvtMgmt/api/v2.0", "EvtMgmt/api/v1.0")


@each_operation
def test_an_operation_has_a_counterpart_or_a_reason(operation: Operation) -> None:
    assert (operation.upstream is not None) is (operation.serving is MAPPED)
    if operation.serving is REFUSED:
        assert operation.refusal is not None
    if operation.serving is MAPPED:
        assert operation.refusal is None
    if operation.refusal is not None:
        assert ERRORS[operation.refusal.code] is operation.refusal
        assert operation.refusal.status == 501


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ((13, 18, 19, 20, 21), "UserAuthenticationNotSupported"),
        ((8,), "CaptchaNotSupported"),
        ((15,), "TrackSessionsNotAvailable"),
    ],
    ids=["users", "captcha", "tracks"],
)
def test_the_reason_of_a_row(rows: tuple[int, ...], code: str) -> None:
    refusals = {operation.row: operation.refusal for operation in OPERATIONS if operation.row in rows}
    assert {row: refusal.code if refusal else None for row, refusal in refusals.items()} == dict.fromkeys(rows, code)


@each_operation
def test_an_operation_is_consistent(operation: Operation) -> None:
    assert re.fullmatch(r"[a-z]+(?:_[a-z]+)*", operation.name)
    assert operation.method in ("GET", "POST")
    assert operation.writes is (operation.method == "POST")
    assert operation.parameters == tuple(re.findall(r"\{(\w+)\}", operation.path))
    assert set(re.findall(r"\{(\w+)\}", operation.upstream or "")) <= set(operation.parameters)
    assert all(name in GRAMMARS for name in operation.parameters)
    assert all(name == name.lower() for name in operation.query)
    assert "api-version" in operation.query
    assert "emapplicationtoken" not in operation.query
    assert operation.shape is None or operation.shape in SHAPES
    assert operation.summary
    assert operation.repairs


@each_operation
def test_what_is_listed_has_a_shape(operation: Operation) -> None:
    if operation.answer in (Answer.EVENT_LIST, Answer.EVENT, Answer.LIST, Answer.ITEM):
        assert operation.shape is not None


def test_only_a_check_in_goes_without_token() -> None:
    assert [operation.name for operation in OPERATIONS if not operation.token] == ["create_checkin"]


def test_mapped_operations_that_give_a_result_have_a_body() -> None:
    named = {o.name for o in OPERATIONS if o.answer is Answer.RESULT and o.serving is MAPPED}
    assert named == set(BODIES)


def test_only_events_have_readable_ids() -> None:
    assert {name for name, grammar in GRAMMARS.items() if grammar is Grammar.EVENT_ID} == {"event"}
    assert set(GRAMMARS) == {name for operation in OPERATIONS for name in operation.parameters}
