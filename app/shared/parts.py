"""The way to Redis, where the settings name one. Nothing of it is loaded where they do not."""

from collections.abc import Mapping
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from app.budget import Budget
from app.configuration_error import ConfigurationError
from app.cutover.decision import Source
from app.hosting.life import Life
from app.metrics import Metrics
from app.parts import workers
from app.rates import read_rate
from app.settings import Settings
from app.shared.names import organisation_of, prefix_of

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


def share_budgets(settings: Settings, line: "Line | None", budgets: Mapping[Source, Budget], life: Life) -> None:
    """Have the budgets lent to from a bucket that all replicas have together, where there is a Redis.

    Args:
        settings: The portal's.
        line: The way to Redis, where there is one.
        budgets: By the organisation whose calls they bound.
        life: Where the parts are added.
    """
    if line is None:
        return
    from app.shared.lending import Lending

    upstream = settings.upstream
    rate = read_rate(upstream.budget)
    per_second = 0.0 if rate is None else rate.per_second
    for side, budget in budgets.items():
        own = settings.outbound if side is Source.OUTBOUND and settings.outbound is not None else settings.realtime
        endpoint = own.endpoint.lower()
        # Another budget is another bucket: while settings are changed one by one, there are both.
        bucket = blake2b(f"{endpoint} {per_second} {upstream.budget_burst}".encode(), digest_size=8).hexdigest()
        name = f"{prefix_of(organisation_of(endpoint))}budget:{bucket}"
        life.part(
            f"lending {side}",
            partial(Lending, line, name, budget, per_second, upstream.budget_burst, workers()),
            shape=(line, name, budget),
            start=Lending.start,
            run=Lending.run,
            close=Lending.close,
        )
