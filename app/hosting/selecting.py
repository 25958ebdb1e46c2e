"""Which portal a request is for: by its client token, else by the host and path that it is sent to.

A client token wins. Of the places that fit, one that names the host wins, then the longest path prefix. A request that fits no
portal, or bears the tokens of two, is for none. Letter case and percent-encoding do not matter, as they did not to the old API.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from app.bodies import Scope
from app.hosting.settings import OWN_ROOMS, Selectors
from translation.query import TOKEN_PARAMETER

_TOKEN: Final = TOKEN_PARAMETER.lower().encode("ascii")
_NO_PORTALS: Final = OWN_ROOMS - {"evtmgmt"}
_MOST_KNOWN: Final = 8_192
_LONGEST_KNOWN: Final = 512


class Choice(NamedTuple):
    """The portal of a request, None when it fits none, and its path without the portal's prefix."""

    name: str | None
    raw_path: bytes


class Selection:
    """Chooses portals.

    Args:
        selectors: What selects each portal, by name.
    """

    def __init__(self, selectors: Mapping[str, Selectors]) -> None:
        self._tokens = {
            token.get_secret_value().encode("utf-8"): name for name, chosen in selectors.items() for token in chosen.client_tokens
        }
        self._prefixes = {name: chosen.prefix for name, chosen in selectors.items()}
        places = [(host, prefix, name) for name, chosen in selectors.items() for host, prefix in chosen.places]
        # The most telling place first: the first that fits is the one.
        places.sort(key=lambda place: (place[0] is None, -len(place[1])))
        self._places = [(None if host is None else host.encode("ascii"), prefix, name) for host, prefix, name in places]
        self._known: dict[tuple[bytes, bytes, bytes], Choice] = {}

    def choose(self, host: bytes, raw_path: bytes, query: bytes) -> Choice:
        """The portal of a request, from memory when the same was asked before.

        Args:
            host: The Host header; empty when there is none, or several.
            raw_path: The path as it came.
            query: The query as it came.
        """
        key = host, raw_path, query
        choice = self._known.get(key)
        if choice is None:
            choice = self._chosen(host, raw_path, query)
            if len(host) + len(raw_path) + len(query) <= _LONGEST_KNOWN:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[key] = choice
        return choice

    def _chosen(self, host: bytes, raw_path: bytes, query: bytes) -> Choice:
        choice = self._fitting(host, raw_path, query)
        # The service's own pages are the same at every portal's address, and a portal's administration has one of its own.
        return choice if choice.name is not None and not is_own_room(choice.raw_path) else Choice(None, raw_path)

    def _fitting(self, host: bytes, raw_path: bytes, query: bytes) -> Choice:
        named = {name for token in client_tokens(query) if (name := self._tokens.get(token)) is not None}
        if len(named) > 1:
            return Choice(None, raw_path)
        for name in named:
            rest = without_prefix(raw_path, self._prefixes[name])
            return Choice(name, raw_path if rest is None else rest)
        asked = host_name(host)
        for wanted, prefix, name in self._places:
            if wanted is None or wanted == asked:
                rest = without_prefix(raw_path, prefix)
                if rest is not None:
                    return Choice(name, rest)
        return Choice(None, raw_path)


def is_own_room(raw_path: bytes) -> bool:
    """Whether a raw path leads to what is no portal's."""
    first = raw_path.lstrip(b"/").partition(b"/")[0]
    return unquote_to_bytes(first).lower().decode("latin-1") in _NO_PORTALS


def host_of(scope: Scope) -> bytes:
    """The Host header of a request; empty when there is none, or several."""
    found = [value for name, value in scope["headers"] if name == b"host"]
    return found[0] if len(found) == 1 else b""


def host_name(host: bytes) -> bytes:
    """The name in a Host header, in small letters, without port and final dot."""
    host = host.lower()
    name = host[: host.find(b"]") + 1] if host.startswith(b"[") else host.partition(b":")[0]
    return name.rstrip(b".")


def client_tokens(query: bytes) -> Iterator[bytes]:
    """The values of the token parameter, in any letter case and encoding of its name, decoded."""
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if len(name) >= len(_TOKEN) and unquote_to_bytes(name).lower() == _TOKEN:
            yield unquote_to_bytes(value.replace(b"+", b"%20"))
            # A token may hold a plus that its portal did not encode.
            if b"+" in value:
                yield unquote_to_bytes(value)


def without_prefix(raw_path: bytes, prefix: tuple[str, ...]) -> bytes | None:
    """A path without the segments of a prefix; None when it does not begin with them.

    Args:
        raw_path: The path as it came.
        prefix: The segments, decoded, in small letters.
    """
    position = 0
    for wanted in prefix:
        while raw_path[position : position + 1] == b"/":
            position += 1
        end = raw_path.find(b"/", position)
        segment = raw_path[position : len(raw_path) if end < 0 else end]
        if unquote_to_bytes(segment).lower() != wanted.encode("ascii"):
            return None
        position += len(segment)
    return raw_path[position:] or b"/"
