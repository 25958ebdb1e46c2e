"""Values in Redis: what was put there comes back, what anybody else put there is nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.caching.finishing import pack
from app.caching.sealed import Seal, SharedAnswer

BODY = b'{"eventName": "Open day"}' * 100
ANSWER = SharedAnswer(1_700_000_000.25, 17, 30.0, b"application/json", ((b"x-a", b"b \xe4"),), BODY, pack(BODY))
SEAL = Seal(b"k" * 32, 100_000)


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        replace(ANSWER, packed=b""),
        replace(ANSWER, packed=None),
        replace(ANSWER, body=b"", packed=b""),
        SharedAnswer(1.5, 0, 10.0),
    ],
    ids=["packed", "not smaller", "nobody looked", "empty", "unknown to Dynamics"],
)
def test_what_was_put_there_comes_back(answer: SharedAnswer) -> None:
    assert SEAL.open("a", SEAL.close("a", answer)) == answer


def test_a_packed_answer_takes_no_more_room_than_that() -> None:
    assert len(SEAL.close("a", ANSWER)) < len(BODY) / 2


def test_another_key_or_another_secret_is_nothing() -> None:
    value = SEAL.close("a", ANSWER)
    assert SEAL.open("b", value) is None
    assert Seal(b"l" * 32, 100_000).open("a", value) is None


def test_what_is_larger_than_the_bound_is_nothing() -> None:
    assert Seal(b"k" * 32, len(BODY) - 1).open("a", SEAL.close("a", ANSWER)) is None
    assert Seal(b"k" * 32, len(BODY)).open("a", SEAL.close("a", ANSWER)) == ANSWER


@given(st.binary(max_size=200))
def test_foreign_bytes_are_nothing(value: bytes) -> None:
    assert SEAL.open("a", value) is None


@given(st.integers(0, len(SEAL.close("a", ANSWER)) - 1), st.integers(1, 255))
def test_a_damaged_value_is_nothing(place: int, change: int) -> None:
    value = bytearray(SEAL.close("a", ANSWER))
    value[place] ^= change
    assert SEAL.open("a", bytes(value)) is None
    assert SEAL.open("a", bytes(value[:place])) is None
