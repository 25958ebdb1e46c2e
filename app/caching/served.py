"""What the cache gives."""

from dataclasses import dataclass
from enum import StrEnum

from app.caching.cache import Entry


class Outcome(StrEnum):
    """What the cache did for a read: ``X-EvtMgmt-Cache``, and the label of the metric."""

    HIT = "hit"
    STALE = "stale"
    MISS = "miss"


@dataclass(slots=True)
class Served:
    """A finished answer, how it was come by, and the seconds since Dynamics gave it."""

    entry: Entry
    outcome: Outcome
    age: float = 0.0
