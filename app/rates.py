"""Rates as operators write them: calls per time, and the part of each of several processes."""

import re
from dataclasses import dataclass
from typing import Final

MOST_PER_SECOND: Final = 100_000
_RATE: Final = re.compile(
    r"(?P<calls>\d{1,9}(?:\.\d{1,6})?)\s*/\s*(?P<number>\d{1,6}(?:\.\d{1,6})?)?\s*(?P<unit>s|min|h)", re.ASCII | re.IGNORECASE
)
_UNITS: Final = {"s": 1, "min": 60, "h": 3_600}


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls per second that last, and the operator's words for it."""

    per_second: float
    text: str


def read_rate(text: str) -> Rate | None:
    """The rate that a text such as ``15/s``, ``900/min`` or ``6000/5min`` says; None when it says ``off``.

    Raises:
        ValueError: With a sentence for the operator.
    """
    text = text.strip()
    if text.lower() == "off":
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError("must be calls per time such as 15/s, 900/min or 6000/5min, or off")
    seconds = float(found["number"] or 1) * _UNITS[found["unit"].lower()]
    if not seconds or not float(found["calls"]):
        raise ValueError("must be more than nothing; off means that calls are not limited")
    per_second = float(found["calls"]) / seconds
    if per_second > MOST_PER_SECOND:
        raise ValueError(f"must be at most {MOST_PER_SECOND}/s")
    return Rate(per_second, text)


def shared_among(workers: int, rate: Rate | None, burst: int) -> tuple[Rate | None, int]:
    """The part of rate and burst that each of several processes may use; of the burst at least 1."""
    part = None if rate is None else Rate(rate.per_second / workers, rate.text)
    return part, max(1, burst // workers)
