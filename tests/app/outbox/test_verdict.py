"""What the end of a delivery means."""

import pytest

from app.outbox.entries import NOT_REGISTERED, PAYMENT_DUE, State
from app.outbox.verdict import of_failure, of_result
from translation import errors
from translation.errors import ErrorKind
from translation.registration import read_result


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (errors.UPSTREAM_UNREACHABLE, State.WAITING),
        (errors.UPSTREAM_TIMEOUT, State.WAITING),
        (errors.UPSTREAM_FAILED, State.WAITING),
        (errors.TOO_MANY_REQUESTS, State.WAITING),
        (errors.UPSTREAM_REFUSED_PROXY, State.WAITING),
        (errors.REGISTRATION_OUTCOME_UNKNOWN, State.PARKED),
        (errors.REGISTRATION_ANSWER_UNREADABLE, State.PARKED),
        (errors.INTERNAL_ERROR, State.PARKED),
        (errors.UPSTREAM_REJECTED, State.DEAD),
        (errors.NOT_FOUND, State.DEAD),
    ],
    ids=lambda value: getattr(value, "code", str(value)),
)
def test_a_failure_waits_parks_or_ends_it(kind: ErrorKind, state: State) -> None:
    assert of_failure(kind) is state


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, None),
        ({"purchaseId": None}, None),
        ({"status": "Failed"}, NOT_REGISTERED),
        ({"redirectUrl ": "x", "redirectUrl": "https://pay.example.com/"}, PAYMENT_DUE),
        ({"status": "Initiated"}, PAYMENT_DUE),
    ],
)
def test_an_answer_delivers_it_or_ends_it(answer: dict[str, str] | None, code: str | None) -> None:
    assert of_result(read_result(answer)) == code
