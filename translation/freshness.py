"""How long answers may be given again: the default times of each class of operation.

Each is a setting (``EVTMGMT_CACHE__...``). The terms are those of RFC 9111 and RFC 5861; Microsoft's own validation reads are
cached for ten minutes (CONTRACT 2).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Freshness(StrEnum):
    """A class of operations whose answers age alike. Operations without one are never kept."""

    DETAILS = "details"
    COUNTS = "counts"
    IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an answer serves, in seconds.

    Attributes:
        fresh: It is given without asking.
        stale_while_revalidate: After that: it is given, and asked for anew in the background.
        stale_if_error: After ``fresh``: it is given when Dynamics answers with an error.
    """

    fresh: float
    stale_while_revalidate: float
    stale_if_error: float


DEFAULTS: Final = {
    Freshness.DETAILS: Lifetime(30, 600, 86_400),
    Freshness.COUNTS: Lifetime(5, 30, 600),
    Freshness.IMAGES: Lifetime(3_600, 86_400, 604_800),
}
