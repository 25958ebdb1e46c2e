"""A portal's own settings over those that all portals share."""

from collections.abc import Mapping
from typing import Any


def laid_over(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Both together: tables are put together name by name, anything else of ``own`` takes the place of what is shared."""
    merged = dict(shared)
    for name, value in own.items():
        there = merged.get(name)
        merged[name] = laid_over(there, value) if isinstance(there, Mapping) and isinstance(value, Mapping) else value
    return merged
