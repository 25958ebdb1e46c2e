"""What is repeated, and how much of it."""

import pytest

from app.faults.retries import Retries, answer_passes, failure_passes, pause
from app.upstream import NO_CERTAINTY_OF_PEER, Trouble, UpstreamError
from translation.operations import BY_NAME

READ, WRITE = BY_NAME["get_event"], BY_NAME["register"]


@pytest.mark.parametrize("percent", [1, 20, 50, 100])
def test_repetitions_stay_a_share_of_the_calls(percent: float) -> None:
    retries = Retries(percent, 10)
    repeated = 0
    for _ in range(1_000):
        retries.earn()
        repeated += retries.spend()
    assert 10 * percent <= repeated <= 10 * percent + 10


def test_they_are_not_saved_up_without_end() -> None:
    retries = Retries(20, 3)
    for _ in range(1_000):
        retries.earn()
    assert [retries.spend() for _ in range(4)] == [True, True, True, False]


def test_none_means_none() -> None:
    retries = Retries(0, 10)
    retries.earn()
    assert not retries.spend()


@pytest.mark.parametrize("trouble", Trouble)
@pytest.mark.parametrize("operation", [READ, WRITE], ids=["read", "write"])
def test_a_registration_that_may_have_been_sent_is_never_repeated(trouble: Trouble, operation: object) -> None:
    repeated = failure_passes(operation, UpstreamError(trouble, "the connection was refused"))  # type: ignore[arg-type]
    assert repeated is (trouble is Trouble.UNREACHABLE or (trouble is Trouble.BROKEN and operation is READ))


@pytest.mark.parametrize("cause", sorted(NO_CERTAINTY_OF_PEER))
def test_a_certificate_is_not_mended_by_asking_again(cause: str) -> None:
    assert not failure_passes(READ, UpstreamError(Trouble.UNREACHABLE, cause))


def test_answers_that_are_worth_another_call() -> None:
    assert {status for status in range(200, 600) if answer_passes(READ, status, {})} == {502, 503, 504}
    assert not any(answer_passes(WRITE, status, {}) for status in range(200, 600))
    assert not answer_passes(READ, 503, {"retry-after": "1"})


def test_those_who_failed_together_do_not_come_back_together() -> None:
    pauses = {pause() for _ in range(100)}
    assert len(pauses) > 50
    assert min(pauses) >= 0.02
    assert max(pauses) <= 0.1
