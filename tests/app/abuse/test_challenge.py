"""Tests of app/abuse/challenge.py: what is checked first, and what is left of the body."""

import pytest

from app.abuse.addresses import Client
from app.abuse.challenge import Challenge
from app.abuse.first_sights import FirstSights
from app.abuse.verifier import Verdict, Verifier
from app.guard import Headers
from app.metrics import Metrics
from tests.clock import Clock
from translation.errors import CHALLENGE_FAILED, INVALID_BODY, SENT_TOO_SOON, ProxyError

pytestmark = pytest.mark.anyio
ANN = Client("198.51.100.1", certain=True)
NONE = Headers({}, ())


class Asked(Verifier):
    def __init__(self) -> None:
        self.answers: list[str] = []

    async def verify(self, answer: str) -> Verdict:
        self.answers.append(answer)
        return Verdict.PASSED


async def test_an_answer_is_not_used_up_by_what_is_refused_for_less() -> None:
    clock, asked = Clock(), Asked()
    challenge = Challenge(
        Metrics(), honeypot="trap", sights=FirstSights(3, clock), verifier=asked, field="answer", header=b"x-answer"
    )
    with pytest.raises(ProxyError) as error:
        await challenge.check(ANN, "E", NONE, b'{"trap":"x","answer":"a"}')
    assert error.value.kind is CHALLENGE_FAILED
    with pytest.raises(ProxyError) as error:
        await challenge.check(ANN, "E", NONE, b'{"answer":"a"}')
    assert (error.value.kind, error.value.retry_after, asked.answers) == (SENT_TOO_SOON, 3, [])
    clock.now += 3
    assert await challenge.check(ANN, "E", NONE, b'\xef\xbb\xbf{"answer":"a","x":1}') == b'{"x":1}'
    assert await challenge.check(ANN, "E", Headers({b"x-answer": b"b"}, ()), b'{"x":1}') == b'{"x":1}'
    assert asked.answers == ["a", "b"]


async def test_a_body_without_traces_is_handed_on_byte_for_byte() -> None:
    body = b' {"attendees" : [ ]} '
    assert await Challenge(Metrics(), honeypot="trap").check(ANN, "E", NONE, body) is body


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"NaN", b'"trap"', b'{"trap":"","x":' + b"[" * 300 + b"]" * 300 + b"}"])
async def test_what_is_no_object_or_cannot_be_written_again_is_refused(body: bytes) -> None:
    with pytest.raises(ProxyError) as error:
        await Challenge(Metrics(), honeypot="trap").check(ANN, "E", NONE, body)
    assert error.value.kind is INVALID_BODY
