"""Registrations come from the portals' pages: a page of another origin is refused when the browser says that it is one.

This keeps foreign pages from registering their visitors. It keeps no program out: programs write into these headers what they
like, and may leave them out.
"""

from collections.abc import Collection
from typing import Final

from app.guard import Headers
from translation.errors import ORIGIN_NOT_ALLOWED, ProxyError

_OWN_PAGES: Final = frozenset({b"same-origin", b"none"})


class Origins:
    """Knows the portals' origins.

    Args:
        allowed: They, as browsers send them.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(origin.encode("ascii").lower() for origin in allowed)

    def check(self, headers: Headers) -> None:
        """Refuse what a browser says to come from elsewhere.

        ``Sec-Fetch-Site`` is a second sign, which no page can write: ``same-origin`` says that portal and proxy share a host, and
        ``cross-site`` without an Origin that a browser hides it. Browsers without it are believed when Origin and Host agree.

        Raises:
            ProxyError: ``OriginNotAllowed``. ``null``, the origin of sandboxed frames and local files, is none of the portals'.
        """
        origin = headers.get(b"origin")
        site = headers.get(b"sec-fetch-site")
        if origin is None:
            if site is not None and site not in _OWN_PAGES:
                raise ProxyError(ORIGIN_NOT_ALLOWED, cause="a page of another origin, which does not say which")
            return
        origin = origin.lower()
        if origin in self._allowed or site == b"same-origin":
            return
        host = headers.get(b"host")
        if site is None and host and origin in (b"https://" + host.lower(), b"http://" + host.lower()):
            return
        raise ProxyError(ORIGIN_NOT_ALLOWED, cause="Origin is null" if origin == b"null" else "Origin is none of the portals'")
