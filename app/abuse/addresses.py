"""The address that a request came from, behind proxies that are believed and others that are not.

``X-Forwarded-For`` is a list that every proxy on the way adds to at its end; its beginning is whatever the client wrote. So it
is read from the right, as far as those who wrote are known: by number, or by network. RFC 7239's ``Forwarded`` is not read: few
proxies write it, and one that does not would hand on what the client made up.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, NamedTuple

FORWARDED_FOR: Final = b"x-forwarded-for"
MOST_HOPS: Final = 20
MOST_ENTRIES: Final = 64
"""Entries of the header that are looked at, from the right."""
NOBODY: Final = "unknown"
"""The key of a connection without an address, such as that of a unix socket."""
_REMEMBERED: Final = 4_096
_LONGEST_REMEMBERED: Final = 256
"""Bytes of the header that are remembered: clients write what they like into it, and it stays for thousands of requests."""
_BRACKETS: Final = re.compile(r"\[([^\[\]]*)\](?::[0-9]{1,5})?")
_V4_PORT: Final = re.compile(r"([0-9.]+):[0-9]{1,5}")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Client(NamedTuple):
    """Whom a request came from.

    ``key`` tells clients apart: an IPv4 address, or the /64 network of an IPv6 address, as one client owns all of it.
    ``certain`` is false where the connection is a proxy's whose word is not believed: then many clients have the same key.
    """

    key: str
    certain: bool


@dataclass(frozen=True, slots=True)
class Trusted:
    """The proxies that are believed: those of ``networks``, or as many as ``hops`` says; none when both are empty."""

    hops: int = 0
    networks: tuple[Network, ...] = field(default=())

    @classmethod
    def read(cls, words: Iterable[str]) -> "Trusted":
        """What an operator wrote: one number, or networks and addresses.

        Raises:
            ValueError: With a sentence for the operator.
        """
        given = tuple(words)
        if len(given) == 1 and given[0].isascii() and given[0].isdigit():
            hops = int(given[0][:9])
            if not 1 <= hops <= MOST_HOPS:
                raise ValueError(f"the number of proxies must be 1 to {MOST_HOPS}; without proxies leave it out")
            return cls(hops=hops)
        networks = []
        for word in given:
            try:
                networks.append(ip_network(word))
            except ValueError:
                raise ValueError(
                    f"{word!r} is not a network such as 10.0.0.0/8 or fd00::/8; or give the number of proxies alone, such as 1"
                ) from None
        return cls(networks=tuple(networks))

    def __bool__(self) -> bool:
        return bool(self.hops or self.networks)

    def holds(self, address: Address) -> bool:
        """Whether an address is that of a proxy that is believed."""
        return any(address in network for network in self.networks)


class ClientAddresses:
    """Finds clients' addresses, and remembers them: a bounded number, the one not used for longest is forgotten.

    Args:
        trusted: Whose word is taken.

    Attributes:
        trusted: The same.
    """

    def __init__(self, trusted: Trusted) -> None:
        self.trusted = trusted
        self._remembered = lru_cache(_REMEMBERED)(self._found)

    def of(self, scope: Mapping[str, Any], headers: Iterable[tuple[bytes, bytes]]) -> Client:
        """Whom a request came from.

        Args:
            scope: Of ASGI: the connection's address is in it.
            headers: Names in lower case, in the order they came: of doubled ones the first is the older.
        """
        peer = scope.get("client")
        said = tuple([value for name, value in headers if name == FORWARDED_FOR])
        find = self._remembered if sum(map(len, said)) <= _LONGEST_REMEMBERED else self._found
        return find("" if peer is None else str(peer[0]), said)

    def _found(self, peer: str, said: tuple[bytes, ...]) -> Client:
        connection = read_address(peer)
        if not self.trusted:
            # With the header, a private address is somebody's reverse proxy; a client on the internet may write what it likes.
            hidden = bool(said) and (connection is None or not connection.is_global)
            return Client(_key(connection), certain=connection is not None and not hidden)
        entries = b",".join(said).decode("latin-1").rsplit(",", MOST_ENTRIES)[-MOST_ENTRIES:] if said else []
        if self.trusted.hops:
            return self._by_number(connection, entries)
        return self._by_network(connection, entries)

    def _by_number(self, connection: Address | None, entries: list[str]) -> Client:
        """The entry that the outermost of so many proxies wrote; to its right when that is no address or there are fewer."""
        for entry in entries[-self.trusted.hops :]:
            address = read_address(entry)
            if address is not None:
                return Client(_key(address), certain=True)
        return Client(_key(connection), certain=connection is not None)

    def _by_network(self, connection: Address | None, entries: list[str]) -> Client:
        """From the right, the first address that is no proxy's. What is no address ends the search: its writer is the last known.

        A connection without an address is that of a unix socket: whoever may open it is believed.
        """
        known = connection
        while entries and (known is None or self.trusted.holds(known)):
            address = read_address(entries.pop())
            if address is None:
                break
            known = address
        return Client(_key(known), certain=known is not None)


def read_address(text: str) -> Address | None:
    """The address in an entry: with a port, brackets, quotes or a zone, as proxies write them; None when there is none.

    IPv4 addresses that are written as IPv6 (``::ffff:192.0.2.1``) are IPv4 addresses.
    """
    text = text.strip(" \t").strip('"')
    if found := _BRACKETS.fullmatch(text) or _V4_PORT.fullmatch(text):
        text = found[1]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _key(address: Address | None) -> str:
    if address is None:
        return NOBODY
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
