"""Tests of app/abuse/verifier.py beside a verifier on a loopback socket."""

from collections.abc import AsyncIterator, Iterator

import pytest

from app.abuse.settings import Provider
from app.abuse.verifier import Verdict, Verifier
from app.parts import build_upstream
from app.settings import Upstream as UpstreamSettings
from app.upstream import Upstream
from tests.app.abuse.verifying import SECRET, FakeVerifier, running_verifier

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[FakeVerifier]:
    with running_verifier() as fake:
        yield fake


@pytest.fixture
def fake(server: FakeVerifier) -> FakeVerifier:
    server.mode, server.hostname, server.score = "", "portal.example.com", None
    server.used.clear()
    server.asked.clear()
    return server


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    made = build_upstream(UpstreamSettings(total_timeout=10))
    yield made
    await made.close()


def verifier(fake: FakeVerifier, upstream: Upstream, provider: Provider = Provider.TURNSTILE, secret: str = SECRET) -> Verifier:
    return Verifier(provider, secret, upstream, {"portal.example.com"}, 0.5, fake.url)


async def test_an_answer_is_good_once(fake: FakeVerifier, upstream: Upstream) -> None:
    asked = verifier(fake, upstream)
    answer = "good ü+&=%"
    assert await asked.verify(answer) is Verdict.PASSED
    assert fake.asked == [{"secret": [SECRET], "response": [answer]}]  # and nothing of the visitor
    assert await asked.verify(answer) is Verdict.FAILED
    assert await asked.verify("bad") is Verdict.FAILED


@pytest.mark.parametrize("hostname", ["evil.example", "portal.example.com.evil.example", "", None])
async def test_what_was_solved_elsewhere_is_refused(fake: FakeVerifier, upstream: Upstream, hostname: str) -> None:
    fake.hostname = hostname
    assert await verifier(fake, upstream).verify("good 1") is Verdict.WRONG_HOST
    anywhere = Verifier(Provider.TURNSTILE, SECRET, upstream, {"*"}, 0.5, fake.url)
    assert await anywhere.verify("good 2") is Verdict.PASSED


async def test_a_score_counts_where_more_is_better(fake: FakeVerifier, upstream: Upstream) -> None:
    fake.score = 0.3
    assert await verifier(fake, upstream, Provider.RECAPTCHA).verify("good 1") is Verdict.LOW_SCORE
    assert await verifier(fake, upstream, Provider.HCAPTCHA).verify("good 2") is Verdict.PASSED
    fake.score = 0.5
    assert await verifier(fake, upstream, Provider.RECAPTCHA).verify("good 3") is Verdict.PASSED


@pytest.mark.parametrize("mode", ["broken", "rubbish", "failing"])
async def test_a_provider_that_does_not_say_is_unavailable(fake: FakeVerifier, upstream: Upstream, mode: str) -> None:
    fake.mode = mode
    assert await verifier(fake, upstream).verify("good") is Verdict.UNAVAILABLE


async def test_a_slow_provider_is_not_waited_for(fake: FakeVerifier) -> None:
    fake.mode = "slow"
    upstream = build_upstream(UpstreamSettings(total_timeout=0.2))
    try:
        assert await verifier(fake, upstream).verify("good") is Verdict.UNAVAILABLE
    finally:
        await upstream.close()


async def test_a_wrong_secret_is_the_operators_fault(fake: FakeVerifier, upstream: Upstream) -> None:
    assert await verifier(fake, upstream, secret="wrong").verify("good") is Verdict.UNAVAILABLE


async def test_a_provider_that_is_not_there_is_unavailable(upstream: Upstream) -> None:
    asked = Verifier(Provider.TURNSTILE, SECRET, upstream, {"*"}, 0.5, "http://127.0.0.1:1/")
    assert await asked.verify("good") is Verdict.UNAVAILABLE
