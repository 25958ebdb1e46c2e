"""Tests of app/abuse/limiting.py."""

import pytest

from app.abuse.addresses import Client
from app.abuse.limiting import Of, RateLimits
from app.abuse.settings import Rates
from app.abuse.windows import Windows
from app.metrics import Metrics
from translation.errors import RATE_LIMITED, ProxyError

pytestmark = pytest.mark.anyio
ANN, BO = Client("198.51.100.1", certain=True), Client("198.51.100.2", certain=True)


class Shared:
    """Stands for Redis: answers what it is told to."""

    def __init__(self, answer: float | None) -> None:
        self.answer = answer
        self.asked = 0

    async def take(self, key: str, limit: object) -> float | None:
        self.asked += 1
        return self.answer


def limits(shared: Shared | None = None, **rates: str) -> tuple[RateLimits, Metrics]:
    metrics = Metrics()
    renamed = {"old": "New"}
    settings = Rates(**{of.value: "off" for of in Of} | rates)  # type: ignore[arg-type]
    return RateLimits(settings, lambda event: renamed.get(event, event), metrics, Windows(clock=lambda: 30.0), shared), metrics  # type: ignore[arg-type]


async def refused(made: object) -> ProxyError:
    with pytest.raises(ProxyError) as error:
        await made  # type: ignore[misc]
    assert error.value.kind is RATE_LIMITED
    return error.value


async def test_a_client_is_held_and_another_is_not() -> None:
    own, metrics = limits(registrations_per_client="2/min")
    for _ in range(2):
        await own.registration(ANN, "e")
    error = await refused(own.registration(ANN, "other"))
    assert error.retry_after == 30
    assert error.cause == "registrations_per_client"
    await own.registration(BO, "e")
    assert metrics.registry.get_sample_value("evtmgmt_limited_total", {"scope": "registrations_per_client"}) == 1


async def test_an_event_is_one_by_all_its_names() -> None:
    own, _ = limits(registrations_per_event="3/min")
    for name, client in (("old", ANN), ("New", BO), ("NEW", ANN)):
        await own.registration(client, name)
    assert (await refused(own.registration(BO, "new"))).cause == "registrations_per_event"


async def test_who_is_refused_uses_up_nothing_of_the_event() -> None:
    own, _ = limits(registrations_per_client="1/min", registrations_per_event="2/min")
    await own.registration(ANN, "e")
    for _ in range(5):
        await refused(own.registration(ANN, "e"))
    await own.registration(BO, "e")


async def test_reads_are_counted_apart_and_off_counts_nothing() -> None:
    own, _ = limits(reads_per_client="1/min")
    await own.read(ANN)
    await refused(own.read(ANN))
    for _ in range(100):
        await own.registration(ANN, "e")
    assert not limits()[0].counts_reads


async def test_clients_that_cannot_be_told_apart_are_not_held() -> None:
    own, _ = limits(registrations_per_client="1/min", registrations_per_event="5/min")
    proxy = Client("10.0.0.1", certain=False)
    for _ in range(5):
        await own.registration(proxy, "e")
    await refused(own.registration(proxy, "e"))


async def test_redis_decides_where_it_answers_and_a_flood_does_not_reach_it() -> None:
    shared = Shared(0.0)
    own, _ = limits(shared, reads_per_client="3/min")
    for _ in range(3):
        await own.read(ANN)
    await refused(own.read(ANN))
    assert shared.asked == 3
    shared.answer = 12.2
    assert (await refused(own.read(BO))).retry_after == 13


async def test_without_redis_every_worker_counts_by_itself() -> None:
    own, _ = limits(Shared(None), reads_per_client="3/min")
    for _ in range(3):
        await own.read(ANN)
    await refused(own.read(ANN))
