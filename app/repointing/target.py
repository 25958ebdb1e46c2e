"""Where a portal is led to: the address given with ``--to``, completed and validated."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from app.addresses import base_address

_BASE: Final = "/EvtMgmt/api/v2.0"


@dataclass(frozen=True, slots=True)
class Target:
    """The proxy as portals call it.

    Attributes:
        origin: Scheme, host and port.
        path: The path of the old API under it, without a slash at the end.
    """

    origin: str
    path: str

    @property
    def url(self) -> str:
        """The whole base, with its slash at the end."""
        return f"{self.origin}{self.path}/"


def read_target(value: str) -> Target:
    """The target that a person gave.

    Args:
        value: The proxy's base address; its host alone is enough.

    Raises:
        ValueError: In words, what is wrong and what to do.
    """
    address = base_address(value, "the address")
    parts = urlsplit(address)
    path = parts.path.rstrip("/")
    if re.search(r"(?:^|\.)svc(?:-[\w-]+)?\.dynamics\.com$", parts.hostname or ""):
        raise ValueError("this is the old organisation itself; name your proxy, such as https://proxy.example.com")
    if path and not re.fullmatch(r"(?:/[\w.~-]+)*/evtmgmt/api/v2\.0", path, re.ASCII | re.IGNORECASE):
        raise ValueError(f"the address must end in {_BASE}/, or be the proxy's host alone")
    return Target(f"{parts.scheme}://{parts.netloc}", path or _BASE)
