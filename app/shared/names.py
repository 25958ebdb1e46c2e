"""What names in Redis begin with: organisations that share a Redis keep apart."""

import re
from hashlib import sha256
from typing import Final

_ORGANISATION: Final = re.compile(r"/orgs/([^/?#]+)", re.IGNORECASE)


def organisation_of(endpoint: str) -> str:
    """What tells organisations apart: the id in the real-time endpoint, else the whole of it."""
    found = _ORGANISATION.search(endpoint)
    return found[1] if found else endpoint


def prefix_of(organisation: str) -> str:
    """What all names of an organisation begin with; of its name only a hash is in it.

    The braces keep them in one place of a cluster, as scripts need them.
    """
    return f"evtmgmt:{{{sha256(organisation.casefold().encode()).hexdigest()[:16]}}}:"
