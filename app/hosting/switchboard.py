"""Step 0 of a request, where there are several portals: which of them it is for (``selecting.py``)."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from app.bodies import Receive, Scope
from app.caching.memory import Shortcut
from app.caching.served import Served
from app.calls import Reply
from app.delivery import Send
from app.gateway import Gateway
from app.guard import Headers
from app.hosting.portal import Portal
from app.hosting.selecting import Selection, host_of, without_prefix
from app.hosting.settings import PORTALS
from app.logs import portal_name
from app.record import Exchange
from translation.errors import PORTAL_NOT_FOUND, ProxyError

_CHOSEN: Final = "evtmgmt.gateway"
_PAGES: Final = frozenset({b"admin", b"console"})


class Nobody:
    """Answers the old API where no portal does."""

    def shortcut(self, raw_path: bytes, query: bytes) -> Shortcut | None:
        """Nothing was answered before."""
        return None

    def kept(self, exchange: Exchange, shortcut: Shortcut, headers: Headers, scope: Scope) -> Served | None:
        """Nothing is kept."""
        return None

    async def answer(
        self, exchange: Exchange, path: tuple[str, ...], headers: Headers, scope: Scope, receive: Receive
    ) -> Reply | Served:
        """Refuse.

        Raises:
            ProxyError: Always ``PortalNotFound``.
        """
        raise ProxyError(PORTAL_NOT_FOUND)

    def count_kept(self, served: Served, headers: Headers, scope: Scope) -> None:
        """Nothing is kept."""

    def delivered(self, reply: Reply | Served) -> None:
        """Nobody wants to know."""


class Switchboard:
    """Hands requests to portals.

    Args:
        portals: The portals, by name.
        selection: Chooses among them.
        front: Answers what is for none: the service's own pages, and requests that fit no portal.
    """

    def __init__(self, portals: Mapping[str, Portal], selection: Selection, front: Gateway) -> None:
        self._gateways = {name: portal.gateway for name, portal in portals.items()}
        self._selection = selection
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        gateway = self._choose(scope)
        await gateway(scope, receive, send)

    def kept_answer(self, scope: Scope) -> tuple[int, bytes, bytes] | None:
        """As ``Gateway.kept_answer``."""
        gateway = self._choose(scope)
        scope[_CHOSEN] = gateway
        return gateway.kept_answer(scope)

    def not_taken(self, scope: Scope) -> None:
        """As ``Gateway.not_taken``."""
        scope[_CHOSEN].not_taken(scope)

    def _choose(self, scope: Scope) -> Gateway:
        """The gateway of a request; what selected the portal is taken off its path."""
        choice = self._selection.choose(host_of(scope), scope["raw_path"], scope["query_string"])
        if choice.name is not None:
            scope["raw_path"] = choice.raw_path
            portal_name.set(choice.name)
            return self._gateways[choice.name]
        portal_name.set(None)
        return self._pages(scope) or self._front

    def _pages(self, scope: Scope) -> Gateway | None:
        """The gateway of a portal's administration, under ``/portals/<name>/``."""
        rest = without_prefix(scope["raw_path"], (PORTALS,))
        if rest is None:
            return None
        name, _, page = rest.lstrip(b"/").partition(b"/")
        gateway = self._gateways.get(name.decode("latin-1"))
        if gateway is None or unquote_to_bytes(page.partition(b"/")[0]).lower() not in _PAGES:
            return None
        scope["raw_path"] = b"/" + page
        # Starlette takes the root path off before it looks for a route, and puts it before addresses that it makes.
        scope["root_path"] = f"/{PORTALS}/{name.decode('latin-1')}"
        scope["path"] = scope["root_path"] + "/" + unquote_to_bytes(page).decode("utf-8", "replace")
        portal_name.set(name.decode("latin-1"))
        return gateway
