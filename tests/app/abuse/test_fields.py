"""Tests of app/abuse/fields.py."""

from typing import Any

import pytest

from app.abuse.fields import take_answer, take_honeypot


def test_an_answer_is_taken_out_with_what_is_empty_without_it() -> None:
    body = {"attendees": [], "hipObject": {"Solution": "x"}, "token": "y"}
    assert take_answer(body, "hipObject.Solution") == "x"
    assert take_answer(body, "token") == "y"
    assert body == {"attendees": []}
    kept = {"hipObject": {"Solution": "x", "FlowId": "1"}}
    assert take_answer(kept, "hipObject.Solution") == "x"
    assert kept == {"hipObject": {"FlowId": "1"}}
    for odd in ({}, {"hipObject": "text"}, {"hipObject": None}):
        assert take_answer(odd, "hipObject.Solution") is None


@pytest.mark.parametrize("empty", ["", "  ", None, False, []])
def test_an_empty_trap_is_taken_out_everywhere(empty: Any) -> None:
    person = {"firstName": "Ann", "responses": [{"id": "trap", "value": empty, "values": None}, {"id": "job", "value": "x"}]}
    body = {"trap": empty, "attendees": [person | {"trap": empty}, "odd"]}
    assert take_honeypot(body, "trap") == (True, False)
    assert body == {"attendees": [{"firstName": "Ann", "responses": [{"id": "job", "value": "x"}]}, "odd"]}


@pytest.mark.parametrize(
    "body",
    [
        {"trap": "x"},
        {"trap": 0.5},
        {"trap": {"a": 1}},
        {"attendees": [{}, {"trap": "x"}]},
        {"attendees": [{"responses": [{"id": "trap", "value": "x"}]}]},
        {"attendees": [{"responses": [{"id": "trap", "value": "", "values": ["", "x"]}]}]},
    ],
)
def test_a_trap_that_is_filled_in_is_seen(body: dict[str, Any]) -> None:
    assert take_honeypot(body, "trap") == (True, True)


@pytest.mark.parametrize("body", [{}, {"attendees": None}, {"attendees": [{"responses": "odd"}, None]}, {"Trap": "x"}])
def test_what_has_no_trap_is_left_as_it_is(body: dict[str, Any]) -> None:
    before = repr(body)
    assert take_honeypot(body, "trap") == (False, False)
    assert repr(body) == before
