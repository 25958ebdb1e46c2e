"""How often something may happen: as operators write it, and as the ``limits`` library counts it."""

import re
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond

MOST: Final = 1_000_000
MOST_SECONDS: Final = 86_400
_RATE: Final = re.compile(
    r"(?P<amount>\d{1,9})\s*/\s*(?P<number>\d{1,6})?\s*(?P<unit>s|seconds?|min|minutes?|h|hours?|d|days?)",
    re.ASCII | re.IGNORECASE,
)
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def read_limit(text: str) -> RateLimitItem | None:
    """The limit that a text such as ``10/minute``, ``300/5min`` or ``100/h`` says; None when it says ``off``.

    Raises:
        ValueError: With a sentence for the operator.
    """
    text = text.strip()
    if text.lower() == "off":
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError("must be a number per time such as 10/minute, 300/5min or 100/hour, or off")
    amount, seconds = int(found["amount"]), int(found["number"] or 1) * _UNITS[found["unit"][0].lower()]
    if not amount or not seconds:
        raise ValueError("must be more than nothing; off means that nothing is counted")
    if amount > MOST or seconds > MOST_SECONDS:
        raise ValueError(f"must be at most {MOST}, and in at most a day")
    return RateLimitItemPerSecond(amount, seconds)


def seconds_to_wait(limit: RateLimitItem, previous: int, previous_left: float, current: int, current_left: float) -> float:
    """When one more may come, by the sliding window counter: the last window counts by the part of it that is still in view.

    Args:
        limit: How many in which time.
        previous: How many came in the window before this one.
        previous_left: Seconds until that one is out of view.
        current: How many came in this one.
        current_left: Seconds until this one is out of view: its own rest and one window more.

    Returns:
        Seconds; 0 when it may come now.
    """
    length = float(limit.get_expiry())
    most = limit.amount
    if int(previous * previous_left / length) + current < most:
        return 0.0
    if current < most:
        return max(0.0, previous_left - (most - current) * length / previous)
    # This window becomes the last one, and then has to shrink below the limit.
    return max(0.0, current_left - length) + max(0.0, length - most * length / current)
