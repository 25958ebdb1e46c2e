"""The way to Redis, where the settings name one. Nothing of it is loaded where they do not."""

from functools import partial
from typing import TYPE_CHECKING

from app.hosting.life import Life
from app.metrics import Metrics
from app.settings import Settings
from app.settings_sources import ConfigurationError

if TYPE_CHECKING:
    from app.shared.line import Line


def build_line(settings: Settings, metrics: Metrics, life: Life) -> "Line | None":
    """The line that all parts of a portal ask Redis by; None where there is no Redis.

    Raises:
        ConfigurationError: The address cannot be used.
    """
    state = settings.state
    if state.redis_url is None:
        return None
    # Costs a tenth of a second, and most do without.
    from app.shared.line import Line

    make = partial(Line, state.redis_url.get_secret_value(), metrics, state.redis_timeout)
    try:
        return life.part("line", make, shape=(state.redis_url, state.redis_timeout), start=Line.open, close=Line.close)
    except ValueError as unusable:
        raise ConfigurationError([f"EVTMGMT_STATE__REDIS_URL: {unusable}"]) from None
