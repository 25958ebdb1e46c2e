"""When a client first read an event: forms that come sooner after it than a person can type are a program's.

An old portal cannot be made to prove when its page was loaded, so the proxy remembers. Browsers may have kept the page, or the
client another address than before: whoever is not known is asked to send the form again, and is known from then on.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final

READS: Final = frozenset({"get_event", "list_passes", "list_custom_registration_fields"})
"""What a page with a registration form is made of (PORTAL-FACTS)."""
_MOST: Final = 16_384


class FirstSights:
    """Remembers clients and events: a bounded number, the pair not seen for longest is forgotten.

    Args:
        minimum: Least seconds between the first read and the form.
        clock: A steady clock, in seconds.
    """

    def __init__(self, minimum: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._minimum = minimum
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def saw(self, client: str, event: str) -> float:
        """A client read an event. Returns when it first did."""
        pair = client, event.casefold()
        first = self._seen.get(pair)
        if first is not None:
            self._seen.move_to_end(pair)
            return first
        first = self._seen[pair] = self._clock()
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)
        return first

    def wait(self, client: str, event: str) -> int:
        """Whole seconds until a client's form may come; 0 when it may now. Who was not seen is seen now."""
        return max(0, ceil(self.saw(client, event) + self._minimum - self._clock()))
