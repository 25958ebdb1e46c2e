"""The second level of the cache, as the settings say."""

from typing import Any

import pytest

from app.assembly import shape_of_answers
from app.caching.cache import Cache
from app.caching.finishing import Finisher
from app.caching.parts import build_second_level
from app.caching.second_level import SecondLevel
from app.hosting.life import Life
from app.metrics import Metrics
from app.settings import GivenSettings
from app.shared.parts import build_line
from tests.app.abuse.test_settings import REALTIME

pytestmark = pytest.mark.anyio
REDIS = {"redis_url": "redis://127.0.0.1:1/0"}


def built(kept: Cache, before: Life | None = None, **groups: Any) -> tuple[SecondLevel | None, Life]:
    settings = GivenSettings.model_validate({"realtime": REALTIME, **groups})
    life, metrics = Life(before), Metrics()
    line = build_line(settings, metrics, life)
    finisher = Finisher(kept, 1_000, 10, browsers=True)
    return build_second_level(settings, line, shape_of_answers(settings), kept, finisher, metrics, life), life


@pytest.mark.parametrize(
    "groups",
    [{}, {"state": REDIS, "cache": {"shared": False}}, {"state": REDIS, "cache": {"enabled": False}}],
    ids=["no Redis", "not shared", "no cache"],
)
async def test_there_is_none(groups: dict[str, Any]) -> None:
    level, life = built(Cache(1, 1, Metrics()), **groups)
    assert level is None
    await life.close()


async def test_it_lives_as_long_as_the_memory_that_it_feeds() -> None:
    kept = Cache(1, 1, Metrics())
    level, life = built(kept, state=REDIS)
    assert level is not None
    again, second = built(kept, life, state=REDIS, limits={"concurrency": 5})
    assert again is level
    other, third = built(Cache(1, 1, Metrics()), second, state=REDIS)
    assert other is not None
    assert other.registrations is not level.registrations
    await third.close()
    await second.close(third)


async def test_bounds_of_memory_part_no_replicas_and_times_do() -> None:
    spaces = []
    for cache in ({}, {"max_bytes": 100_000, "warm": False, "shared_max_bytes": 5_000}, {"details": {"fresh": 7}}):
        level, life = built(Cache(1, 1, Metrics()), state=REDIS, cache=cache)
        assert level is not None
        spaces.append(level._space)
        await life.close()
    assert spaces[0] == spaces[1]
    assert spaces[0].name != spaces[2].name
    assert spaces[0].log == spaces[2].log
