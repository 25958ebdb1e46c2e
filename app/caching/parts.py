"""The second level of the cache, put together as the settings say."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from app.caching.cache import Cache
from app.caching.finishing import Finisher
from app.hosting.life import Life
from app.metrics import Metrics
from app.settings import Settings
from app.shared.names import organisation_of

if TYPE_CHECKING:
    from app.caching.second_level import SecondLevel
    from app.shared.line import Line


def build_second_level(
    settings: Settings,
    line: "Line | None",
    shape: Mapping[str, Any],
    kept: Cache,
    finisher: Finisher,
    metrics: Metrics,
    life: Life,
) -> "SecondLevel | None":
    """What other replicas have; None where it is not shared.

    Args:
        settings: The portal's.
        line: The way to Redis, where there is one.
        shape: The settings that answers show something of.
        kept: The answers in memory.
        finisher: Packs answers.
        metrics: Counts what was found.
        life: Where the parts are added.
    """
    cache = settings.cache
    if line is None or not cache.shared or not cache.enabled:
        return None
    from app.caching.registrations import Registrations
    from app.caching.second_level import SecondLevel
    from app.caching.space import space_of

    lifetimes = cache.lifetimes()
    # Bounds of this process's memory shape nothing that others see.
    times = {name: [one.fresh, one.stale_while_revalidate, one.stale_if_error] for name, one in lifetimes.items()}
    shown = {**shape, "cache": [cache.browsers, cache.not_found, times]}
    token = settings.realtime.token.get_secret_value()
    space = space_of(organisation_of(settings.realtime.endpoint), settings.portal_name, shown, token)
    longest = max((one.fresh + one.stale_while_revalidate for one in lifetimes.values()), default=0.0)
    registrations = life.part(
        "registrations of replicas",
        partial(Registrations, line.redis, space.log, space.channel, metrics, longest),
        shape=(line, space.prefix, kept, longest),
        run=Registrations.run,
        close=Registrations.close,
    )
    return life.part(
        "second level",
        partial(SecondLevel, line, space, registrations, finisher.packed, metrics, cache.refresh_ahead, cache.shared_max_bytes),
        shape=(registrations, space, cache.refresh_ahead, cache.shared_max_bytes),
        close=SecondLevel.close,
    )
