"""GUIDs that are the same on every run, so that tests and bookmarks may name them."""

from uuid import NAMESPACE_DNS, uuid5

_NAMESPACE = uuid5(NAMESPACE_DNS, "sandbox.invalid")


def guid(*parts: str) -> str:
    """Return the GUID (lower case, with hyphens) that belongs to these words.

    Args:
        parts: What the GUID stands for, e.g. `("realtime", "session", "Contoso_Open_Day", "1")`.
    """
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))
