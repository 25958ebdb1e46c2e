"""Wrong tokens are slow to try: few at once per client, and not many of all clients together.

Counted in each worker by itself. Whoever has a session is not held up by what strangers try.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final


@dataclass(frozen=True, slots=True)
class Pace:
    """How many failures are borne at once, and the seconds after which one more is."""

    burst: int
    seconds: float


OF_ONE: Final = Pace(5, 20.0)
OF_ALL: Final = Pace(60, 2.0)
MOST_CLIENTS: Final = 4_096
"""Clients that are told apart; the one that failed longest ago is forgotten first, and the bound on all still holds it."""


class Attempts:
    """Counts failures.

    Args:
        clock: A steady clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = 0.0
        self._clients: OrderedDict[str, float] = OrderedDict()

    def wait(self, client: str) -> int:
        """Whole seconds for which a client must not try; 0 when it may."""
        return max(self._wait(self._clients.get(client, 0.0), OF_ONE), self._wait(self._all, OF_ALL))

    def failed(self, client: str) -> None:
        """A client tried a wrong token."""
        self._clients[client] = self._later(self._clients.get(client, 0.0), OF_ONE)
        self._clients.move_to_end(client)
        if len(self._clients) > MOST_CLIENTS:
            self._clients.popitem(last=False)
        self._all = self._later(self._all, OF_ALL)

    # A failure moves the time at which all is forgotten; that time tells how many are still remembered.

    def _later(self, forgotten: float, pace: Pace) -> float:
        return max(forgotten, self._clock()) + pace.seconds

    def _wait(self, forgotten: float, pace: Pace) -> int:
        return max(0, ceil(forgotten - self._clock() - (pace.burst - 1) * pace.seconds))


def client_of(address: str, forwarded_for: str | None) -> str:
    """What tells clients apart.

    Behind a reverse proxy all come from its address, so what it says of the client counts as well: the last entry of
    ``X-Forwarded-For``, which is its own. Where there is none the client can write what it likes there; it is then held by
    the bound on all.

    Args:
        address: Of the connection.
        forwarded_for: The header.
    """
    said = (forwarded_for or "").rpartition(",")[2].strip()[:64]
    return f"{_network(address)} {_network(said)}"


def _network(text: str) -> str:
    """An address; of IPv6 the half that tells of a network, as one client owns all of it."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
